"""Signal store: values keyed by sample id, computed once and aligned to any pool."""
