"""First screen of a search's report: verdict, picture of the arms, and what a person needs to decide."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import numpy as np

from autoselection_core.campaign.declaration.signals import own_scores
from autoselection_core.history.records import SearchState
from autoselection_core.operators.selection.ranking import LOWEST
from autoselection_core.progress import cost_text, percent
from autoselection_core.recipe import Recipe
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.rendering.page import Lead, Picture
from autoselection_core.report.sections.arms_plot import arms_plot
from autoselection_core.report.sections.outlook import outlook
from autoselection_core.report.sections.protocol import form_warnings, level_sentences
from autoselection_core.report.sections.verdict import (
    Finding,
    beside_words,
    decisive_of,
    finding_sentences,
    is_better,
)
from autoselection_core.score.comparison import Verdict, has_single_run
from autoselection_core.score.score import utility
from autoselection_core.search.arms import PLAIN_FILTER, RANDOM, WINNER
from autoselection_core.signals.table import SOURCE, TOPIC
from autoselection_core.solver.candidates.warmup import PlainScores, is_plain, is_single_filter
from autoselection_core.solver.policy import EITHER

HEADLINES = {
    Verdict.YES: "The recommended subset trains a better model than random subsets of equal tokens.",
    Verdict.NO: "The recommended subset does not train a better model than random subsets of equal tokens.",
    Verdict.UNDECIDED: "Undecided: these runs cannot tell the recommended subset from random ones.",
}
WHOLE_POOL_HEADLINES = {
    Verdict.YES: "The full pool is the best of what was tried; no subset beat it.",
    Verdict.NO: "The full pool was recommended, but fresh runs of the best subset train a better model.",
    Verdict.UNDECIDED: "The full pool is the best of what was tried; no subset beat it.",
}
"""Headlines where the winner is the whole pool, by its verdict over the best subset that leaves some out."""
FORMULA_HEADLINES = {
    Verdict.YES: "By the formula (no model was trained) the recommended subset beats random ones.",
    Verdict.NO: "By the formula (no model was trained) the recommended subset does not beat random ones.",
    Verdict.UNDECIDED: "Undecided by the formula (no model was trained): its scores cannot tell them apart.",
}
_BEST_POOL = (
    "By the formula (no model was trained) the full pool is the best that was tried; no subset beat it."
)
FORMULA_WHOLE_POOL_HEADLINES = {
    Verdict.YES: _BEST_POOL,
    Verdict.NO: "By the formula (no model was trained) the best subset scores higher than the full pool.",
    Verdict.UNDECIDED: _BEST_POOL,
}
"""Headlines of a search that trains nothing."""

_ONE_RUN = "an arm of one run decides nothing."
"""End of a headline that no interval could have decided."""

_CAPTION = (
    "Test score of every run{own}, and the mean; then the difference of the winner to each arm, with its "
    "interval."
)
_MAX_GROUPS = 6


def lead_of(facts: SearchFacts, found: Sequence[Finding]) -> Lead:
    """Verdict, figures behind it, facts and next steps of a finished search."""
    verdict = is_better(found)
    return Lead(
        headline(facts, found),
        verdict.value,
        verdict_sentences(facts, found),
        list(_facts(facts)),
        _picture(facts, found),
        _further(facts, verdict),
    )


def headline(facts: SearchFacts, found: Sequence[Finding]) -> str:
    """The verdict of a finished search in one sentence, with every opponent beside the decisive one."""
    by_formula, by_trainings = (
        (FORMULA_WHOLE_POOL_HEADLINES, WHOLE_POOL_HEADLINES)
        if facts.is_whole_pool
        else (FORMULA_HEADLINES, HEADLINES)
    )
    verdict, is_formula = is_better(found), facts.record.spec.is_formula
    first = (by_formula if is_formula else by_trainings)[verdict]
    if facts.is_whole_pool:
        return first
    decisive = decisive_of(found)
    if decisive is not None and has_single_run(decisive.runs):
        first = f"{first.partition(': ')[0]}: {_ONE_RUN}"
    alike = (" and" if is_formula else " and than") if verdict is Verdict.YES else ""
    return f"{first.removesuffix('.')}{beside_words(found, alike)}."


def verdict_sentences(facts: SearchFacts, found: Sequence[Finding]) -> list[str]:
    """Sentences below the headline: the warnings, and what `compared_sentences` says."""
    return [*warnings_of(facts), *compared_sentences(facts, found)]


def warnings_of(facts: SearchFacts) -> list[str]:
    """Reasons to doubt a verdict at once: a small winner, answers of another form, unlike trainings."""
    small = [f"{facts.size_warning}."] if facts.size_warning else []
    return [*small, *form_warnings(facts), *([facts.mixture] if facts.mixture else [])]


def compared_sentences(facts: SearchFacts, found: Sequence[Finding]) -> list[str]:
    """Comparisons of the winner, with the untrained model, an even guess and the user's own scores."""
    own = own_score_sentences(facts, found)
    levels = [*_untrained_sentences(facts), *level_sentences(facts)]
    return [*_plain_sentences(facts, found), *finding_sentences(found), *levels, *own]


