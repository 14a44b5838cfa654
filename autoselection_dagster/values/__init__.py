"""Values that pass between assets: by reference, never as a pickle."""
