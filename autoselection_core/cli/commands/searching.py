"""`autoselection search`, `forecast` and `replay`: run a search, and ask what more would give."""

import time
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from autoselection_core.campaign.declaration.campaign import command_for
from autoselection_core.campaign.duration import Load, pace_of
from autoselection_core.campaign.solvers import epoch_tokens
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.cli.commands.ingesting import ingest_pool, score_pool, tell_of_signals
from autoselection_core.cli.commands.showing import recipe_in, show_verdict, tell_of_report
from autoselection_core.cli.output import show_table, tell
from autoselection_core.cli.progress import Bars, Lines, show_progress
from autoselection_core.cli.session import path_sentence
from autoselection_core.errors.campaign import SmallerBudgetError, StoppedSearchError
from autoselection_core.evaluation.training.settings import reach_of
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import SearchRecord, SearchState, TrialRecord
from autoselection_core.history.specification import SearchSpec
from autoselection_core.progress import duration_text
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.lineage.beginning import start_sentence
from autoselection_core.report.lineage.pairing import PAIRING, pairing_with_winner
from autoselection_core.report.rendering.table import Cell, Table
from autoselection_core.report.sections.outlook import FURTHER
from autoselection_core.report.sections.tables import budget_table, trial_table
from autoselection_core.report.sections.verdict import verdict_sentence
from autoselection_core.report.writing import write_report, written_report
from autoselection_core.search.arms import plain_filter_runs
from autoselection_core.search.decisions import decide_again
from autoselection_core.search.loop import TESTING, Stage, run_search_together
from autoselection_core.search.report_evaluations import report_arms
from autoselection_core.search.stated_recipes import evaluate_recipe
from autoselection_core.search.status import SearchStatus
from autoselection_core.search.time_left import Refreshed, models_tested
from autoselection_core.solver.analysis.forecast import forecast
from autoselection_core.solver.analysis.replay import replay
from autoselection_core.solver.solver import Solver
from autoselection_core.subset import Subset

Count: TypeAlias = tuple[str, int, int, str | None]
"""Name of what is counted, number, total, and time left in words; None for that of the steps so far."""


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
    """Print every decision of a search beside the solver's present answer; returns whether all are equal."""
    spec = workspace.ledger.search(search).spec
    decisions = decide_again(workspace.ledger, search, workspace.solver(spec))
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            one.trial,
            one.recorded.outline,
            "yes" if one.is_same else f"no, {'nothing' if one.again is None else one.again.outline}",
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


def ready_pool(workspace: Workspace) -> str:
    """The version of a pool that is of the raw files as they are, with every signal scored."""
    with show_progress() as progress:
        pool = workspace.pool() if workspace.is_ingested() else ingest_pool(workspace, progress).pool
        signals = score_pool(workspace, pool, progress)
    tell_of_signals(workspace, signals)
    return pool.version


def specify(workspace: Workspace, name: str | None, asked: Mapping[str, Any]) -> SearchSpec:
    """The search that is asked for: a new one on the present files, or a known one with all that it pins."""
    known = workspace.known_spec(name, **asked)
    return workspace.requested_spec(ready_pool(workspace), **asked) if known is None else known


def require_growing(workspace: Workspace, search: str, *, budget: int | None, report: int | None) -> None:
    """Refuse a stated budget below that of a registered search; None was not stated.

    Raises:
        SmallerBudgetError: A budget is smaller than the search has.
    """
    record = workspace.ledger.find_search(search)
    if record is None:
        return
    paid = record.budget, record.report_evaluations
    if any(
        asked is not None and asked < present for asked, present in zip((budget, report), paid, strict=True)
    ):
        raise SmallerBudgetError(search, *paid)


