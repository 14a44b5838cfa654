"""A code location that a run worker cannot load while the home folder holds a file called `broken`."""

import multiprocessing
import os
from pathlib import Path

from autoselection_core import environment
from autoselection_dagster.definitions import defs

__all__ = ["defs"]

if multiprocessing.parent_process() and (Path(os.environ[environment.HOME]) / "broken").exists():
    raise ModuleNotFoundError("no module called campaign_extension")  # noqa: TRY003 - the fault
