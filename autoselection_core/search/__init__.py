"""Search loop without Dagster; it records what a search through Dagster records."""
