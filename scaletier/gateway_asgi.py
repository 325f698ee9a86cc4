"""The ASGI callable that the gateway's server runs."""

import os
from collections import defaultdict
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scaletier.settings")
django.setup(set_prefix=False)

from django.conf import settings  # noqa: E402 - Django is set up first.

from capacity.gateway.admission import Admission  # noqa: E402
from capacity.gateway.app import Gateway  # noqa: E402
from capacity.gateway.entitlements import Entitlements, Plan  # noqa: E402
from capacity.gateway.last_known import LastKnown  # noqa: E402
from capacity.gateway.limits import Limits  # noqa: E402
from capacity.gateway.loader import Loader, connection_parameters  # noqa: E402
from capacity.gateway.metrics import Metrics, Publisher  # noqa: E402
from capacity.gateway.process import Parts, Process  # noqa: E402
from capacity.gateway.upstream import Upstream, UpstreamSettings  # noqa: E402
from capacity.gateway.valkey import connect  # noqa: E402


def start() -> Parts:
    """Return the parts of one process, as the settings say; in its event loop."""
    plan = Plan(rpm=settings.ACCOUNT_PLAN_RPM, tpm=settings.ACCOUNT_PLAN_TPM)
    entitlements = Entitlements(plan)
    admission = Admission(connect(settings.GATEWAY_VALKEY_URL))
    metrics = Metrics()
    gateway = Gateway(
        entitlements=entitlements,
        admission=admission,
        upstream=Upstream(
            UpstreamSettings(
                url=settings.UPSTREAM_URL,
                key=settings.UPSTREAM_KEY,
                connect_seconds=settings.GATEWAY_CONNECT_SECONDS,
                silent_seconds=settings.GATEWAY_SILENT_SECONDS,
                total_seconds=settings.GATEWAY_TOTAL_SECONDS,
            )
        ),
        limits=Limits(
            body=settings.GATEWAY_MAX_BODY_BYTES,
            held_bodies=settings.GATEWAY_HELD_BODY_BYTES,
            body_seconds=settings.REQUEST_SECONDS,
            requests_of_key=settings.GATEWAY_REQUESTS_OF_KEY,
            requests_of_organization=settings.GATEWAY_REQUESTS_OF_ORGANIZATION,
            stalled_seconds=settings.GATEWAY_STALLED_SECONDS,
        ),
        metrics=metrics,
        default_output=settings.GATEWAY_OUTPUT_ESTIMATE,
    )
    return Parts(
        gateway=gateway,
        loader=_loader(entitlements),
        admission=admission,
        publisher=Publisher(metrics),
        stop_seconds=settings.GATEWAY_STOP_SECONDS,
    )


def _loader(entitlements: Entitlements) -> Loader:
    parameters = connection_parameters()
    database = "{host}:{port}/{dbname}".format_map(defaultdict(str, parameters))
    file = settings.GATEWAY_LAST_KNOWN_FILE
    return Loader(
        entitlements,
        parameters,
        LastKnown(Path(file), database) if file else None,
        longest_age=settings.GATEWAY_LAST_KNOWN_SECONDS,
    )


application = Process(start)
