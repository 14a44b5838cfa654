"""Recipe programs: drawn afresh, edited, reseeded, and realised in bulk."""
