"""Every error that is raised on purpose, one module for each room that raises it."""
