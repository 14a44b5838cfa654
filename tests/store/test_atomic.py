"""A reader sees all of a write or none, whatever stops the writer, and a rerun goes on."""

import signal
import subprocess
import sys
import tarfile
import textwrap
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from autoselection_core.campaign.declaration.campaign import Campaign
from autoselection_core.campaign.remote.clients import attached_workspace
from autoselection_core.errors.store import StorageFullError
from autoselection_core.export.installation.backup import back_up
from autoselection_core.export.manifest import SubsetOrigin
from autoselection_core.export.writing import export_subset
from autoselection_core.pool.pool import Pool
from autoselection_core.recipe import Recipe
from autoselection_core.signals.definitions.given.vectors import GivenVectors
from autoselection_core.signals.definitions.semantic.clusters import Clusters
from autoselection_core.signals.definitions.semantic.embedding import EmbeddingPairs
from autoselection_core.signals.definitions.wording.duplicates import JaccardPairs
from autoselection_core.signals.definitions.wording.text import WordEntropy
from autoselection_core.signals.store.store import SignalStore
from autoselection_core.store.atomic import UNFINISHED, atomic_file, atomic_folder
from autoselection_core.store.home import Home
from autoselection_core.store.lance import ID, ID_TYPE, LanceTable
from autoselection_core.subset import realise
from autoselection_core.testing.signals import pool_of_answers
from tests.cluster.works import RoundTrip

MEGABYTE = 1 << 20


