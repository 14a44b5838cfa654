"""Every error that is raised on purpose, grouped by subject."""
