"""Benchmarks that models are evaluated on: items, targets, metrics, splits, prompts. No torch here."""