def register(workspace: Workspace, spec: SearchSpec, name: str | None, *, resume: bool) -> str:
    """Enter the search, or find the one that asks the same; a larger budget raises its own.

    Raises:
        ItemsTooLongError: Items of a new search are longer than its base model reads.
        StoppedSearchError: The search is stopped and was not asked to resume.
    """
    ledger = workspace.ledger
    is_new = ledger.find_search(name or spec.usual_name) is None
    if is_new:
        workspace.require_askable(spec)
    search = ledger.register(spec, name)
    tell(f"search {search}", search=search)
    if is_new:
        reach = verdict_sentence(spec.report_evaluations, plain_filter_runs(spec))
        tell(f"What its verdict can say: {reach}.", verdict_will_say=reach)
    if is_new and (start := start_sentence(ledger.search(search), ledger.searches())):
        tell(start)
    record = ledger.search(search)
    if spec.budget > record.budget:
        ledger.raise_budget(search, spec.budget)
        tell(f"raised the budget of {search} from {record.budget} to {spec.budget}")
    if spec.report_evaluations > record.report_evaluations:
        ledger.raise_report_evaluations(search, spec.report_evaluations)
    if record.state is SearchState.STOPPED:
        if not resume:
            raise StoppedSearchError(search, record.reason)
        ledger.resume(search)
    return search


def work(workspace: Workspace, search: str) -> None:
    """Run trials until the search is done or stopped."""
    record = workspace.ledger.search(search)
    if record.state is SearchState.DONE:
        tell(f"{search} is done: {record.reason}; nothing is evaluated again")
        return
    _tell_of_lost_workers(workspace, search)
    left = record.budget - record.spent + record.report_evaluations - record.report_spent
    models = models_tested(record.report_evaluations) - _tested(workspace, search)[1]
    with show_progress() as progress:
        progress(
            f"measuring how long {'an evaluation' if record.spec.is_formula else 'a training'} takes", 0, 1
        )
        pace = pace_of(workspace, record.spec.evaluator, record.spec.training)
    tell(pace.sentence(round(left), models=models))
    if pace.seconds is not None and (busy := Load.now().sentence(pace.free_share)):
        tell(busy)
    solver = workspace.solver(record.spec)
    if "tokens" in solver.signals.columns and (reach := _reach(solver)):
        tell(reach)
    evaluator = workspace.evaluator(record.spec.pool_version, record.spec)
    with show_progress() as progress:
        paid = partial(_paid, workspace, search)
        teller = _Teller(progress, "trial", paid, paid, _time_left(workspace, search))
        # Here one trial at a time would keep the machine busy; a cluster has room for all slots.
        workers = 1 if workspace.remote is None else record.spec.slots
        run_search_together(workspace.ledger, search, solver, evaluator, teller, workers=workers)


def _reach(solver: Solver) -> str:
    """Share of the pool that a training reads, of the tokens that it can read."""
    return reach_of(solver.train_tokens, epoch_tokens(solver.signals, solver.max_tokens))


def report(workspace: Workspace, search: str) -> None:
    """Compare the winner with what it has to beat, under the report's own budget."""
    record = workspace.ledger.search(search)
    solver = workspace.solver(record.spec)
    evaluator = workspace.evaluator(record.spec.pool_version, record.spec)
    with show_progress() as progress:
        compared = partial(_compared, workspace, search)
        tested, left = partial(_tested, workspace, search), _time_left(workspace, search)
        teller = _Teller(progress, "report evaluation", compared, tested, left)

        def untrained(name: str, done: int, total: int) -> None:
            progress(f"base model untrained, {name}", done, total, left())

        report_arms(workspace.ledger, search, solver, evaluator, teller, untrained=untrained)


