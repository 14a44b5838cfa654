"""What a search found, as pictures, tables and pages; every number was measured."""
