"""Fine-tuning evaluator: trains the base model on a subset and scores it on benchmarks."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.item import Item
from autoselection_core.benchmarks.split import Side, split
from autoselection_core.errors.evaluation import BaseModelChangedError, WeightsGoneError, WrongPoolError
from autoselection_core.evaluation.environment import peak_bytes, read_counters, used_joules
from autoselection_core.evaluation.folder import (
    CONFIG,
    ENVIRONMENT,
    TRAINED,
    EvaluationFolder,
    evaluation_key,
    untrained_key,
)
from autoselection_core.evaluation.scoring.likelihood import Scoring
from autoselection_core.evaluation.scoring.scoring import (
    Reader,
    require_askable,
    score_benchmark,
    score_items,
)
from autoselection_core.evaluation.training.data_parallel import train_on_devices
from autoselection_core.evaluation.training.fine_tune import SubsetSamples, train
from autoselection_core.evaluation.training.job import Job
from autoselection_core.evaluation.training.run import Trainee
from autoselection_core.evaluation.training.settings import FineTuning, Method
from autoselection_core.evaluation.training.weights import (
    SavedTraining,
    has_weights,
    load_trained,
    save_trained,
)
from autoselection_core.identity import Json, fingerprint
from autoselection_core.models.base_model import BaseModel, settle_dtype
from autoselection_core.models.folder import model_fingerprint, model_folder
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sample import Sample
from autoselection_core.progress import Progress
from autoselection_core.score.evaluation import Cost, Evaluation, UntrainedScores
from autoselection_core.score.score import BenchmarkScore, utility, utility_standard_error
from autoselection_core.store.home import Home
from autoselection_core.subset import Subset, write_subset
from autoselection_core.subset.value import fingerprint_of_ids


@dataclass(frozen=True, eq=False)
class FineTuningEvaluator:
    """Evaluator that fine-tunes the base model on a subset and scores dev items; test items on demand.

    Attributes:
        home: Where evaluations are kept.
        pool: Where the samples come from.
        base_model: Folder or hub name of the base model.
        benchmarks: What scores are made on.
        training: How to fine-tune.
        weights: Weight of each benchmark in the utility; None for equal weights. Not part of an
            evaluation's key: other weights read the same scores.
        scoring: Size of a scoring pass.
        checkpoint_s: Seconds between two checkpoints of a long training.
    """

    home: Home
    pool: Pool
    base_model: str | Path
    benchmarks: tuple[Benchmark, ...]
    training: FineTuning = field(default_factory=FineTuning)
    weights: Mapping[str, float] | None = None
    scoring: Scoring = field(default_factory=Scoring)
    checkpoint_s: float = Trainee.checkpoint_s
    _read_back: dict[str, BaseModel] = field(default_factory=dict, init=False, repr=False)
    """Model last read from disk, so that dev, test and further items load it once."""

    def __post_init__(self) -> None:
        """Check every benchmark's split before any money is spent.

        Raises:
            NoItemsError: A side of a split is empty.
        """
        for benchmark in self.benchmarks:
            split(benchmark)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of base model, training and benchmarks."""
        return fingerprint(self._identity())

    def key(self, subset: str, replicate: int) -> str:
        """The name of the evaluation of a subset, given by its hash."""
        return evaluation_key(self.fingerprint, subset, replicate)

    def evaluate(self, subset: Subset, replicate: int, progress: Progress | None = None) -> Evaluation:
        """Dev scores of a trained subset; resumes after a kill, and reads a finished evaluation back.

        The subset is stored first, so that what was trained on can be verified.

        Raises:
            WrongPoolError: The subset is of another pool version.
            ItemsTooLongError: Dev items are longer than the model reads; nothing is trained.
            TrainingFailedError: The training did not yield a model.
            ScoringFailedError: The model could not be scored.
            BaseModelChangedError: Another base model is under its path.
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
        """Score the test items with an evaluation's model, and log that they were opened and why.

        Raises:
            NotEvaluatedError: There is no complete evaluation of that key.
            ScoringFailedError: The model could not be scored.
        """

        def score(folder: EvaluationFolder) -> None:
            started = time.monotonic()
            scores, _ = self._score(self._load_trained(folder), Side.TEST, progress)
            folder.write_test(scores, time.monotonic() - started)

        return self._score_once(key, reason, lambda folder: folder.has_test_scores, score).read_test()

    def score_base_model(self, reason: str, progress: Progress | None = None) -> UntrainedScores:
        """Dev and test scores of the untrained base model; a folder of their own keeps them.

        Raises:
            ScoringFailedError: The model could not be scored.
        """
        folder = EvaluationFolder(self.home.evaluation(untrained_key(self.fingerprint)))
        with folder.lock():
            folder.log_opening(reason)
            known = folder.read_untrained(self.weights)
            return self._score_untrained(folder, progress) if known is None else known

    def _score_untrained(self, folder: EvaluationFolder, progress: Progress | None) -> UntrainedScores:
        started, energy = time.monotonic(), read_counters()
        self._read_back.clear()  # there may be room for one model only
        model = self._load_base()
        scores, tokens = self._score(model, Side.DEV, progress)
        seconds, used = time.monotonic() - started, used_joules(energy, read_counters())
        test, _ = self._score(model, Side.TEST, progress)
        nothing = fingerprint_of_ids(np.array([], "S32"))
        dev = Evaluation(
            key=folder.key,
            subset=nothing,
            replicate=0,
            utility=utility(scores, self.weights),
            standard_error=utility_standard_error(scores, self.weights),
            scores=scores,
            cost=Cost(seconds, 0, tokens, peak_bytes(model.device), used),
            seeds={},
            selected_count=0,
            trained_count=0,
            trained_hash=nothing,
        )
        folder.write_test(test, time.monotonic() - started - seconds)
        folder.write_json(CONFIG, {**self._identity(), "untrained": True})
        folder.write_result(dev)
        return UntrainedScores(dev, test)

    def score_held_out(
        self, key: str, benchmark: Benchmark, reason: str, progress: Progress | None = None
    ) -> BenchmarkScore:
        """Score the test items of a held-out benchmark, and log that they were opened and why.

        Raises:
            NotEvaluatedError: There is no complete evaluation of that key.
            ScoringFailedError: The model could not be scored.
        """

        def score(folder: EvaluationFolder) -> None:
            model = self._load_trained(folder)
            found, _ = score_benchmark(model, benchmark, Side.TEST, self.scoring, progress)
            folder.write_held_out(benchmark, found)

        opened = f"{reason}, {benchmark.name}"
        folder = self._score_once(key, opened, lambda folder: folder.has_held_out(benchmark), score)
        return folder.read_held_out(benchmark)

    def score_further(
        self,
        key: str,
        benchmark: Benchmark,
        items: Sequence[Item],
        reason: str,
        progress: Progress | None = None,
    ) -> BenchmarkScore:
        """Score test items beyond those of the report, and log that they were opened and why.

        Raises:
            NotEvaluatedError: There is no complete evaluation of that key.
            ScoringFailedError: The model could not be scored.
        """
        names = [item.id for item in items]

        def score(folder: EvaluationFolder) -> None:
            model = self._load_trained(folder)
            found, _ = score_items(model, benchmark, items, self.scoring, side=Side.TEST, progress=progress)
            folder.write_further(found)

        opened = f"{reason}, {len(items):,} further items of {benchmark.name}"
        folder = self._score_once(
            key, opened, lambda folder: folder.has_further(benchmark.name, names), score
        )
        return folder.read_further(benchmark.name, names)

    def _score_once(
        self,
        key: str,
        reason: str,
        is_scored: Callable[[EvaluationFolder], bool],
        score: Callable[[EvaluationFolder], None],
    ) -> EvaluationFolder:
        """Log why items of a complete evaluation are opened, and score them unless they were before."""
        folder = EvaluationFolder(self.home.evaluation(key)).require_complete()
        with folder.lock():
            folder.log_opening(reason)
            if not is_scored(folder):
                score(folder)
        return folder

    def _make(self, folder: EvaluationFolder, subset: Subset, replicate: int, progress: Progress) -> None:
        write_subset(subset, self.pool.ids, self.home)  # before any money is spent on it
        if not (folder.path / TRAINED).exists() or not has_weights(folder.path, self.training.method):
            self._require_askable()
            self._train(folder, subset, replicate, progress)
        record = folder.read_json(TRAINED)
        started, energy = time.monotonic(), read_counters()
        model = self._load_trained(folder)
        scores, scoring_tokens = self._score(model, Side.DEV, progress)
        cost = Cost(
            seconds=record["seconds"] + time.monotonic() - started,
            training_tokens=record["tokens"],
            scoring_tokens=scoring_tokens,
            peak_bytes=max(peak_bytes(model.device), record.get("peak_bytes", 0)),
            energy_j=_sum(record.get("energy_j"), used_joules(energy, read_counters())),
        )
        folder.write_result(
            Evaluation(
                key=folder.key,
                subset=subset.fingerprint,
                replicate=replicate,
                utility=utility(scores, self.weights),
                standard_error=utility_standard_error(scores, self.weights),
                scores=scores,
                cost=cost,
                seeds={"order": replicate, "initialisation": replicate},
                selected_count=len(subset),
                trained_count=record["samples"],
                trained_hash=record["samples_hash"],
                skipped=record["skipped"],
                changes=record.get("changes", {}),
            )
        )

    def _require_askable(self) -> None:
        """Refuse dev items that the model could not be asked, before any money is spent."""
        reader = Reader.at(model_folder(self.base_model))
        for benchmark in self.benchmarks:
            require_askable(reader, benchmark, (Side.DEV,))

    def _train(
        self, folder: EvaluationFolder, subset: Subset, replicate: int, progress: Progress | None
    ) -> None:
        """Train, and write `trained.json` once the weights are on disk."""
        about = {"subset": subset.fingerprint, "replicate": replicate, "settings": self.training.to_json()}
        folder.write_json(CONFIG, {**self._identity(), **about})
        trainee = Trainee(folder.key, folder.path, replicate, self.checkpoint_s)
        samples = SubsetSamples(self.pool, subset)
        self._read_back.clear()  # there may be room for one model only
        energy = read_counters()
        trained = (
            self._train_here(samples, trainee, progress)
            if self.training.devices == 1
            else self._train_on_devices(samples, trainee, progress)
        )
        used = None if trained.is_continued else used_joules(energy, read_counters())
        self._require_same_model()
        folder.write_json(ENVIRONMENT, trained.environment)
        folder.write_json(TRAINED, {**trained.record, "energy_j": used, "peak_bytes": trained.peak_bytes})

    def _train_here(
        self, samples: Mapping[str, Sample], trainee: Trainee, progress: Progress | None
    ) -> SavedTraining:
        return save_trained(train(self._load_base, samples, self.training, trainee, progress), trainee.folder)

    def _train_on_devices(
        self, samples: Mapping[str, Sample], trainee: Trainee, progress: Progress | None
    ) -> SavedTraining:
        folder, training = model_folder(self.base_model), self.training
        if training.method is Method.LORA:  # all weights are always loaded in float32
            with self.home.served():
                training = replace(training, dtype=settle_dtype(folder, training.dtype))
        return train_on_devices(Job(folder, training, trainee), samples, progress)

    def _load_base(self) -> BaseModel:
        self._require_same_model()
        with self.home.served():
            return BaseModel.load(self.base_model, dtype=self.training.loaded_dtype)

    def _load_trained(self, folder: EvaluationFolder) -> BaseModel:
        if folder.key not in self._read_back:
            if not has_weights(folder.path, self.training.method):
                raise WeightsGoneError(folder.key)
            self._read_back.clear()
            dtype = str(folder.read_json(ENVIRONMENT)["dtype"])
            self._require_same_model()
            read = load_trained(folder.path, self.base_model, dtype, self.training.method)
            self._read_back[folder.key] = read
        return self._read_back[folder.key]

    def _score(
        self, model: BaseModel, side: Side, progress: Progress | None
    ) -> tuple[tuple[BenchmarkScore, ...], int]:
        results = [
            score_benchmark(model, benchmark, side, self.scoring, progress) for benchmark in self.benchmarks
        ]
        return tuple(score for score, _ in results), sum(tokens for _, tokens in results)

    @cached_property
    def _base_version(self) -> str:
        return model_fingerprint(model_folder(self.base_model))

    def _require_same_model(self) -> None:
        """Refuse a model that was put under the path since the evaluator got its name."""
        if model_fingerprint(model_folder(self.base_model)) != self._base_version:
            raise BaseModelChangedError(str(self.base_model))

    def _identity(self) -> dict[str, Json]:
        return {
            "base_model": self._base_version,
            "training": self.training.identity,
            "benchmarks": {benchmark.name: benchmark.version for benchmark in self.benchmarks},
        }


def _sum(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first + second
