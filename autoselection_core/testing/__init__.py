"""Fixtures and contracts for tests: a real small model, and the laws that every operator and signal keeps."""
