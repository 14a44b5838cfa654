"""Operators: one class for each way of choosing rows, and the catalogue that a search draws from."""
