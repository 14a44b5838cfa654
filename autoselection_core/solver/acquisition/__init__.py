"""Acquisition functions: which candidate is worth the next evaluation."""
