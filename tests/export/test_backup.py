"""A backup restored elsewhere is the installation that was backed up."""

import io
import json
import os
import sqlite3
import tarfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from autoselection_core.environment_variables import HISTORY_URL
from autoselection_core.errors.store import (
    BackupError,
    BackupFileError,
    DamagedBackupError,
    DatabaseToolError,
    NoHomeError,
    NotABackupError,
    NotEmptyError,
    UnlistedFileError,
)
from autoselection_core.export.installation.backup import back_up, consistent, restore
from autoselection_core.export.installation.home_files import HomeFile, OmittedFile, home_files
from autoselection_core.export.installation.postgresql import dump, newest_program
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
    assert after.payments() == before.payments()
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


def test_a_file_that_was_changed_inside_a_backup_is_named_and_fills_nothing(tmp_path: Path) -> None:
    back_up(filled(tmp_path / "home"), tmp_path / "backup.tar", {})
    raw = (tmp_path / "backup.tar").read_bytes()
    content, changed = b"\0evaluations/b/result.json\0", b"\0evaluations/b/result.jsoX\0"
    assert raw.count(content) == 1
    (tmp_path / "backup.tar").write_bytes(raw.replace(content, changed))

    with pytest.raises(DamagedBackupError, match=r"evaluations/b/result\.json"):
        restore(tmp_path / "backup.tar", Home(tmp_path / "elsewhere"), {})

    assert not (tmp_path / "elsewhere").exists()


def test_an_empty_home_is_restored_as_an_empty_home(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()

    assert back_up(Home(tmp_path / "home"), tmp_path / "backup.tar", {}).files == 0
    restore(tmp_path / "backup.tar", Home(tmp_path / "elsewhere"), {})

    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_an_empty_folder_that_is_there_already_is_filled(tmp_path: Path) -> None:
    back_up(filled(tmp_path / "home"), tmp_path / "backup.tar", {})
    (tmp_path / "elsewhere").mkdir()

    restore(tmp_path / "backup.tar", Home(tmp_path / "elsewhere"), {})

    assert (tmp_path / "elsewhere" / "evaluations/b/result.json").is_file()


def test_an_empty_volume_or_a_link_to_one_is_filled_from_within(tmp_path: Path) -> None:
    """A container's volume, or a service's folder in the system's, can be neither removed nor renamed."""
    back_up(filled(tmp_path / "home"), tmp_path / "backup.tar", {})
    (tmp_path / "volume").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "volume")
    volume = (tmp_path / "volume").stat().st_ino

    restore(tmp_path / "backup.tar", Home(tmp_path / "link"), {})

    assert (tmp_path / "volume").stat().st_ino == volume
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "volume" / "evaluations/b/result.json").is_file()
    assert not list((tmp_path / "volume").glob(".*"))


def test_a_killed_backup_or_restoration_leaves_nothing_for_good(tmp_path: Path) -> None:
    home, elsewhere = filled(tmp_path / "home"), Home(tmp_path / "elsewhere")
    elsewhere.root.mkdir()
    left = [
        tmp_path / f".monday.tar.{'0' * 16}.unfinished",
        elsewhere.root / f".restored.{'1' * 16}.unfinished",
    ]
    for each in left:
        (each / "copies").mkdir(parents=True)
    mine = tmp_path / ".notes.tar.unfinished"
    mine.mkdir()

    back_up(home, tmp_path / "tuesday.tar", {})
    restore(tmp_path / "tuesday.tar", elsewhere, {})

    assert not any(each.exists() for each in left)
    assert mine.exists()


def test_a_home_that_is_not_there_is_no_empty_backup(tmp_path: Path) -> None:
    """With a mistyped name of the home each night's backup was empty."""
    with pytest.raises(NoHomeError, match="AUTOSELECTION_HOME"):
        back_up(Home(tmp_path / "hoem"), tmp_path / "backup.tar", {})

    assert not (tmp_path / "backup.tar").exists()


