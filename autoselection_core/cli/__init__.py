"""The command `autoselection`."""


def main() -> None:
    """Run the command line and exit: 0 done, 1 a finding, 2 bad input, 130 interrupted."""
    from autoselection_core.cli.running import run

    raise SystemExit(run())
