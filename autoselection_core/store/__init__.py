"""Storage: places of an installation's files, and how they are written."""
