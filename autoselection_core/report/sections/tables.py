"""Tables of a search, and the account of the raw records of its pool."""

import inspect
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from autoselection_core.history.records import SearchRecord, TrialKind, TrialRecord
from autoselection_core.history.search_settings import DEFAULT
from autoselection_core.history.specification import SearchSpec
from autoselection_core.history.values import FULL
from autoselection_core.identity import Json
from autoselection_core.operators.base import Operator
from autoselection_core.pool.ingest import Ingestion
from autoselection_core.pool.record_sorter import RecordOutcome
from autoselection_core.progress import percent
from autoselection_core.recipe import Recipe, Step, Union, outlines
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.rendering.table import Cell, Table, cell_text
from autoselection_core.score.evaluation import UntrainedScores
from autoselection_core.score.score import utility, utility_standard_error
from autoselection_core.search.arms import RANDOM
from autoselection_core.search.report_evaluations import STATED_ARM, ArmRun
from autoselection_core.search.status import SearchStatus
from autoselection_core.signals.contamination.decontaminate import GateResult
from autoselection_core.signals.table import present_name
from autoselection_core.solver.programs.limits import trainable_rows
from autoselection_core.solver.proposal import LEVELS, ORIGINS, Proposal
from autoselection_core.space import meanings
from autoselection_core.subset import Subset

_TABLES = ("advice", "weighed")
"""Reasons that have a table of their own."""


def trial_table(facts: SearchFacts) -> Table:
    """Every trial with recipe, size, tokens, dev score, standard error, and fidelity where it may differ.

    Tokens are empty where the campaign counts none; `READABLE` ones are there where a training reads them.
    """
    columns: tuple[str, ...]
    columns = ("trial", "recipe", "rows", "tokens", "dev score", "± se", "cost", "came from", "state")
    labels = outlines([trial.recipe for trial in facts.trials])
    rows = tuple(_trial_row(*each, facts) for each in zip(facts.trials, labels, strict=True))
    if facts.max_tokens is not None:
        columns = (*columns[:4], READABLE, *columns[4:])
        read = [facts.readable_tokens(trial.recipe) for trial in facts.trials]
        rows = tuple((*row[:4], size, *row[4:]) for row, size in zip(rows, read, strict=True))
    if facts.record.spec.fidelities:
        columns = (*columns, "fidelity")
        rows = tuple((*row, trial.fidelity or FULL) for row, trial in zip(rows, facts.trials, strict=True))
    return Table(f"Trials of {facts.record.search} ({facts.record.spec.metric}, dev items)", columns, rows)


READABLE = "readable tokens"
"""Column of the tokens that a training can read in an epoch, beside those of whole samples."""


def readable_sentence(facts: SearchFacts) -> str:
    """Meaning of the two columns of tokens; empty where there is one, as nothing is cut or counted."""
    if facts.max_tokens is None:
        return ""
    unread = int(np.count_nonzero(~trainable_rows(facts.signals, facts.max_tokens)))
    return (
        "Tokens are those of whole samples, readable tokens what a training can read of them in an epoch: a "
        f"sample counts up to its first {facts.max_tokens:,} (`max_tokens`), and not at all where no answer "
        f"begins before ({unread:,} of {len(facts.signals):,} samples of the pool). Random subsets of equal "
        "tokens have as many readable ones as the winner, but for less than one sample."
    )


def _trial_row(trial: TrialRecord, recipe: str | None, facts: SearchFacts) -> tuple[Cell, ...]:
    is_best = facts.best is not None and facts.best.trial == trial.trial
    rows = None if trial.recipe is None else len(facts.realise(trial.recipe))
    return (
        f"{trial.trial}{' *' if is_best else ''}",
        recipe,
        rows,
        _counted(trial.tokens, facts.record.spec),
        trial.utility,
        trial.standard_error,
        "reused" if trial.is_reused else f"{trial.cost:g}",
        _origin(trial),
        trial.state.value if trial.reason is None else f"{trial.state.value}: {trial.reason}",
    )


