"""Definitions of operators, one file per kind."""
