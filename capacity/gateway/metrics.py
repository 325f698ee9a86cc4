"""What Prometheus is told: counters of this process, added up over all processes of the server.

A request only adds to plain numbers; `publish` hands them to Prometheus' client every second, which
costs more than a request should.
"""

import os
from bisect import bisect_left
from collections import Counter as Numbers
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import psutil
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from capacity.gateway.admission import Decision, Served, Tokens

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
ADMISSION_BUCKETS = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.1, 0.5)
UPSTREAM_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class _Times:
    """Durations that were measured since they were published last, by bucket."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.total += seconds


class _Histogram(Histogram):
    """A histogram that takes many durations at once."""

    def take(self, times: _Times) -> None:
        for bucket, count in zip(self._buckets, times.counts, strict=True):
            if count:
                bucket.inc(count)
        self._sum.inc(times.total)
        times.counts = [0] * len(times.counts)
        times.total = 0.0


@dataclass(slots=True)
class Metrics:
    """The numbers of one process; requests add to them."""

    open_requests: int = 0
    open_streams: int = 0
    decisions: Numbers[tuple[str, str]] = field(default_factory=Numbers)
    """By what served the request, and why capacity did not."""
    refusals: Numbers[str] = field(default_factory=Numbers)
    """Errors of the gateway's own, by code."""
    answers: Numbers[int] = field(default_factory=Numbers)
    """The upstream's, by status; 0: none, or one that broke off."""
    tokens: Numbers[tuple[str, str]] = field(default_factory=Numbers)
    """By what served them, and kind of token."""
    uncounted: int = 0
    admission_times: _Times = field(default_factory=lambda: _Times(ADMISSION_BUCKETS))
    upstream_times: _Times = field(default_factory=lambda: _Times(UPSTREAM_BUCKETS))

    def decided(self, decision: Decision, seconds: float) -> None:
        """Count a decision and the time it took."""
        self.admission_times.add(seconds)
        self.decisions[decision.served, decision.reason or ""] += 1
        self.uncounted += not decision.is_counted

    def answered(self, status: int, seconds: float) -> None:
        """Count an answer of the upstream, and the time until it began."""
        self.upstream_times.add(seconds)
        self.answers[status] += 1

    def used(self, served: Served, tokens: Tokens) -> None:
        """Count the tokens of a finished request."""
        self.tokens[served, "input"] += tokens.input
        self.tokens[served, "output"] += tokens.output


class Publisher:
    """Hands the numbers to Prometheus' client; with PROMETHEUS_MULTIPROC_DIR of all processes."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self.registry = CollectorRegistry()
        self.decisions = self._counter(
            "requests", "Requests by what served them and why capacity did not.", "served", "reason"
        )
        self.refusals = self._counter("refusals", "Errors of the gateway's own, by code.", "code")
        self.answers = self._counter(
            "upstream_answers", "Answers of the upstream by status; 0: none, or cut off.", "status"
        )
        self.tokens = self._counter(
            "tokens", "Tokens by what served them and kind of token.", "served", "kind"
        )
        self.uncounted = self._counter(
            "uncounted_requests", "Requests served without a count, as Valkey was away."
        )
        self.admission_seconds = self._histogram(
            "admission_seconds", "Time that the decision about a request took.", ADMISSION_BUCKETS
        )
        self.upstream_seconds = self._histogram(
            "upstream_seconds",
            "Time until the upstream's stream began, or its whole answer had arrived.",
            UPSTREAM_BUCKETS,
        )
        self.open_requests = self._gauge(
            "open_requests", "Requests that are open; a served one holds a reservation.", "livesum"
        )
        self.open_streams = self._gauge("open_streams", "Streams that are open.", "livesum")
        self.entitlements_age = self._gauge(
            "entitlements_age_seconds",
            "Time since the entitlements were known to be true, in the process furthest behind.",
            "livemax",
        )
        self.metering_lag = self._gauge(
            "metering_lag_requests", "Finished requests that PostgreSQL has not got yet.", "livemax"
        )
        self.unread = self._gauge(
            "unread_requests",
            "Requests that could not be metered and were set aside: manage.py gateway_unread.",
            "livemax",
        )

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"scaletier_gateway_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: Sequence[float]) -> _Histogram:
        name = f"scaletier_gateway_{name}"
        return _Histogram(name, text, buckets=buckets, registry=self.registry)

    def _gauge(self, name: str, text: str, mode: Literal["livesum", "livemax"]) -> Gauge:
        name = f"scaletier_gateway_{name}"
        return Gauge(name, text, registry=self.registry, multiprocess_mode=mode)

    def publish(self) -> None:
        """Hand over what was added since the last time."""
        metrics = self._metrics
        for counter, numbers in (
            (self.decisions, metrics.decisions),
            (self.tokens, metrics.tokens),
        ):
            for labels, number in numbers.items():
                counter.labels(*labels).inc(number)
            numbers.clear()
        for code, number in metrics.refusals.items():
            self.refusals.labels(code).inc(number)
        for status, number in metrics.answers.items():
            self.answers.labels(status).inc(number)
        metrics.refusals.clear()
        metrics.answers.clear()
        self.uncounted.inc(metrics.uncounted)
        metrics.uncounted = 0
        self.admission_seconds.take(metrics.admission_times)
        self.upstream_seconds.take(metrics.upstream_times)
        self.open_requests.set(metrics.open_requests)
        self.open_streams.set(metrics.open_streams)

    def text(self) -> bytes:
        """Return the exposition for Prometheus."""
        self.publish()
        if folder := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
            _forget_dead_processes(Path(folder))
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
            return generate_latest(registry)
        return generate_latest(self.registry)


def _forget_dead_processes(folder: Path) -> None:
    """Leave out what processes that were killed had open: nothing of it is open any more."""
    for file in folder.glob("gauge_live*_*.db"):
        process_id = int(file.stem.rpartition("_")[2])
        if not psutil.pid_exists(process_id):
            mark_process_dead(process_id)  # type: ignore[no-untyped-call]
