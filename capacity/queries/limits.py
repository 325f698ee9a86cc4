"""The units that a hard limit does not let renew (R10)."""

from collections.abc import Sequence
from datetime import date

from django.db.models import F, QuerySet
from django.db.models.expressions import RawSQL

from billing.queries.limits import POSTED, posted_parameters
from capacity.models import Lot
from capacity.queries.catalogue import lot_price

# Each lot counts against both limits, whether or not it is refused. Lots are in order of purchase,
# within one purchase input, output, combined: this is the order in which they were made.
PAST_LIMIT = """
    WITH room AS (
        SELECT organization_id, project_id, amount - posted AS room FROM ({posted}) posted
        WHERE is_hard
    ),
    due (id, organization_id, project_id, cost) AS ({due}),
    running AS (
        SELECT id, organization_id, project_id,
               sum(cost) OVER (PARTITION BY organization_id ORDER BY id) AS total,
               sum(cost) OVER (PARTITION BY project_id ORDER BY id) AS of_project
        FROM due
    )
    SELECT running.id FROM running
    JOIN room ON room.organization_id = running.organization_id
     AND (room.project_id IS NULL AND running.total > room.room
          OR room.project_id = running.project_id AND running.of_project > room.room)
"""


def lots_past_limit(due: QuerySet[Lot], *, organizations: Sequence[int], on: date) -> QuerySet[Lot]:
    """Return the lots in `due` whose renewal on the service day `on` a hard limit refuses (R10).

    `due` are lots past their commitment; what is posted on the day already counts.
    """
    costs = due.values_list(
        "pk", "organization_id", "project_id", F("active_units") * lot_price(on)
    )
    due_sql, due_params = costs.order_by().query.sql_with_params()
    sql = PAST_LIMIT.format(posted=POSTED, due=due_sql)
    params = [*posted_parameters(organizations, on), *due_params]
    return Lot.objects.filter(pk__in=RawSQL(sql, params))  # noqa: S611 - values are parameters
