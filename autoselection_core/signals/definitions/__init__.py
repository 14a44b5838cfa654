"""Signal definitions, one file a signal."""
