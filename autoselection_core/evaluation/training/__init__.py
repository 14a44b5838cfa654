"""Supervised fine-tuning: plans, runs, checkpoints and several devices."""
