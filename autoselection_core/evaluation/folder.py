"""Files of an evaluation on disk; complete once `result.json` was renamed into place."""

import fcntl
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.metric import Metric
from autoselection_core.benchmarks.split import Side
from autoselection_core.errors.evaluation import DamagedEvaluationError, NotEvaluatedError
from autoselection_core.identity import canonical_json, fingerprint, fingerprint_file
from autoselection_core.progress import Advance, Progress
from autoselection_core.score.evaluation import Cost, Evaluation, UntrainedScores
from autoselection_core.score.score import (
    BenchmarkScore,
    ItemScore,
    utility,
    utility_standard_error,
)
from autoselection_core.store.atomic import atomic_file

SCHEMA = 1
CONFIG, ENVIRONMENT = "config.json", "environment.json"
"""Files of what an evaluation is made from, and of the software and hardware that made it."""

TRAINED, FORMULA = "trained.json", "model.json"
"""Files of a finished training, and of the quality that a closed form has in place of a model."""

TRAINING = "training"
"""Stage of an evaluation that counts the steps of its training."""

_RESULT = "result.json"
_PRESENT = "present.json"
_PRESENT_EVERY_S = 2.0
"""Minimum seconds between two writes of the present stage."""

_TEST = "test.json"
_OPENINGS = "openings.jsonl"
_HELD_OUT = "elsewhere"
_FURTHER = "further"


def evaluation_key(evaluator: str, subset: str, replicate: int) -> str:
    """Name of an evaluation, from the hash of its evaluator, that of its subset and the replicate."""
    return fingerprint({"evaluator": evaluator, "subset": subset, "replicate": replicate})


def untrained_key(evaluator: str) -> str:
    """Name of the folder with the scores of an evaluator's untrained base model."""
    return fingerprint({"evaluator": evaluator, "untrained": True})


@dataclass(frozen=True)
class Present:
    """An evaluation while it is made.

    Attributes:
        began_at: Beginning of the attempt, in seconds since the epoch.
        stage: Name of its present stage; empty before the first.
        steps: Steps of that stage, timed in seconds since the epoch.
        trained_s: Seconds of its training; None before that is finished.
        trained_at: End of the training, in seconds since the epoch; None before.
    """

    began_at: float
    stage: str
    steps: Advance
    trained_s: float | None = None
    trained_at: float | None = None


@dataclass
class _Shown:
    """Progress callback that keeps the present stage in a file beside passing it on."""

    folder: "EvaluationFolder"
    progress: Progress | None
    present: Present = field(default_factory=lambda: _beginning(time.time()))
    _written_at: float = 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        now, known = time.time(), self.present
        is_new = stage != known.stage
        steps = Advance.begun(now, done, total) if is_new else known.steps.reported(now, done, total)
        self.present = replace(known, stage=stage, steps=steps)
        if is_new or now - self._written_at >= _PRESENT_EVERY_S:
            self.write()
        if self.progress is not None:
            self.progress(stage, done, total)

    def write(self) -> None:
        """Write the present stage, without waiting for the disk: after a power cut nobody makes it."""
        self._written_at = time.time()
        draft = self.folder.path / f".{_PRESENT}"
        draft.write_text(json.dumps(asdict(self.present)))
        draft.replace(self.folder.path / _PRESENT)


def _beginning(now: float) -> Present:
    return Present(now, "", Advance.begun(now, 0, None))


