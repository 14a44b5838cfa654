"""Transactions of the ledger: reservations, attempts, proposals, baselines and streaks of failures."""
