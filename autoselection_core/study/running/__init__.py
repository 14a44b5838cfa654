"""Execution of a study: forecast, ledger entries and arms."""
