"""Cost of the UI, the sensor and the code location with 10,000 trials in 100 searches."""
