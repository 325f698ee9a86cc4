"""Stored responses and outbound emails get the names by which the field knows them."""

from django.db import migrations, models


def renamed_constraint(*, model, table, old, new, fields):
    """Rename a unique constraint in place: making it again would read the whole table."""
    return migrations.SeparateDatabaseAndState(
        database_operations=[
            migrations.RunSQL(
                f"ALTER TABLE {table} RENAME CONSTRAINT {old} TO {new}",
                f"ALTER TABLE {table} RENAME CONSTRAINT {new} TO {old}",
            )
        ],
        state_operations=[
            migrations.RemoveConstraint(model_name=model, name=old),
            migrations.AddConstraint(
                model_name=model, constraint=models.UniqueConstraint(fields=fields, name=new)
            ),
        ],
    )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_days_due_by_clock")]

    operations = [
        migrations.RenameModel("KeptAnswer", "StoredResponse"),
        renamed_constraint(
            model="storedresponse",
            table="accounts_storedresponse",
            old="kept_answer_once",
            new="stored_response_once",
            fields=("organization", "key"),
        ),
        migrations.AlterField(
            model_name="storedresponse",
            name="body",
            field=models.TextField(
                help_text="JSON, letter for letter: `jsonb` would lose the order of its names."
            ),
        ),
        migrations.RenameModel("Notice", "OutboundEmail"),
        migrations.RenameField("outboundemail", "subject", "about"),
        renamed_constraint(
            model="outboundemail",
            table="accounts_outboundemail",
            old="notice_told_once",
            new="outbound_email_once",
            fields=("organization", "kind", "about"),
        ),
        migrations.RenameIndex(
            "outboundemail", old_name="notice_to_send", new_name="outbound_email_to_send"
        ),
        migrations.AlterField(
            model_name="outboundemail",
            name="about",
            field=models.CharField(
                help_text="Public id or date of what it tells of.", max_length=40
            ),
        ),
    ]
