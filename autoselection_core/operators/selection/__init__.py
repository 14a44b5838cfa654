"""Selection primitives of operators: rankings, and quotas within bounds."""
