"""Campaign declarations: `autoselection.yaml` read strictly into data."""
