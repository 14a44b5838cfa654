"""States of evaluated subsets, kept beside the scores so that a report needs neither pool nor signals."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.split import split
from autoselection_core.history.records import TrialKind, TrialState
from autoselection_core.identity import fingerprint
from autoselection_core.recipe import Recipe
from autoselection_core.report.rendering.table import Cell
from autoselection_core.search.arms import WINNER
from autoselection_core.search.propose import tokens_of
from autoselection_core.state import jaccard, states_of
from autoselection_core.state.basis import basis_of
from autoselection_core.store.atomic import atomic_file
from autoselection_core.store.home import Home
from autoselection_core.study.loading import arms_entry, entries
from autoselection_core.study.study import Study
from autoselection_core.study.study_run import StudyRun
from autoselection_core.subset import Subset, realise

_FILE = "ground.json"


@dataclass(frozen=True)
class StudyStates:
    """States and sizes of a study's subsets, with everything else that its report needs of the pool.

    Attributes:
        judge: Hash of the evaluation, as `evaluator_of` gave it for the study.
        pool: Version of the clean pool.
        samples_cut: Samples that the gate left out.
        rows: Samples of the clean pool.
        tokens: Tokens of the clean pool.
        names: Names of the numbers of a state.
        states: Number by number, for each evaluated subset by its hash.
        subset_rows: Number of rows of each.
        shared: Jaccard similarity of the rows of two recommended subsets, by both hashes in order.
        benchmarks: Name, role, metric, unit, direction, chance, dev and test items of each benchmark.
    """

    judge: str
    pool: str
    samples_cut: int
    rows: int
    tokens: int
    names: tuple[str, ...]
    states: Mapping[str, tuple[float | None, ...]] = field(hash=False)
    subset_rows: Mapping[str, int] = field(hash=False)
    shared: Mapping[str, float] = field(hash=False)
    benchmarks: tuple[tuple[Cell, ...], ...]

    def shared_share(self, one: str, other: str) -> float | None:
        """Jaccard similarity of the rows of two recommended subsets; None if it is not known."""
        return self.shared.get(_pair(one, other))

    def table(self, subsets: tuple[str, ...]) -> npt.NDArray[np.float64]:
        """The states of some subsets; NaN where a number is unknown. Shape (subsets, names)."""
        rows = [[np.nan if value is None else value for value in self.states[one]] for one in subsets]
        return np.array(rows, np.float64).reshape(len(subsets), len(self.names))


def folder_of(study: Study, home: Home) -> Path:
    """Folder of a study's own files."""
    return home.resolve(home.root / "studies" / study.name)


def evaluator_of(study: Study) -> str:
    """Hash of the evaluation that a study's file declares; the files that it names are not opened."""
    campaign = study.campaign
    return fingerprint(
        {
            "training": dict(campaign.training),
            "closed_form": None if campaign.closed_form is None else asdict(campaign.closed_form),
            **({} if campaign.judge is None else {"judge": asdict(campaign.judge)}),
            "benchmarks": {each.name: dict(each.settings) for each in campaign.benchmarks},
            # The first name of the key: the hash of a study that is unchanged stays what it was.
            "elsewhere": {each.name: dict(each.settings) for each in study.held_out_benchmarks},
        }
    )


def keep_states(study_run: StudyRun) -> None:
    """Write the facts that the report needs of the pool and of every evaluated subset."""
    subsets = _evaluated(study_run)
    names, values = basis_of(study_run.signals).names, states_of(subsets, study_run.signals)
    whole = tokens_of(realise(Recipe(), study_run.signals), study_run.signals)
    text = json.dumps(
        {
            "judge": evaluator_of(study_run.study),
            "pool": study_run.pool.version,
            "samples_cut": study_run.samples_cut,
            "rows": len(study_run.pool),
            "tokens": whole,
            "names": list(names),
            "states": {one.fingerprint: _plain(row) for one, row in zip(subsets, values, strict=True)},
            "benchmarks": [
                *_listed(study_run.workspace.benchmarks, "selects"),
                *_listed(study_run.held_out_benchmarks, "held out"),
            ],
            "shared": _shared(study_run, subsets),
            "subset_rows": {one.fingerprint: len(one) for one in subsets},
        },
        indent=1,
        sort_keys=True,
        allow_nan=False,
    )
    file = folder_of(study_run.study, study_run.home) / _FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(file) as draft:
        draft.write_text(text + "\n")


def read_states(study: Study, home: Home) -> StudyStates | None:
    """States as they were kept; None where the study has not ended yet."""
    file = folder_of(study, home) / _FILE
    if not file.exists():
        return None
    stored: dict[str, Any] = json.loads(file.read_text())
    states = {name: tuple(row) for name, row in stored.pop("states").items()}
    benchmarks = tuple(tuple(row) for row in stored.pop("benchmarks"))
    return StudyStates(names=tuple(stored.pop("names")), states=states, benchmarks=benchmarks, **stored)


def _evaluated(study_run: StudyRun) -> list[Subset]:
    recipes = {
        trial.subset: trial.recipe
        for entry in entries(study_run.study, study_run.ledger)
        for kind in TrialKind
        for trial in study_run.ledger.trials(entry, kind)
        if trial.state is TrialState.DONE and trial.recipe is not None
    }
    return [realise(recipe, study_run.signals) for recipe in recipes.values()]


def _shared(study_run: StudyRun, subsets: Sequence[Subset]) -> dict[str, float]:
    arms = study_run.ledger.trials(arms_entry(study_run.study), TrialKind.REPORT)
    recommended = {trial.subset for trial in arms if trial.arm.startswith(f"{WINNER}/")}
    among = [subset for subset in subsets if subset.fingerprint in recommended]
    return {
        _pair(one.fingerprint, other.fingerprint): jaccard(one, other)
        for one, other in combinations_with_replacement(among, 2)
    }


def _pair(one: str, other: str) -> str:
    return " ".join(sorted((one, other)))


def _listed(benchmarks: Sequence[Benchmark], role: str) -> list[list[Cell]]:
    return [
        [
            each.name,
            role,
            each.metric.value,
            each.unit,
            each.direction.value,
            each.chance,
            len(split(each).dev),
            len(split(each).test),
        ]
        for each in benchmarks
    ]


def _plain(row: npt.NDArray[np.float64]) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in row]
