"""The composition root: settings, routes and processes. No app imports it."""

from scaletier.celery import app as celery_app

__all__ = ["celery_app"]
