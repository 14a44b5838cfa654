"""Sparse autoencoders: hooks into the base model, training and features."""
