"""`autoselection forecast` and `autoselection replay`: nothing that they do is paid for."""

from dataclasses import astuple, replace

from autoselection_core.campaign.workspace import Workspace
from autoselection_core.cli.output import show_table, tell
from autoselection_core.report.rendering.table import Cell, Table
from autoselection_core.search.decisions import decided_again
from autoselection_core.solver.analysis.forecast import forecast
from autoselection_core.solver.analysis.replay import replay


def show_forecast(workspace: Workspace, search: str, evaluations: int) -> None:
    """Print the expected gain of more evaluations over what the search would recommend now."""
    spec = workspace.ledger.search(search).spec
    found = forecast(workspace.solver(spec), workspace.ledger.history(search), evaluations)
    tell(
        f"{found.evaluations} more evaluations of {search} are likely to gain {found.median:.3g} "
        f"{found.unit} over {found.over} (90 % interval {found.low:.3g} to {found.high:.3g}; "
        f"{found.mean / found.evaluations:.3g} an evaluation). Nothing was spent.",
        search=search,
        evaluations=found.evaluations,
        median=found.median,
        low=found.low,
        high=found.high,
    )


def show_decisions(workspace: Workspace, search: str) -> bool:
    """Print every decision of a search beside the solver's answer of now; returns whether all are equal."""
    spec = workspace.ledger.search(search).spec
    decisions = decided_again(workspace.ledger, search, workspace.solver(spec))
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            one.trial,
            one.recorded.label,
            "yes" if one.is_same else f"no, {'nothing' if one.again is None else one.again.label}",
        )
        for one in decisions
    )
    show_table(Table(f"Decisions of {search}", ("trial", "recipe", "chosen again"), rows))
    same = sum(one.is_same for one in decisions)
    tell(f"{same} of {len(decisions)} decisions come out as recorded; nothing was trained, no model asked")
    return same == len(decisions)


def show_replay(workspace: Workspace, search: str, policy: str) -> None:
    """Another policy over what a search measured, step by step.

    Raises:
        SettingError: There is no such policy.
    """
    spec = replace(workspace.ledger.search(search).spec, policy=policy)
    steps = replay(workspace.solver(spec), workspace.ledger.history(search))
    columns = ("evaluations", "trial", "utility", "best", f"best of {search}")
    show_table(
        Table(f"{policy} over what {search} measured", columns, tuple(astuple(step) for step in steps))
    )
    tell("a replay chooses among what was measured and trains nothing")
