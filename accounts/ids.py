"""Kept for old migrations, which import `PublicIdField` from this module."""

from common.ids import PublicIdField

__all__ = ["PublicIdField"]
