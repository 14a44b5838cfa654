"""Report of a search on disk: one HTML file, one Markdown file and its pictures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from autoselection_core.errors.search import NoReportError
from autoselection_core.history.records import SearchState, TrialKind
from autoselection_core.progress import percent
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.lineage.ancestry import ancestry_table
from autoselection_core.report.lineage.beginning import beginning_of
from autoselection_core.report.lineage.differing import anchor_diff
from autoselection_core.report.lineage.examples import Example, examples_of
from autoselection_core.report.rendering.page import Picture, Section, to_html, to_markdown
from autoselection_core.report.sections.arms_plot import mean_scores
from autoselection_core.report.sections.fidelities import dev_agreement, fidelity_sentences
from autoselection_core.report.sections.landscape import (
    MIN_TRIALS,
    calibration_plot,
    map_plot,
    mix_plot,
    tree_plot,
)
from autoselection_core.report.sections.lead import (
    arm_scores,
    compared_sentences,
    headline,
    lead_of,
    warnings_of,
)
from autoselection_core.report.sections.outlook import noise_sentence, outlook
from autoselection_core.report.sections.plots import (
    credit_plot,
    histogram_plot,
    operator_credits,
    retention_plot,
    tokens_plot,
    trajectory_plot,
)
from autoselection_core.report.sections.protocol import (
    NO_TRAINING,
    form_warnings,
    training_sentence,
    unread_table,
)
from autoselection_core.report.sections.tables import (
    arm_table_of,
    budget_table,
    gate_sentence,
    gate_table,
    legend_sentences,
    readable_sentence,
    step_table,
    trial_table,
)
from autoselection_core.report.sections.tradeoffs import (
    NO_RANKING,
    signs_of,
    tradeoff_plot,
    tradeoff_table,
    tradeoffs_of,
)
from autoselection_core.report.sections.verdict import Finding, findings, in_words
from autoselection_core.report.sections.waterfall import waterfall, waterfall_table
from autoselection_core.score.comparison import StatedVerdict
from autoselection_core.search.arms import WINNER
from autoselection_core.search.report_evaluations import tests_by_arm
from autoselection_core.search.status import measured_counts
from autoselection_core.signals.table import SOURCE, TOPIC
from autoselection_core.store.atomic import atomic_file
from autoselection_core.subset import Subset


@dataclass(frozen=True)
class Report:
    """Paths of a written report, and its verdicts.

    Attributes:
        html: One file that needs nothing else.
        markdown: The same in Markdown.
        findings: Comparisons of the winner, and the verdicts.
    """

    html: Path
    markdown: Path
    findings: tuple[Finding, ...]

    @classmethod
    def at(cls, folder: Path, found: tuple[Finding, ...]) -> "Report":
        """The report in a folder."""
        return cls(folder / "report.html", folder / "report.md", found)


def write_report(facts: SearchFacts) -> Report:
    """Write the report of a search into the home folder.

    Raises:
        NoReportError: The search still runs, or measured nothing.
    """
    if facts.record.state is SearchState.ACTIVE:
        raise NoReportError(facts.record.search, "it has budget left; let it finish, or stop it")
    measured, found = _measured(facts), findings(facts)
    sections, lead = _sections(facts), lead_of(facts, found)
    title = f"Search {facts.record.search}"
    folder = facts.workspace.home.report(facts.record.search)
    pictures = [picture for section in sections for picture in section.pictures]
    for picture in [*pictures, *([] if lead.picture is None else [lead.picture])]:
        _write(folder / f"{picture.name}.svg", picture.svg)
    report = Report.at(folder, found)
    _write(report.html, to_html(title, sections, lead).encode())
    _write(report.markdown, to_markdown(title, sections, lead).encode())
    for name, content in _stated(facts, found, measured).files().items():
        _write(folder / name, content)
    return report


def written_report(facts: SearchFacts) -> Report | None:
    """The report of a search as it was written; None where there is none, or the search goes on after it."""
    is_running = facts.record.state is SearchState.ACTIVE
    if not has_report(facts) or is_running or not facts.history.observations:
        return None
    return Report.at(facts.workspace.home.report(facts.record.search), findings(facts))


def has_report(facts: SearchFacts) -> bool:
    """Whether a report of a search was ever written."""
    return Report.at(facts.workspace.home.report(facts.record.search), ()).html.is_file()


def _measured(facts: SearchFacts) -> tuple[int, int]:
    ledger, search = facts.workspace.ledger, facts.record.search
    return measured_counts(ledger.trials(search), ledger.trials(search, TrialKind.REPORT))


def _stated(facts: SearchFacts, found: Sequence[Finding], measured: tuple[int, int]) -> StatedVerdict:
    compared = {run.trial.subset for run in facts.arms if run.arm == WINNER}
    # The card of an export has the warning of a small subset beside the verdict, in its hashed part.
    told = [*form_warnings(facts), *compared_sentences(facts, found)]
    said = (headline(facts, found), *told, mean_scores(arm_scores(facts))) if found else ()
    verdict, warned = in_words(found), tuple(warnings_of(facts))
    return StatedVerdict(next(iter(compared), None) or "", verdict, said, measured, warned)


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(file) as draft:
        draft.write_bytes(content)


def _sections(facts: SearchFacts) -> list[Section]:
    return [
        _result(facts),
        *([] if facts.record.spec.warm_from is None else [_beginning(facts)]),
        _trials(facts),
        *([_tradeoffs(facts)] if _has_many_trials(facts) else []),
        _best(facts),
        _examples(examples_of(facts.best_recipe, facts.pool, facts.signals)),
        _provenance(facts),
    ]


def _has_many_trials(facts: SearchFacts) -> bool:
    return len(facts.history.observations) >= MIN_TRIALS


def _result(facts: SearchFacts) -> Section:
    spec = facts.record.spec
    benchmarks = ", ".join(spec.benchmarks) or "a formula"
    drove = f"The metric that drove the search: {spec.metric}, on dev items of {benchmarks}."
    tables = [arm_table_of(facts)]
    if (unread := unread_table(tests_by_arm(facts.compared))) is not None:
        tables.append(unread)
    is_formula = facts.workspace.campaign.closed_form is not None
    trained = NO_TRAINING if is_formula else training_sentence(spec.training)
    if (judge := facts.workspace.campaign.judge) is not None:
        trained = f"A program of the user trained and scored: {' '.join(judge.command) or judge.entry_point}."
    told = [sentence] if (sentence := readable_sentence(facts)) else []
    return Section("Result", [drove, trained, *told], [*tables, budget_table(facts.record)])


def _beginning(facts: SearchFacts) -> Section:
    began = beginning_of(facts)
    return Section("Why it began", [began.sentence, began.pairing], list(began.tables))


def _trials(facts: SearchFacts) -> Section:
    unit, size = facts.record.spec.metric, facts.record.spec.size_unit
    pictures = [
        Picture("trajectory", trajectory_plot(facts.history, unit), "Dev score of every trial"),
        Picture(
            "tokens", tokens_plot(facts.history, unit, size=size), f"Dev score against {size} of the subset"
        ),
    ]
    measured = facts.history.observations
    subsets = facts.measured_subsets
    landscape = (
        ("map", map_plot(measured, subsets, unit), "Map of the tried subsets: near ones share rows"),
        ("tree", tree_plot(facts.history, unit), "Tree of edits: which trial came from which"),
        ("calibration", calibration_plot(facts.history, unit), "Predicted against measured dev scores"),
    )
    pictures += [Picture(name, svg, caption) for name, svg, caption in landscape if svg is not None]
    credits_seen = operator_credits(measured, subsets)
    if credits_seen:
        pictures.append(
            Picture("operators", credit_plot(credits_seen, unit), "Scores with and without an operator")
        )
    meaning = (
        "A star marks the recommended trial: the best posterior mean, which need not be the luckiest score. "
        "Standard errors are over dev items, which all trials share; they are not run-to-run noise."
    )
    notes = [meaning, f"State: {facts.record.state.value}; {facts.record.reason}."]
    if (agreement := dev_agreement(facts)) is not None:
        notes.append(agreement.sentence)
    notes += [f"{sentence}." for sentence in fidelity_sentences(facts)]
    notes += legend_sentences(trial.recipe for trial in facts.trials if trial.recipe is not None)
    return Section("Trials", notes, [trial_table(facts)], pictures)


def _tradeoffs(facts: SearchFacts) -> Section:
    standing, signs, size = tradeoffs_of(facts), signs_of(facts), facts.record.spec.size_unit
    meaning = (
        "The search maximises one utility; here every benchmark counts for itself, and so does size. Each "
        "benchmark has a surrogate of its own; the chance of being on the front is over draws from their "
        "posteriors, among the subsets that were tried. Limits of the policy (`floors`, `max_tokens`, "
        "`max_share`) let a search look for another trade-off. Sizes here are those of whole samples."
    )
    pictures = (
        [
            Picture(
                "tradeoffs", tradeoff_plot(standing, signs, size), f"Benchmarks and {size} against each other"
            )
        ]
        if standing
        else []
    )
    return Section("Trade-offs", [NO_RANKING, meaning], [tradeoff_table(standing, size)], pictures)


def _best(facts: SearchFacts) -> Section:
    assert facts.best is not None, "a report without measured trials is refused"
    assert facts.best_subset is not None, "the recommendation has a recipe"
    best, subset, shown = facts.best, facts.best_subset, facts.shown_subset
    share = len(subset) / len(facts.signals)
    text = (
        f"Trial {best.trial} keeps {len(subset):,} of {len(facts.signals):,} rows ({percent(share, 1)}). "
        f"Expected dev score {best.mean:.4g} ± {best.deviation:.2g}, by the surrogate after all trials. "
        f"{noise_sentence(facts)}"
    )
    pictures = [
        Picture("retention", retention_plot(shown, len(facts.signals)), "Rows that each step leaves"),
        Picture("histograms", histogram_plot(subset, facts.signals), "Signals of the subset and of the pool"),
        *_mixes(facts, subset),
    ]
    ancestry = ancestry_table(next(each for each in facts.trials if each.trial == best.trial), facts.trials)
    tables = [step_table(shown), waterfall_table(waterfall(facts)), ancestry]
    paragraphs = [text, outlook(facts).sentence]
    if (diff := anchor_diff(facts)) is not None:
        paragraphs.append(f"Beside the subset of {diff.only[1].name}: {diff.sentence}")
        tables += diff.groups
    if facts.idle_steps:
        paragraphs.append(facts.idle_steps)
    return Section("The recommended subset", paragraphs, tables, pictures, [facts.best_recipe.to_yaml()])


def _mixes(facts: SearchFacts, subset: Subset) -> Iterator[Picture]:
    """Pictures of the shares of sources, and of topics where the pool has topics."""
    for grouping in (SOURCE, TOPIC):
        if grouping in facts.signals.groupings:
            caption = f"{grouping.title()}s of the subset and of the pool"
            yield Picture(f"{grouping}s", mix_plot(facts.signals, grouping, subset), caption)


def _examples(examples: Sequence[Example]) -> Section:
    code = [
        "\n".join(
            [
                f"{example.fate} ({example.source}, {example.sample})",
                f"by {example.recipe}: {example.reason}",
                "",
                example.text,
                *(["", "kept in its place:", example.like] if example.like else []),
            ]
        )
        for example in examples
    ]
    return Section("Rows of the pool", ["Real rows and what became of them."], code=code)


def _provenance(facts: SearchFacts) -> Section:
    spec = facts.record.spec
    lines = [
        f"campaign {spec.campaign}, policy {spec.policy}, seed {spec.seed}, at most {spec.max_steps} steps",
        f"pool {spec.pool_version} ({len(facts.pool):,} samples)",
        f"evaluator {spec.evaluator}",
        *(f"signal {name} {version}" for name, version in sorted(spec.signal_versions.items())),
    ]
    gated = facts.workspace.gate_result(spec.pool_version)
    notes = [] if gated is None else [f"{gate_sentence(gated)}."]
    cut = [] if gated is None else [table for table in [gate_table(gated)] if table.rows]
    return Section("Provenance", notes, cut, code=["\n".join(lines)])
