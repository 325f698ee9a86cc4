"""The gateway: purchased capacity applied to requests as they come (R15, R25)."""
