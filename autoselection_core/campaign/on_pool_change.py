"""Search a pool again after it changed, with what the search before it still says."""

from dataclasses import dataclass

from autoselection_core.campaign.workspace import Workspace
from autoselection_core.errors.recipe import InvalidRecipe
from autoselection_core.history.records import SearchRecord
from autoselection_core.recipe import Recipe
from autoselection_core.search.given import search_of_given


@dataclass(frozen=True)
class Again:
    """Outcome of searching again after the pool changed.

    Attributes:
        search: The search on the pool of now; None where there is nothing to search again.
        is_new: Whether it was entered just now.
        warm_from: The search that it starts from.
        why: Decision in a sentence.
    """

    search: str | None
    is_new: bool
    warm_from: str | None
    why: str


def search_again(workspace: Workspace, budget: int | None = None) -> Again:
    """Enter one search on the latest pool, warm from the one that measured most.

    Its first trial is the recipe that the earlier search recommends, realised on the pool of now, so that old
    and new winner are compared on one pool. Doing it again on the same pool enters nothing: the name follows
    from the pool.

    Args:
        workspace: The campaign at work; its pool and signals are up to date.
        budget: Full trainings that the search may pay for; None takes the campaign's own.

    Raises:
        NoPoolError: Nothing was ingested yet.
    """
    version = workspace.pool().version
    mine = [each for each in workspace.ledger.searches() if each.spec.campaign == workspace.campaign.name]
    if not mine:
        return Again(None, False, None, "nothing was searched yet: start the first search by hand")
    same = [each for each in mine if each.spec.pool_version == version]
    if same:
        return Again(same[-1].search, False, None, f"{same[-1].search} searches this very pool already")
    before = _most_measured(mine)
    if before is None:
        return Again(None, False, None, "no search has measured anything that another could start from")
    name = f"{workspace.campaign.name}-pool-{version[:8]}"
    spec = workspace.spec(version, budget=budget, warm_from=before.search)
    winner = _winner(workspace, before)
    try:
        search_of_given(workspace.ledger, spec, name, winner, workspace.signals(version))
    except InvalidRecipe as error:
        workspace.ledger.register(spec, name)
        first = f"; its winner cannot be tried again: {error}"
    else:
        first = f", whose winner {winner.label} is tried first"
    return Again(name, True, before.search, f"the pool changed: {name} starts from {before.search}{first}")


def _most_measured(searches: list[SearchRecord]) -> SearchRecord | None:
    """The search with most measured trials, the latest of equals: one evaluation teaches little."""
    measured = [each for each in searches if each.measured]
    return max(measured, key=lambda each: (each.measured, each.created_at), default=None)


def _winner(workspace: Workspace, search: SearchRecord) -> Recipe:
    """The recipe that a search recommends."""
    return workspace.solver(search.spec).recommend(workspace.ledger.history(search.search)).recipe
