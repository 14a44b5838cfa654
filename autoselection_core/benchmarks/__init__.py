"""What models are judged by: items, targets, metrics, splits, prompts. No torch here."""
