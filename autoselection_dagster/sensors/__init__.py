"""Sensors: workers and reports of searches, changed sources, alerts."""
