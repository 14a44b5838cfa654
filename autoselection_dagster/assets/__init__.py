"""The assets of a campaign, from raw files to the subset that a search recommends."""
