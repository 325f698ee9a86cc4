"""The composition root: settings, routes, processes. Nothing else imports it."""

from scaletier.celery import app as celery_app

__all__ = ["celery_app"]
