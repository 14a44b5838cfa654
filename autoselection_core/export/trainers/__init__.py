"""Exports for training programs: their data and their configuration."""
