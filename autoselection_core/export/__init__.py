"""Exports: a subset as training data, with its licences and a way to verify it."""
