"""Report of a study: its sections, and its files (one HTML file, one Markdown file and its pictures)."""

from dataclasses import dataclass
from pathlib import Path

from autoselection_core.errors.search import NothingMeasuredError
from autoselection_core.report.rendering.page import Picture, Section, to_html, to_markdown
from autoselection_core.report.sections.protocol import NO_TRAINING, training_sentence, unread_table
from autoselection_core.store.atomic import atomic_file
from autoselection_core.store.home import Home
from autoselection_core.study.report.figures import (
    difference_figure,
    importance_figure,
    size_table,
    tokens_figure,
    trajectory_figure,
)
from autoselection_core.study.report.tables import (
    benchmark_table,
    candidate_table,
    comparison_table,
    cost_table,
    further_item_sections,
    held_out_table,
    importance_table,
    main_table,
    search_table,
    stability_table,
    transfer_table,
)
from autoselection_core.study.results.comparisons import (
    Comparison,
    comparisons,
    importance_of_states,
    transfer_agreement,
    whole_pool_sentences,
)
from autoselection_core.study.results.facts import StudyFacts
from autoselection_core.study.results.states import folder_of
from autoselection_core.study.study import Study


def protocol_lines(facts: StudyFacts) -> list[str]:
    """Preset, schedule, pool, gate and evaluator."""
    return [_training(facts), *_pool(facts), _identity(facts)]


def _training(facts: StudyFacts) -> str:
    campaign = facts.study.campaign
    if campaign.closed_form is not None:
        return NO_TRAINING
    return training_sentence(facts.ledger.search(facts.entries[0]).spec.training or campaign.training)


def _pool(facts: StudyFacts) -> list[str]:
    kept = facts.states
    if kept is None:
        return ["The study has not ended; sizes of the pool are written at its end."]
    left_out = f"{kept.samples_cut:,} of {kept.rows + kept.samples_cut:,} samples"
    return [
        f"Pool {kept.pool}: {kept.rows:,} samples, {kept.tokens:,} tokens.",
        f"The contamination gate left out {left_out} before any arm, baselines included.",
    ]


def _identity(facts: StudyFacts) -> str:
    spec = facts.ledger.search(facts.entries[0]).spec
    return f"Evaluator {spec.evaluator}; signals: {', '.join(sorted(spec.signal_versions))}."


_TOKENS = (
    "The protocol below says on how many tokens an arm trains; the size of a subset is what it draws from."
)
_OPENINGS = (
    "Test items were scored once for each arm, after its recipe was fixed; every opening is logged in the "
    "evaluation's folder."
)
_INTERVALS = (
    "Intervals resample items and runs. P(best): how often an arm leads when runs and items are drawn again; "
    "unknown where no arm has two runs, and too high where levels are closer than runs vary: the first arm "
    "then leads by luck."
)
_UNFINISHED = (
    "The study has not ended: arms are missing, and what is said of others rests on the runs so far."
)
_LUCK = (
    "`dev when chosen` is the mean dev score of the recommended subset in its search, `dev again` that of "
    "its fresh runs: the difference is luck that the search took for quality. From the fourth trial on, "
    "`mean dev` is the mean of its scores and `gap` how far they lie below the best score so far."
)
_NUMBERS = (
    "Each number says what the rows of a subset are: shifts against the pool in standard deviations, or "
    "shares. Grey: what shuffled scores give for that number alone. The p-value asks whether any number "
    "would be that far out by chance. None of it says what causes what."
)
_EQUALS = (
    "Candidates differ by which rows chance drew and by chance in training. The best of each contest stands "
    "in the tables above as its recommendation."
)


def sections_of(facts: StudyFacts, found: list[Comparison]) -> list[Section]:
    """The report from the result to the protocol."""
    return [
        _result(facts, found),
        Section(
            "Score against tokens",
            [_TOKENS],
            pictures=[Picture("tokens", tokens_figure(facts), "Test scores against training tokens")],
        ),
        _searches(facts),
        _importance(facts),
        *_further(facts),
        Section(
            "Protocol",
            protocol_lines(facts),
            [*([benchmark_table(facts)] if facts.study.campaign.benchmarks else []), cost_table(facts)],
        ),
    ]


