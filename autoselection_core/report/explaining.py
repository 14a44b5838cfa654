"""Explanations: ancestry and use of a sample, a subset, an evaluation or a search."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from autoselection_core.arrays import Rows
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.errors.campaign import NoBestSubsetError
from autoselection_core.errors.history import UnknownTrialError
from autoselection_core.history.records import SearchState, TrialKind, TrialRecord, TrialState
from autoselection_core.recipe import Recipe
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.lineage.ancestry import ancestry_table, anchor_of
from autoselection_core.report.lineage.beginning import beginning_of
from autoselection_core.report.lineage.differing import diff_texts, subset_diff
from autoselection_core.report.lineage.examples import step_sentence, text_of
from autoselection_core.report.lineage.pairing import PAIRING, pairing_table
from autoselection_core.report.rendering.table import Block, Part, Table
from autoselection_core.report.sections.lead import headline
from autoselection_core.report.sections.outlook import outlook
from autoselection_core.report.sections.tables import signal_table, step_table
from autoselection_core.report.sections.verdict import finding_sentences, findings
from autoselection_core.report.sections.waterfall import waterfall, waterfall_table
from autoselection_core.solver.proposal import ORIGINS, Proposal
from autoselection_core.subset import realise
from autoselection_core.subset.explain import explain
from autoselection_core.subset.storage import read_ids, stored_lineages


@dataclass(frozen=True)
class Usage:
    """Usage of a sample in every search of the installation.

    Attributes:
        sample: Its id.
        trials: Measured trials whose subset holds it; each has a model of its own or shares one.
        subsets: Number of distinct subsets among them.
        missing: Subsets that are no longer stored, so that nothing can be said of them.
        by_formula: Searches whose trials a closed form evaluated.
    """

    sample: str
    trials: tuple[TrialRecord, ...]
    subsets: int
    missing: int
    by_formula: frozenset[str] = frozenset()

    @property
    def sentence(self) -> str:
        """The usage in a sentence."""
        trained = {trial.evaluation for trial in self.trials if trial.search not in self.by_formula}
        other = {trial.evaluation for trial in self.trials} - trained
        many = _counted(len(trained), "model")
        models = (
            f"{many} trained on them, as far as a training reads its subset" if trained or not other else ""
        )
        scored = f"{len(other)} evaluations by a formula, without a model" if other else ""
        lost = f"; {self.missing} subsets are no longer stored" if self.missing else ""
        selected = f"selected in {_counted(self.subsets, 'subset')} of {_counted(len(self.trials), 'trial')}"
        if reported := sum(trial.kind is TrialKind.REPORT for trial in self.trials):
            selected += f", {reported} of them by a report"
        return f"{selected}; {' and '.join(filter(None, (models, scored)))}{lost}"

    def table(self, search: str) -> Table:
        """The trials with their models, those of one search before the others."""
        rows = tuple(
            (trial.reservation.partition, trial.subset, trial.evaluation, trial.utility)
            for trial in sorted(self.trials, key=lambda each: each.search != search)
        )
        return Table("Where it was used", ("trial", "subset", "evaluation", "dev score"), rows)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def usage_of(workspace: Workspace, sample: str) -> Usage:
    """Read every stored subset once, and say which hold a sample."""
    done = [trial for trial in workspace.ledger.finished_trials() if trial.subset is not None]
    names = dict.fromkeys(str(trial.subset) for trial in done)
    folders = {name: workspace.home.subset(name) for name in names}
    stored = [name for name, folder in folders.items() if folder.exists()]
    wanted = np.bytes_(sample)
    holding = {name for name in stored if _file_holds(stored_lineages(name, workspace.home)[0], wanted)}
    used = tuple(sorted((each for each in done if each.subset in holding), key=_place))
    formulas = frozenset(each.search for each in workspace.ledger.searches() if each.spec.is_formula)
    return Usage(sample, used, len(holding), len(folders) - len(stored), formulas)


def _place(trial: TrialRecord) -> tuple[str, bool, int]:
    """Order of trials for people: by search, its own before its report's, by number."""
    return trial.search, trial.kind is TrialKind.REPORT, trial.trial


def _file_holds(file: Path, sample: np.bytes_) -> bool:
    ids = read_ids(file)
    place = int(np.searchsorted(ids, sample))
    return place < len(ids) and bool(ids[place] == sample)


