"""Contamination: benchmark questions found in samples, cut from pools, and audited in files."""
