"""Configuration of the documentation site: `make docs` builds it strictly, so a dead link fails."""

from autoselection_core import __version__

project = "AutoSelection"
release = __version__
extensions = ["myst_parser"]
html_theme = "furo"
html_title = f"AutoSelection {release}"
html_show_copyright = False
exclude_patterns = ["_build"]

# Headings are link targets, as they are on a code host.
myst_heading_anchors = 4
