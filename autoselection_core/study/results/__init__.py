"""Results of a study: what was measured, and how arms compare."""
