"""Backup of an installation: files of the home folder and the database."""
