"""Search policies: default, published and random search."""
