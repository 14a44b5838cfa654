"""Scores and vectors that the user brings, joined to the samples of a pool."""
