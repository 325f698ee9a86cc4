"""Billing accounts, invoice payments and invoice syncs get the names the field knows them by."""

import django.db.models.deletion
from django.db import migrations, models

RENAME_CHECK = "ALTER TABLE billing_billingaccount RENAME CONSTRAINT %s TO %s"
RENAME_INDEX = "ALTER INDEX %s RENAME TO %s"
SYNC_STATUSES = """
    UPDATE billing_invoicesync SET status = CASE status
        WHEN '%s' THEN '%s' WHEN '%s' THEN '%s' ELSE status END
"""
PERMISSIONS = """
    UPDATE auth_permission SET codename = regexp_replace(codename, '_%s$', '_%s')
    FROM django_content_type type
    WHERE type.id = content_type_id AND type.app_label = 'billing' AND type.model IN ('%s', '%s')
"""
OLD_ANCHOR, NEW_ANCHOR = "account_anchor_day_in_month", "billing_account_anchor_day"
OLD_PROVIDER, NEW_PROVIDER = "dispatch_provider_once", "invoice_sync_provider_id_once"


def renamed_permissions(old, new):
    """What a group of operators may do, they still may."""
    return migrations.RunSQL(PERMISSIONS % (old, new, old, new), PERMISSIONS % (new, old, old, new))


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_field_terms"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("billing", "0005_settled_invoices"),
    ]

    operations = [
        migrations.RenameModel("Account", "BillingAccount"),
        migrations.SeparateDatabaseAndState(
            [
                migrations.RunSQL(
                    RENAME_CHECK % (OLD_ANCHOR, NEW_ANCHOR), RENAME_CHECK % (NEW_ANCHOR, OLD_ANCHOR)
                )
            ],
            [
                migrations.RemoveConstraint("billingaccount", OLD_ANCHOR),
                migrations.AddConstraint(
                    "billingaccount",
                    models.CheckConstraint(
                        condition=models.Q(anchor_day__range=(1, 31)), name=NEW_ANCHOR
                    ),
                ),
            ],
        ),
        migrations.RenameModel("Settlement", "InvoicePayment"),
        migrations.RenameField("invoicepayment", "settled_at", "status_changed_at"),
        migrations.RenameIndex(
            "invoicepayment", old_name="settlement_owed", new_name="invoice_payment_owed"
        ),
        migrations.AlterField(
            "invoicepayment",
            "invoice",
            models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT,
                primary_key=True,
                related_name="payment",
                serialize=False,
                to="billing.invoice",
            ),
        ),
        migrations.RemoveConstraint("dispatch", "dispatch_sent_to_somewhere"),
        migrations.RenameModel("Dispatch", "InvoiceSync"),
        migrations.AlterModelOptions("invoicesync", {}),
        migrations.RenameField("invoicesync", "sent_at", "synced_at"),
        migrations.RenameField("invoicesync", "problem", "last_error"),
        migrations.RunSQL(
            SYNC_STATUSES % ("sent", "synced", "needless", "not_needed"),
            SYNC_STATUSES % ("synced", "sent", "not_needed", "needless"),
        ),
        migrations.AlterField(
            "invoicesync",
            "status",
            models.CharField(
                choices=[
                    ("pending", "Pending"),
                    ("synced", "Synced"),
                    ("failed", "Failed"),
                    ("not_needed", "Not needed"),
                ],
                default="pending",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            "invoicesync",
            "invoice",
            models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT,
                primary_key=True,
                related_name="sync",
                serialize=False,
                to="billing.invoice",
            ),
        ),
        migrations.AlterField(
            "invoicesync",
            "attempts",
            models.PositiveIntegerField(
                default=0, help_text="Counts claims; tells a worker that its claim ran out."
            ),
        ),
        migrations.AlterField(
            "invoicesync",
            "provider_total",
            models.BigIntegerField(
                blank=True, help_text="Total of the provider's invoice, minor units.", null=True
            ),
        ),
        migrations.RenameIndex(
            "invoicesync", old_name="dispatch_due", new_name="invoice_sync_due"
        ),
        migrations.SeparateDatabaseAndState(
            [
                migrations.RunSQL(
                    RENAME_INDEX % (OLD_PROVIDER, NEW_PROVIDER),
                    RENAME_INDEX % (NEW_PROVIDER, OLD_PROVIDER),
                )
            ],
            [
                migrations.RemoveConstraint("invoicesync", OLD_PROVIDER),
                migrations.AddConstraint(
                    "invoicesync",
                    models.UniqueConstraint(
                        condition=~models.Q(provider_id=""),
                        fields=("provider_id",),
                        name=NEW_PROVIDER,
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            "invoicesync",
            models.CheckConstraint(
                condition=~models.Q(status="synced")
                | (models.Q(synced_at__isnull=False) & ~models.Q(provider_id="")),
                name="invoice_sync_has_provider_id",
            ),
        ),
        renamed_permissions("account", "billingaccount"),
        renamed_permissions("settlement", "invoicepayment"),
        renamed_permissions("dispatch", "invoicesync"),
        migrations.AlterField(
            "providercustomer",
            "name",
            models.CharField(blank=True, help_text="As the provider has it.", max_length=120),
        ),
        migrations.AlterField(
            "providercustomer",
            "email",
            models.EmailField(blank=True, help_text="As the provider has it.", max_length=254),
        ),
    ]
