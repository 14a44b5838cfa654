"""Evidence from a history: observations, cheaper evaluations, constraints, and the model fitted to them."""
