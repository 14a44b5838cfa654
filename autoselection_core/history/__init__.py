"""What a search paid for: append-only, shared by every process, never paid twice."""
