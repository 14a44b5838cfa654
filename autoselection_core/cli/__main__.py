"""`python -m autoselection_core.cli`."""

from autoselection_core.cli import main

main()
