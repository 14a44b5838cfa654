"""Report of a study: tables, figures and sections."""
