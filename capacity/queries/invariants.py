"""Invariants of lots, their ends and their charges. INVARIANTS has those of billing too."""

from billing.queries import invariants as billing
from common.invariants import Invariant, sql_contradictions

ORGANIZATIONS_BEHIND = """
    SELECT public_id || ': opened until ' || opened_until FROM accounts_organization
    WHERE opened_until < date(coalesce(clock_at, %(now)s) AT TIME ZONE 'UTC')
"""

# --- Every day of an active lot is charged exactly once (R3, R4): each query checks a part -------

CHARGES_WITHOUT_LOT = """
    SELECT charge.public_id || ': of ' || charge.lot
    FROM billing_charge charge
    LEFT JOIN capacity_lot lot ON lot.public_id = charge.lot
    LEFT JOIN capacity_snapshot snapshot ON snapshot.id = lot.snapshot_id
    WHERE (lot.organization_id, lot.project_id, lot.kind, lot.currency, snapshot.model)
          IS DISTINCT FROM
          (charge.organization_id, charge.project_id, charge.kind, charge.currency, charge.model)
"""

DAYS_CHARGED_TWICE = """
    SELECT public_id || ': ' || lot || ' is charged already for ' || service_from
    FROM (
        SELECT public_id, lot, service_from,
               max(service_to) OVER (
                   PARTITION BY lot ORDER BY service_from, id
                   ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
               ) AS charged_until
        FROM billing_charge
    ) charge
    WHERE service_from < charged_until
"""

DAYS_NOT_CHARGED = """
    SELECT lot.public_id || ': charged ' || coalesce(charge.days, 0) || ' days from '
           || coalesce(charge.since || ' to ' || charge.until, 'nowhere') || ', not every day from '
           || lot.starts_on || ' to ' || lot.charged_until
    FROM capacity_lot lot
    LEFT JOIN (
        SELECT lot, min(service_from) AS since, max(service_to) AS until,
               sum(service_to - service_from) AS days
        FROM billing_charge GROUP BY lot
    ) charge ON charge.lot = lot.public_id
    WHERE (charge.since, charge.until, charge.days)
          IS DISTINCT FROM
          (lot.starts_on, lot.charged_until, lot.charged_until - lot.starts_on)
"""

LOTS_NOT_RENEWED = """
    SELECT lot.public_id || ': charged until ' || lot.charged_until || ', while '
           || organization.public_id || ' is opened until ' || organization.opened_until
    FROM capacity_lot lot JOIN accounts_organization organization
      ON organization.id = lot.organization_id
    WHERE lot.active_units > 0
      AND lot.charged_until <> greatest(lot.first_term_ends_on, organization.opened_until)
"""

UNITS_NOT_ACTIVE = """
    SELECT charge.public_id || ': ' || charge.units || ' units of ' || charge.lot || ' on '
           || charge.service_from
    FROM billing_charge charge JOIN capacity_lot lot ON lot.public_id = charge.lot
    WHERE charge.units <> lot.units - coalesce(
        (SELECT sum(units) FROM capacity_expiry
         WHERE lot_id = lot.id AND ended_on <= charge.service_from), 0)
"""

# A first term is never refunded: if the model retires within it, the charge stays.
DAYS_AFTER_THE_END = """
    SELECT charge.public_id || ': to ' || charge.service_to || ', but ' || expiry.units
           || ' units of ' || charge.lot || ' ended on ' || expiry.ended_on
    FROM capacity_expiry expiry
    JOIN capacity_lot lot ON lot.id = expiry.lot_id
    JOIN billing_charge charge ON charge.lot = lot.public_id
    WHERE charge.service_from < expiry.ended_on AND charge.service_to > expiry.ended_on
      AND NOT (charge.type = 'first_term' AND expiry.reason = 'model_retired')
"""

PRICES_NOT_AGREED = """
    SELECT charge.public_id || ': ' || charge.price_per_day || ' minor units a day, agreed were '
           || lot.price_per_day
    FROM billing_charge charge JOIN capacity_lot lot ON lot.public_id = charge.lot
    WHERE charge.service_from < greatest(lot.first_term_ends_on, lot.commitment_ends_on)
      AND charge.price_per_day <> lot.price_per_day
"""

# --- Units: bought, active, ending, ended (R5) -----------------------------------------------

UNITS_LOST = """
    SELECT lot.public_id || ': ' || lot.units || ' units, ' || coalesce(sum(expiry.units), 0)
           || ' expired, ' || lot.active_units || ' active'
    FROM capacity_lot lot LEFT JOIN capacity_expiry expiry ON expiry.lot_id = lot.id
    GROUP BY lot.id
    HAVING lot.active_units <> lot.units - coalesce(sum(expiry.units), 0)
"""

TOO_MANY_CANCELLED = """
    SELECT lot.public_id || ': ' || sum(cancellation.units) || ' units to end, '
           || lot.active_units || ' active'
    FROM capacity_lot lot JOIN capacity_cancellation cancellation
      ON cancellation.lot_id = lot.id AND cancellation.status = 'scheduled'
    GROUP BY lot.id
    HAVING sum(cancellation.units) > lot.active_units
"""

