import django.db.models.deletion
from django.db import migrations, models

PARTITION = """
    ALTER TABLE usage_exhaustedwindow RENAME TO usage_exhaustedwindow_default;
    CREATE TABLE usage_exhaustedwindow (LIKE usage_exhaustedwindow_default INCLUDING ALL)
        PARTITION BY RANGE (starts_at);
    ALTER TABLE usage_exhaustedwindow ATTACH PARTITION usage_exhaustedwindow_default DEFAULT;
"""

# The function that makes and drops partitions has a list of tables. The new one is kept as long as
# windows are.
WINDOWS = "('usage_usagewindow', 'starts_at', 13)"
BOTH = f"{WINDOWS}, ('usage_exhaustedwindow', 'starts_at', 13)"
REPLACE = """
    DO $do$ BEGIN EXECUTE replace(
        pg_get_functiondef('usage_keep_partitions()'::regprocedure), $old${old}$old$, $new${new}$new$
    ); END $do$
"""

# Windows that closed before. What went over is what is neither covered nor late, if the pool had units;
# the minute in which their allowance ran out was not stored.
FILL = """
WITH unit AS (
    SELECT lot.organization_id, lot.snapshot_id, lot.kind, lot.tpm_per_unit, lot.units, lot.id,
           CASE WHEN pool.is_default THEN 0 ELSE pool.id END AS pool_id,
           purchase.created_at AS bought_at
    FROM capacity_lot lot
    JOIN capacity_purchase purchase ON purchase.id = lot.purchase_id
    JOIN capacity_pool pool ON pool.id = lot.pool_id
), passed AS (
    SELECT organization_id, starts_at, snapshot_id, pool_id,
           sum(input_tokens - covered_input - late_input) AS input,
           sum(output_tokens - covered_output - late_output) AS output
    FROM usage_usagewindow
    WHERE NOT opted_out
      AND (input_tokens > covered_input + late_input OR output_tokens > covered_output + late_output)
    GROUP BY organization_id, starts_at, snapshot_id, pool_id
), allowed AS (
    SELECT passed.*, unit.kind, 15 * sum(unit.tpm_per_unit * (unit.units - coalesce((
        SELECT sum(expiry.units) FROM capacity_expiry expiry
        WHERE expiry.lot_id = unit.id
          AND expiry.ended_on <= (passed.starts_at AT TIME ZONE 'UTC')::date
    ), 0))) AS allowance
    FROM passed JOIN unit USING (organization_id, snapshot_id, pool_id)
    WHERE unit.bought_at < passed.starts_at + interval '15 minutes'
    GROUP BY organization_id, starts_at, snapshot_id, pool_id, input, output, unit.kind
), over AS (
    SELECT *, CASE kind WHEN 'input' THEN input WHEN 'output' THEN output
              ELSE input + output END AS tokens
    FROM allowed WHERE allowance > 0
)
INSERT INTO usage_exhaustedwindow
    (organization_id, starts_at, snapshot_id, pool_id, kind, allowance, used)
SELECT organization_id, starts_at, snapshot_id, pool_id, kind, allowance, allowance + tokens
FROM over WHERE tokens > 0
"""


class Migration(migrations.Migration):
    dependencies = [("capacity", "0006_quote_requests"), ("usage", "0002_partitions")]

    operations = [
        migrations.CreateModel(
            name="ExhaustedWindow",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "organization_id",
                        "starts_at",
                        "snapshot_id",
                        "pool_id",
                        "kind",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("starts_at", models.DateTimeField()),
                (
                    "pool_id",
                    models.BigIntegerField(help_text="0: the default pool of the snapshot."),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("input", "Input"),
                            ("output", "Output"),
                            ("combined", "Combined"),
                        ],
                        max_length=10,
                    ),
                ),
                ("allowance", models.BigIntegerField()),
                (
                    "used",
                    models.BigIntegerField(help_text="What asked for the allowance; more than it."),
                ),
                (
                    "minutes",
                    models.PositiveSmallIntegerField(
                        help_text="From the minute in which it ran out to the end; empty where not known.",
                        null=True,
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.organization",
                    ),
                ),
                (
                    "snapshot",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="capacity.snapshot",
                    ),
                ),
            ],
        ),
        migrations.RunSQL(PARTITION, migrations.RunSQL.noop),
        migrations.RunSQL(
            REPLACE.format(old=WINDOWS, new=BOTH), REPLACE.format(old=BOTH, new=WINDOWS)
        ),
        migrations.RunSQL("SELECT usage_keep_partitions()", migrations.RunSQL.noop),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
