"""`autoselection show`, `status` and `realise`: searches, trials, and the steps of a recipe."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from autoselection_core.campaign.workspace import Workspace
from autoselection_core.cli.commands.ingesting import show_gate
from autoselection_core.cli.output import show_table, tell
from autoselection_core.errors.campaign import UnreadableRecipeError, YamlError
from autoselection_core.errors.history import UnknownTrialError
from autoselection_core.history.records import SearchState, TrialRecord
from autoselection_core.identity import Json
from autoselection_core.recipe import Recipe
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.lineage.beginning import origin_of
from autoselection_core.report.rendering.table import Cell, Table
from autoselection_core.report.sections.fidelities import fidelity_sentences, weighed_table
from autoselection_core.report.sections.lead import headline, verdict_sentences
from autoselection_core.report.sections.outlook import outlook
from autoselection_core.report.sections.tables import (
    UNTRAINED,
    arm_table_of,
    budget_table,
    origins_sentence,
    readable_sentence,
    reasons_table,
    search_table,
    step_table,
    trial_table,
)
from autoselection_core.report.sections.tradeoffs import NO_RANKING, signs_of, tradeoff_table, tradeoffs_of
from autoselection_core.report.sections.verdict import is_better
from autoselection_core.report.writing import Report, written_report
from autoselection_core.score.comparison import StatedVerdict
from autoselection_core.score.score import utility
from autoselection_core.search.status import SearchStatus
from autoselection_core.search.warm_start import agreement
from autoselection_core.solver.advice.exchange import Exchange
from autoselection_core.solver.proposal import Proposal
from autoselection_core.strict_yaml import text_of
from autoselection_core.subset import realise


def realise_file(workspace: Workspace, file: Path) -> None:
    """Show the rows that each step of a recipe leaves of the latest pool.

    Raises:
        UnreadableRecipeError: The file cannot be read.
        RecipeFormatError: It is no recipe; names step and field.
        InvalidRecipe: It leaves nothing of the pool, or reads a signal that the campaign lacks.
    """
    recipe = recipe_in(file)
    pool = workspace.pool()
    subset = realise(recipe, workspace.signals(pool.version))
    show_table(step_table(subset))
    tell(f"{recipe.outline}: {len(subset):,} of {len(pool):,} rows, subset {subset.fingerprint}")


def recipe_in(file: Path) -> Recipe:
    """The recipe of a YAML file.

    Raises:
        UnreadableRecipeError: The file cannot be read.
        RecipeFormatError: It is no recipe; names step and field.
    """
    try:
        text = text_of(file)
    except (OSError, YamlError) as error:
        raise UnreadableRecipeError(file, str(error)) from error
    return Recipe.from_yaml(text)


def show_status(workspace: Workspace) -> None:
    """Show the searches, a line on each that still runs, and what the gate cut; programs get all of it."""
    ledger = workspace.ledger
    found = [SearchStatus.observed(ledger, each.search, workspace.home) for each in ledger.searches()]
    stated = {status.record.search: told for status in found if (told := _stated(workspace, status))}
    verdicts = {search: told.words for search, told in stated.items()}
    show_table(search_table(found, verdicts))
    for search, told in stated.items():
        for warning in told.warnings:
            tell(f"{search}: {warning}", search=search, warning=warning)
    for status in found:
        if _is_open(status):
            tell(f"{status.record.search}: {status.sentence}")
            if status.record.spec.warm_from is not None:
                tell(f"{status.record.search}: {origin_of(status.record)}")
    searches: list[Json] = [
        {**status.to_json(), "verdict": verdicts.get(status.record.search)} for status in found
    ]
    tell(ledger.why_idle(), searches=searches)
    show_gate(workspace)


def _stated(workspace: Workspace, status: SearchStatus) -> StatedVerdict | None:
    """Verdict of a search; None before its report, or where an earlier release wrote that."""
    return StatedVerdict.read(workspace.home.report(status.record.search)) if status.is_done else None


def _is_open(status: SearchStatus) -> bool:
    record = status.record
    is_left = record.held > 0 or record.open_arms > 0 or bool(status.unscored)
    return record.state is SearchState.ACTIVE or status.is_reporting or is_left


def show_search(facts: SearchFacts) -> None:
    """A search from its verdict, where there is a report, to the recommended recipe."""
    if (report := written_report(facts)) is not None:
        show_verdict(facts, report)
    show_trials(facts)


def show_trials(facts: SearchFacts) -> None:
    """Trials, trade-offs, budgets, state and the recommended recipe."""
    show_table(trial_table(facts))
    if told := readable_sentence(facts):
        tell(told)
    if origins := origins_sentence(facts.trials):
        tell(f"came from: {origins}")
    if len(signs_of(facts)) > 1 and len(standing := tradeoffs_of(facts)) > 1:
        show_table(tradeoff_table(standing, facts.record.spec.size_unit))
        tell(NO_RANKING)
    show_table(budget_table(facts.record))
    reason = f": {facts.record.reason}" if facts.record.reason else ""
    tell(f"{facts.record.search} is {_state(facts)}{reason}")
    if (earlier := facts.record.spec.warm_from) is not None:
        shared = agreement(facts.workspace.ledger.history(earlier), facts.history)
        further = ", ".join(facts.record.spec.warm_also)
        tell(f"started from {earlier}{f' and {further}' if further else ''}. {shared.sentence}")
    for sentence in fidelity_sentences(facts):
        tell(sentence)
    if (base := facts.untrained) is not None:
        tested = utility(base.test, facts.record.spec.score_weights)
        tell(f"{UNTRAINED}: dev score {base.dev.utility:.4g}, test score {tested:.4g}")
    if facts.best is not None:
        tell(f"recommended: trial {facts.best.trial}, expected dev score {facts.best.mean:.4g}")
        if facts.idle_steps:
            tell(facts.idle_steps)
        tell(facts.best_recipe.to_yaml())


def show_verdict(facts: SearchFacts, report: Report) -> None:
    """Verdict of a report with comparisons, test scores, price of further runs, and its place."""
    compared: list[Json] = [finding.to_json() for finding in report.findings]
    tell(headline(facts, report.findings), verdict=is_better(report.findings).value, comparisons=compared)
    for sentence in verdict_sentences(facts, report.findings):
        tell(sentence)
    show_table(arm_table_of(facts))
    expected = outlook(facts)
    tell(expected.sentence, further=None if expected.offer is None else expected.offer.to_json())
    tell_of_report(report)


def tell_of_report(report: Report) -> None:
    """Say where a report is, as an address that a terminal and a browser open."""
    tell(f"the report, for a browser: {report.html.resolve().as_uri()}", report=str(report.html))


def _state(facts: SearchFacts) -> str:
    """State of a search; one whose trials are done is not done before its report is."""
    status = SearchStatus.of(facts.workspace.ledger, facts.record.search, facts.workspace.home)
    return f"at its report: {status.stage}" if status.is_reporting else status.state


def show_trial(facts: SearchFacts, number: int) -> None:
    """One trial: recipe, steps, scores and why the solver chose it.

    Raises:
        UnknownTrialError: The search has no such trial.
    """
    trial = next((each for each in facts.trials if each.trial == number), None)
    if trial is None:
        raise UnknownTrialError(facts.record.search, number, len(facts.trials))
    tell(f"trial {number} of {facts.record.search}: {trial.state.value}. {trial.reason or ''}")
    if trial.recipe is not None:
        tell(trial.recipe.to_yaml())
        show_table(step_table(facts.realise(trial.recipe)))
    show_table(_scores(trial))
    show_table(_reasons(trial))
    proposal = Proposal.from_json(trial.proposal)
    if weighed := proposal.weighed:
        show_table(weighed_table(weighed))
    if proposal.advice:
        show_table(_advice(proposal.advice))


def _scores(trial: TrialRecord) -> Table:
    rows: list[tuple[Cell, ...]] = [("utility", trial.utility, trial.standard_error)]
    rows += [(name, score, None) for name, score in trial.scores.items()]
    return Table("Scores on dev items", ("what", "score", "± se"), tuple(rows))


def _reasons(trial: TrialRecord) -> Table:
    seen = {name: len(_list(trial.seen.get(name))) for name in ("observations", "pending", "cheap")}
    cheap = f", {seen['cheap']} cheap scores" if seen["cheap"] else ""
    saw = f"{seen['observations']} measured, {seen['pending']} pending{cheap}"
    reasons = reasons_table(Proposal.from_json(trial.proposal))
    return replace(
        reasons, rows=(*reasons.rows, ("history", saw, "Trials that the solver knew of when it chose"))
    )


def _advice(exchanges: Sequence[Exchange]) -> Table:
    """Exchanges with the language model: question, answer, and why an answer was not used."""
    rows: list[tuple[Cell, ...]] = [
        (one.role, one.answer, one.problem or "used", one.seconds, f"{one.model}, prompt {one.version}")
        for one in exchanges
    ]
    return Table("What the adviser said", ("role", "answer", "what became of it", "s", "model"), tuple(rows))


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else []
