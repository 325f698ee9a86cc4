from django.apps import AppConfig


class GatewayConfig(AppConfig):
    """It has commands and tasks, and no models of its own: its process reads no model."""

    name = "capacity.gateway"
    label = "gateway"
