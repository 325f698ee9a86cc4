"""Secrets of second factors that were stored before they were encrypted."""

from django.db import migrations

from common.encryption import encrypt, is_encrypted


def encrypt_secrets(apps, schema_editor):
    for authenticator in apps.get_model('mfa', 'Authenticator').objects.iterator():
        data = authenticator.data
        for name in ('secret', 'seed'):
            if name in data and not is_encrypted(data[name]):
                data[name] = encrypt(data[name])
        if 'migrated_codes' in data:
            data['migrated_codes'] = [
                code if is_encrypted(code) else encrypt(code) for code in data['migrated_codes']
            ]
        authenticator.save(update_fields=['data'])


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0007_identity'),
        ('mfa', '0003_authenticator_type_uniq'),
    ]

    operations = [migrations.RunPython(encrypt_secrets, migrations.RunPython.noop)]