def explain_trials(workspace: Workspace, name: str, trials: Sequence[TrialRecord]) -> Iterator[Part]:
    """Explanation of a subset or an evaluation: contents and origin, by every trial that has it."""
    evaluation = trials[0].evaluation
    kind = "evaluation" if evaluation is not None and evaluation.startswith(name) else "subset"
    whole = evaluation if kind == "evaluation" else trials[0].subset
    yield f"{whole} is the {kind} of {', '.join(trial.reservation.partition for trial in trials)}"
    trial = next((each for each in trials if each.state is TrialState.DONE), trials[0])
    spec = workspace.ledger.search(trial.search).spec
    assert trial.recipe is not None, "what has a subset has a recipe"
    yield f"pool {spec.pool_version}, evaluator {spec.evaluator}, campaign {spec.campaign}"
    yield f"subset {trial.subset}, replicate {trial.replicate}, {trial.tokens or 0:,} {spec.size_unit}"
    signals = workspace.signals(spec.pool_version, spec.signal_versions)
    yield Block("Recipe", trial.recipe.to_yaml(), "yaml")
    yield step_table(realise(trial.recipe, signals))
    yield signal_table(trial.recipe, spec.signal_versions)
    proposal = Proposal.from_json(trial.proposal)
    origin, parent = proposal.origin, proposal.parent
    meaning = f" ({ORIGINS[origin]})" if origin in ORIGINS else ""
    yield f"came from: {origin or trial.arm or 'unknown'}{meaning}{f' of trial {parent}' if parent else ''}"
    entered = workspace.ledger.trials(trial.search)
    if proposal.anchor is not None:
        yield ancestry_table(trial, entered)
    yield from _anchor_parts(SearchFacts.of(workspace, trial.search), trial, anchor_of(trial, entered))
    if trial.utility is None:
        yield "it was not measured"
        return
    error = "" if trial.standard_error is None else f" ± {trial.standard_error:.2g}"
    yield f"dev score {trial.utility:.4g}{error}, evaluation {trial.evaluation}"
    yield f"folder {workspace.home.evaluation(str(trial.evaluation))}"


def _anchor_parts(facts: SearchFacts, trial: TrialRecord, anchor: TrialRecord | None) -> Iterator[Part]:
    """Difference of a trial's subset to that of its anchor."""
    if anchor is None or anchor.recipe is None or trial.recipe is None or trial.kind is not TrialKind.SEARCH:
        return
    names = (f"trial {trial.trial}", f"trial {anchor.trial}")
    subsets = (facts.realise(trial.recipe), facts.realise(anchor.recipe))
    diff = subset_diff(facts.pool, facts.signals, *subsets, names)
    yield f"against {names[1]}: {diff.sentence}"
    yield from diff.groups


def explain_search(facts: SearchFacts) -> Iterator[Part]:
    """Explanation of a search: the way from the full pool to its best recipe, and the evidence for it."""
    began = beginning_of(facts)
    yield " ".join(filter(None, (began.sentence, began.pairing)))
    yield from began.tables
    if facts.best is None:
        return
    yield waterfall_table(waterfall(facts))
    if facts.record.state is not SearchState.ACTIVE:
        yield headline(facts, findings(facts))
        yield outlook(facts).sentence
        yield from finding_sentences(findings(facts))


def compare_trials(facts: SearchFacts, first: int, second: int) -> Iterator[Part]:
    """Comparison of two trials: their models item by item, and their subsets with rows of either side.

    Raises:
        UnknownTrialError: The search has no such trial, or it has no recipe.
    """
    subsets = [facts.realise(recipe_of(facts, number)) for number in (first, second)]
    names = (f"trial {first}", f"trial {second}")
    diff = subset_diff(facts.pool, facts.signals, subsets[0], subsets[1], names)
    if (pairing := pairing_table(facts, first, second)) is not None:
        yield pairing
        yield PAIRING
    yield diff.sentence
    yield from diff.groups
    yield diff.signals
    yield from (Block("Rows", text) for text in diff_texts(diff))


def recipe_of(facts: SearchFacts, number: int) -> Recipe:
    """The recipe of a trial.

    Raises:
        UnknownTrialError: The search has no such trial, or it has no recipe.
    """
    trial = next((each for each in facts.trials if each.trial == number), None)
    if trial is None or trial.recipe is None:
        raise UnknownTrialError(facts.record.search, number, len(facts.trials))
    return trial.recipe


def explain_sample(facts: SearchFacts, sample: str) -> Iterator[Part]:
    """Explanation of a sample: its way through the recipe of a search, and its use in any search.

    Raises:
        UnknownSampleError: The pool of the search has no such sample.
        NoBestSubsetError: The search has no best subset.
    """
    row = facts.pool.row_of(sample)
    if facts.best is None:
        raise NoBestSubsetError(facts.record.search)
    sample = facts.pool.sample(row).id
    explanation = explain(facts.best_recipe, facts.signals, row)
    verb = "is in" if explanation.is_in else "is not in"
    yield f"{sample} {verb} the best subset of {facts.record.search} (trial {facts.best.trial})"
    yield from (f"  {step_sentence(step, facts.pool)}" for step in explanation.steps)
    if not explanation.steps:
        yield "  the recipe is the full pool"
    if facts.idle_steps:
        yield f"  {facts.idle_steps}"
    yield _values(facts, row)
    yield _trainings(facts, row)
    usage = usage_of(facts.workspace, sample)
    yield usage.sentence
    yield usage.table(facts.record.search)
    for origin in facts.pool.origins(row):
        yield f"from {origin.source} at {origin.locator}, licence {origin.licence or 'none stated'}"
    yield Block("Messages", text_of(facts.pool, row))


def _values(facts: SearchFacts, row: int) -> str:
    values = ", ".join(f"{name} {column[row]:.4g}" for name, column in facts.signals.columns.items())
    return f"signals: {values or 'none'}"


def _trainings(facts: SearchFacts, row: int) -> str:
    trained = [
        str(trial.trial)
        for trial in facts.trials
        if trial.state is TrialState.DONE
        and trial.recipe is not None
        and _holds(facts.realise(trial.recipe).rows, row)
    ]
    return f"selected by trials: {', '.join(trained) or 'none'}"


def _holds(rows: Rows, row: int) -> bool:
    place = int(np.searchsorted(rows, row))
    return place < len(rows) and int(rows[place]) == row
