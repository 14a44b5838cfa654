"""Every error that is raised on purpose, grouped by the rooms that raise it."""
