"""The search loop for people without Dagster; what it records, a Dagster search records too."""
