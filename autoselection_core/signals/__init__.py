"""Signals of the samples of a pool: columns, groups, pairs, vectors and sparse features."""
