from importlib import import_module

from django.db import migrations, models

EARLIER = import_module("capacity.migrations.0010_gateway_requests").KEEP_PARTITIONS

# It locks the table before it moves rows, so none can reach the default partition between the move
# and the attachment, and two workers do not wait for each other's partitions. As everybody else waits
# behind it, it gives up after some seconds, and the next run tries again.
KEEP_PARTITIONS = """
CREATE OR REPLACE FUNCTION capacity_keep_gateway_requests() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT SET timezone = 'UTC' SET lock_timeout = '5s' AS $$
DECLARE
    part record;
    day date;
    changed integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('capacity_keep_gateway_requests'));
    FOREACH day IN ARRAY ARRAY[current_date, current_date + 1] LOOP
        CONTINUE WHEN to_regclass('capacity_gatewayrequest_' || to_char(day, 'YYYYMMDD')) IS NOT NULL;
        EXECUTE format(
            'LOCK TABLE ONLY capacity_gatewayrequest IN ACCESS EXCLUSIVE MODE;'
            'CREATE TABLE %1$I (LIKE capacity_gatewayrequest INCLUDING ALL);'
            'WITH moved AS ('
            'DELETE FROM capacity_gatewayrequest_default'
            ' WHERE admitted_at >= %2$L AND admitted_at < %3$L RETURNING *'
            ') INSERT INTO %1$I SELECT * FROM moved;'
            'ALTER TABLE capacity_gatewayrequest ATTACH PARTITION %1$I'
            ' FOR VALUES FROM (%2$L) TO (%3$L)',
            'capacity_gatewayrequest_' || to_char(day, 'YYYYMMDD'), day, day + 1);
        changed := changed + 1;
    END LOOP;
    FOR part IN
        SELECT child.relname FROM pg_inherits
        JOIN pg_class child ON child.oid = inhrelid
        WHERE inhparent = 'capacity_gatewayrequest'::regclass AND child.relname ~ '_[0-9]{8}$'
          AND to_date(right(child.relname, 8), 'YYYYMMDD') < current_date - 1
    LOOP
        EXECUTE format(
            'LOCK TABLE ONLY capacity_gatewayrequest IN ACCESS EXCLUSIVE MODE;'
            'DROP TABLE %I', part.relname);
        changed := changed + 1;
    END LOOP;
    DELETE FROM capacity_gatewayrequest_default WHERE admitted_at < current_date - 1;
    RETURN changed;
END $$
"""


class Migration(migrations.Migration):

    dependencies = [
        ('capacity', '0012_latest_gateway_requests'),
    ]

    operations = [
        migrations.AddField(
            model_name='gatewayrequest',
            name='status',
            field=models.CharField(choices=[('open', 'Open'), ('finished', 'Finished'), ('lapsed', 'Lapsed')], default='finished', max_length=10),
        ),
        migrations.AlterField(
            model_name='gatewayrequest',
            name='actual',
            field=models.JSONField(help_text='Tokens by kind; empty if none or not known.', null=True),
        ),
        migrations.RunSQL(
            KEEP_PARTITIONS,
            EARLIER.replace('CREATE FUNCTION', 'CREATE OR REPLACE FUNCTION'),
        ),
    ]
