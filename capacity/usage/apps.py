from django.apps import AppConfig


class UsageConfig(AppConfig):
    name = "capacity.usage"
    label = "usage"
