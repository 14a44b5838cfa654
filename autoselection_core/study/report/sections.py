"""Sections of a study's report."""

from autoselection_core.report.rendering.page import Picture, Section
from autoselection_core.report.sections.protocol import NO_TRAINING, training_sentence, unread_table
from autoselection_core.study.report.figures import (
    difference_figure,
    importance_figure,
    size_table,
    tokens_figure,
    trajectory_figure,
)
from autoselection_core.study.report.further_items import further_item_sections
from autoselection_core.study.report.tables import (
    benchmark_table,
    candidate_table,
    comparison_table,
    cost_table,
    held_out_table,
    importance_table,
    main_table,
    search_table,
    stability_table,
    transfer_table,
)
from autoselection_core.study.results.comparisons import Comparison, importance_of_states, transfer_agreement
from autoselection_core.study.results.facts import StudyFacts


def protocol_lines(facts: StudyFacts) -> list[str]:
    """Preset, schedule, pool, gate and evaluator."""
    return [_training(facts), *_pool(facts), _identity(facts)]


def _training(facts: StudyFacts) -> str:
    campaign = facts.study.campaign
    if campaign.closed_form is not None:
        return NO_TRAINING
    return training_sentence(campaign.training)


def _pool(facts: StudyFacts) -> list[str]:
    kept = facts.kept
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
    "unknown where no arm has two runs."
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
        *([] if facts.kept is not None else [_UNFINISHED]),
        *(each.sentence(facts.metric) for each in found if each.second.startswith("random")),
        f"The metric that drove the searches: {facts.metric}, on dev items.",
        _OPENINGS,
        _INTERVALS,
    ]
    if deviation is not None:
        notes.append(f"Runs of one arm differ by {deviation:.3g} (standard deviation of the test utility).")
    if facts.failures:
        reasons = "; ".join(sorted({f"{trial.reason}" for trial in facts.failures}))
        notes.append(f"{len(facts.failures)} evaluations have no score: {reasons}.")
    pictures = (
        [Picture("differences", difference_figure(found, facts.metric), "Differences with intervals")]
        if found
        else []
    )
    tables = [main_table(facts), comparison_table(found)]
    if (
        unread := unread_table({facts.named(arm): facts.scored_of(arm) for arm in facts.arm_names})
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
