"""Candidates of one choice: warmup probes, local search and its trust radius."""
