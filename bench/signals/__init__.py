"""Cost of the signals on the 90,000-record pool."""
