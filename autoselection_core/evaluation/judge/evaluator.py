"""Evaluator by a judge: a program of the user trains on a subset and scores the result, item by item."""

import hashlib
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Annotated

from autoselection_core.benchmarks.split import Side
from autoselection_core.errors.evaluation import WrongPoolError
from autoselection_core.errors.judge import ItemCountError
from autoselection_core.errors.recipe import SettingError
from autoselection_core.evaluation.folder import CONFIG, EvaluationFolder, evaluation_key
from autoselection_core.evaluation.judge.program import ProgramCall, RunsProgram, device, run_program
from autoselection_core.evaluation.judge.request import JudgeRequest, read_scores, write_samples
from autoselection_core.identity import Json, canonical_json, fingerprint
from autoselection_core.pool.pool import Pool
from autoselection_core.progress import Progress
from autoselection_core.score.evaluation import Cost, Evaluation
from autoselection_core.score.score import BenchmarkScore, utility, utility_standard_error
from autoselection_core.space import Choice, Count, Interval, check_settings
from autoselection_core.store.atomic import atomic_file
from autoselection_core.store.home import Home
from autoselection_core.subset import Subset, write_subset

JUDGE = "judge"
"""Name of the metric of a judge's scores."""

FILES, PIPES = "files", "pipes"
"""Protocols of a judge: files alone, or Dagster Pipes beside them."""

_CALL = "autoselection_core.evaluation.judge.call"


@dataclass(frozen=True)
class JudgeSettings:
    """Settings of a judge.

    Attributes:
        command: Program and arguments; `{subset}`, `{output}`, `{scores}`, `{side}`, `{replicate}` and
            `{key}` are filled in. No shell reads them.
        entry_point: `package.module:function` instead of a command: called with a `JudgeRequest` in a process
            of its own, it gives one mapping of `benchmark`, `item` and `value` an item.
        timeout_s: Seconds that a call may take.
        environment: Variables of the program beside those of this process.
        gpus: Devices of this machine; a call has one to itself. 0 leaves the choice to the program.
        items: Items that a side of every benchmark has at least.
        version: Changed by the user when the judge measures otherwise than before.
        protocol: `pipes` for a program that opens Dagster Pipes, too: in a run of Dagster its log lines and
            metadata are shown there. `files` for one that only writes its scores.
        folder: Where modules of an entry point are looked for, beside installed packages.

    Raises:
        SettingError: A value is out of range.
    """

    command: tuple[str, ...] = ()
    entry_point: str = ""
    timeout_s: Annotated[float, Interval(0.1, 1e7)] = 86_400.0
    environment: Mapping[str, str] = field(default_factory=dict, hash=False)
    gpus: Annotated[int, Count(0, 1_024)] = 0
    items: Annotated[int, Count(1, 1_000_000_000)] = 1
    version: str = "1"
    folder: str = ""
    protocol: Annotated[str, Choice((FILES, PIPES))] = FILES

    def __post_init__(self) -> None:
        """Refuse settings that could never run."""
        check_settings(self)
        for name, value in self.environment.items():
            if not name or "=" in name or "\0" in f"{name}{value}":
                raise SettingError("environment", name, "names of variables, without '=', and their values")
        if any("\0" in part for part in self.command):
            raise SettingError("command", self.command, "texts without the character 0")

    @property
    def variables(self) -> dict[str, str]:
        """The program's variables, with the folder of its modules."""
        if not self.entry_point:
            return dict(self.environment)
        paths = [self.folder, os.environ.get("PYTHONPATH", "")]
        return {"PYTHONPATH": os.pathsep.join(path for path in paths if path), **self.environment}

    @property
    def run(self) -> tuple[str, ...]:
        """The command that is run."""
        return self.command or (sys.executable, "-m", _CALL, self.entry_point)


