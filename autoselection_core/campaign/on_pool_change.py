"""Searches of a changed pool: they start from what all searches before them measured."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from autoselection_core.campaign.declaration.campaign import OnPoolChange, OnSuperseded
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.errors.recipe import InvalidRecipe
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import SearchRecord, SearchState, StopCause
from autoselection_core.history.specification import SearchSpec
from autoselection_core.search.stated_recipes import register_recipe
from autoselection_core.solver.proposal import Recommendation

_MIN_MEASURED = 2
"""Subsets that a search has to have measured before its winner won over anything."""

_HOUR_S, _DAY_S = 3600.0, 86400.0


@dataclass(frozen=True)
class NextSearch:
    """Outcome of searching again after the pool changed.

    Attributes:
        search: The search on the present pool; None where there is nothing to search again.
        is_new: Whether it was entered just now.
        warm_from: The search whose winner is tried first.
        why: Decision in a sentence.
        warm_also: Further searches that it learns from.
        stopped: Searches of older pools that were stopped for it.
    """

    search: str | None
    is_new: bool
    warm_from: str | None
    why: str
    warm_also: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()


def search_again(workspace: Workspace, budget: int | None = None) -> NextSearch:
    """Enter one search on the latest pool, warm from all of the campaign's searches with the same metric.

    Its first trial is the recipe that the search before it recommends, realised on the present pool, so that
    old and new winner are compared on one pool. Doing it again on the same pool enters nothing: the name
    follows from the pool. Where the campaign says so, running searches of older pools stop.

    Args:
        workspace: The campaign at work; its pool and signals are up to date.
        budget: Full trainings that the search may pay for; None takes the campaign's own.

    Raises:
        NoPoolError: Nothing was ingested yet.
    """
    version = workspace.pool().version
    mine = _searches_of(workspace.ledger, workspace.campaign.name)
    if not mine:
        return NextSearch(None, False, None, "nothing was searched yet: start the first search by hand")
    same = [each for each in mine if each.spec.pool_version == version]
    if same:
        name = same[-1].search
        stopped = _stop_superseded(workspace, mine, version, name)
        return NextSearch(name, False, None, f"{name} searches this very pool already", stopped=stopped)
    before = _last_winner_of(workspace.ledger, mine)
    if before is None:
        return NextSearch(None, False, None, "no search has measured anything that another could start from")
    name = unattended_name(workspace.campaign.name, version)
    spec = workspace.spec(version, budget=budget, warm_from=before.search)
    spec = replace(spec, warm_also=_alike(mine, before, spec))
    first = _enter(workspace, spec, name, before)
    others = f"; the search learns from {', '.join(spec.warm_also)}, too" if spec.warm_also else ""
    why = f"the pool changed: {name} starts from {before.search}{first}{others}"
    stopped = _stop_superseded(workspace, mine, version, name)
    return NextSearch(name, True, before.search, why, spec.warm_also, stopped)


def unattended_name(campaign: str, pool_version: str) -> str:
    """Name of the search that begins by itself on a pool."""
    return f"{campaign}-pool-{pool_version[:8]}"


def is_unattended(record: SearchRecord) -> bool:
    """Whether a search began by itself, after a change of the pool."""
    return record.search == unattended_name(record.spec.campaign, record.spec.pool_version)


def wait_until(ledger: Ledger, campaign: str, asked: OnPoolChange, now: float) -> float:
    """Time from which the next unattended search may begin, in seconds since the epoch; 0 for at once.

    Args:
        ledger: Ledger of the searches.
        campaign: Name of the campaign.
        asked: Its least interval between two such searches, and how many a day it allows.
        now: The time, in seconds since the epoch.
    """
    began = sorted(each.created_at for each in _searches_of(ledger, campaign) if is_unattended(each))
    free = [0.0]
    if began:
        free.append(began[-1] + asked.min_hours * _HOUR_S)
    if asked.max_a_day is not None and len(began) >= asked.max_a_day:
        free.append(began[-asked.max_a_day] + _DAY_S)
    latest = max(free)
    return latest if latest > now else 0.0


def why_it_waits(asked: OnPoolChange, until: float) -> str:
    """Reason of a changed pool that is not searched yet, in a sentence."""
    cap = "" if asked.max_a_day is None else f", max_a_day: {asked.max_a_day}"
    clock = datetime.fromtimestamp(until, UTC).strftime("%Y-%m-%d %H:%M UTC")
    limits = f"min_hours: {asked.min_hours:g}{cap}"
    return f"the source files changed; the next search may begin at {clock} ({limits})"


def _searches_of(ledger: Ledger, campaign: str) -> list[SearchRecord]:
    """The searches of a campaign, oldest first."""
    return [each for each in ledger.searches() if each.spec.campaign == campaign]


def _last_winner_of(ledger: Ledger, searches: Sequence[SearchRecord]) -> SearchRecord | None:
    """The latest search whose winner won over enough; where there is none, the one that measured most.

    A search that started from another one knows what that one knew. A cold one counts if it measured at least
    half as much as the largest: a look at two subsets does not replace the winner of twelve.
    """
    measured = [each for each in searches if each.measured]
    most = max((each.measured for each in measured), default=0)
    for each in reversed(measured):
        evaluated = {one.subset for one in ledger.history(each.search).observations}
        is_informed = each.spec.warm_from is not None or 2 * each.measured >= most
        if is_informed and len(evaluated) >= _MIN_MEASURED:
            return each
    return max(measured, key=lambda each: (each.measured, each.created_at), default=None)


def _alike(searches: Sequence[SearchRecord], before: SearchRecord, spec: SearchSpec) -> tuple[str, ...]:
    """The other searches that measured anything in the unit of this one, latest first."""
    return tuple(
        each.search
        for each in reversed(searches)
        if each.measured and each.search != before.search and each.spec.metric == spec.metric
    )


def _enter(workspace: Workspace, spec: SearchSpec, name: str, before: SearchRecord) -> str:
    """Enter the search with the last winner as its first trial; says so, or why that cannot be."""
    winner = _winner(workspace, before)
    source = f"winner of {before.search}, trial {winner.trial}"
    signals = workspace.signals(spec.pool_version)
    try:
        register_recipe(workspace.ledger, spec, name, winner.recipe, signals, source=source)
    except InvalidRecipe as error:
        workspace.ledger.register(spec, name)
        return f"; its winner cannot be tried again: {error}"
    return f", whose winner {winner.recipe.outline} is tried first"


def _winner(workspace: Workspace, search: SearchRecord) -> Recommendation:
    """The recommendation of a search."""
    return workspace.solver(search.spec).recommend(workspace.ledger.history(search.search))


def _stop_superseded(
    workspace: Workspace, searches: Sequence[SearchRecord], version: str, newer: str
) -> tuple[str, ...]:
    """Stop the running searches of older pools, where the campaign says so; their names.

    They get no report on their own, because that would cost trainings.

    Args:
        workspace: The campaign at work.
        searches: Its searches.
        version: The present pool.
        newer: The search of it.
    """
    if workspace.campaign.on_pool_change.running is OnSuperseded.FINISH:
        return ()
    older = [
        each.search
        for each in searches
        if each.state is SearchState.ACTIVE and each.spec.pool_version != version
    ]
    for search in older:
        reason = f"{newer}, a search of a newer pool, superseded it"
        workspace.ledger.stop(search, reason, StopCause.SUPERSEDED)
    return tuple(older)