def _result(facts: StudyFacts, found: list[Comparison]) -> Section:
    deviation = facts.pooled_deviation
    notes = [
        *([] if facts.states is not None else [_UNFINISHED]),
        *(each.sentence(facts.metric) for each in found if each.second.startswith("random")),
        *whole_pool_sentences(facts),
        f"The metric that drove the searches: {facts.metric}, on dev items.",
        _OPENINGS,
        _INTERVALS,
    ]
    if deviation is not None:
        notes.append(f"Runs of one arm differ by {deviation:.3g} (standard deviation of the test utility).")
    if facts.failures:
        reasons = "; ".join(sorted({f"{trial.reason}" for trial in facts.failures}))
        notes.append(f"{len(facts.failures):,} evaluations have no score: {reasons}.")
    pictures = (
        [Picture("differences", difference_figure(found, facts.metric), "Differences with intervals")]
        if found
        else []
    )
    tables = [main_table(facts), comparison_table(found)]
    if (
        unread := unread_table({facts.arm_label(arm): facts.all_scores_of(arm) for arm in facts.arm_names})
    ) is not None:
        tables.append(unread)
    return Section("Result", notes, tables, pictures)


def _searches(facts: StudyFacts) -> Section:
    if not facts.histories:
        return Section("Searches", ["This study searches nothing."])
    tables = [search_table(facts)]
    if (shared := stability_table(facts)) is not None:
        tables.append(shared)
    return Section(
        "Searches",
        [_LUCK],
        tables,
        [Picture("trajectories", trajectory_figure(facts), "Best dev score so far, by trial")],
    )


def _importance(facts: StudyFacts) -> Section:
    found = importance_of_states(facts)
    if not found:
        return Section("What the better subsets are", ["Too few subsets were evaluated to say."])
    pictures = [Picture("importance", importance_figure(found), "Rank correlation of states with scores")]
    tables = [importance_table(found)]
    if (sizes := size_table(facts)) is not None:
        tables.append(sizes)
    return Section("What the better subsets are", [_NUMBERS], tables, pictures)


def _further(facts: StudyFacts) -> list[Section]:
    sections = further_item_sections(facts)
    if (held_out := held_out_table(facts)) is not None:
        sections.append(Section("Held-out benchmarks", tables=[held_out]))
    if (candidates := candidate_table(facts)) is not None:
        sections.append(Section("A/A", [_EQUALS], [candidates]))
    if (agreement := transfer_agreement(facts)) is not None:
        notes = ["Fewer than three arms: no rank correlation."]
        if agreement.spearman is not None and agreement.kendall is not None:
            notes = [f"Spearman {agreement.spearman:+.2f}, Kendall {agreement.kendall:+.2f}."]
        sections.append(Section("Transfer", notes, [transfer_table(agreement)]))
    return sections


@dataclass(frozen=True)
class StudyReport:
    """Paths of a study's written report, and its verdicts.

    Attributes:
        html: One file that needs nothing else.
        markdown: The same in Markdown, pictures beside it.
        sentences: Comparisons, and the verdicts.
    """

    html: Path
    markdown: Path
    sentences: tuple[str, ...]


def write_study(study: Study, home: Home) -> StudyReport:
    """Write the report of what a study has measured so far into the home folder.

    Raises:
        NothingMeasuredError: It has measured nothing yet.
    """
    facts = StudyFacts(study, home)
    if not facts.arms and not any(history.observations for history in facts.histories.values()):
        raise NothingMeasuredError(study.name)
    found = comparisons(facts)
    sections = sections_of(facts, found)
    folder, title = folder_of(study, home), f"Study {study.name}"
    for section in sections:
        for picture in section.pictures:
            _write(folder / f"{picture.name}.svg", picture.svg)
    html, markdown = folder / "report.html", folder / "report.md"
    _write(html, to_html(title, sections).encode())
    _write(markdown, to_markdown(title, sections).encode())
    told = (*(each.sentence(facts.metric) for each in found), *whole_pool_sentences(facts))
    return StudyReport(html, markdown, told)


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(file) as draft:
        draft.write_bytes(content)