def _plain_sentences(facts: SearchFacts, found: Sequence[Finding]) -> Iterator[str]:
    """The winner as what it is, where it is a filter of one step that needs no search."""
    if facts.best is None:
        return
    is_usual = is_plain(facts.best_recipe, facts.solver.policy.plain_scores)
    if not is_usual and not is_single_filter(facts.best_recipe):
        return
    kind = "" if is_usual else ", not one of the usual ones that a search tries first"
    named = f"The winner is itself a plain filter, {facts.best_recipe.full_label}{kind}"
    beside = any(finding.opponent == PLAIN_FILTER for finding in found)
    other = "" if beside else " No other plain filter was measured to compare it with."
    yield f"{named}. No tried recipe of more steps is expected to do better.{other}"


def _untrained_sentences(facts: SearchFacts) -> Iterator[str]:
    """The winner beside the base model before any training, on the same test items."""
    winners = [score for arm, score in arm_scores(facts) if arm == WINNER]
    if facts.untrained is None or not winners:
        return
    tested, mean = utility(facts.untrained.test, facts.record.spec.score_weights), float(np.mean(winners))
    side = "higher" if mean > tested else "lower"
    yield (
        f"The untrained base model scores {tested:.4g} on these items: runs of the winner, {mean:.4g} on "
        f"average, are {side} by {abs(mean - tested):.2g}."
    )


_AGAINST_SD = 0.1
"""Standard deviations of the pool from which on a subset goes against a score."""


def own_score_sentences(facts: SearchFacts, found: Sequence[Finding]) -> tuple[str, ...]:
    """A sentence for each score of the user's own that the winner goes against or that filters were tried by.

    Higher counts as better where the policy's `plain_scores` name no end.
    """
    if facts.best_subset is None or facts.is_whole_pool:
        return ()
    ends = dict(facts.solver.policy.plain_scores)
    named = [name for name in own_scores(facts.workspace.campaign.signals) if name in facts.signals.columns]
    told = ((name, list(_own_score_parts(facts, found, name, ends.get(name, EITHER)))) for name in named)
    return tuple(f"Your score {name}: {'; '.join(parts)}." for name, parts in told if parts)


def _own_score_parts(facts: SearchFacts, found: Sequence[Finding], name: str, end: str) -> Iterator[str]:
    assert facts.best_subset is not None, "a winner has a subset"
    column = facts.signals[name].astype(np.float64)
    deviation = float(np.nanstd(column))
    kept = column[facts.best_subset.rows]
    if deviation > 0 and np.isfinite(kept).any():
        shift = float(np.nanmean(kept) - np.nanmean(column)) / deviation
        if (shift if end == LOWEST else -shift) > _AGAINST_SD:
            side, better = ("above", "lower") if shift > 0 else ("below", "higher")
            yield (
                f"the winner goes against it, its rows average {abs(shift):.2g} standard deviations {side} "
                f"the pool's ({better} counts as better)"
            )
    if (beside := _beside_filter(facts, found, ((name, end),))) is not None:
        yield beside


def _beside_filter(facts: SearchFacts, found: Sequence[Finding], score: PlainScores) -> str | None:
    """The winner beside the best filter by a score: on test items where the report ran one, else on dev."""

    def is_filter(recipe: Recipe | None) -> bool:
        return recipe is not None and is_plain(recipe, score) and score[0][0] in recipe.reads

    findings_by_arm = {finding.opponent: finding for finding in found}
    tested = [
        (findings_by_arm[run.arm].difference.value, run.trial.recipe)
        for run in facts.compared
        if run.arm in findings_by_arm and run.arm != RANDOM and is_filter(run.trial.recipe)
    ]
    best = facts.require_best()
    observed = [
        one for one in facts.history.observations if is_filter(one.recipe) and one.subset != best.subset
    ]
    if tested:
        (difference, recipe), items = min(tested, key=lambda each: each[0]), "test"
    elif observed:
        one = max(observed, key=lambda each: each.utility)
        own = [each.utility for each in facts.history.observations if each.subset == best.subset]
        difference, recipe, items = max(own) - one.utility, one.recipe, "dev"  # one run each, partly luck
    else:
        return None
    label = "" if recipe is None else recipe.full_label
    verb = "better" if difference > 0 else "worse"
    return (
        f"the winner is {verb} by {abs(difference):.3g} on {items} items than the best filter by it, {label}"
    )


def _picture(facts: SearchFacts, found: Sequence[Finding]) -> Picture | None:
    if not facts.compared:
        return None
    scores, unit = arm_scores(facts), facts.record.spec.metric
    narrow = arms_plot(scores, found, unit, columns=1)
    return Picture("arms", arms_plot(scores, found, unit), _CAPTION.format(own=_own_trials(facts)), narrow)


