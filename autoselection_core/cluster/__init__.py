"""Work that other processes do, on this machine or on many."""
