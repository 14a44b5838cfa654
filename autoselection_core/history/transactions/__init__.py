"""Transactions of the ledger: reservations, attempts, proposals, arms of reports and streaks of failures."""