def _own_trials(facts: SearchFacts) -> str:
    """Runs of a report that are trials of the search, in brackets: what was evaluated is not made again."""
    made = {trial.evaluation: trial.trial for trial in reversed(facts.trials) if trial.evaluation is not None}
    own = [
        f"{run.arm.replace('_', ' ')}: one is trial {made[run.trial.evaluation]} of the search"
        for run in facts.compared
        if run.trial.evaluation in made
    ]
    return f" ({'; '.join(own)})" if own else ""


def arm_scores(facts: SearchFacts) -> list[tuple[str, float]]:
    """Arm and test utility of every run of a report."""
    weights = facts.record.spec.score_weights
    return [(run.arm, utility(run.test, weights)) for run in facts.compared]


def _facts(facts: SearchFacts) -> list[tuple[str, str]]:
    subset, spec = facts.best_subset, facts.record.spec
    assert subset is not None, "a report without measured trials is refused"
    model = facts.workspace.campaign.base_model
    return [
        ("Rows kept", _of(len(subset), len(facts.signals))),
        *_tokens(facts),
        ("Recipe", facts.best_recipe.full_label),
        ("Sources", _shares(facts, SOURCE)),
        *([("Topics", _shares(facts, TOPIC))] if TOPIC in facts.signals.groupings else []),
        ("Licences", ", ".join(sorted({_licence(facts, int(row)) for row in subset.rows}))),
        ("Cost", _cost(facts)),
        ("Base model", "none: a formula scores subsets" if model is None else model.rsplit("/", 1)[-1]),
        ("Benchmarks", ", ".join(spec.benchmarks) or "a formula"),
        ("Started", datetime.fromtimestamp(facts.record.created_at, UTC).strftime("%Y-%m-%d %H:%M UTC")),
    ]


def _tokens(facts: SearchFacts) -> list[tuple[str, str]]:
    if facts.best_subset is None or "tokens" not in facts.signals.columns:
        return []
    column = facts.signals["tokens"].astype(float)
    kept = _of(int(np.nansum(column[facts.best_subset.rows])), int(np.nansum(column)))
    read = facts.readable_tokens(facts.best_recipe), facts.readable_tokens(Recipe())
    if read[0] is None or read[1] is None or facts.max_tokens is None:
        return [("Tokens kept, of whole samples", kept)]
    return [
        ("Tokens kept, of whole samples", kept),
        ("Readable tokens kept", f"{_of(read[0], read[1])}, with samples cut at {facts.max_tokens:,}"),
    ]


def _of(part: int, whole: int) -> str:
    digits = 1 if part < whole / 100 else 0  # a handful of rows is not nothing
    return f"{part:,} of {whole:,} ({percent(part / whole, digits)})" if whole else f"{part:,}"


def _shares(facts: SearchFacts, grouping: str) -> str:
    """Rows of the largest groups of the recommended subset."""
    assert facts.best_subset is not None, "a report without measured trials is refused"
    names, labels = facts.signals.groupings[grouping], facts.signals.label(grouping)
    present = labels[facts.best_subset.rows]
    counts = Counter(names[int(label)] for label in present if label >= 0).most_common()
    listed = [f"{name} {count:,}" for name, count in counts[:_MAX_GROUPS]]
    rest = len(counts) - _MAX_GROUPS
    return ", ".join([*listed, f"and {rest} more"] if rest > 0 else listed)


def _licence(facts: SearchFacts, row: int) -> str:
    return facts.pool.licence(row) or "not stated"


def _cost(facts: SearchFacts) -> str:
    paid = [entry for entry in facts.workspace.ledger.payments(facts.record.search) if entry.seconds > 0]
    record = facts.record
    seconds = sum(entry.seconds for entry in paid)
    price = facts.workspace.campaign.price_per_hour
    unit = "evaluations by the formula" if record.spec.is_formula else "full trainings"
    return (
        f"{record.spent:,g} {unit} of the search and {record.report_spent:,g} of its report, without test "
        f"items and waits: {cost_text(seconds, price)}"
    )


def _further(facts: SearchFacts, verdict: Verdict) -> list[str]:
    search, command = facts.record.search, facts.workspace.campaign.command
    export = f"`{command(f'export {search}')}` writes the recommended subset with a data card."
    explain = (
        f"`{command(f'show {search}')}` lists the trials; `{command(f'explain ID --search {search}')}` "
        "follows one row."
    )
    more = outlook(facts).sentence
    if facts.record.state is SearchState.STOPPED:
        resume = command(f"search --name {search} --resume")
        more = f"{more} The search is stopped: `{resume}` lets it go on."
    return [export, explain, more] if verdict is Verdict.YES else [more, export, explain]
