"""Sections of a search's report: tables, plots and the verdict."""
