"""Similarity joins: all pairs of sets or vectors above a similarity."""
