"""How fast training and scoring are, beside the plain way of doing the same."""
