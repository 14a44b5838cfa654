"""Definitions of operators, one file a kind."""
