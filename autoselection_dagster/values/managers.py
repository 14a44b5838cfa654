"""One IO manager for each kind of value that passes between assets."""

import json
from pathlib import Path

from typing_extensions import override

from autoselection_core.evaluation.folder import EvaluationFolder
from autoselection_core.identity import fingerprint
from autoselection_core.pool.pool import Pool
from autoselection_core.recipe import Recipe
from autoselection_core.score.evaluation import Evaluation
from autoselection_core.store.atomic import atomic_file
from autoselection_core.subset import Subset, write_subset
from autoselection_core.subset.storage import read_subset
from autoselection_dagster.names import key
from autoselection_dagster.values.references import Reference, ReferenceIOManager

NOTHING, POOLS, RECIPES, SUBSETS, STATES, EVALUATIONS = (
    key(each) for each in ("no_value", "pools", "recipes", "subsets", "states", "evaluations")
)
"""Keys of the IO managers; assets that pass no value on name the first, which refuses any."""


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as draft:
        draft.write_text(text)


class PoolIOManager(ReferenceIOManager[Pool]):
    """Pools: Arrow files under the pool's version, mapped into memory."""

    @override
    def keep(self, value: Pool) -> Reference:
        folder = self.home.pool(value.version)
        if not folder.exists():
            value.write(folder)
        return Reference(value.version, self.relative_path(folder))

    @override
    def open(self, path: Path) -> Pool:
        return Pool.open(path)


class RecipeIOManager(ReferenceIOManager[Recipe]):
    """Recipes: YAML under the recipe's hash."""

    @override
    def keep(self, value: Recipe) -> Reference:
        file = self.home.root / "recipes" / f"{value.fingerprint}.yaml"
        _write(file, value.to_yaml())
        return Reference(value.fingerprint, self.relative_path(file))

    @override
    def open(self, path: Path) -> Recipe:
        return Recipe.from_yaml(path.read_text())


class SubsetIOManager(ReferenceIOManager[Subset]):
    """Subsets: Parquet under the hash of their sample ids."""

    @override
    def keep(self, value: Subset) -> Reference:
        file = write_subset(value, Pool.open(self.home.pool(value.pool_version)).ids, self.home)
        return Reference(value.fingerprint, self.relative_path(file))

    @override
    def open(self, path: Path) -> Subset:
        return read_subset(path)


class StateIOManager(ReferenceIOManager[dict[str, float]]):
    """States: the numbers by name, as JSON under their hash."""

    @override
    def keep(self, value: dict[str, float]) -> Reference:
        name = fingerprint(value)
        file = self.home.root / "states" / f"{name}.json"
        _write(file, json.dumps(value))
        return Reference(name, self.relative_path(file))

    @override
    def open(self, path: Path) -> dict[str, float]:
        return dict(json.loads(path.read_text()))


class EvaluationIOManager(ReferenceIOManager[Evaluation]):
    """Evaluations: the folder that the evaluator completed."""

    @override
    def keep(self, value: Evaluation) -> Reference:
        return Reference(value.key, self.relative_path(self.home.evaluation(value.key)))

    @override
    def open(self, path: Path) -> Evaluation:
        return EvaluationFolder(path).read_result()
