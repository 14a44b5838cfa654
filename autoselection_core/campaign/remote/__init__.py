"""Remote work: scoring and evaluations on a cluster's workers."""
