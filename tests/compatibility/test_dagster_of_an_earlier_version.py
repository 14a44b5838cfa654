"""An installation whose search commit f7d6479 ran through Dagster shows what it showed, and goes on."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from autoselection_core.history.records import TrialState
from autoselection_core.signals.table import present_name
from autoselection_dagster.installation import Installation
from tests.compatibility.earlier import EarlierHome, recorded
from tests.dagster.installations import Driver

pytestmark = pytest.mark.e2e

SEARCH = "through_dagster"


@pytest.fixture
def driver(earlier: EarlierHome, monkeypatch: pytest.MonkeyPatch) -> Iterator[Driver]:
    """The installation with the storage of its instance."""
    folder: Path = earlier.folder / "dagster"
    monkeypatch.chdir(folder)
    with dg.DagsterInstance.local_temp(str(folder / "instance")) as instance:
        yield Driver(Installation(folder / "home", folder / "autoselection.yaml"), instance)


def test_assets_keep_their_keys_partitions_and_data_versions(driver: Driver) -> None:
    """A renamed signal is another asset; what its first one materialized stays to be looked at."""
    keys = driver.definitions.get_repository_def().asset_graph.get_all_asset_keys()

    for name, materialized in recorded()["dagster"]["materialised"].items():
        key = dg.AssetKey(name.split("/"))
        assert dg.AssetKey([present_name(part) for part in key.path]) in keys
        records = driver.instance.fetch_materializations(key, limit=50).records
        assert [version_of(record) for record in records] == materialized


def test_a_search_that_is_done_asks_for_no_run(driver: Driver) -> None:
    assert isinstance(driver.tick(), dg.SkipReason)


def test_no_signal_of_the_same_definition_is_scored_again_and_a_raised_budget_runs_one_trial(
    driver: Driver,
) -> None:
    before = driver.ledger.trials(SEARCH)
    driver.prepare()
    for signal in ("tokens", "exact"):
        assert driver.metadata(f"signal/{signal}")["computed"] == 0

    driver.ledger.raise_budget(SEARCH, 4)
    driver.work()

    after = driver.ledger.trials(SEARCH)
    assert after[:3] == before
    assert [trial.state for trial in after] == [TrialState.DONE] * 4
    assert driver.asked
    assert not set(driver.asked) & set(recorded()["dagster"]["run_keys"])


def version_of(record: dg.EventLogRecord) -> list[str | None]:
    """Partition and data version of a materialization."""
    materialization = record.asset_materialization
    assert materialization is not None
    partition = str(record.partition_key) if record.partition_key else None
    return [partition, (materialization.tags or {}).get("dagster/data_version")]
