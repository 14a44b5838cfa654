"""Explanation of one row in a sentence: why it is in a subset or out of it."""

from autoselection_core.operators.reason import Reason
from autoselection_core.pool.pool import Pool
from autoselection_core.subset.explain import Explanation, StepVerdict


def why_sentence(explanation: Explanation, pool: Pool) -> str:
    """One sentence for the whole way of a row through a recipe."""
    dropped = explanation.dropped_by
    if explanation.is_in and dropped is not None:
        return f"kept: {step_sentence(dropped, pool)}, but a later union brings it back"
    if dropped is not None:
        return step_sentence(dropped, pool)
    if not explanation.steps:
        return "kept: the recipe is the full pool"
    return f"kept by every step: {'; '.join(step_sentence(step, pool) for step in explanation.steps)}"


def step_sentence(step: StepVerdict, pool: Pool) -> str:
    """Effect of one step on a row in a sentence: value, rank, cut-off, or the row that represents it."""
    verb = _verb(step)
    facts = "" if step.reason is None else _facts(step.reason, pool)
    return f"step {step.number} {step.label} {verb}{': ' + facts if facts else ''}"


def _verb(step: StepVerdict) -> str:
    if step.is_in_before:
        return "keeps it" if step.is_in_after else "drops it"
    return "brings it in" if step.is_in_after else "does not see it"


def _facts(reason: Reason, pool: Pool) -> str:
    return ", ".join(
        part
        for part in (
            f"{reason.what} {_number(reason.value)}" if reason.value is not None else reason.what,
            f"rank {reason.rank} of {reason.entered}" if reason.rank is not None else "",
            f"cut-off {_number(reason.cut_off)}" if reason.cut_off is not None else "",
            f"kept in its place: {_id(pool, reason.like)}" if reason.like is not None else "",
        )
        if part
    )


def _id(pool: Pool, row: int) -> str:
    return pool.sample(row).id


def _number(value: float) -> str:
    return f"{value:.4g}"
