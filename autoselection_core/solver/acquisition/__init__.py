"""Acquisition functions, by which candidates are ranked for the next evaluation."""
