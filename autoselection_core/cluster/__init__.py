"""Clusters: tasks run by other processes, on this machine or on many."""
