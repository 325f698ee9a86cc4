from django.db import migrations, models

# Of rows that exist, the exact figure is no longer known: covered tokens count with the average weight
# of the tokens of their row. Where combined units covered them, units of other kinds were not used.
FILL = """
    UPDATE usage_usageday usage
    SET used_input = round(usage.covered_input * (
            1 - (1 - snapshot.cached_weight) * usage.cached_tokens
                / greatest(usage.input_tokens, 1)
        )),
        used_output = usage.covered_output
    FROM capacity_snapshot snapshot
    WHERE snapshot.id = usage.snapshot_id AND usage.covered_weighted = 0
"""

class Migration(migrations.Migration):
    dependencies = [("usage", "0004_demand")]

    operations = [
        migrations.AddField(
            "usageday",
            "used_input",
            models.BigIntegerField(
                db_default=0, help_text="Of the allowance of input units, in weighted tokens."
            ),
        ),
        migrations.AddField("usageday", "used_output", models.BigIntegerField(db_default=0)),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
