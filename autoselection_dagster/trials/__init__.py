"""Trials in Dagster: their names, the attempt that keeps them alive, and recovery."""
