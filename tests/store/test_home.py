"""Places in the home folder; no name leads out of it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest

from autoselection_core import environment_variables
from autoselection_core.errors.store import NotAFolderError, OutsideFolderError
from autoselection_core.store.home import Home, confine
from autoselection_core.store.lance import ID, ID_TYPE, MAX_FRAGMENTS, LanceTable

GROWTHS = 300


def rows(number: int) -> pa.Table:
    return pa.table({ID: pa.array([number.to_bytes(16, "big")], ID_TYPE), "value": pa.array([float(number)])})


def test_a_table_of_three_hundred_appends_is_read_from_few_files(tmp_path: Path) -> None:
    table = LanceTable(tmp_path, "values")

    for number in range(GROWTHS):
        table.append(rows(number))

    assert table.read().column("value").to_pylist() == list(range(GROWTHS))
    assert 0 < table.files <= MAX_FRAGMENTS


def test_tables_are_merged_while_others_append(tmp_path: Path) -> None:
    LanceTable(tmp_path, "values").append(rows(0))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda number: LanceTable(tmp_path, "values").append(rows(number)), range(1, 100)))

    assert sorted(LanceTable(tmp_path, "values").read().column("value").to_pylist()) == list(range(100))


def test_the_environment_names_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(environment_variables.HOME, str(tmp_path / "elsewhere"))

    assert Home.from_environment().root == tmp_path / "elsewhere"


def test_a_home_on_object_storage_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(environment_variables.HOME, "s3://ours/home")

    with pytest.raises(NotAFolderError, match="AUTOSELECTION_HOME is s3://ours/home, but has to be a folder"):
        Home.from_environment()


def test_the_home_folder_stands_in_the_working_folder_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(environment_variables.HOME, raising=False)
    monkeypatch.chdir(tmp_path)

    assert Home.from_environment().root == tmp_path / ".autoselection"


def test_work_for_a_home_finds_it_whatever_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(environment_variables.HOME, str(tmp_path / "own"))
    one, other = Home(tmp_path / "one"), Home(tmp_path / "other")

    with one.served():
        with other.served():
            assert Home.current() == other
        assert Home.current() == one
    assert Home.current() == Home.from_environment() == Home(tmp_path / "own")


def test_the_history_is_a_file_unless_the_environment_names_a_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(environment_variables.HISTORY_URL, raising=False)
    assert Home(tmp_path).history_url == f"sqlite:///{tmp_path}/history.sqlite"

    monkeypatch.setenv(environment_variables.HISTORY_URL, "postgresql://db/history")
    assert Home(tmp_path).history_url == "postgresql://db/history"


def test_saying_where_things_lie_makes_no_folder(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")

    places = {
        home.pool("v"),
        home.columns_of("v", "s"),
        home.subset("f"),
        home.evaluation("k"),
        home.quarantine_file("v"),
        home.pools,
        home.columns,
        home.lance,
        home.number_types,
        home.subsets,
        home.evaluations,
        home.models,
        home.reports,
        home.quarantine,
    }

    assert len(places) == 14
    assert all(place.is_relative_to(home.root) for place in places)
    assert not home.root.exists()


@pytest.mark.parametrize("name", ["../other", "/etc/passwd", "a/../../other", "link/other"])
def test_no_name_leads_out_of_the_home_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "link").symlink_to(tmp_path)

    with pytest.raises(OutsideFolderError, match="below that folder"):
        Home(tmp_path / "home").resolve(Path(name))


def test_a_path_below_a_folder_may_be_relative_to_it(tmp_path: Path) -> None:
    assert confine(Path("a/b"), tmp_path) == confine(tmp_path / "a" / "b", tmp_path) == tmp_path / "a" / "b"


def test_a_pool_version_that_climbs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutsideFolderError):
        Home(tmp_path).pool("../../etc")
