"""Sets of searches and baselines under one budget, and what they say together."""
