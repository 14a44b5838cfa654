"""Scores of a model: likelihood, generation and the lm-evaluation-harness."""
