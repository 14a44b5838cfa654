"""Scores with the items behind them, and comparisons of two models' scores."""