def writer(script: str, *arguments: str) -> subprocess.Popen[str]:
    """Another process that runs a script."""
    command = [sys.executable, "-c", textwrap.dedent(script), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def visible(folder: Path) -> list[str]:
    """Entries that a reader finds in a folder."""
    return sorted(entry.name for entry in folder.iterdir() if not entry.name.endswith(UNFINISHED))


def write_half(block: AbstractContextManager[Path], name: str) -> None:
    """Start a write that fails before it is whole."""
    with block as unfinished:
        (unfinished / name).write_text("half")
        raise ZeroDivisionError


def test_a_file_appears_when_its_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"

    with atomic_file(path) as unfinished:
        unfinished.write_text("whole")
        assert visible(path.parent) == []

    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    with pytest.raises(ZeroDivisionError):
        write_half(atomic_file(path), ".")

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_appears_when_its_block_ends(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"

    with atomic_folder(folder) as unfinished:
        (unfinished / "deep").mkdir()
        (unfinished / "deep" / "file").write_text("whole")
        assert visible(folder.parent) == []

    assert (folder / "deep" / "file").read_text() == "whole"
    assert list(folder.parent.iterdir()) == [folder]


def test_the_first_writer_of_a_folder_wins(tmp_path: Path) -> None:
    folder = tmp_path / "folder"

    with atomic_folder(folder) as slow:
        (slow / "file").write_text("second")
        with atomic_folder(folder) as fast:
            (fast / "file").write_text("first")

    assert (folder / "file").read_text() == "first"
    assert list(tmp_path.iterdir()) == [folder]


def test_a_failed_folder_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        write_half(atomic_folder(tmp_path / "folder"), "file")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("delay_s", [0.0, 0.003, 0.01, 0.03])
def test_a_killed_writer_leaves_a_whole_file(tmp_path: Path, delay_s: float) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0" * MEGABYTE)
    process = writer(
        """
        import itertools, sys
        from pathlib import Path
        from autoselection_core.store.atomic import atomic_file

        for number in itertools.count(1):
            with atomic_file(Path(sys.argv[1])) as unfinished, unfinished.open("wb") as file:
                for _ in range(256):
                    file.write(str(number % 10).encode() * 4096)
            print(number, flush=True)
        """,
        str(path),
    )
    assert process.stdout
    process.stdout.readline()

    time.sleep(delay_s)
    process.send_signal(signal.SIGKILL)
    process.communicate()

    content = path.read_bytes()
    assert len(content) == MEGABYTE
    assert len(set(content)) == 1
    assert visible(tmp_path) == ["file"]


def test_a_killed_writer_leaves_no_folder(tmp_path: Path) -> None:
    process = writer(
        """
        import sys, time
        from pathlib import Path
        from autoselection_core.store.atomic import atomic_folder

        with atomic_folder(Path(sys.argv[1])) as unfinished:
            (unfinished / "file").write_text("half")
            print("written", flush=True)
            time.sleep(60)
        """,
        str(tmp_path / "folder"),
    )
    assert process.stdout
    process.stdout.readline()

    process.send_signal(signal.SIGKILL)
    process.communicate()

    assert visible(tmp_path) == []
    assert list(tmp_path.iterdir()) != []
    with atomic_folder(tmp_path / "folder"):
        pass
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]


def test_the_staging_folder_of_a_living_writer_is_left_alone(tmp_path: Path) -> None:
    with atomic_file(tmp_path / "file") as slow:
        slow.write_text("second")
        with atomic_file(tmp_path / "file") as fast:
            fast.write_text("first")

    assert (tmp_path / "file").read_text() == "second"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_writers_of_one_name_do_not_remove_each_others_staging_folder(tmp_path: Path) -> None:
    script = """
        import sys
        from pathlib import Path
        from autoselection_core.store.atomic import atomic_file

        for number in range(300):
            with atomic_file(Path(sys.argv[1])) as unfinished:
                unfinished.write_text(str(number))
        """
    writers = [writer(script, str(tmp_path / "file")) for _ in range(4)]

    assert [(process.communicate()[1], process.returncode) for process in writers] == [("", 0)] * 4
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


LIMITED = """
import resource, sys
from pathlib import Path
from autoselection_core.errors.store import StorageFullError
from autoselection_core.store.atomic import atomic_file, atomic_folder

# Files of this process end at 64 KiB: the write that crosses it fails as it does on a full disk.
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
path = Path(sys.argv[1])
try:
    with (atomic_file if sys.argv[2] == "file" else atomic_folder)(path) as unfinished:
        target = unfinished if sys.argv[2] == "file" else unfinished / "inside"
        target.write_bytes(b"new" * (1 << 16))
except StorageFullError as error:
    print(error)
"""


def test_a_full_disk_is_named_and_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    output, errors = writer(LIMITED, str(path), "file").communicate()

    assert output.startswith(f"no room for {path}"), errors
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_no_folder(tmp_path: Path) -> None:
    output, errors = writer(LIMITED, str(tmp_path / "folder"), "folder").communicate()

    assert output.startswith(f"no room for {tmp_path / 'folder'}"), errors
    assert list(tmp_path.iterdir()) == []


def test_other_errors_of_the_system_keep_their_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_file(tmp_path / "file") as unfinished:
        unfinished.with_name("absent").read_text()


def test_a_storage_error_says_what_to_do() -> None:
    assert "Free some space" in str(StorageFullError(Path("file"), "No space left on device"))


def steps_of(folder: Path) -> dict[str, Callable[[], object]]:
    """Steps that write much, each into a prepared folder."""
    home = Home(folder / "home")
    pool = Pool.open(next(home.pools.iterdir()))
    store, vectors = SignalStore(home), GivenVectors(file=str(folder / "vectors.parquet"))
    pairs, centres = EmbeddingPairs(embeddings=vectors), str(home.root / "centres.npz")
    clusters = Clusters(sizes=(4,), embeddings=vectors, centres=centres)
    campaign = Campaign("try", (), signals={"near_duplicates": {"words": 3}})
    elsewhere = attached_workspace(campaign, home, RoundTrip())
    return {
        "near duplicates": lambda: store.score(JaccardPairs(words=2), pool),
        "shards of near duplicates": lambda: elsewhere.score("near_duplicates", pool),
        "neighbours": lambda: store.score(pairs, pool),
        "clusters": lambda: store.score(clusters, pool),
        "values of samples": lambda: store.score(WordEntropy(), pool),
        "merging of a table": lambda: append_many(LanceTable(home.lance, "many")),
        "export": lambda: export_all(pool, store, folder / "exported"),
        "backup": lambda: back_up(home, folder / "backup.tar", {}),
    }


def append_many(table: LanceTable) -> None:
    """Append as often as it takes for files to be merged."""
    for number in range(len(table.ids()) // 500, 40):
        ids = pa.array([(500 * number + row).to_bytes(16, "big") for row in range(500)], ID_TYPE)
        table.append(pa.table({ID: ids, "value": pa.array(np.arange(500) * 1.1)}))


def export_all(pool: Pool, store: SignalStore, target: Path) -> None:
    """Export every sample."""
    subset = realise(Recipe(()), store.table(pool, {}))
    export_subset(pool, subset, SubsetOrigin("made-up", 1, "whole"), target)


STEP = """
import sys
from pathlib import Path
from tests.store.test_atomic import steps_of

step = steps_of(Path(sys.argv[1]))[sys.argv[2]]
print("begins", flush=True)
step()
"""

WITHOUT_ROOM = """
import resource, sys
from pathlib import Path
from autoselection_core.errors.store import StorageFullError
from tests.store.test_atomic import steps_of

for name, step in steps_of(Path(sys.argv[1])).items():
    limit = 100_000 if name == "merging of a table" else 4_096
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        step()
    except StorageFullError as error:
        sentence = str(error)
    else:
        sentence = "it found room"
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print(name, "|", sentence, flush=True)
    step()
"""


def prepared(folder: Path) -> Path:
    """A folder with a home that holds a pool, and a file of vectors for it."""
    rng = np.random.default_rng(0)
    answers = [" ".join(rng.choice(list("abcdefgh"), 6)) + f" {number // 2}" for number in range(2_000)]
    pool = pool_of_answers(answers)
    home = Home(folder / "home")
    pool.write(home.pool(pool.version))
    vectors = rng.normal(size=(len(pool), 8)).astype(np.float32)
    columns = {"id": pool.ids.astype(str).tolist(), "vector": vectors.tolist()}
    pq.write_table(pa.table(columns), folder / "vectors.parquet")
    return folder


def outcome(folder: Path) -> dict[str, object]:
    """What a reader finds below a folder: columns, exports, and the rows of tables."""
    home = Home(folder / "home")
    files = [*home.columns.rglob("*"), *(folder / "exported").rglob("*"), home.root / "centres.npz"]
    found: dict[str, object] = {
        str(file.relative_to(folder)): file.read_bytes()
        for file in files
        if file.is_file() and UNFINISHED not in str(file)
    }
    for table in home.lance.glob("*.lance"):
        read = LanceTable(home.lance, table.stem).read()
        found[table.stem] = sorted(map(str, read.to_pylist()))
    if (folder / "backup.tar").exists():
        with tarfile.open(folder / "backup.tar") as archive:
            found["backup"] = sorted(name for name in archive.getnames() if "lance" not in name)
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    """What each step leaves, the steps one after the other."""
    folder, found = prepared(tmp_path_factory.mktemp("undisturbed")), {}
    for name, step in steps_of(folder).items():
        step()
        found[name] = outcome(folder)
    return found


def test_every_step_names_a_full_disk_and_a_rerun_goes_on(
    tmp_path: Path, undisturbed: dict[str, dict[str, object]]
) -> None:
    folder = prepared(tmp_path)

    output, errors = writer(WITHOUT_ROOM, str(folder)).communicate()

    said = dict(line.split(" | ") for line in output.splitlines())
    assert set(said) == set(undisturbed), errors
    assert all("no room for" in each and "Free some space" in each for each in said.values()), said
    assert outcome(folder) == undisturbed["backup"]


@pytest.mark.e2e
@pytest.mark.parametrize("delay_s", [0.0, 0.02, 0.1])
def test_a_kill_in_any_step_leaves_nothing_half_and_a_rerun_goes_on(
    tmp_path: Path, undisturbed: dict[str, dict[str, object]], delay_s: float
) -> None:
    folder = prepared(tmp_path)
    for name, expected in undisturbed.items():
        process = writer(STEP, str(folder), name)
        assert process.stdout
        process.stdout.readline()
        time.sleep(delay_s)
        process.kill()
        process.communicate()
        whole = {key: each for key, each in outcome(folder).items() if key not in {"many", "backup"}}
        assert whole.items() <= expected.items()

        rerun = writer(STEP, str(folder), name)

        _, errors = rerun.communicate()
        assert rerun.returncode == 0, errors
        assert outcome(folder) == expected
        assert not list(folder.rglob(f"*{UNFINISHED}"))
        assert not list(Home(folder / "home").shards.glob("*"))
