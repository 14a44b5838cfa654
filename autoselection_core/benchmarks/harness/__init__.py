"""Tasks of the lm-evaluation-harness as benchmarks; a task file of one's own is data and runs nothing."""