def evaluate_file(workspace: Workspace, search: str, file: Path, report_evaluations: int | None) -> bool:
    """Evaluate the recipe of a file beside a search, and compare it with the winner; False where it failed.

    Raises:
        UnreadableRecipeError: The file cannot be read.
        RecipeFormatError: It is no recipe; names step and field.
        InvalidRecipe: It leaves nothing of the pool, or reads a signal that the search lacks.
        BudgetSpentError: The report's budget does not cover it.
        SmallerBudgetError: The report's budget is larger than what is asked for.
    """
    recipe, ledger, facts = recipe_in(file), workspace.ledger, SearchFacts.of(workspace, search)
    subset, record = facts.realise(recipe), facts.record
    require_growing(workspace, search, budget=None, report=report_evaluations)
    if report_evaluations is not None and report_evaluations > record.report_evaluations:
        ledger.raise_report_evaluations(search, report_evaluations)
    _tell_price(workspace, subset, ledger.search(search), len(facts.signals))
    evaluator = workspace.evaluator(record.spec.pool_version, record.spec)
    with show_progress() as progress:
        paid_beside = partial(_paid_beside, ledger, search)
        # A search is not what it is about, so that each stage says what is left of it alone.
        teller = _Teller(progress, "evaluation", paid_beside, paid_beside, None)
        trial = evaluate_recipe(ledger, search, recipe, facts.signals, evaluator, teller)
    if trial.utility is None:
        tell(f"there is no score: {trial.reason}")
        return False
    error = "" if trial.standard_error is None else f" ± {trial.standard_error:.2g}"
    paid = "reused, it cost nothing" if trial.is_reused else f"the evaluation cost {trial.cost:g}"
    tell(
        f"{recipe.outline}: dev score {trial.utility:.4g}{error} ({record.spec.metric}); {paid}",
        utility=trial.utility,
        standard_error=trial.standard_error,
        cost=trial.cost,
    )
    if (table := pairing_with_winner(facts, trial)) is not None:
        show_table(table)
        tell(PAIRING)
    show_table(budget_table(ledger.search(search)))
    _add_to_report(workspace, search, trial)
    return True


def _add_to_report(workspace: Workspace, search: str, trial: TrialRecord) -> None:
    """Write the report of a search again with the evaluation of a stated recipe, where there is one."""
    facts = SearchFacts.of(workspace, search)
    with show_progress() as progress:
        progress("scoring its test items, and writing the report", 0, 1)
        written = None if written_report(facts) is None else write_report(facts)
    if written is None:
        tell(f"the report of {search} will show it beside the winner, on test items")
        return
    arm = next(run.arm for run in facts.stated if run.trial.subset == trial.subset)
    for finding in written.findings:
        if finding.opponent == arm:
            tell(finding.sentence)
    tell_of_report(written)


def _tell_price(workspace: Workspace, subset: Subset, record: SearchRecord, pool_rows: int) -> None:
    """Say what an evaluation beside a search costs at most, and what is left to pay it from."""
    left = max(0.0, record.report_evaluations - record.report_spent - record.report_held)
    unit = "evaluation by the formula" if record.spec.is_formula else "full training"
    pace = pace_of(workspace, record.spec.evaluator, record.spec.training)
    lasts = "" if pace.seconds is None else f" of about {duration_text(pace.seconds)}"
    tell(
        f"{subset.recipe.outline} keeps {len(subset):,} of {pool_rows:,} rows; it costs 1 {unit}{lasts} at "
        f"most, from the report's budget of {record.search}, which pays for its arms, too: "
        f"{left:,g} of {record.report_evaluations:,} left",
        search=record.search,
        subset=subset.fingerprint,
        rows=len(subset),
        left=left,
    )


def conclude(workspace: Workspace, search: str, file: Path) -> int:
    """Print the tables and verdicts, write the report, and say what to run next.

    Returns:
        0, or 1 for a search that stopped before its budget was spent.
    """
    facts = SearchFacts.of(workspace, search)
    with show_progress() as progress:
        progress("writing the report", 0, 1)
        trials = trial_table(facts)
        written = write_report(facts) if facts.history.observations else None
    show_table(trials)
    show_table(budget_table(facts.record))
    if written is not None:
        show_verdict(facts, written)
    if facts.record.open_arms:
        stage = SearchStatus.of(workspace.ledger, search, workspace.home).stage
        tell(f"preliminary: {stage}; run the same again afterwards")
    if facts.is_whole_pool:
        tell(f"{search} recommends the whole pool: an export of it leaves nothing out")
    further = f"search --name {search} --budget {facts.record.budget + FURTHER}"
    commands = (f"show {search}", f"export {search}", further, "ui")
    tell(f"next: {'; '.join(command_for(file, each) for each in commands)}")
    if sentence := path_sentence():
        tell(sentence)
    if facts.record.state is SearchState.STOPPED:
        tell(f"stopped: {facts.record.reason}")
        return 1
    return 0


