"""Cost of every step from ten thousand to ten million samples, each beside a floor."""
