"""Work that is measured, each piece beside its floor."""

import numpy as np

from autoselection_core.arrays import Rows
from autoselection_core.identity import Json
from autoselection_core.recipe import Recipe
from autoselection_core.signals.table import SignalTable
from autoselection_core.state import state_of, states_of
from autoselection_core.state.basis import basis_of
from autoselection_core.subset import Subset, realise, realise_many
from bench.engine.floors import Figure, StateFloor, hash_floor, race, step_floor
from bench.engine.pools import PLAIN, WITH_NEAR_DUPLICATES, WITH_NEIGHBOURS, RealPool, edits_of
from bench.result import measure


def opening(real: RealPool) -> dict[str, Json]:
    """Open the pool and every signal that stands for it, and read each scalar once; no text is touched.

    The floor reads the same bytes from the same files.
    """
    folders = [real.home.columns_of(real.version, version) for version in real.versions.values()]
    files = [
        *real.home.pool(real.version).iterdir(),
        *(file for folder in folders for file in folder.rglob("*")),
    ]

    def work() -> object:
        pool, table = real.open()
        scalars = [*table.columns.values(), *table.labels.values()]
        return len(pool.ids), [np.asarray(values).sum() for values in scalars]

    def least() -> object:
        return sum(len(file.read_bytes()) for file in files if file.is_file())

    return race(work, least, target_s=0.5).to_json()


CANDIDATES = 1000


def recipe_with_state(
    recipe: Recipe, signals: SignalTable, floor: StateFloor, target_s: float, rounds: int = 7
) -> Figure:
    """Realise a recipe and describe what it leaves."""
    subset = realise(recipe, signals)
    changed = _fewer(subset.rows, len(signals))

    def work() -> object:
        return state_of(realise(recipe, signals).rows, signals)

    def least() -> None:
        for step, count in zip(recipe.steps, subset.steps, strict=True):
            step_floor(step, count, signals)
        hash_floor(signals, len(subset))
        floor.run(subset.rows, changed)

    return race(work, least, target_s=target_s, rounds=rounds)


def state_alone(signals: SignalTable, floor: StateFloor, target_s: float) -> Figure:
    """Describe a subset."""
    rows = realise(PLAIN, signals).rows
    changed = _fewer(rows, len(signals))
    return race(lambda: state_of(rows, signals), lambda: floor.run(rows, changed), target_s=target_s)


def many_candidates(signals: SignalTable, floor: StateFloor, target_s: float) -> dict[str, Json]:
    """Realise a thousand edits of one recipe, find the equal ones, and describe each."""
    recipes = edits_of(WITH_NEIGHBOURS, signals, CANDIDATES)
    subsets = _realised(recipes, signals)
    distinct = list({subset.fingerprint: subset for subset in subsets}.values())
    steps = {
        subset.recipe.steps[: number + 1]: count
        for subset in subsets
        for number, count in enumerate(subset.steps)
    }

    def work() -> object:
        return states_of(_realised(recipes, signals), signals)

    def least() -> None:
        for prefix, count in steps.items():
            step_floor(prefix[-1], count, signals)
        for subset in subsets:
            hash_floor(signals, len(subset))
        for subset in distinct:
            floor.run(subset.rows, _fewer(subset.rows, len(signals)))

    counts: dict[str, Json] = {
        "recipes": len(recipes),
        "valid": len(subsets),
        "distinct": len(distinct),
        "steps_run": len(steps),
    }
    return {**race(work, least, target_s=target_s, rounds=1).to_json(), **counts}


def ninety_thousand(signals: SignalTable) -> dict[str, Json]:
    """All figures of a pool of this size."""
    states = measure(lambda: basis_of(signals))
    with_neighbours = measure(lambda: state_of(realise(WITH_NEIGHBOURS, signals).rows, signals))
    floor = StateFloor.of(signals)
    return {
        "rows": len(signals),
        "states_set_up_once": states.cost,
        "with_64_neighbours_a_row_first_time": with_neighbours.cost,
        "four_steps_with_state": recipe_with_state(PLAIN, signals, floor, 0.06).to_json(),
        "with_near_duplicates": recipe_with_state(WITH_NEAR_DUPLICATES, signals, floor, 0.1).to_json(),
        "with_64_neighbours_a_row": recipe_with_state(WITH_NEIGHBOURS, signals, floor, 0.2).to_json(),
        "state_with_192_features_a_row": state_alone(signals, floor, 0.04).to_json(),
        "thousand_candidates": many_candidates(signals, floor, 30),
    }


def large(signals: SignalTable, target_s: float) -> dict[str, Json]:
    """The figures of a pool of a million rows or more."""
    states = measure(lambda: basis_of(signals))
    first = measure(lambda: state_of(realise(PLAIN, signals).rows, signals))
    figure = recipe_with_state(PLAIN, signals, StateFloor.of(signals), target_s, rounds=3)
    return {
        "rows": len(signals),
        "states_set_up_once": states.cost,
        "four_steps_with_state_first_time": first.cost,
        "four_steps_with_state": figure.to_json(),
    }


def _realised(recipes: list[Recipe], signals: SignalTable) -> list[Subset]:
    return [found for found in realise_many(recipes, signals) if isinstance(found, Subset)]


def _fewer(rows: Rows, pool: int) -> Rows:
    """The rows of a subset or those that it lacks: counting the fewer of them is enough."""
    return rows if 2 * len(rows) <= pool else np.setdiff1d(np.arange(pool), rows, assume_unique=True)