ENDS_MISSED = """
    SELECT cancellation.public_id || ': to end on ' || cancellation.ends_on || ', while '
           || organization.public_id || ' is opened until ' || organization.opened_until
    FROM capacity_cancellation cancellation JOIN accounts_organization organization
      ON organization.id = cancellation.organization_id
    WHERE cancellation.status = 'scheduled' AND cancellation.ends_on < organization.opened_until
"""

# Units that a cancellation would have ended may have ended sooner, with the rest of their lot.
EXPIRIES_DIFFER_FROM_CANCELLATIONS = """
    SELECT lot.public_id || ': ' || coalesce(cancelled.units, 0) || ' units cancelled to '
           || ends_on || ', ' || coalesce(expired.units, 0) || ' expired as cancelled'
    FROM (SELECT lot_id, ends_on, sum(units) AS units FROM capacity_cancellation
          WHERE status = 'effective' GROUP BY lot_id, ends_on) cancelled
    FULL JOIN (SELECT lot_id, ended_on AS ends_on, sum(units) AS units FROM capacity_expiry
               WHERE reason = 'cancelled' GROUP BY lot_id, ended_on) expired
         USING (lot_id, ends_on)
    JOIN capacity_lot lot ON lot.id = lot_id
    WHERE cancelled.units IS DISTINCT FROM expired.units
      AND NOT (expired.units IS NULL AND EXISTS (
          SELECT FROM capacity_expiry sooner
          WHERE sooner.lot_id = lot.id AND sooner.reason <> 'cancelled'
            AND sooner.ended_on < ends_on))
"""

# --- Purchase requests (R20) -----------------------------------------------------------------

REQUESTS_AND_PURCHASES_DIFFER = """
    SELECT request.public_id || ': ' || request.status || ', asked for ' || request.units
           || ', bought ' || coalesce(bought.units::text, 'nothing')
    FROM capacity_purchaserequest request
    LEFT JOIN capacity_purchase purchase ON purchase.id = request.purchase_id
    LEFT JOIN LATERAL (
        SELECT jsonb_object_agg(kind, units) AS units FROM capacity_lot
        WHERE purchase_id = purchase.id
    ) bought ON true
    WHERE CASE WHEN request.status = 'approved' THEN
        (purchase.organization_id, purchase.snapshot_id, purchase.project_id,
         purchase.created_by_id, purchase.created_at, purchase.amount, bought.units)
        IS DISTINCT FROM
        (request.organization_id, request.snapshot_id, request.project_id,
         request.requested_by_id, request.decided_at, request.due_now_amount, request.units)
    ELSE request.purchase_id IS NOT NULL END
"""

LAPSES_MISSED = """
    SELECT request.public_id || ': to lapse on ' || request.lapses_on || ', while '
           || organization.public_id || ' is opened until ' || organization.opened_until
    FROM capacity_purchaserequest request JOIN accounts_organization organization
      ON organization.id = request.organization_id
    WHERE request.status = 'pending' AND request.lapses_on < organization.opened_until
"""

INVARIANTS = (
    Invariant("Nobody is behind by more than a day", sql_contradictions(ORGANIZATIONS_BEHIND)),
    Invariant("A charge is for a lot of its organization", sql_contradictions(CHARGES_WITHOUT_LOT)),
    Invariant("A lot is charged once for a service day", sql_contradictions(DAYS_CHARGED_TWICE)),
    Invariant("A lot is charged for every day up to a date", sql_contradictions(DAYS_NOT_CHARGED)),
    Invariant("Active lots are charged for every open day", sql_contradictions(LOTS_NOT_RENEWED)),
    Invariant("A charge is for the units active on its day", sql_contradictions(UNITS_NOT_ACTIVE)),
    Invariant(
        "No day is charged after its units ended, but for the rest of a first term in which the "
        "model retired",
        sql_contradictions(DAYS_AFTER_THE_END),
    ),
    Invariant("The agreed price holds as long as agreed", sql_contradictions(PRICES_NOT_AGREED)),
    Invariant("Units bought are active or have expired", sql_contradictions(UNITS_LOST)),
    Invariant("No more units are to end than are active", sql_contradictions(TOO_MANY_CANCELLED)),
    Invariant("Units whose end has come have expired", sql_contradictions(ENDS_MISSED)),
    Invariant(
        "Units expire as cancelled as they were cancelled",
        sql_contradictions(EXPIRIES_DIFFER_FROM_CANCELLATIONS),
    ),
    Invariant(
        "An approved request has the one purchase that was asked for, any other has none",
        sql_contradictions(REQUESTS_AND_PURCHASES_DIFFER),
    ),
    Invariant("A request whose day has come has lapsed", sql_contradictions(LAPSES_MISSED)),
    *billing.INVARIANTS,
)