@dataclass(frozen=True, eq=False)
class JudgeEvaluator:
    """Evaluator that runs a program of the user.

    The program gets the same folder again when it is called anew for an evaluation, after a kill or for the
    test items, so it may keep its model and checkpoints there. A finished evaluation is never made again.

    Attributes:
        home: Where evaluations are kept.
        pool: Where the samples come from.
        settings: What is run.
        weights: Weight of each benchmark in the utility; None for equal weights.
        runs: Runs the program.
    """

    home: Home
    pool: Pool
    settings: JudgeSettings
    weights: Mapping[str, float] | None = None
    runs: RunsProgram = run_program

    @cached_property
    def fingerprint(self) -> str:
        """Hash of command or entry point, the contents of the files that they name, and the version."""
        settings = self.settings
        module = settings.entry_point.partition(":")[0].replace(".", "/")
        named = [Path(part) for part in settings.command] or [Path(settings.folder, f"{module}.py")]
        files = {file.name: _content(file) for file in named}
        read: dict[str, Json] = {name: content for name, content in files.items() if content is not None}
        command = [_name(part, settings.folder) for part in settings.command]
        return fingerprint(
            {
                JUDGE: list(command),
                "entry_point": settings.entry_point,
                "environment": dict(settings.environment),
                "files": read,
                "version": settings.version,
            }
        )

    def key(self, subset: str, replicate: int) -> str:
        """The name of the evaluation of a subset, given by its hash."""
        return evaluation_key(self.fingerprint, subset, replicate)

    def evaluate(self, subset: Subset, replicate: int, progress: Progress | None = None) -> Evaluation:
        """Dev scores of a subset; a finished evaluation is read back.

        Raises:
            WrongPoolError: The subset is of another pool version.
            JudgeError: The program did not yield scores.
        """
        if subset.pool_version != self.pool.version:
            raise WrongPoolError(subset.pool_version, self.pool.version)
        folder = EvaluationFolder(self.home.evaluation(self.key(subset.fingerprint, replicate)))
        return folder.get_or_make(partial(self._make, folder, subset, replicate), self.weights, progress)

    def load_finished(self, key: str) -> Evaluation | None:
        """A complete evaluation, with the utility that the weights give now; None if there is none."""
        return EvaluationFolder(self.home.evaluation(key)).load_finished(self.weights)

    def open_test(
        self, key: str, reason: str, progress: Progress | None = None
    ) -> tuple[BenchmarkScore, ...]:
        """Scores of the test items; logs that they were opened and why.

        Raises:
            NotEvaluatedError: There is no complete evaluation of that key.
            JudgeError: The program did not yield scores.
        """
        folder = EvaluationFolder(self.home.evaluation(key)).require_complete()
        with folder.lock():
            folder.log_opening(reason)
            if not folder.has_test_scores:
                started = time.monotonic()
                replicate = folder.read_result().replicate
                folder.write_test(
                    self._judged(folder, Side.TEST, replicate, progress), time.monotonic() - started
                )
        return folder.read_test()

    def _make(self, folder: EvaluationFolder, subset: Subset, replicate: int, progress: Progress) -> None:
        write_subset(subset, self.pool.ids, self.home)
        folder.write_json(CONFIG, {"settings": _plain(self.settings), "subset": subset.fingerprint})
        write_samples(_subset_file(folder), (self.pool.sample(int(row)) for row in subset.rows))
        started = time.monotonic()
        scores = self._judged(folder, Side.DEV, replicate, progress)
        folder.write_result(
            Evaluation(
                key=folder.key,
                subset=subset.fingerprint,
                replicate=replicate,
                utility=utility(scores, self.weights),
                standard_error=utility_standard_error(scores, self.weights),
                scores=scores,
                cost=Cost(time.monotonic() - started, training_tokens=0, scoring_tokens=0, peak_bytes=0),
                seeds={"replicate": replicate},
                selected_count=len(subset),
                trained_count=len(subset),
                trained_hash=subset.fingerprint,
            )
        )

    def _judged(
        self, folder: EvaluationFolder, side: Side, replicate: int, progress: Progress | None
    ) -> tuple[BenchmarkScore, ...]:
        """Run the program and read its scores."""
        output, scores = folder.path / JUDGE, folder.path / f"scores-{side.value}.jsonl"
        scores.unlink(missing_ok=True)  # of a call that was killed
        request = JudgeRequest(_subset_file(folder), output, scores, side, replicate, folder.key)
        settings = self.settings
        with device(self.home.resolve(Path(JUDGE)), settings.gpus) as chosen:
            environment = {**settings.variables, **chosen, **request.environment}
            command = request.fill(settings.run)
            self.runs(ProgramCall(folder.key, command, environment, output, settings.timeout_s, progress))
        found = read_scores(folder.key, scores, side)
        self._require_items(folder.key, side, found)
        return found

    def _require_items(self, key: str, side: Side, scores: Sequence[BenchmarkScore]) -> None:
        """The items of every evaluation are those of the first one: differences are taken item by item.

        Raises:
            ItemCountError: A benchmark or an item is missing, or there are others.
        """
        for score in scores:
            if len(score.items) < self.settings.items:
                raise ItemCountError(key, score.benchmark, len(score.items), self.settings.items)
        digests = {score.benchmark: _digest(score) for score in scores}
        file = self.home.resolve(Path(JUDGE) / f"{self.fingerprint}-{side.value}.json")
        if not file.exists():
            with atomic_file(file) as draft:
                draft.write_text(canonical_json(digests))
        known: dict[str, list[object]] = json.loads(file.read_text())
        for benchmark in sorted(known.keys() | digests.keys()):
            expected, got = known.get(benchmark, [0, ""]), digests.get(benchmark, [0, ""])
            if list(expected) != list(got):
                raise ItemCountError(key, benchmark, int(str(got[0])), int(str(expected[0])))


def _digest(score: BenchmarkScore) -> list[Json]:
    return [len(score.items), fingerprint([item.item for item in score.items])]


def _subset_file(folder: EvaluationFolder) -> Path:
    return folder.path / "subset.jsonl"


def _name(part: str, folder: str) -> str:
    """A part of the command: a file by its name, a folder below the campaign's by its path from there."""
    path = Path(part)
    if path.is_file():
        return path.name
    is_below = path.is_absolute() and path.is_dir() and path.is_relative_to(folder)
    return str(path.relative_to(folder)) if is_below else part


def _content(file: Path) -> str | None:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:32] if file.is_file() else None


def _plain(settings: JudgeSettings) -> dict[str, Json]:
    return {
        "command": list(settings.command),
        "entry_point": settings.entry_point,
        "version": settings.version,
    }