def legend_sentences(recipes: Iterable[Recipe]) -> list[str]:
    """Notation of recipes, the operators among them, and the words of a search that a report uses.

    Args:
        recipes: The recipes that it shows.
    """
    steps = (step for recipe in recipes for each in recipe.steps for step in _spelled(each))
    known = {step.name: (inspect.getdoc(type(step)) or "").splitlines()[0] for step in steps}
    operators = " ".join(f"`{name}`: {meaning}" for name, meaning in sorted(known.items()))
    notation = (
        "A recipe is read from left to right: the first step gets the full pool, each further one (`>`) the "
        "rows that the step before leaves. `union(R)` adds the rows that recipe R keeps of the full pool. "
        "Brackets name the signals that a step reads (docs/reference/signals.md), and `lowest` where low "
        "values come first."
    )
    words = (
        "The utility is what the search maximises: the dev score, of several benchmarks their weighted mean. "
        "The surrogate is a model of the utility that is fitted to all trials; the posterior mean is the "
        "utility that it expects of a recipe. Floors are minimum scores of a benchmark that a policy may ask "
        "for."
    )
    return [f"{notation} {operators}".rstrip(), words]


def _spelled(step: Step) -> Iterator[Operator]:
    """The operators of a step as `Recipe.outline` spells them: of a union those of its recipe."""
    if not isinstance(step, Union):
        yield step
        return
    yield from (each for each in step.recipe.steps if not isinstance(each, Union))


def _counted(size: int | None, spec: SearchSpec) -> int | None:
    """A size in tokens; None where sizes are in rows, because no tokens were counted."""
    return size if spec.size_unit == "tokens" else None


def _origin(trial: TrialRecord) -> str:
    proposal = Proposal.from_json(trial.proposal)
    return proposal.origin if proposal.parent is None else f"{proposal.origin} of {proposal.parent}"


def origins_sentence(trials: Sequence[TrialRecord]) -> str:
    """Meaning of each origin that the table of these trials names."""
    origins = dict.fromkeys(Proposal.from_json(trial.proposal).origin for trial in trials)
    return "; ".join(f"{origin} ({ORIGINS[origin]})" for origin in origins if origin in ORIGINS)


def status_table(status: SearchStatus, kind: TrialKind | None = None) -> Table:
    """Trials and report evaluations as the ledger holds them, running ones too; no recipe is realised for it.

    Report evaluations that the second budget never pays for are left out.

    Args:
        status: The search.
        kind: Trials or report evaluations only; None for both.
    """
    listed = [each for each in (*status.trials, *status.listed_arms) if kind in (None, each.kind)]
    rows = tuple(
        (
            trial.reservation.number,
            trial.arm.replace("_", " ") or "search",
            recipe,
            _counted(trial.tokens, status.record.spec),
            trial.utility,
            trial.standard_error,
            "reused" if trial.is_reused else f"{trial.cost:g}",
            trial.state.value if trial.reason is None else f"{trial.state.value}: {trial.reason}",
        )
        for trial, recipe in zip(listed, outlines([each.recipe for each in listed]), strict=True)
    )
    columns = ("trial", "arm", "recipe", "tokens", "dev score", "± se", "cost", "state")
    return Table(f"Trials and report evaluations of {status.record.search}", columns, rows)


def step_table(subset: Subset) -> Table:
    """Steps of a recipe, with the rows before and after each."""
    rows = tuple(
        (
            number,
            step.full_label,
            count.rows_in,
            count.rows_out,
            count.rows_out - count.rows_in,
            step.note if count.changed else "changes nothing on this pool",
        )
        for number, (step, count) in enumerate(zip(subset.recipe.steps, subset.steps, strict=True), start=1)
    )
    columns = ("step", "what", "rows in", "rows out", "change", "note")
    return Table("Steps of the recipe", columns, rows)


def reasons_table(proposal: Proposal) -> Table:
    """Reasons of a choice by name, rounded and explained, but for those that have a table of their own."""
    explained = {**meanings(Proposal), "origin": ORIGINS.get(proposal.origin, proposal.origin)}
    shown = proposal.to_display()
    if len(proposal.interval) == len(LEVELS):
        levels = map(percent, LEVELS)
        shown["interval"] = dict(zip(levels, proposal.interval, strict=True))
    if (second := proposal.runner_up) is not None:
        shown["runner_up"] = f"{second.recipe}, expected utility {second.mean:.4g} ± {second.deviation:.2g}"
    rows = tuple(
        (name, _in_words(value), explained.get(name)) for name, value in shown.items() if name not in _TABLES
    )
    return Table("Why the solver chose it", ("what", "value", "meaning"), rows)


