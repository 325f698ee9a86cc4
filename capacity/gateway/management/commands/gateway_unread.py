"""`manage.py gateway_unread [--retry | --delete ID …]`."""

from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from redis.exceptions import RedisError

from capacity.gateway.operations.unread_requests import delete_unread, retry_unread
from capacity.gateway.queries.requests import gateway_valkey
from capacity.gateway.queries.unread_requests import UnreadRequest, unread_requests
from common.instants import rfc3339


class Command(BaseCommand):
    help = (
        "List the requests to the gateway that could not be metered, with the reason; meter them "
        "again, or forget them."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        group = parser.add_mutually_exclusive_group()
        group.add_argument(
            "--retry",
            action="store_true",
            help="meter all of them again within a second or two, once the cause is gone",
        )
        group.add_argument(
            "--delete",
            metavar="ID",
            nargs="+",
            default=[],
            help="forget these for good: they are never counted",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        valkey = gateway_valkey(settings.GATEWAY_VALKEY_URL)
        try:
            requests = list(unread_requests(valkey))
            if options["retry"]:
                retried = sum(retry_unread(valkey, request) for request in requests)
                self.stdout.write(f"Metered again: {_requests(retried)}")
            elif options["delete"]:
                self._delete(valkey, requests, options["delete"])
            else:
                self._list(requests)
        except RedisError as error:
            raise CommandError(f"The gateway's Valkey does not answer: {error}") from None

    def _delete(self, valkey: Any, requests: Sequence[UnreadRequest], ids: Sequence[str]) -> None:
        by_id = {request.id: request for request in requests}
        if unknown := sorted(set(ids) - by_id.keys()):
            raise CommandError(f"Nothing is deleted: there is no {', '.join(unknown)}")
        deleted = sum(delete_unread(valkey, by_id[each]) for each in dict.fromkeys(ids))
        self.stdout.write(f"Forgotten: {_requests(deleted)}")

    def _list(self, requests: Sequence[UnreadRequest]) -> None:
        for each in requests:
            self.stdout.write(
                f"{each.id}  since {rfc3339(each.since)}  request {each.text or 'unknown'}  "
                f"entry {each.former_entry}  {each.why}"
            )
        self.stdout.write(f"Not metered: {_requests(len(requests))}")


def _requests(number: int) -> str:
    return f"{number:,} request{'' if number == 1 else 's'}"
