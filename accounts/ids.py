"""Migrations that were made before `common` existed import the field from here."""

from common.ids import PublicIdField

__all__ = ["PublicIdField"]
