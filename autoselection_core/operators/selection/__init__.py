"""Selection primitives of operators: rankings, quotas, bounds and greedy covers."""
