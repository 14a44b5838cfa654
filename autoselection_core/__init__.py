"""AutoSelection: searches data curation recipes over a fixed pool of instruction data."""
