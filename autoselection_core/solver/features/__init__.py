"""Feature vectors of candidates: histograms of signals and the encoded program."""
