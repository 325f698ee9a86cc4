"""A migration that was made before `charges.py` existed imports the function from here."""

from billing.models.charges import Days

__all__ = ["Days"]
