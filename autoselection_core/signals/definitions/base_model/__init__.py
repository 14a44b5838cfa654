"""Signals of the base model: losses, influence and sparse features."""
