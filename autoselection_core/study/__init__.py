"""Studies: several searches and baselines under one budget, compared in one report."""
