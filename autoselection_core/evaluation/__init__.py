"""Fine-tuning on a subset and scoring the result. A failure is an exception and never a score."""