def _in_words(value: Json) -> str:
    """A reason in words: numbers with few digits, mappings and lists without their brackets."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_in_words(each)}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_in_words, value))
    return cell_text(value)


def state_table(subset: Mapping[str, float], pool: Mapping[str, float]) -> Table:
    """Statistics of a subset beside those of the pool."""
    rows = tuple(
        (name, value, pool.get(name), None if name not in pool else value - pool[name])
        for name, value in subset.items()
    )
    return Table("State of the subset", ("statistic", "subset", "pool", "difference"), rows)


def signal_table(recipe: Recipe, versions: Mapping[str, str]) -> Table:
    """Versions of the signals that a recipe may have read; those that it names come first."""
    spelled = recipe.to_yaml()
    rows = sorted((present_name(name) not in spelled, name, version) for name, version in versions.items())
    named = tuple((name, version, "-" if is_other else "yes") for is_other, name, version in rows)
    return Table("Signals of the search", ("signal", "version", "named by the recipe"), named)


def arm_table_of(facts: SearchFacts) -> Table:
    """Evaluations of a search's report, with the untrained base model and the tokens to be read."""
    table = arm_table(facts.compared, facts.record.spec, facts.untrained)
    if facts.max_tokens is None:
        return table
    read = [facts.readable_tokens(run.trial.recipe) for run in _in_order(facts.compared)]
    sizes = [*read, *[None] * (len(table.rows) - len(read))]
    rows = tuple((*row[:3], size, *row[3:]) for row, size in zip(table.rows, sizes, strict=True))
    return replace(table, columns=(*table.columns[:3], READABLE, *table.columns[3:]), rows=rows)


def arm_table(arms: tuple[ArmRun, ...], spec: SearchSpec, untrained: UntrainedScores | None = None) -> Table:
    """Evaluations of a report, which decide the verdict on the winner, on test items.

    A run is a replicate of its arm's subset, or another draw of random rows. Tokens are empty where none
    were counted or trained, and the items of a formula are simulated. Recipes that a person stated come after
    what the report planned, the untrained base model last, where it was scored.
    """
    items = "simulated items" if spec.is_formula else "test items"
    columns = ("arm", "run", "tokens", "tokens trained", "dev score", "test score", "± se", items)
    drawn = itertools.count(1)
    rows = tuple(
        (
            _arm_name(run),
            f"draw {next(drawn)}" if run.arm == RANDOM else f"replicate {run.trial.replicate}",
            _counted(run.trial.tokens, spec),
            None if spec.is_formula else run.training_tokens,
            run.trial.utility,
            utility(run.test, spec.score_weights),
            utility_standard_error(run.test, spec.score_weights),
            sum(len(score.items) for score in run.test),
        )
        for run in _in_order(arms)
    )
    base = () if untrained is None else (_untrained_row(untrained, spec.score_weights),)
    return Table("Test scores (opened for this report only)", columns, (*rows, *base))


def _in_order(arms: Sequence[ArmRun]) -> list[ArmRun]:
    """Runs as the table has them: what the report planned, the winner first, then what was stated."""
    return sorted(arms, key=lambda run: "" if _is_stated(run) else run.arm, reverse=True)


def _is_stated(run: ArmRun) -> bool:
    return run.arm.startswith(STATED_ARM)


def _arm_name(run: ArmRun) -> str:
    """Arm of a run for people; a stated recipe is spelled out, as several may stand beside the winner."""
    recipe = run.trial.recipe.full_label if _is_stated(run) and run.trial.recipe is not None else ""
    return f"{run.arm.replace('_', ' ')} {recipe}".rstrip()


UNTRAINED = "base model, untrained"


def _untrained_row(untrained: UntrainedScores, weights: dict[str, float] | None) -> tuple[Cell, ...]:
    return (
        UNTRAINED,
        None,
        None,
        0,
        untrained.dev.utility,
        utility(untrained.test, weights),
        utility_standard_error(untrained.test, weights),
        sum(len(score.items) for score in untrained.test),
    )


def budget_table(record: SearchRecord) -> Table:
    """Both budgets, apart."""
    rows: tuple[tuple[Cell, ...], ...] = (
        ("search", record.budget, record.spent, record.held),
        ("report", record.report_evaluations, record.report_spent, record.report_held),
    )
    unit = "evaluations by the formula" if record.spec.is_formula else "full trainings"
    return Table(
        f"Budgets, in {unit} (held: reserved by those that run)", ("budget", "allowed", "spent", "held"), rows
    )


def search_table(found: Sequence[SearchStatus], verdicts: Mapping[str, str]) -> Table:
    """All searches and how far each came.

    Args:
        found: The searches.
        verdicts: Verdicts in a few words, by search, of those that have a report.
    """
    rows = tuple(
        (
            record.search,
            record.spec.campaign,
            ": ".join(filter(None, (_state(status), verdicts.get(record.search)))),
            f"{record.spent:,g} of {record.budget:,}",
            f"{record.report_spent:,g} of {record.report_evaluations:,}",
            policy_text(record.spec),
            record.spec.seed,
            record.reason,
        )
        for status in found
        for record in (status.record,)
    )
    columns = ("search", "campaign", "state", "spent", "report", "policy", "seed", "why")
    return Table("Searches", columns, rows)


