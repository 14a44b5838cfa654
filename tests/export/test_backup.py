"""A backup restored elsewhere is the installation that was backed up."""

import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from autoselection_core.errors.backup import DamagedBackupError, NotABackupError, NotEmptyError
from autoselection_core.export.backup import back_up, restore
from autoselection_core.history.ledger import Ledger
from autoselection_core.store.home import Home
from tests.history.acts import finish, registered, reserve
from tests.postgresql import Server, postgresql


def filled(root: Path, url: str | None = None) -> Home:
    home = Home(root)
    for name in ("pools/a/pool.arrow", "evaluations/b/result.json", "columns/derived.npy", "x.unfinished/y"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    ledger = Ledger.open(url or home.history_url)
    search = registered(ledger, budget=2)
    finish(ledger, reserve(ledger, search))
    return home


def test_a_home_restored_elsewhere_has_the_same_history_and_files(tmp_path: Path) -> None:
    home, elsewhere = filled(tmp_path / "home"), Home(tmp_path / "elsewhere")

    made = back_up(home, tmp_path / "backup.tar", {})
    found = restore(tmp_path / "backup.tar", elsewhere, {})

    assert made == found
    before, after = Ledger.open(home.history_url), Ledger.open(elsewhere.history_url)
    assert after.history("alpha") == before.history("alpha")
    assert after.money() == before.money()
    assert (elsewhere.evaluations / "b/result.json").read_text() == "evaluations/b/result.json"
    assert not (elsewhere.root / "columns").exists()
    assert not (elsewhere.root / "x.unfinished").exists()


def test_a_backup_holds_what_is_only_in_the_journal_of_an_open_database(tmp_path: Path) -> None:
    home = filled(tmp_path / "home")
    engine = create_engine(home.history_url)
    with engine.connect() as reader:
        reader.execute(text("SELECT 1 FROM searches")).all()  # holds the journal open
        ledger = Ledger.open(home.history_url)
        finish(ledger, reserve(ledger, "alpha"))
        back_up(home, tmp_path / "backup.tar", {})
    engine.dispose()

    restore(tmp_path / "backup.tar", Home(tmp_path / "elsewhere"), {})

    assert Ledger.open(Home(tmp_path / "elsewhere").history_url).search("alpha").spent == 2


def test_nothing_is_restored_over_something(tmp_path: Path) -> None:
    home = filled(tmp_path / "home")
    back_up(home, tmp_path / "backup.tar", {})

    with pytest.raises(NotEmptyError, match="AUTOSELECTION_HOME"):
        restore(tmp_path / "backup.tar", home, {})


def test_a_damaged_backup_fills_nothing(tmp_path: Path) -> None:
    back_up(filled(tmp_path / "home"), tmp_path / "backup.tar", {})
    raw = (tmp_path / "backup.tar").read_bytes()
    (tmp_path / "backup.tar").write_bytes(
        raw.replace(b"evaluations/b/result.json\0", b"evaluations/b/result.jsoX\0")
    )
    elsewhere = tmp_path / "elsewhere"

    with pytest.raises((DamagedBackupError, NotABackupError)):
        restore(tmp_path / "backup.tar", Home(elsewhere), {})

    assert not elsewhere.exists()


def test_what_is_no_backup_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.tar").write_text("no archive")
    with tarfile.open(tmp_path / "other.tar", "w") as archive:
        archive.add(tmp_path / "text.tar", "text")

    for name in ("text.tar", "other.tar", "none.tar"):
        with pytest.raises(NotABackupError, match=name):
            restore(tmp_path / name, Home(tmp_path / "elsewhere"), {})


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgresql() as running:
        yield running


@pytest.mark.e2e
def test_a_history_on_postgresql_is_backed_up_and_restored(tmp_path: Path, server: Server) -> None:
    url, other = server.new_database(), server.new_database()
    home = filled(tmp_path / "home", url)

    back_up(home, tmp_path / "backup.tar", {"history": url})
    with pytest.raises(NotABackupError, match="no URL is given"):
        restore(tmp_path / "backup.tar", Home(tmp_path / "elsewhere"), {})
    found = restore(tmp_path / "backup.tar", Home(tmp_path / "elsewhere"), {"history": other})

    assert found.databases == ("history",)
    assert Ledger.open(other).money() == Ledger.open(url).money() != ()
