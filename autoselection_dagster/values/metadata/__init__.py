"""Metadata of assets: pictures, and the facts of trials and searches."""
