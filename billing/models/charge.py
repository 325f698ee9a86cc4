"""Kept for an old migration, which imports `Days` from this module."""

from billing.models.charges import Days

__all__ = ["Days"]
