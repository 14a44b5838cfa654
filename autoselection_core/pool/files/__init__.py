"""Raw files, cut into records."""
