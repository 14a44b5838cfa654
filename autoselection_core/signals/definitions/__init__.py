"""Signal definitions, one file per signal."""
