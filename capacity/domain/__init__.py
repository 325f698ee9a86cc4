"""Arithmetic of terms, cancellations and renewals. Standard library only."""
