"""Rendering: tables, figures and pages as Markdown, HTML and bytes."""
