"""Scores with the items behind them, and what two models' scores say about each other."""
