"""A second, smaller home, made through Dagster, with the storage of its instance."""

import shutil
from pathlib import Path
from typing import Any

import dagster as dg

from autoselection_dagster.installation import Installation
from tests.dagster.driver import Driver

_CAMPAIGNS = """\
campaigns:
  demo:
    pool: [{path: raw/*.jsonl, licence: CC0-1.0}]
    base_model: model
    signals: [tokens, word_entropy, exact, minhash]
    closed_form: {weights: {word_entropy: 1.0}, size_weight: 0.1, noise: 0.05}
    search: {budget: 3, report_evaluations: 2}
    research: on_change
"""


def make_installation(folder: Path) -> dict[str, Any]:
    """Make pool, signals and a search through Dagster, and return what Dagster has recorded."""
    installed = folder / "dagster"
    shutil.copytree(folder / "growing", installed / "raw")
    shutil.copytree(folder / "home" / "models" / "tiny", installed / "model")
    (installed / "autoselection.yaml").write_text(_CAMPAIGNS)
    (installed / "instance").mkdir()
    with dg.DagsterInstance.local_temp(str(installed / "instance")) as instance:
        driver = Driver(Installation(installed / "home", installed / "autoselection.yaml"), instance)
        driver.prepare()
        driver.start(name="through_dagster", policy="autoselection")
        driver.work()
        return {"materialised": _materialised(driver), "run_keys": driver.asked}


def _materialised(driver: Driver) -> dict[str, list[Any]]:
    """Partition and data version of the latest materialisations, by asset."""
    found: dict[str, list[Any]] = {}
    for key in sorted(driver.instance.all_asset_keys(), key=str):
        records = driver.instance.fetch_materializations(key, limit=50).records
        found["/".join(key.path)] = [
            [str(record.partition_key) if record.partition_key else None, _version(record)]
            for record in records
        ]
    return found


def _version(record: dg.EventLogRecord) -> str | None:
    materialization = record.asset_materialization
    assert materialization is not None
    return (materialization.tags or {}).get("dagster/data_version")
