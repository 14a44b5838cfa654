"""What the UI, the sensor and the code location cost with 10,000 trials in 100 searches."""
