"""Search a pool again after it changed, with what the search before it still says."""

from dataclasses import dataclass

from autoselection_core.campaign.workspace import Workspace
from autoselection_core.history.records import SearchRecord


@dataclass(frozen=True)
class Again:
    """Outcome of searching again after the pool changed.

    Attributes:
        search: The search on the pool of now; None where there is nothing to search again.
        is_new: Whether it was entered just now.
        warm_from: The search that it starts from.
        why: What was decided, in a sentence.
    """

    search: str | None
    is_new: bool
    warm_from: str | None
    why: str


def search_again(workspace: Workspace, budget: int | None = None) -> Again:
    """Enter one search on the latest pool, warm from the latest one that measured anything.

    Doing it again on the same pool enters nothing: the name follows from the pool.

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
    before = _latest_measured(mine)
    if before is None:
        return Again(None, False, None, "no search has measured anything that another could start from")
    name = f"{workspace.campaign.name}-pool-{version[:8]}"
    entered = workspace.ledger.register(workspace.spec(version, budget=budget, warm_from=before.search), name)
    return Again(entered, True, before.search, f"the pool changed: {entered} starts from {before.search}")


def _latest_measured(searches: list[SearchRecord]) -> SearchRecord | None:
    return next((each for each in reversed(searches) if each.measured), None)