def test_a_history_in_a_file_elsewhere_is_backed_up_and_becomes_that_of_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The backup of such an installation held no history at all."""
    monkeypatch.setenv(HISTORY_URL, f"sqlite:///{tmp_path / 'other-disk' / 'searches.sqlite'}")
    home, elsewhere = filled(tmp_path / "home"), Home(tmp_path / "elsewhere")
    assert not home.history_file.exists()
    back_up(home, tmp_path / "backup.tar", {})

    with pytest.raises(NotABackupError, match="unset it"):
        restore(tmp_path / "backup.tar", elsewhere, {})
    assert not elsewhere.root.exists()
    before = Ledger.open(home.history_url).payments()
    monkeypatch.delenv(HISTORY_URL)
    restore(tmp_path / "backup.tar", elsewhere, {})

    assert Ledger.open(elsewhere.history_url).payments() == before != ()


@pytest.mark.parametrize("url", ["no url", "mysql://host/history", "sqlite://"])
def test_a_history_that_no_backup_can_hold_makes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    home = filled(tmp_path / "home")
    monkeypatch.setenv(HISTORY_URL, url)

    with pytest.raises(BackupFileError, match=HISTORY_URL):
        back_up(home, tmp_path / "backup.tar", {})


def test_what_begins_as_a_database_and_is_none_is_copied_as_it_is(tmp_path: Path) -> None:
    home = filled(tmp_path / "home")
    (home.root / "damaged.sqlite").write_bytes(b"SQLite format 3\0" + b"x" * 4096)

    back_up(home, tmp_path / "backup.tar", {})
    restore(tmp_path / "backup.tar", Home(tmp_path / "elsewhere"), {})

    damaged = tmp_path / "elsewhere" / "damaged.sqlite"
    assert damaged.read_bytes() == (home.root / "damaged.sqlite").read_bytes()


def test_a_database_that_goes_away_before_its_turn_is_not_made_anew(tmp_path: Path) -> None:
    home = filled(tmp_path / "home")
    gone = home.root / "gone.sqlite"
    home.history_file.rename(gone)

    class Vanishing(HomeFile):
        @property
        def is_sqlite(self) -> bool:
            self.path.unlink()
            return True

    with pytest.raises(FileNotFoundError):
        consistent(Vanishing("gone.sqlite", gone), tmp_path / "copy.sqlite").open()

    assert not gone.exists()


def test_a_database_that_somebody_locks_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    home = filled(tmp_path / "home")
    holder = sqlite3.connect(home.history_file, isolation_level=None)
    holder.execute("PRAGMA journal_mode=DELETE")
    holder.execute("BEGIN EXCLUSIVE")

    with pytest.raises(BackupFileError, match="locked"):
        consistent(HomeFile("history.sqlite", home.history_file), tmp_path / "copy.sqlite", 0.1)

    holder.close()


def test_a_backup_or_home_in_no_place_for_it_is_a_sentence(tmp_path: Path) -> None:
    home = filled(tmp_path / "home")
    (tmp_path / "text").write_text("no folder")
    os.mkfifo(tmp_path / "pipe")
    back_up(home, tmp_path / "backup.tar", {})

    for place in (tmp_path, tmp_path / "text" / "backup.tar", Path("/proc/backup.tar"), tmp_path / "pipe"):
        with pytest.raises(BackupFileError, match="cannot be used"):
            back_up(home, place, {})
    assert (tmp_path / "pipe").is_fifo()
    with pytest.raises(NotEmptyError):
        restore(tmp_path / "backup.tar", Home(tmp_path / "text"), {})
    with pytest.raises(BackupFileError, match="cannot be used"):
        restore(tmp_path / "backup.tar", Home(tmp_path / "text" / "home"), {})


def test_what_is_no_backup_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.tar").write_text("no archive")
    with tarfile.open(tmp_path / "other.tar", "w") as archive:
        archive.add(tmp_path / "text.tar", "text")

    for name in ("text.tar", "other.tar", "none.tar"):
        with pytest.raises(NotABackupError, match=name):
            restore(tmp_path / name, Home(tmp_path / "elsewhere"), {})


@pytest.mark.parametrize(
    "listing",
    ["[]", "{}", '{"files": [], "databases": {}}', '{"files": {}}', "null", "{", '{"files":' + "[" * 100_000],
)
def test_a_listing_of_another_kind_is_refused(tmp_path: Path, listing: str) -> None:
    (tmp_path / "backup.json").write_text(listing)
    with tarfile.open(tmp_path / "backup.tar", "w") as archive:
        archive.add(tmp_path / "backup.json", "backup.json")

    with pytest.raises(NotABackupError, match=r"backup\.tar"):
        restore(tmp_path / "backup.tar", Home(tmp_path / "elsewhere"), {})


@pytest.mark.parametrize("name", ["../outside.txt", "files/../../outside.txt"])
def test_an_archive_writes_nothing_outside_of_the_home(tmp_path: Path, name: str) -> None:
    back_up(filled(tmp_path / "home"), tmp_path / "backup.tar", {})
    (tmp_path / "text").write_text("hostile")
    with tarfile.open(tmp_path / "backup.tar", "a") as archive:
        found = archive.gettarinfo(tmp_path / "text", "text")
        found.name = name
        with (tmp_path / "text").open("rb") as said:
            archive.addfile(found, said)

    with pytest.raises(NotABackupError):
        restore(tmp_path / "backup.tar", Home(tmp_path / "elsewhere"), {})

    assert not (tmp_path / "elsewhere").exists()
    assert not list(tmp_path.rglob("outside.txt"))


def _archive(file: Path, members: Mapping[str, bytes], links: Mapping[str, tuple[bytes, str]]) -> None:
    """An archive of files, and of members of other kinds with what they lead to."""
    with tarfile.open(file, "w") as archive:
        for name, content in members.items():
            listed = tarfile.TarInfo(name)
            listed.size = len(content)
            archive.addfile(listed, io.BytesIO(content))
        for name, (kind, target) in links.items():
            listed = tarfile.TarInfo(name)
            listed.type, listed.linkname = kind, target
            archive.addfile(listed)


EMPTY = {"backup.json": b'{"files": {}, "databases": {}}'}


@pytest.mark.parametrize(
    "links",
    [
        {"files": (tarfile.DIRTYPE, ""), "files/evaluations": (tarfile.SYMTYPE, "../otherproject")},
        {"files": (tarfile.SYMTYPE, "databases")},
        {"databases": (tarfile.SYMTYPE, "files")},
        {"files/copy": (tarfile.LNKTYPE, "backup.json")},
        {"files/pipe": (tarfile.FIFOTYPE, "")},
    ],
)
def test_an_archive_with_a_link_is_not_restored(tmp_path: Path, links: dict[str, tuple[bytes, str]]) -> None:
    """A link to a folder beside the home was restored, and what was written there later landed in it."""
    _archive(tmp_path / "backup.tar", EMPTY, {"otherproject": (tarfile.DIRTYPE, ""), **links})

    with pytest.raises(NotABackupError, match="no backup holds one"):
        restore(tmp_path / "backup.tar", Home(tmp_path / "elsewhere"), {})

    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    "members",
    [
        {**EMPTY, "files": b"no folder"},
        {**EMPTY, "/".join(["files"] * 1_500): b""},
        {**EMPTY, "files/" + "n" * 5_000: b""},
        {"backup.json": json.dumps({"files": {"n" * 5_000: "0"}, "databases": {}}).encode()},
        {"backup.json": b'{"files": {"../backup.json": "0"}, "databases": {}}'},
        {"backup.json": b'{"files": {}, "databases": {"../backup.json": "0"}}'},
    ],
    ids=[
        "a file for the files",
        "deep",
        "long",
        "lists a long name",
        "lists a file outside",
        "and a database",
    ],
)
def test_an_archive_of_no_backup_is_refused_by_a_sentence(tmp_path: Path, members: dict[str, bytes]) -> None:
    _archive(tmp_path / "backup.tar", members, {})

    with pytest.raises(BackupError, match=r"backup\.tar"):
        restore(tmp_path / "backup.tar", Home(tmp_path / "elsewhere"), {})

    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    "spelled",
    [{"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(2**50)}, {}],
    ids=["named in a header", "a type of its own"],
)
def test_a_file_with_holes_which_may_be_of_any_length_is_not_restored(
    tmp_path: Path, spelled: Mapping[str, str]
) -> None:
    """Such a member of a few bytes became a file of a petabyte, whose hash was then computed."""
    listed = tarfile.TarInfo("files/weights")
    listed.pax_headers = {**spelled, "GNU.sparse.name": listed.name} if spelled else {}
    content = b"0\n".ljust(512, b"\0")
    listed.size = len(content)
    with tarfile.open(tmp_path / "backup.tar", "w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(listed, io.BytesIO(content))
    if not spelled:
        raw = bytearray((tmp_path / "backup.tar").read_bytes())
        raw[156:157] = tarfile.GNUTYPE_SPARSE
        raw[386:482] = b"\0" * 96
        raw[483:495] = b"\x80" + (2**50).to_bytes(11, "big")
        raw[148:156] = b" " * 8
        raw[148:156] = f"{sum(raw[:512]):06o}\0 ".encode()
        (tmp_path / "backup.tar").write_bytes(raw)

    with pytest.raises(NotABackupError, match="has holes"):
        restore(tmp_path / "backup.tar", Home(tmp_path / "elsewhere"), {})

    assert not (tmp_path / "elsewhere").exists()


def test_a_file_that_a_backup_does_not_list_is_not_restored(tmp_path: Path) -> None:
    back_up(filled(tmp_path / "home"), tmp_path / "backup.tar", {})
    (tmp_path / "text").write_text("hostile")
    with tarfile.open(tmp_path / "backup.tar", "a") as archive:
        archive.add(tmp_path / "text", "files/dagster/dagster.yaml")

    with pytest.raises(UnlistedFileError, match=r"dagster/dagster\.yaml"):
        restore(tmp_path / "backup.tar", Home(tmp_path / "elsewhere"), {})

    assert not (tmp_path / "elsewhere").exists()


def test_a_log_that_grows_meanwhile_is_kept_as_far_as_it_was_written(tmp_path: Path) -> None:
    home = filled(tmp_path / "home")
    log, done = home.root / "logs" / "worker.log", threading.Event()
    log.parent.mkdir()
    log.write_text("")

    def grow() -> None:
        with log.open("a") as file:
            while not done.wait(0.001):  # bounds the log on a machine whose backups are slow
                file.write("a line of a log\n" * 100)
                file.flush()

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        for number in range(5):
            back_up(home, tmp_path / f"{number}.tar", {})
    finally:
        done.set()
        writer.join()

    for number in range(5):
        elsewhere = Home(tmp_path / f"elsewhere-{number}")
        restore(tmp_path / f"{number}.tar", elsewhere, {})
        assert log.read_bytes().startswith((elsewhere.root / "logs/worker.log").read_bytes())


def test_a_file_that_goes_away_meanwhile_is_named(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text(name)

    listing = home_files(home)
    first = next(listing)
    (tmp_path / "b").unlink()

    kept = (HomeFile("a", (tmp_path / "a").resolve()), HomeFile("c", (tmp_path / "c").resolve()))
    assert [first, *listing] == [kept[0], OmittedFile("b", "went away meanwhile"), kept[1]]


def test_what_links_lead_to_is_kept_and_a_broken_link_is_named(tmp_path: Path) -> None:
    home = filled(tmp_path / "home")
    beside = tmp_path / "other-disk"
    beside.mkdir()
    (beside / "weights").write_text("many numbers")
    (home.root / "models").symlink_to(beside)
    (home.root / "one").symlink_to(beside / "weights")
    (home.root / "broken").symlink_to(beside / "nothing")
    (beside / "round").symlink_to(home.root)

    made = back_up(home, tmp_path / "backup.tar", {})
    elsewhere = Home(tmp_path / "elsewhere")
    restore(tmp_path / "backup.tar", elsewhere, {})

    assert {(each.name, each.reason) for each in made.left_out} == {
        ("broken", "is a link that leads nowhere"),
        ("models/round", "is a link to a folder that it is in"),
    }
    for name in ("models/weights", "one"):
        assert (elsewhere.root / name).read_text() == "many numbers"
        assert not (elsewhere.root / name).is_symlink()


def test_columns_are_left_out_only_where_a_table_gives_them_again(tmp_path: Path) -> None:
    home = filled(tmp_path / "home")
    (home.lance / "tokens-0a.lance").mkdir(parents=True)
    for name in ("pool/0a/tokens.npy", "pool/0b/pairs=exact/rows.npy", "older/0b/pairs=exact/rows.npy"):
        (home.columns / name).parent.mkdir(parents=True)
        (home.columns / name).write_text(name)

    names = {each.name for each in home_files(home)}

    assert {name for name in names if name.startswith("columns/")} == {
        "columns/pool/0b/pairs=exact/rows.npy",
        "columns/older/0b/pairs=exact/rows.npy",
    }


def test_a_file_with_the_ending_of_a_database_need_not_be_one(tmp_path: Path) -> None:
    home = filled(tmp_path / "home")
    (home.root / "notes.db").write_text("no database")

    back_up(home, tmp_path / "backup.tar", {})
    restore(tmp_path / "backup.tar", Home(tmp_path / "elsewhere"), {})

    assert (tmp_path / "elsewhere/notes.db").read_text() == "no database"


def test_a_backup_inside_the_home_does_not_hold_itself(tmp_path: Path) -> None:
    home = filled(tmp_path / "home")

    first = back_up(home, home.root / "backup.tar", {})
    second = back_up(home, home.root / "backup.tar", {})

    assert second.files == first.files


def test_the_password_of_a_database_is_on_no_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "pg_dump"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/said\necho "$PGPASSWORD" > {tmp_path}/secret\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    dump("postgresql+psycopg2://user:p%40ss@db.example:5433/history?sslmode=require", tmp_path / "out")

    said = (tmp_path / "said").read_text()
    assert "p%40ss" not in said
    assert "p@ss" not in said
    assert "--dbname=postgresql://user@db.example:5433/history?sslmode=require" in said
    assert (tmp_path / "secret").read_text() == "p@ss\n"


@pytest.mark.parametrize("releases", [("9.6", "15", "16"), ("16", "9.6"), ("10", "9.6"), ("9.5", "9.6")])
def test_the_programs_of_the_newest_release_are_taken(tmp_path: Path, releases: tuple[str, ...]) -> None:
    for release in releases:
        (tmp_path / release / "bin").mkdir(parents=True)
        (tmp_path / release / "bin/pg_dump").touch()
    newest = max(releases, key=float)

    assert newest_program("pg_dump", tmp_path) == tmp_path / newest / "bin/pg_dump"
    assert newest_program("pg_restore", tmp_path) is None


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("printf 'a hint\\nmore of it\\nno such database\\n\\n' >&2; exit 1", "no such database"),
        ("echo 'no such database' >&2; exit 1", "no such database"),
        ("exit 3", "it ended with code 3"),
    ],
)
def test_a_program_that_refuses_is_quoted_by_its_last_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, reason: str
) -> None:
    (tmp_path / "pg_dump").write_text(f"#!/bin/sh\n{said}\n")
    (tmp_path / "pg_dump").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    with pytest.raises(DatabaseToolError) as caught:
        dump("postgresql://db.example/history", tmp_path / "out")

    assert caught.value.reason == reason


def test_each_database_of_a_backup_is_loaded_into_the_place_that_is_given_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stand-ins for PostgreSQL's programs: a database is a file named by the last part of its URL."""
    place, out = f"{tmp_path}/${{1##*/}}", "--file="
    copies = f'for each in "$@"; do case "$each" in {out}*) cp "{place}" "${{each#{out}}}";; esac; done'
    loads = f'for last in "$@"; do :; done; cp "$last" "{place}"'
    for program, does in (("pg_dump", copies), ("pg_restore", loads)):
        (tmp_path / program).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / program).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    names = ("history", "dagster")
    for name in names:
        (tmp_path / f"{name}_here").write_text(f"all of {name}")

    home, file = filled(tmp_path / "home"), tmp_path / "backup.tar"
    made = back_up(home, file, {name: f"postgresql://db/{name}_here" for name in names})
    there = {name: f"postgresql://db/{name}_there" for name in (*names, "unneeded")}
    restored = restore(file, Home(tmp_path / "elsewhere"), there)

    assert made.databases == restored.databases == names
    assert [(tmp_path / f"{name}_there").read_text() for name in names] == [
        f"all of {name}" for name in names
    ]
    with pytest.raises(NotABackupError, match="'dagster', and no URL is given"):
        restore(file, Home(tmp_path / "again"), {"history": there["history"]})


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
    assert Ledger.open(other).payments() == Ledger.open(url).payments() != ()
