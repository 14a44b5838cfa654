"""What is known about the samples of a pool: columns, groups, pairs, vectors and sparse features."""
