"""Program of a judge: started in a process group of its own, heard, timed and ended."""

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias
from uuid import uuid4

from autoselection_core.environment_variables import JUDGE_CALL
from autoselection_core.errors.judge import JudgeDiedError, JudgeNotStartedError, JudgeTimedOutError
from autoselection_core.progress import Progress

_POLL_S = 0.2
_LAST_BYTES = 4_096
_ROUNDS = 20


@dataclass(frozen=True)
class ProgramCall:
    """One call of a judge's program.

    Attributes:
        key: Name of the evaluation, for errors.
        command: Program and arguments; no shell reads them.
        environment: Variables beside those of this process.
        folder: The working folder; output is kept there as `stdout.log` and `stderr.log`.
        timeout_s: Seconds after which the program and everything that it started is ended.
        progress: Called while it runs.
    """

    key: str
    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    timeout_s: float
    progress: Progress | None = None


RunsProgram: TypeAlias = Callable[[ProgramCall], None]
"""Runs a program to its end, here or elsewhere; see `run_program`."""


def run_program(call: ProgramCall) -> None:
    """Run a program to its end, in a process group of its own, with a mark of the call in its environment.

    Raises:
        JudgeNotStartedError: There is no such program.
        JudgeTimedOutError: It ran too long.
        JudgeDiedError: It ended with another code than 0.
    """
    folder = call.folder
    folder.mkdir(parents=True, exist_ok=True)
    call_id = uuid4().hex
    with (folder / "stdout.log").open("ab") as out, (folder / "stderr.log").open("ab") as err:
        try:
            process = subprocess.Popen(  # noqa: S603 the campaign names it, as a list and not as a shell's line
                list(call.command),
                cwd=folder,
                env={**os.environ, **call.environment, JUDGE_CALL: call_id},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        except OSError as error:
            raise JudgeNotStartedError(call.key, call.command[0], str(error)) from error
        try:
            code = _code(process, call)
        finally:
            _end_all(process, f"{JUDGE_CALL}={call_id}".encode())
    if code is None:
        raise JudgeTimedOutError(call.key, call.timeout_s)
    if code != 0:
        raise JudgeDiedError(call.key, code, _last_line(folder / "stderr.log"))


def _code(process: subprocess.Popen[bytes], call: ProgramCall) -> int | None:
    """The exit code; None where the time was up."""
    started = time.monotonic()
    while True:
        passed = time.monotonic() - started
        if passed >= call.timeout_s:
            return None
        try:
            return process.wait(min(_POLL_S, call.timeout_s - passed))
        except subprocess.TimeoutExpired:
            if call.progress is not None:
                call.progress("judge, seconds of its limit", int(passed), int(call.timeout_s))


def _end_all(process: subprocess.Popen[bytes], mark: bytes) -> None:
    """End what the program started and left behind, and the program itself.

    A process that left the group is found by the mark in its environment, where the system has `/proc`.
    """
    with suppress(ProcessLookupError, PermissionError):  # all of them have ended
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for _ in range(_ROUNDS):  # one that is just being started is found in the next round
        marked = list(_marked(mark))
        for pid in marked:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if not marked:
            return


def _marked(mark: bytes) -> Iterator[int]:
    """Ids of the processes with a variable in their environment; one that has ended has none."""
    for file in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # it has ended, or is another user's
            if mark in file.read_bytes().split(b"\0"):
                yield int(file.parent.name)


def _last_line(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _LAST_BYTES))
        lines = file.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it wrote nothing to stderr"


@contextmanager
def device(folder: Path, count: int) -> Iterator[dict[str, str]]:
    """Hold one of the machine's devices: the variable that names it to CUDA; no variable for a count of 0.

    Whoever finds none free waits. The lock goes with the process, so a killed one leaves none.
    """
    if count == 0:
        yield {}
        return
    folder.mkdir(parents=True, exist_ok=True)
    files = [(folder / f"gpu-{number}.lock").open("w") for number in range(count)]
    try:
        yield {"CUDA_VISIBLE_DEVICES": str(_first_free(files))}
    finally:
        for file in files:
            file.close()


def _first_free(files: Sequence[object]) -> int:
    while True:
        for number, file in enumerate(files):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # type: ignore[arg-type] # an open file
            except BlockingIOError:
                continue
            return number
        time.sleep(_POLL_S)
