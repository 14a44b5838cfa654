"""Execution of a study: cost estimate, ledger entries and arms."""
