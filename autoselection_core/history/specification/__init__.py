"""Specification of a search: its settings, its identity and the names of policies."""
