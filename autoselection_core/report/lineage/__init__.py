"""Lineage: ancestry, usage and differences of samples and subsets."""
