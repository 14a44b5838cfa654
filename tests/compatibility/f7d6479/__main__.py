"""Make the home, write down what that commit says of it, and pack both beside this file.

Runs with commit f7d6479 and with no other: its imports are those of that commit. Like every home, this one
names the folder that it was made in at a few places, so make it in one that says nothing of a machine:

    git archive --prefix=code/ f7d6479 | tar -x -C /srv
    PYTHONPATH=/srv/code OMP_NUM_THREADS=1 python tests/compatibility/f7d6479 /srv/earlier
"""

import json
import shutil
import sys
import tarfile
from pathlib import Path
from typing import Any

import dagster as dg
from material import write_material
from recorded import facts_of_home
from searches import home_in, make_searches

from autoselection_dagster.installation import Installation
from tests.dagster.driver import Driver

_HERE = Path(__file__).resolve().parent


def main(folder: Path) -> None:
    """Make everything below a folder that is not there yet."""
    folder.mkdir(parents=True)
    write_material(folder)
    with home_in(folder):
        make_searches(folder)
        facts = facts_of_home()
    facts["dagster"] = make_installation(folder)
    (_HERE / "expected.json").write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")
    with tarfile.open(_HERE / "home.tar.xz", "w:xz", preset=9) as archive:
        archive.add(folder, ".", filter=_of_nobody)


def _of_nobody(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """The member without the names of whoever made it."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


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
    """Make pool, signals and a search of a smaller home through Dagster, and return what it has recorded."""
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


main(Path(sys.argv[1]))
