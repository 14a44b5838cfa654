"""Speed of training and scoring, beside the plain way of doing the same."""
