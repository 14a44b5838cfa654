"""Searches in Dagster: the jobs that start and change them, the sensors that keep them going."""
