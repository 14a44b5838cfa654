"""Analyses of a search: forecasts, counterfactual replays and trade-offs."""
