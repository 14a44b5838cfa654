"""Beginning of a search: what it started from, how the pool had changed, and old and new winner on it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from autoselection_core.campaign.on_pool_change import is_unattended
from autoselection_core.errors.recipe import InvalidRecipe
from autoselection_core.history.records import SearchRecord, TrialRecord
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.lineage.differing import pool_change
from autoselection_core.report.lineage.pairing import pairing_table
from autoselection_core.report.rendering.table import Cell, Table, enumerated
from autoselection_core.solver.proposal import Recommendation


@dataclass(frozen=True, eq=False)
class Beginning:
    """Beginning of a search: the reason, and the search that it starts from.

    Attributes:
        sentence: The reason, with the change of the pool.
        pairing: The comparison of old and new winner, in a sentence.
        tables: Change by source, old and new winner, and both models item by item, as far as is known.
    """

    sentence: str
    pairing: str
    tables: tuple[Table, ...]


def origin_of(record: SearchRecord) -> str:
    """Origin of a search and what it learns from, by its record alone; without a full stop."""
    who = "It began by itself after the pool changed" if is_unattended(record) else "A person started it"
    if record.spec.warm_from is None:
        return f"{who}, without measurements of earlier searches"
    earlier = (record.spec.warm_from, *record.spec.warm_also)
    return f"{who}, from what {enumerated(earlier)} had measured"


def start_sentence(record: SearchRecord, searches: Sequence[SearchRecord]) -> str:
    """What a new search starts from, or could start from; empty where nothing was measured before it.

    Args:
        record: The search.
        searches: All searches, oldest first.
    """
    spec = record.spec
    if spec.warm_from is not None:
        return f"{record.search} starts from what {' and '.join((spec.warm_from, *spec.warm_also))} measured"
    alike = [
        each.search
        for each in searches
        if each.search != record.search
        and each.measured
        and (each.spec.campaign, each.spec.metric) == (spec.campaign, spec.metric)
    ]
    if not alike:
        return ""
    return (
        f"{record.search} starts anew: it does not learn from {alike[-1]}, which measured this campaign "
        f"before; `--warm-from {alike[-1]}`, in the Launchpad `warm_from: {alike[-1]}`, starts one that does"
    )


def beginning_of(facts: SearchFacts) -> Beginning:
    """The beginning of a search that started from an earlier one; of a cold one it says so."""
    record = facts.record
    if record.spec.warm_from is None:
        return Beginning(f"{origin_of(record)}.", "", ())
    before = SearchFacts.of(facts.workspace, record.spec.warm_from)
    change = pool_change(before.pool, facts.pool)
    sentence = f"{origin_of(record)}; {change.sentence}."
    old = _retried(facts, before.require_best())
    changed = [] if change.before == change.now else [change.by_source]
    tables = [*changed, _winners(facts, before, old)]
    new = facts.best
    if old is None or new is None:
        led = led_before(facts.trials, before.record.search, before.require_best().trial)
        return Beginning(sentence, f"The old winner was not measured on this pool{led}.", tuple(tables))
    if old.subset == new.subset:
        return Beginning(sentence, "The old winner is still the best on this pool.", tuple(tables))
    paired = pairing_table(facts, new.trial, old.trial)
    tables += [] if paired is None else [paired]
    pairing = (
        f"On this pool the new winner is trial {new.trial} and the old one trial {old.trial}. The new one "
        "was chosen by these dev items, which favours it."
    )
    return Beginning(sentence, pairing, tuple(tables))


def led_before(trials: Sequence[TrialRecord], before: str, leads: int) -> str:
    """What led the search before when this one began, where another trial leads it now; empty where not.

    A search that is stopped lets running trials finish, and one of them may come out ahead.

    Args:
        trials: Trials of this search.
        before: Name of the search before.
        leads: Its trial that leads now.
    """
    start = f"winner of {before}, "
    tried = next((each for each in trials if str(each.proposal.get("edit", "")).startswith(start)), None)
    if tried is None:
        return ""
    led = str(tried.proposal["edit"]).removeprefix(start)
    return (
        f": when this search began, {led} of {before} led, which was tried again as trial {tried.trial}; "
        f"trial {leads} leads there since"
    )


def _retried(facts: SearchFacts, winner: Recommendation) -> TrialRecord | None:
    """The measured trial of the recipe that the search before recommends."""
    steps = winner.recipe.steps
    found = (each for each in facts.trials if each.recipe is not None and each.recipe.steps == steps)
    return next((each for each in found if each.utility is not None), None)


def _winners(facts: SearchFacts, before: SearchFacts, old: TrialRecord | None) -> Table:
    return Table(
        "Old and new winner",
        ("winner", "pool", "trial", "recipe", "rows", "dev score", "± se"),
        tuple(_winner_rows(facts, before, old)),
    )


def _winner_rows(
    facts: SearchFacts, before: SearchFacts, old: TrialRecord | None
) -> Iterator[tuple[Cell, ...]]:
    then, now = before.record.spec.pool_version[:8], facts.record.spec.pool_version[:8]
    winner = before.require_best()
    yield _row("old", then, before, _trial(before, winner.trial))
    if old is not None:
        yield _row("old", now, facts, old)
    else:
        yield "old", now, None, winner.recipe.full_label, _rows(facts, winner), None, None
    if facts.best is not None:
        yield _row("new", now, facts, _trial(facts, facts.best.trial))


def _trial(facts: SearchFacts, number: int) -> TrialRecord:
    return next(each for each in facts.trials if each.trial == number)


def _row(which: str, pool: str, facts: SearchFacts, trial: TrialRecord) -> tuple[Cell, ...]:
    recipe = trial.recipe
    assert recipe is not None, "a measured trial has a recipe"
    rows = len(facts.realise(recipe))
    place = trial.reservation.partition
    return which, pool, place, recipe.full_label, rows, trial.utility, trial.standard_error


def _rows(facts: SearchFacts, winner: Recommendation) -> int | None:
    """Rows of the old winner on this pool; None where it cannot be realised there."""
    try:
        return len(facts.realise(winner.recipe))
    except InvalidRecipe:
        return None
