"""Signals of the text alone: words, form, tokens, actions and duplicates."""
