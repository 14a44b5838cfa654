"""Storage of the ledger: database, schema and migrations."""