@dataclass
class _Teller:
    """Shows the stages of each trial, and after each how far the search or its report is.

    Attributes:
        progress: Shows them.
        noun: Trial of the search, or evaluation of its report.
        count: Says how far it is.
        tested: Says how many models are scored on test items.
        time_left: Says how long the search and its report still take; None where neither is what goes on.
    """

    progress: Bars | Lines
    noun: str
    count: Callable[[], Count]
    tested: Callable[[], Count]
    time_left: Refreshed | None
    _has_begun: bool = False

    def __call__(self, stage: Stage) -> None:
        """Show a stage. The count is known with the first one, once a report has planned its evaluations."""
        if stage.has_ended or not self._has_begun:
            self._has_begun = True
            self.progress(*self.count())
            if self.time_left is not None:
                self.time_left.forget()
        if stage.name == TESTING:
            self._test()
        elif not stage.has_ended:
            name = f"{self.noun} {stage.reservation.trial} {stage.name}{_unit(stage.name)}"
            note = None if self.time_left is None else self.time_left()
            self.progress(name, stage.done, stage.total, note)

    def _test(self) -> None:
        """Count the models that are scored; a report that is made again has none left."""
        name, done, total, note = self.tested()
        if done < total:
            self.progress(name, done, total, note)


_LOOKS_EVERY_S = 5.0
"""Seconds between two looks at the history for the time left."""


def _time_left(workspace: Workspace, search: str) -> Refreshed:
    """Time left of a search with its report, in words."""

    def find() -> str:
        return SearchStatus.of(workspace.ledger, search, workspace.home).time_left

    return Refreshed(find, _LOOKS_EVERY_S, time.monotonic)


_UNITS = {"training": "steps", "scoring": "items"}


def _unit(stage: str) -> str:
    """Unit of the steps of a stage, to follow its name; empty where it has one step.

    Example:
        >>> _unit("training"), _unit("(winner) scoring on benchmark training"), _unit("choosing")
        (', steps', ', items', '')
    """
    return next((f", {_UNITS[word]}" for word in stage.split() if word in _UNITS), "")


def _paid(workspace: Workspace, search: str) -> Count:
    """Evaluations that the search paid for; trials that were shared or failed cost none."""
    status = SearchStatus.of(workspace.ledger, search, workspace.home)
    record = status.record
    unit = "evaluations" if record.spec.is_formula else "trainings"
    return f"{unit} of the search", int(record.spent), record.budget, status.time_left


def _paid_beside(ledger: Ledger, search: str) -> Count:
    """Evaluations beside the search that were paid for, of those that the second budget covers."""
    record = ledger.search(search)
    return "evaluations beside the search", int(record.report_spent), record.report_evaluations, None


def _compared(workspace: Workspace, search: str) -> Count:
    """Report evaluations that have ended, of those that the budget pays for; found ones take no time."""
    status = SearchStatus.of(workspace.ledger, search, workspace.home)
    ended = sum(arm.state.has_ended and not arm.is_reused for arm in status.arms)
    found = status.found_arms
    beside = f", beside {found} that cost nothing" if found else ""
    return f"evaluations of the report{beside}", ended, status.planned_arms - found, status.time_left


def _tested(workspace: Workspace, search: str) -> Count:
    """Models of the report that are scored on test items, of those that are measured."""
    status = SearchStatus.of(workspace.ledger, search, workspace.home)
    what = (
        "evaluations scored on simulated test items"
        if status.record.spec.is_formula
        else ("models scored on test items")
    )
    return what, status.tested_arms, status.measured_arms, status.time_left


def _tell_of_lost_workers(workspace: Workspace, search: str) -> None:
    held = [trial.trial for trial in workspace.ledger.trials(search) if trial.state.is_held]
    if held:
        tell(
            f"trial {', '.join(map(str, held))} is held by another worker, or by one that was killed; "
            f"a killed worker's trial is taken over within {workspace.ledger.lease_s:.0f} s"
        )