def policy_text(spec: SearchSpec) -> str:
    """Policy of a search, of the default one with its version: 1 where it pins none."""
    return (
        f"{spec.policy}, version {spec.policy_settings.get('version', 1)}"
        if spec.policy == DEFAULT
        else spec.policy
    )


def _state(status: SearchStatus) -> str:
    return "at its report" if status.is_reporting else status.state


def gate_table(gated: GateResult) -> Table:
    """Number of samples that the gate cut, by benchmark and by kind of match."""
    rows = tuple(
        (benchmark, match.value, count)
        for benchmark, counts in gated.counts.items()
        for match, count in counts.items()
    )
    return Table("Samples that hold a benchmark's question", ("benchmark", "match", "samples cut"), rows)


def gate_sentence(gated: GateResult) -> str:
    """Benchmarks of the gate and number of samples that it cut, in a sentence."""
    if not gated.benchmarks:
        return "no benchmark, so nothing was looked for in the pool"
    names = ", ".join(gated.benchmarks)
    samples = len(gated.pool) + gated.samples_cut
    if not gated.samples_cut:
        return f"none of {samples:,} samples contains a question of {names}, so none was left out"
    return (
        f"{gated.samples_cut:,} of {samples:,} samples contain a question of "
        f"{names} and were left out before anything reads the pool"
    )


_NAMES_SHOWN = 5


def records_sentence(found: Ingestion) -> str:
    """Balance of an ingestion: its counts, which add up to the records."""
    return (
        f"{found.records:,} records = {found.samples:,} samples + {found.merged:,} merged (said the same)"
        f" + {found.quarantined:,} quarantined; {found.trimmed:,} were trimmed of turns that nobody answers"
    )


def sources_table(found: Ingestion) -> Table:
    """Records by source and fate."""
    rows = tuple(_of_source(source, fates) for source, fates in found.by_source.items())
    return Table("Records by source", ("source", "records", *map(str, RecordOutcome)), rows)


def _of_source(source: str, fates: Mapping[RecordOutcome, int]) -> tuple[Cell, ...]:
    return source, sum(fates.values()), *fates.values()


def formats_table(found: Ingestion) -> Table:
    """Records by the format that they were read as."""
    return Table("Formats", ("format", "records"), tuple(found.formats.items()))


def fields_table(found: Ingestion) -> Table:
    """Fields beside question and answer, and what became of each."""
    rows = tuple((field, count, str(treatment)) for field, treatment, count in found.fields)
    return Table("Fields beside question and answer", ("field", "records", "what became of it"), rows)


def quarantine_table(found: Ingestion) -> Table:
    """Records that are no samples, by source and reason, with an example of each."""
    rows = tuple((each.source, each.reason, each.records, each.example) for each in found.left_out)
    return Table("Quarantined records", ("source", "reason", "records", "for instance"), rows)


def passed_over_sentence(found: Ingestion) -> str:
    """Files of a folder that were passed over, in a sentence; empty where none was."""
    if not found.passed_over:
        return ""
    names = [path.name for path in found.passed_over[:_NAMES_SHOWN]]
    further = len(found.passed_over) - len(names)
    rest = f" and {further:,} more" if further else ""
    return f"passed over, for they are no kind of data that is read: {', '.join(names)}{rest}"


def other_splits_sentence(found: Ingestion) -> str:
    """Files of other splits than that to train on, in a sentence; empty where there is none."""
    if not found.other_splits:
        return ""
    first, count = found.other_splits[0], len(found.other_splits)
    further = f" and {count - 1:,} more of such splits" if count > 1 else ""
    return (
        f"{first.relative_path}{further} is read beside the split to train on; a pattern in the path of the"
        " source, such as `train*`, reads that one alone"
    )


def named_twice_sentence(found: Ingestion) -> str:
    """Files that two sources name, in a sentence; empty where there is none."""
    if not found.named_twice:
        return ""
    each = found.named_twice[0]
    further = f" (and {len(found.named_twice) - 1:,} more files)" if len(found.named_twice) > 1 else ""
    return (
        f"{each.path} is named by two sources, {each.first!r} and {each.second!r}{further}: its records are"
        " read by the rules of each, and what is the same is merged; leave one out if that is not meant"
    )
