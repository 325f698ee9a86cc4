"""Views of what an organization holds."""

from accounts.api.views import OrganizationView
from capacity.operations.opening import open_due_days


class CapacityView(OrganizationView):
    """Opens what is due before it reads, so that nobody ever sees a stale day (R7)."""

    open_days = staticmethod(open_due_days)
