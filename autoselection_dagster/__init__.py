"""AutoSelection in Dagster: assets, sensors, jobs and checks, each a thin call into `autoselection_core`."""
