"""A reader sees all of a write or none, whatever stops the writer."""

import signal
import subprocess
import sys
import textwrap
import time
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from autoselection_core.errors.store import StorageFullError
from autoselection_core.store.atomic import UNFINISHED, atomic_file, atomic_folder

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


def test_the_workplace_of_a_living_writer_is_left_alone(tmp_path: Path) -> None:
    with atomic_file(tmp_path / "file") as slow:
        slow.write_text("second")
        with atomic_file(tmp_path / "file") as fast:
            fast.write_text("first")

    assert (tmp_path / "file").read_text() == "second"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_writers_of_one_name_do_not_remove_each_others_workplace(tmp_path: Path) -> None:
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
