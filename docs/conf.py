"""Configuration of the documentation site: `make docs` builds it strictly, so a dead link fails."""

import tomllib
from pathlib import Path

_PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]

project = "AutoSelection"
release = _PROJECT["version"]
extensions = ["myst_parser"]
html_theme = "furo"
html_title = f"AutoSelection {release}"
html_show_copyright = False
exclude_patterns = ["_build"]

# Headings are link targets, as they are on a code host.
myst_heading_anchors = 4
