from importlib import import_module

from django.db import migrations

EARLIER = import_module("capacity.usage.migrations.0002_partitions").KEEP_PARTITIONS

# It works on one table a call, so that a transaction never holds the lock of one table while it waits
# for another, as transactions that write usage do. It locks the table before it moves rows: none can
# reach the default partition between the move and the attachment. As everybody else waits behind it,
# it gives up after some seconds, and the next run tries again.
#
# What organizations may still need of an old month goes to the default partition: rows of sandboxes,
# whose clocks stand anywhere, and minutes that are in no closed window yet. They go there directly,
# as the triggers of the table would count them twice. `usage.operations.retention` deletes them.
KEEP_PARTITIONS = """
DROP FUNCTION usage_keep_partitions();
CREATE FUNCTION usage_keep_partitions(parent text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT SET timezone = 'UTC' SET lock_timeout = '5s' AS $$
DECLARE
    kept record;
    part record;
    month date;
    this_month date := date_trunc('month', current_date);
    changed integer := 0;
BEGIN
    SELECT * INTO STRICT kept FROM (VALUES
        ('usage_usageevent', 'received_in', 2, 'false'),
        ('usage_usageminute', 'minute', 1, 'clock_at IS NOT NULL OR minute >= closed_until'),
        ('usage_usagewindow', 'starts_at', 13, 'clock_at IS NOT NULL'),
        ('usage_exhaustedwindow', 'starts_at', 13, 'clock_at IS NOT NULL')
    ) AS kept (name, key, months, needed) WHERE name = parent;
    PERFORM pg_advisory_xact_lock(hashtext('usage_keep_partitions ' || parent));
    FOREACH month IN ARRAY ARRAY[this_month, (this_month + interval '1 month')::date] LOOP
        CONTINUE WHEN to_regclass(parent || to_char(month, '_YYYYMM')) IS NOT NULL;
        EXECUTE format(
            'LOCK TABLE ONLY %2$I IN ACCESS EXCLUSIVE MODE;'
            'CREATE TABLE %1$I (LIKE %2$I INCLUDING ALL);'
            'WITH moved AS (DELETE FROM %3$I WHERE %4$I >= %5$L AND %4$I < %6$L RETURNING *)'
            ' INSERT INTO %1$I SELECT * FROM moved;'
            'ALTER TABLE %2$I ATTACH PARTITION %1$I FOR VALUES FROM (%5$L) TO (%6$L)',
            parent || to_char(month, '_YYYYMM'), parent, parent || '_default',
            kept.key, month, month + interval '1 month');
        changed := changed + 1;
    END LOOP;
    FOR part IN
        SELECT child.relname FROM pg_inherits
        JOIN pg_class child ON child.oid = inhrelid
        WHERE inhparent = parent::regclass AND child.relname ~ '_[0-9]{6}$'
          AND to_date(right(child.relname, 6), 'YYYYMM')
              < this_month - make_interval(months => kept.months)
    LOOP
        EXECUTE format(
            'ALTER TABLE %2$I DETACH PARTITION %1$I;'
            'INSERT INTO %3$I SELECT old.* FROM %1$I old'
            ' JOIN accounts_organization ON accounts_organization.id = old.organization_id'
            ' LEFT JOIN usage_organizationusage USING (organization_id) WHERE %4$s;'
            'DROP TABLE %1$I',
            part.relname, parent, parent || '_default', kept.needed);
        changed := changed + 1;
    END LOOP;
    RETURN changed;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0008_encrypted_second_factors"),
        ("usage", "0006_usage_alerts"),
    ]

    operations = [
        migrations.RunSQL(
            KEEP_PARTITIONS, ["DROP FUNCTION usage_keep_partitions(text)", EARLIER]
        ),
    ]
