"""Campaigns: which pool, base model and benchmarks belong together, and everything that follows from it."""