@dataclass(frozen=True)
class EvaluationFolder:
    """The files of one evaluation.

    Attributes:
        path: The folder; its name is the evaluation's key.
    """

    path: Path

    @property
    def key(self) -> str:
        """The evaluation's key."""
        return self.path.name

    @property
    def is_complete(self) -> bool:
        """Whether training and dev scores are all there."""
        return (self.path / _RESULT).exists()

    @property
    def has_test_scores(self) -> bool:
        """Whether the test items were scored."""
        return (self.path / _TEST).exists()

    @property
    def tested_at(self) -> float | None:
        """Time at which the test items were scored, in seconds since the epoch; None where they are not."""
        try:
            return (self.path / _TEST).stat().st_mtime
        except FileNotFoundError:
            return None

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder for this process: a second one that makes the same evaluation waits.

        The lock goes with the process, so a killed worker leaves none.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def get_or_make(
        self,
        make: Callable[[Progress], None],
        weights: Mapping[str, float] | None = None,
        progress: Progress | None = None,
    ) -> Evaluation:
        """The evaluation, which is made first where it is not complete.

        Of several processes one makes it, and the others wait and read it back.

        Args:
            make: Makes it, and reports its stages.
            weights: Weight of each benchmark in the utility; None for equal weights.
            progress: Callback for the stages; while it is made, `present` has them, too.
        """
        if not self.is_complete:
            with self.lock():
                if not self.is_complete:
                    self._make(make, progress)
        return self.read_result(weights)

    def _make(self, make: Callable[[Progress], None], progress: Progress | None) -> None:
        shown = _Shown(self, progress)
        shown.write()
        try:
            make(shown)
        finally:
            (self.path / _PRESENT).unlink(missing_ok=True)

    @property
    def present(self) -> Present | None:
        """The evaluation while it is made; None where nobody makes it here, or an earlier release does."""
        try:
            stored = json.loads((self.path / _PRESENT).read_text())
        except FileNotFoundError:
            return None
        trained = self.path / TRAINED
        is_trained = trained.exists() and stored["stage"] != TRAINING
        return Present(
            stored["began_at"],
            stored["stage"],
            Advance(**stored["steps"]),
            self.trained_s if is_trained else None,
            trained.stat().st_mtime if is_trained else None,
        )

    @property
    def trained_s(self) -> float | None:
        """Seconds of its finished training; None where no training was timed by itself."""
        known = self._trained
        seconds: float | None = known["seconds"] if known else None
        return seconds

    def load_finished(self, weights: Mapping[str, float] | None = None) -> Evaluation | None:
        """The evaluation, with the utility that some weights give; None while it is not complete."""
        return self.read_result(weights) if self.is_complete else None

    def require_complete(self) -> "EvaluationFolder":
        """The folder itself, once its evaluation is complete.

        Raises:
            NotEvaluatedError: The evaluation is not complete.
        """
        if not self.is_complete:
            raise NotEvaluatedError(self.key)
        return self

    def write_json(self, name: str, value: Mapping[str, Any]) -> None:
        """Put a JSON file in place, all of it or nothing."""
        with atomic_file(self.path / name) as draft:
            draft.write_text(json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n")

    def read_json(self, name: str) -> dict[str, Any]:
        """Read a JSON file of the folder.

        Raises:
            NotEvaluatedError: It is not there.
        """
        file = self.path / name
        if not file.exists():
            raise NotEvaluatedError(self.key)
        value: dict[str, Any] = json.loads(file.read_text())
        return value

    def write_result(self, evaluation: Evaluation) -> None:
        """Write the item records and then, as the last act, the result."""
        listed = self._write_scores(evaluation.scores)
        metrics = {score.benchmark: _metrics(score) for score in evaluation.scores}
        self.write_json("metrics.json", metrics)
        self.write_json(
            _RESULT,
            {
                "schema": SCHEMA,
                "key": evaluation.key,
                "subset": evaluation.subset,
                "replicate": evaluation.replicate,
                "scores": listed,
                "cost": asdict(evaluation.cost),
                "seeds": dict(evaluation.seeds),
                "selected_count": evaluation.selected_count,
                "trained_count": evaluation.trained_count,
                "trained_hash": evaluation.trained_hash,
                "skipped": dict(evaluation.skipped),
                **({"changes": dict(evaluation.changes)} if evaluation.changes else {}),
            },
        )

    def read_result(self, weights: Mapping[str, float] | None = None) -> Evaluation:
        """The evaluation that was written. The utility follows from the weights given now.

        Raises:
            NotEvaluatedError: The folder is not complete.
            DamagedEvaluationError: An item record differs from what was written.
        """
        stored = self.read_json(_RESULT)
        scores = tuple(self._read_score(listed) for listed in stored["scores"])
        return Evaluation(
            key=stored["key"],
            subset=stored["subset"],
            replicate=stored["replicate"],
            utility=utility(scores, weights),
            standard_error=utility_standard_error(scores, weights),
            scores=scores,
            cost=Cost(**stored["cost"]),
            seeds=stored["seeds"],
            selected_count=stored["selected_count"],
            trained_count=stored["trained_count"],
            trained_hash=stored["trained_hash"],
            skipped=stored["skipped"],
            changes=stored.get("changes", {}),
        )

    def write_test(self, scores: tuple[BenchmarkScore, ...], seconds: float) -> None:
        """Write the test items' records and scores."""
        listed = self._write_scores(scores)
        self.write_json(_TEST, {"schema": SCHEMA, "key": self.key, "scores": listed, "seconds": seconds})

    def read_test(self) -> tuple[BenchmarkScore, ...]:
        """The test scores that were written.

        Raises:
            NotEvaluatedError: The test items were not scored.
            DamagedEvaluationError: An item record differs from what was written.
        """
        return tuple(self._read_score(listed) for listed in self.read_json(_TEST)["scores"])

    @property
    def test_seconds(self) -> float | None:
        """Seconds that scoring the test items took; None where they are not scored or it was not timed."""
        seconds: float | None = self.read_json(_TEST).get("seconds") if self.has_test_scores else None
        return seconds

    @property
    def taught_tokens(self) -> int | None:
        """Tokens that the loss of the training was over; None where nothing says so."""
        taught: int | None = self._trained.get("taught_tokens")
        return taught

    @property
    def _trained(self) -> dict[str, Any]:
        """Record of its finished training; empty where there is none."""
        return self.read_json(TRAINED) if (self.path / TRAINED).exists() else {}

    @property
    def environment(self) -> dict[str, Any] | None:
        """Software and hardware that trained its model; None where nothing says so."""
        return self.read_json(ENVIRONMENT) if (self.path / ENVIRONMENT).exists() else None

    def read_untrained(self, weights: Mapping[str, float] | None = None) -> UntrainedScores | None:
        """Scores of the untrained base model; None while dev or test items are not scored."""
        if not self.is_complete or not self.has_test_scores:
            return None
        return UntrainedScores(self.read_result(weights), self.read_test())

    def has_held_out(self, benchmark: Benchmark) -> bool:
        """Whether a held-out benchmark was scored: one that no selection has read."""
        return (self.path / _held_out_file(benchmark)).exists()

    def write_held_out(self, benchmark: Benchmark, score: BenchmarkScore) -> None:
        """Write the records and the score of a held-out benchmark."""
        listed = self._write_score(score)
        self.write_json(_held_out_file(benchmark), {"schema": SCHEMA, "key": self.key, "score": listed})

    def read_held_out(self, benchmark: Benchmark) -> BenchmarkScore:
        """The score that was written of a held-out benchmark.

        Raises:
            NotEvaluatedError: It was not scored.
            DamagedEvaluationError: An item record differs from what was written.
        """
        return self._read_score(self.read_json(_held_out_file(benchmark))["score"])

    def read_all_held_out(self) -> tuple[BenchmarkScore, ...]:
        """Every score that was written of held-out benchmarks, by file name.

        Raises:
            DamagedEvaluationError: An item record differs from what was written.
        """
        files = sorted((self.path / _HELD_OUT).glob("*.json"))
        return tuple(self._read_score(json.loads(file.read_text())["score"]) for file in files)

    def has_further(self, benchmark: str, items: Sequence[str]) -> bool:
        """Whether these test items, beyond those of the report, were scored."""
        return (self.path / _further(benchmark, items)).exists()

    def write_further(self, score: BenchmarkScore) -> None:
        """Write the records and the score of test items beyond those of the report."""
        name = _further(score.benchmark, [item.item for item in score.items])
        listed = self._write_score(score, f"items/{name.removesuffix('.json')}.jsonl")
        self.write_json(name, {"schema": SCHEMA, "key": self.key, "score": listed})

    def read_further(self, benchmark: str, items: Sequence[str]) -> BenchmarkScore:
        """The score that was written of test items beyond those of the report.

        Raises:
            NotEvaluatedError: They were not scored.
            DamagedEvaluationError: An item record differs from what was written.
        """
        return self._read_score(self.read_json(_further(benchmark, items))["score"])

    def log_opening(self, reason: str) -> None:
        """Add a line that says when the test items were opened and why."""
        line = canonical_json({"opened": datetime.now(UTC).isoformat(timespec="seconds"), "reason": reason})
        with (self.path / _OPENINGS).open("a") as file:
            file.write(line + "\n")

    def openings(self) -> tuple[dict[str, str], ...]:
        """Every opening of the test items, oldest first."""
        file = self.path / _OPENINGS
        return tuple(json.loads(line) for line in file.read_text().splitlines()) if file.exists() else ()

    def _write_scores(self, scores: tuple[BenchmarkScore, ...]) -> list[dict[str, Any]]:
        return [self._write_score(score) for score in scores]

    def _write_score(self, score: BenchmarkScore, name: str | None = None) -> dict[str, Any]:
        name = name or f"items/{score.side}/{score.benchmark}.jsonl"
        with atomic_file(self.path / name) as draft:
            draft.write_text("".join(canonical_json(asdict(item)) + "\n" for item in score.items))
        return {
            "benchmark": score.benchmark,
            "metric": score.metric.value,
            "side": score.side.value,
            "items": len(score.items),
            "file": name,
            "file_hash": fingerprint_file(self.path / name),
        }

    def _read_score(self, listed: Mapping[str, Any]) -> BenchmarkScore:
        file = self.path / listed["file"]
        if not file.exists() or fingerprint_file(file) != listed["file_hash"]:
            raise DamagedEvaluationError(self.key, listed["file"])
        items = tuple(_item_score(json.loads(line)) for line in file.read_text().splitlines())
        return BenchmarkScore(listed["benchmark"], Metric(listed["metric"]), Side(listed["side"]), items)


def _held_out_file(benchmark: Benchmark) -> str:
    return f"{_HELD_OUT}/{benchmark.name}-{benchmark.version[:8]}.json"


def _further(benchmark: str, items: Sequence[str]) -> str:
    return f"{_FURTHER}/{benchmark}-{fingerprint(tuple(sorted(items)))[:8]}.json"


def _item_score(stored: dict[str, Any]) -> ItemScore:
    choices = stored.pop("choice_log_likelihoods")
    return ItemScore(**stored, choice_log_likelihoods=None if choices is None else tuple(choices))


def _metrics(score: BenchmarkScore) -> dict[str, Any]:
    return {
        "metric": score.metric.value,
        "unit": score.unit,
        "side": score.side.value,
        "items": len(score.items),
        "mean": score.mean,
        "standard_error": score.standard_error,
        "parse_failure_share": score.parse_failure_share,
    }
