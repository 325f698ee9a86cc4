"""Many customers, created by SQL alone, because creating them is not what is measured."""

from datetime import date, timedelta

from django.db import connection
from django.db.models import Max

from accounts.models import Organization, User
from tests.cast import GPT, GROK, load_catalogue

LOTS_EACH = 10
TODAY = date(2026, 3, 10)
"""The last open day: no period starts near it, and half the lots are past their commitment."""

POPULATE = """
WITH customer AS (
    INSERT INTO accounts_organization (name, created_at, is_sandbox, opened_until)
    SELECT 'Customer ' || n, '2026-01-01', false, %(tomorrow)s
    FROM generate_series(1, %(organizations)s) n
    RETURNING id
), project AS (
    INSERT INTO accounts_project (organization_id, name, is_default, created_at)
    SELECT id, 'Default project', true, '2026-01-01' FROM customer
), account AS (
    INSERT INTO billing_billingaccount (organization_id, anchor_day, last_invoice_number)
    SELECT id, 1, 0 FROM customer
), form AS (
    INSERT INTO billing_orderform
        (organization_id, created_at, starts_on, anchor_day, discount_percent, days_until_due,
         signed_name)
    SELECT id, '2026-01-01', '2026-01-01', 1, 10, 30, 'Alice' FROM customer
    RETURNING id
), own_discount AS (
    INSERT INTO billing_modeldiscount (order_form_id, model, discount_percent)
    SELECT id, %(discounted)s, 12.5 FROM form WHERE id %% 4 = 0
)
INSERT INTO capacity_pool (organization_id, snapshot_id, name, is_default, created_at)
SELECT customer.id, snapshot.id, 'Default pool', true, '2026-01-01'
FROM customer CROSS JOIN capacity_snapshot snapshot
WHERE snapshot.model IN (%(discounted)s, %(plain)s)
"""

# Afterwards, because a signed form gets no discounts any more.
SIGNATURES = "UPDATE billing_orderform SET signed_at = created_at WHERE signed_at IS NULL"

PURCHASES = """
INSERT INTO capacity_purchase
    (organization_id, snapshot_id, project_id, pool_id, created_at, created_by_id, amount, currency)
SELECT pool.organization_id, pool.snapshot_id, project.id, pool.id,
       CASE WHEN nth %% 2 = 0 THEN timestamptz '2026-01-10' ELSE '2026-02-20' END,
       %(buyer)s, 1, 'usd'
FROM capacity_pool pool
JOIN accounts_project project ON project.organization_id = pool.organization_id
CROSS JOIN generate_series(1, greatest(2, %(lots_each)s / 8)) nth
WHERE pool.organization_id > %(after)s
ORDER BY pool.organization_id
"""

LOTS = """
INSERT INTO capacity_lot
    (organization_id, purchase_id, snapshot_id, pool_id, project_id, kind, units, active_units,
     tpm_per_unit, price_per_day, currency, starts_on, first_term_ends_on, commitment_ends_on,
     charged_until)
SELECT organization_id, id, snapshot_id, pool_id, project_id, kind, 2, 2, 30000, 1000, 'usd',
       bought_on, (date_trunc('month', bought_on) + interval '1 month')::date, bought_on + 30,
       %(tomorrow)s
FROM (
    SELECT purchase.*, purchase.created_at::date AS bought_on, unit.kind,
           row_number() OVER (
               PARTITION BY purchase.organization_id ORDER BY round, purchase.id, unit.kind
           ) AS nth
    FROM capacity_purchase purchase
    JOIN capacity_tokenunit unit ON unit.snapshot_id = purchase.snapshot_id
    CROSS JOIN generate_series(1, 3) round
    WHERE purchase.organization_id > %(after)s
) numbered
WHERE nth <= %(lots_each)s
"""


def populate(organizations: int, lots_each: int = LOTS_EACH, *, today: date = TODAY) -> None:
    """Add customers with `lots_each` lots, of two models and two kinds, which renew tomorrow."""
    load_catalogue()
    buyer, _ = User.objects.get_or_create(email="buyer@example.com", name="Buyer")
    values = {
        "after": Organization.objects.aggregate(last=Max("pk"))["last"] or 0,
        "organizations": organizations,
        "lots_each": lots_each,
        "tomorrow": today + timedelta(days=1),
        "discounted": GPT,
        "plain": GROK,
        "buyer": buyer.pk,
    }
    with connection.cursor() as cursor:
        for statement in (POPULATE, SIGNATURES, PURCHASES, LOTS):
            cursor.execute(statement, values)
        cursor.execute("ANALYZE")
