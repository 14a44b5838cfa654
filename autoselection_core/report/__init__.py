"""Reports of searches: measured numbers as pictures, tables and pages."""
