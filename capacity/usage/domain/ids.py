"""Ids of requests, each of which counts once (R14)."""

GATEWAY = "greq_"
"""How ids of our gateway begin. It counts these requests itself; nobody else may count them, or it
would take its own for repeated ones."""
