"""The code location that Dagster loads: the installation that the environment names."""

import os

from autoselection_dagster.assembly import definitions_of
from autoselection_dagster.installation import Installation

defs = definitions_of(Installation.from_environment().with_loaded_campaigns(os.environ))
