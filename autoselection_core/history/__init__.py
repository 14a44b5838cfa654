"""History of searches: append-only, shared by every process, nothing paid twice."""
