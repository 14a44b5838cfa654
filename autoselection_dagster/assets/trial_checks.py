"""What must hold for a subset before it is trained on, and for what was trained."""

import dagster as dg
import numpy as np

from autoselection_core.pool.pool import Pool
from autoselection_core.score.evaluation import Evaluation
from autoselection_core.subset import Subset
from autoselection_core.subset.value import fingerprint_of_ids
from autoselection_dagster.assets.blocking import Check

SUBSET_IS_INSIDE = Check(
    "subset_is_inside_the_pool",
    "Rows are numbers: a row of another pool version would silently be another sample.",
)
TRAINED_IS_SELECTED = Check(
    "subset_equals_what_was_trained",
    "A score belongs to a subset only if the model saw that subset and nothing else.",
)


def subset_is_inside(subset: Subset, pool: Pool) -> dg.AssetCheckResult:
    """Rows ascend, lie within the pool, and name the samples that the subset is named for."""
    rows = subset.rows
    ascending = bool((np.diff(rows) > 0).all())
    outside = int(((rows < 0) | (rows >= len(pool))).sum())
    is_same = outside == 0 and fingerprint_of_ids(pool.ids[rows]) == subset.fingerprint
    return SUBSET_IS_INSIDE.result(passed=ascending and is_same, rows=len(rows), rows_outside=outside)


def trained_is_selected(evaluation: Evaluation, subset: Subset) -> dg.AssetCheckResult:
    """The optimiser saw the selected samples; fewer only where the budget of tokens or steps ended first."""
    is_whole = evaluation.trained_count == len(subset)
    passed = (
        evaluation.subset == subset.fingerprint
        and evaluation.selected_count == len(subset)
        and evaluation.trained_count <= len(subset)
        and (not is_whole or evaluation.trained_hash == subset.fingerprint)
    )
    return TRAINED_IS_SELECTED.result(
        passed=passed, selected=len(subset), trained=evaluation.trained_count, skipped=len(evaluation.skipped)
    )
