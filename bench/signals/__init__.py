"""What the signals cost on the 90,000-record pool."""
