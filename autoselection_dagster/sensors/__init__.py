"""Sensors: trials for free slots, changed sources, alerts."""
