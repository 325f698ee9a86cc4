"""Organizations, projects, members and their roles, API keys, clocks, the audit log."""
