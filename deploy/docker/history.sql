-- The history has a database of its own beside Dagster's.
CREATE DATABASE history;
