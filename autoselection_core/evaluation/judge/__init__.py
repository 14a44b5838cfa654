"""Judges: programs of the user that train on a subset and score the result."""
