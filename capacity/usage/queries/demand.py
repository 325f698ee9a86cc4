"""The traffic of the last 30 days by window, all projects and pools together (R16)."""

from collections import defaultdict
from datetime import datetime

from django.db.models import Subquery

from accounts.models import Organization
from capacity.models import Snapshot
from capacity.usage.domain.replay import Tokens
from capacity.usage.domain.windows import WINDOW, WINDOWS_OF_DAY, window_of
from capacity.usage.models import OrganizationUsage, UsageDemand, UsageMinute

DAYS = 30
WINDOWS = DAYS * WINDOWS_OF_DAY
"""The last 30 days: the windows that end with the present one."""

COLUMNS = ("input_tokens", "cached_tokens", "output_tokens")


def past_traffic(
    organization: Organization, snapshot: Snapshot, *, now: datetime
) -> dict[datetime, Tokens]:
    """Return the tokens of each of the windows with traffic; requests that opted out are left out.

    Closed windows are read as one row each. Only those of about the last hour, which are still
    open, are summed from minutes. `now` is the organization's time.
    """
    last = window_of(now)
    first = last - (WINDOWS - 1) * WINDOW
    of_snapshot = {"organization": organization, "snapshot": snapshot}
    closed = UsageDemand.objects.filter(**of_snapshot, starts_at__range=(first, last))
    traffic = {
        start: Tokens(tokens - cached, cached, output)
        for start, tokens, cached, output in closed.values_list("starts_at", *COLUMNS)
    }
    open_from = OrganizationUsage.objects.filter(organization=organization).values("closed_until")
    still_open = UsageMinute.objects.filter(
        **of_snapshot, minute__gte=Subquery(open_from), minute__lt=last + WINDOW, opted_out=False
    )
    sums: defaultdict[datetime, Tokens] = defaultdict(Tokens)
    for minute, tokens, cached, output in still_open.values_list("minute", *COLUMNS):
        if minute >= first:
            window = window_of(minute)
            sums[window] = sums[window].plus(Tokens(tokens - cached, cached, output))
    return traffic | sums
