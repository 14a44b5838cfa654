"""Formats of benchmarks: files, questions, known sets and benchmarks of one's own."""
