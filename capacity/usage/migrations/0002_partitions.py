from django.db import migrations

# Each table becomes the default partition of a partitioned table of the same shape. Rows of sandboxes,
# whose clocks stand anywhere, stay in it; those of the present month and the next have partitions of
# their own.
PARTITION = """
    ALTER TABLE {table} RENAME TO {table}_default;
    CREATE TABLE {table} (LIKE {table}_default INCLUDING ALL) PARTITION BY RANGE ({column});
    ALTER TABLE {table} ATTACH PARTITION {table}_default DEFAULT;
"""
TABLES = (
    ("usage_usageevent", "received_in"),
    ("usage_usageminute", "minute"),
    ("usage_usagewindow", "starts_at"),
)

# The product's role owns no table, so it calls this function, which runs as the owner and takes no
# argument: whoever calls it, only what is due is made or dropped. Months are UTC.
KEEP_PARTITIONS = """
CREATE FUNCTION usage_keep_partitions() RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT SET timezone = 'UTC' AS $$
DECLARE
    kept record;
    part record;
    month date;
    this_month date := date_trunc('month', current_date);
    changed integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('usage_keep_partitions'));
    FOR kept IN SELECT * FROM (VALUES
        ('usage_usageevent', 'received_in', 2),
        ('usage_usageminute', 'minute', 1),
        ('usage_usagewindow', 'starts_at', 13)
    ) AS kept (parent, key, months)
    LOOP
        FOREACH month IN ARRAY ARRAY[this_month, (this_month + interval '1 month')::date] LOOP
            CONTINUE WHEN to_regclass(kept.parent || to_char(month, '_YYYYMM')) IS NOT NULL;
            EXECUTE format(
                'CREATE TABLE %1$I (LIKE %2$I INCLUDING ALL);'
                'WITH moved AS (DELETE FROM %3$I WHERE %4$I >= %5$L AND %4$I < %6$L RETURNING *)'
                ' INSERT INTO %1$I SELECT * FROM moved;'
                'ALTER TABLE %2$I ATTACH PARTITION %1$I FOR VALUES FROM (%5$L) TO (%6$L)',
                kept.parent || to_char(month, '_YYYYMM'), kept.parent, kept.parent || '_default',
                kept.key, month, month + interval '1 month');
            changed := changed + 1;
        END LOOP;
        FOR part IN
            SELECT child.relname FROM pg_inherits
            JOIN pg_class child ON child.oid = inhrelid
            WHERE inhparent = kept.parent::regclass AND child.relname ~ '_[0-9]{6}$'
              AND to_date(right(child.relname, 6), 'YYYYMM')
                  < this_month - make_interval(months => kept.months)
        LOOP
            EXECUTE format('DROP TABLE %I', part.relname);
            changed := changed + 1;
        END LOOP;
    END LOOP;
    RETURN changed;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("usage", "0001_initial")]

    operations = [
        *(
            migrations.RunSQL(
                PARTITION.format(table=table, column=column), migrations.RunSQL.noop
            )
            for table, column in TABLES
        ),
        migrations.RunSQL(
            [KEEP_PARTITIONS, "SELECT usage_keep_partitions()"],
            ["DROP FUNCTION usage_keep_partitions()"],
        ),
    ]
