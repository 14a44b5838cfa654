"""Surrogate model of utility: a Gaussian process over candidates, with learned hyper-parameters."""
