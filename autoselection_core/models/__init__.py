"""Base models: load one, write samples in its chat template, read its token statistics. Torch loads late."""
