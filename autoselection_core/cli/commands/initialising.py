"""`autoselection init`: a look at raw files, and a campaign file that runs."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from glob import has_magic
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import numpy as np
import typer

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.loading import benchmark_from, load_benchmark
from autoselection_core.benchmarks.metric import Metric, median_length
from autoselection_core.campaign.declaration.allowed_paths import AllowedPaths
from autoselection_core.campaign.declaration.campaign import DEFAULT_FILE
from autoselection_core.campaign.declaration.loading import load_campaigns
from autoselection_core.campaign.declaration.pool_sources import entry_of, rules_in
from autoselection_core.campaign.declaration.signals import left_out_sentence
from autoselection_core.campaign.draft import CampaignDraft, DraftSource, as_named_in
from autoselection_core.campaign.duration import (
    COUNTED,
    Load,
    counted_tokens,
    embedding_seconds,
    forward_tokens_s,
    free_share_of,
    kept_share,
    side_tokens,
    signal_seconds,
    training_passes,
)
from autoselection_core.campaign.first_plan import (
    DEFAULT_MINUTES,
    DraftBenchmark,
    FirstPlan,
    max_scoring_s,
    target_items,
)
from autoselection_core.cli.commands.auditing import show_scripts
from autoselection_core.cli.commands.ingesting import show_records
from autoselection_core.cli.output import show_bad_items, tell
from autoselection_core.cli.progress import show_progress
from autoselection_core.cli.session import path_sentence
from autoselection_core.errors.benchmarks import BenchmarkError
from autoselection_core.errors.campaign import CampaignFileExistsError, NoAnswerError, NoSuchPathError
from autoselection_core.errors.evaluation import ItemsTooLongError, ScoringFailedError
from autoselection_core.errors.pool import SourceNamedTwiceError
from autoselection_core.evaluation.training.settings import fine_tuning
from autoselection_core.models.folder import require_model
from autoselection_core.pool.ingest import Ingestion, ingest, suggested_rules
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.reading.rules import KNOWN
from autoselection_core.pool.sample import Scope
from autoselection_core.pool.sources import Source, list_files, named_twice
from autoselection_core.progress import duration_text
from autoselection_core.report.sections.verdict import verdict_sentence
from autoselection_core.search.arms import PLAIN_REPLICATES
from autoselection_core.signals.contamination.audit import in_other_scripts
from autoselection_core.signals.definitions.given.scores import ScoreField, score_fields
from autoselection_core.signals.definitions.semantic.embedding import VECTORS
from autoselection_core.store.atomic import atomic_file
from autoselection_core.store.home import Home
from autoselection_core.store.hub import SCHEME

T = TypeVar("T")

_SPACED = 500
"""Answers whose median length is that of a path, evenly spaced."""

_SHOWN, _MAX_SHOWN = 3, 8
"""Samples that are shown of a path: so many where it has as many, and no more."""

_CHARACTERS = 300
_NAME = re.compile(r"[^A-Za-z0-9_-]+")
_COSTLY = "model_scores"
_WHAT = {
    _COSTLY: "IFD, losses, entropies",
    VECTORS: "and with it relevance and topics, which read it",
}
"""Description of signals that a draft may leave out."""

_SETTINGS_KINDS = {".yaml", ".yml"}


def write_campaign(
    paths: Sequence[str],
    model: str | None,
    benchmarks: Sequence[str],
    file: Path,
    *,
    ask: bool,
    rules: str = "",
    minutes: float = DEFAULT_MINUTES,
) -> None:
    """Show what raw files hold, and write a campaign for them.

    Args:
        paths: Files, folders or patterns.
        model: Folder or hub name of a base model.
        benchmarks: Folders with a `benchmark.yaml`, such files, or files of questions and answers.
        file: The campaign file to write.
        ask: Whether a person answers what is not known, and agrees before anything is written.
        rules: Reading rules of all paths, as an entry of `pool:` spells them. Where there are none, a setting
            that reads most records of a path is added.
        minutes: Time from raw files to the verdict that the proposed lengths fit into on this machine, where
            it has no GPU.

    Raises:
        CampaignFileExistsError: The file is there already.
        NoSuchPathError: A path leads nowhere.
        OutsidePathError: A path leads out of the folders that a campaign may name.
        ModelLoadError: The model is none.
        NoSourceFileError: A path leads to no file.
        SourceNamedTwiceError: Two paths lead to one file.
        EmptyPoolError: No record is a sample; the reasons were shown.
        BenchmarkError: A path leads to no benchmark.
        NoAnswerError: The input ended before a question was answered.
    """
    if file.exists():
        raise CampaignFileExistsError(file)
    allowed_paths = AllowedPaths(file, Home.from_environment())
    _require_allowed(allowed_paths, [*paths, *benchmarks, *([model] if model and _is_folder(model) else [])])
    for twice in named_twice(list_files([Source.at(path) for path in paths])):
        raise SourceNamedTwiceError(twice.path, twice.first, twice.second)
    if model is None and ask:
        model = _answered_model(allowed_paths)
    if model is not None:
        require_model(model)
    local_model = model if model is not None and _is_folder(model) else None
    tested = _benchmarks(benchmarks, file, local_model)
    embeds = bool(tested) and all(each.has_targets for each in tested)
    found = [_source(path, file, local_model, rules, embeds=embeds) for path in paths]
    draft = _draft_of(found, tested, model, file, minutes)
    load_campaigns(file, allowed_paths.home, draft.text)
    _tell_of(draft)
    tell(
        f"signals: {', '.join(draft.signals)}",
        signals=[asdict(each) for one in found for each in one.scores],
    )
    if ask and not _answer(f"write {file}?", _ask_agreement):
        tell("nothing was written")
        raise typer.Abort
    _write(draft)


def _answered_model(allowed_paths: AllowedPaths) -> str | None:
    """The base model that a person names; None for none yet."""
    model = _answer("base model, a folder or a hub name (empty: none yet)", _ask_text) or None
    if model is not None and _is_folder(model):
        _require_allowed(allowed_paths, [model])
    return model


def _draft_of(
    found: Sequence["_Read"],
    benchmarks: Sequence[DraftBenchmark],
    model: str | None,
    file: Path,
    minutes: float,
) -> CampaignDraft:
    """The campaign of what was read, with a plan where the model is on this machine."""
    seconds = {
        _COSTLY: sum(each.seconds for each in found),
        VECTORS: sum(each.embedding_s for each in found),
    }
    costs = costs_of(seconds[_COSTLY], minutes, seconds[VECTORS])
    sources = [each.source for each in found]
    plan = None
    if model is not None and _is_folder(model) and benchmarks:
        scored = sum(took for signal, took in seconds.items() if signal not in costs)
        plan = _plan(minutes, model, sources, scored, benchmarks)
    name = _campaign_name(file)
    return CampaignDraft(name, sources, _model(model, file), benchmarks, file, costs, plan)


def _write(draft: CampaignDraft) -> None:
    with atomic_file(draft.file) as written:
        written.write_text(draft.text, encoding="utf-8")
    tell(f"{draft.file}: campaign {draft.name}", file=str(draft.file), campaign=draft.name)
    tell(f"next: {draft.next_commands}")
    if sentence := path_sentence():
        tell(sentence)


def costs_of(seconds: float, minutes: float = DEFAULT_MINUTES, embedding_s: float = 0.0) -> dict[str, str]:
    """Signals that a draft leaves out, with their cost: those that take long without a GPU.

    Together they have a third of the time, embeddings before scores of the base model: nearness to the task
    is what most tasks ask for.

    Args:
        seconds: Expected seconds of `model_scores` on the processor.
        minutes: Time that a first search fits into.
        embedding_s: Expected seconds of `embedding`; 0 where nothing reads the vectors.
    """
    import torch

    if torch.cuda.is_available():
        return {}
    costs, left = {}, max_scoring_s(minutes)
    for name, took in ((VECTORS, embedding_s), (_COSTLY, seconds)):
        if took <= left:
            left -= took
            continue
        share = "more than a third" if left == max_scoring_s(minutes) else "with embedding more than a third"
        costs[name] = (
            f"scoring it takes up to {duration_text(took)} on this processor, {share} of {minutes:g} "
            "minutes; a GPU takes less"
        )
    return costs


def _plan(
    minutes: float,
    model: str,
    sources: Sequence[DraftSource],
    scoring_s: float,
    benchmarks: Sequence[DraftBenchmark],
) -> FirstPlan | None:
    """Lengths of a first search that fit this machine; None with a GPU, which the probe does not measure.

    Args:
        minutes: Time that it fits into.
        model: Folder of the base model.
        sources: The raw files.
        scoring_s: Seconds of the signals that take long.
        benchmarks: The benchmarks.
    """
    import torch

    if torch.cuda.is_available():
        return None
    with show_progress() as progress:
        progress("measuring how fast this machine reads the model", 0, 1)
        tokens_s, passes = forward_tokens_s(model), training_passes(model, fine_tuning({}))
    tokens = sum(each.tokens for each in sources)
    plan = FirstPlan.fitting(
        minutes,
        tokens_s,
        pool_tokens=tokens,
        scoring_s=scoring_s,
        benchmarks=benchmarks,
        passes=passes,
        kept_share=kept_share(model, tokens),
    )
    busy = Load.now().sentence(free_share_of(model))
    return replace(plan, busy=f"{busy} There `init` proposes longer trainings." if busy else "")


def _is_folder(model: str) -> bool:
    return Path(model).expanduser().exists()


def _require_allowed(allowed_paths: AllowedPaths, paths: Sequence[str]) -> None:
    """Refuse paths that lead nowhere, and then all that lead out of the allowed folders at once."""
    named = {path: Path(path).expanduser().absolute() for path in paths if not path.startswith(SCHEME)}
    for path, absolute in named.items():
        if not absolute.exists() and not has_magic(path):
            raise NoSuchPathError(path, absolute)
    allowed_paths.require_all(named)


def _ask_text(question: str) -> str:
    answer: str = typer.prompt(question, default="")
    return answer


def _ask_agreement(question: str) -> bool:
    return typer.confirm(question, default=True)


def _answer(question: str, ask: Callable[[str], T]) -> T:
    """The answer of a person.

    Raises:
        NoAnswerError: The input has ended.
        Abort: The person interrupted the command.
    """
    try:
        return ask(question)
    except typer.Abort as stopped:
        # Both the end of the input and an interruption become this; its context says which it was.
        if isinstance(stopped.__context__, EOFError):
            raise NoAnswerError(question) from stopped
        raise


def _benchmarks(paths: Sequence[str], file: Path, model: str | None) -> list[DraftBenchmark]:
    """Read the benchmarks one after the other."""
    found = []
    with show_progress() as progress:
        for path in paths:
            progress(f"reading {path}", 0, 1)
            found.append(_benchmark(path, file, model))
    return found


def _benchmark(given: str, file: Path, model: str | None) -> DraftBenchmark:
    """Read a benchmark: a folder or YAML file with its settings, or a file of its questions alone.

    Tokens are counted where the model is on this machine.
    """
    path = Path(given).expanduser()
    if not path.is_file() or path.suffix in _SETTINGS_KINDS:
        read = load_benchmark(path)
        show_bad_items([read])
        return _draft(read, _name(read.name), as_named_in(file, given), None, model)
    name = _name(path.name.split(".")[0])
    folder = path.absolute().parent
    settings: dict[str, Any] = {"name": name, "items": path.name}
    read = _with_choices(benchmark_from(settings, folder), settings, folder)
    tell(f"{given}: {len(read.items):,} questions with an answer")
    show_bad_items([read])
    drawn = 0 if read.targets else target_items(len(read.items))
    if drawn:
        read = benchmark_from({**settings, "metric": str(read.metric), "target_items": drawn}, folder)
        tell(
            f"{drawn} of them are targets (`target_items`): relevance measures how near samples are to them, "
            "and neither search nor report scores them"
        )
    return _draft(read, name, as_named_in(file, str(folder)), path.name, model, drawn)


def _with_choices(read: Benchmark, settings: Mapping[str, Any], folder: Path) -> Benchmark:
    """A benchmark whose model chooses, where every item has choices or is answered with yes or no."""
    try:
        chosen = benchmark_from({**settings, "metric": str(Metric.CHOICE_ACCURACY)}, folder)
    except BenchmarkError:
        return read
    return chosen if len(chosen.items) == len(read.items) and not chosen.bad_items else read


def _draft(  # noqa: PLR0917 - what is read, and how the campaign names it
    read: Benchmark, name: str, path: str, items: str | None, model: str | None, drawn: int = 0
) -> DraftBenchmark:
    if model is not None:
        _tell_of_long_items(read, model)
    return DraftBenchmark(
        name,
        path,
        items,
        bool(read.targets),
        drawn,
        *_sides(read, model),
        metric=read.metric,
        answer_characters=median_length([item.reference for item in read.items]),
        answer_tokens=read.answer_tokens,
    )


def _tell_of_long_items(benchmark: Benchmark, model: str) -> None:
    """Say before the campaign is written what its first search would refuse."""
    from autoselection_core.evaluation.scoring.scoring import Reader, require_askable  # loads torch
    from autoselection_core.models.folder import model_folder

    try:
        require_askable(Reader.at(model_folder(model)), benchmark)
    except (ItemsTooLongError, ScoringFailedError) as error:
        tell(f"before a search: {error}")


def _sides(benchmark: Benchmark, model: str | None) -> tuple[tuple[int, int], tuple[int, int]]:
    """Items of both sides, and tokens of their scores; nothing without a model on this machine."""
    if model is None:
        return (0, 0), (0, 0)
    (dev, dev_tokens), (test, test_tokens) = side_tokens(benchmark, model).values()
    return (dev, test), (dev_tokens, test_tokens)


@dataclass(frozen=True)
class _Read:
    """One path of raw files, as it was read.

    Attributes:
        source: Its entry.
        scores: Fields that become signals.
        seconds: Expected seconds of scoring it with the base model; 0 where there is none on this machine.
        embedding_s: Expected seconds of embedding it; 0 where nothing reads the vectors.
    """

    source: DraftSource
    scores: Sequence[ScoreField]
    seconds: float
    embedding_s: float


def _source(path: str, file: Path, model: str | None, rules: str, *, embeds: bool) -> _Read:
    """Read one path on its own, so that its account is its own, and show what it holds."""
    tell(f"{path}:")
    if not rules and (rules := suggested_rules(Source.at(path))):
        tell(f"most of its records are read with `{rules}`, which is written into the campaign")
    written = dict(entry_of(rules)) if rules else {}
    with TemporaryDirectory(prefix="autoselection-init-") as scratch, show_progress() as progress:

        def read() -> Ingestion:
            return ingest(
                [Source.at(path, rules_in(json.dumps(written)) if written else KNOWN)],
                Home(Path(scratch)),
                lambda *step: progress(f"reading {path}", *step),
            )

        found = read()
        if (placeholders := list(found.placeholder_inputs)) and "no_input" not in written:
            written["no_input"] = placeholders
            tell(f"an `input` of {' or '.join(placeholders)} is read as none: `no_input` in the campaign")
            found = read()
        show_records(found)
        _show_samples(found)
        progress.drop(f"reading {path}")
        progress(f"looking for scores and counting tokens of {path}", 0, 1)
        show_scripts(in_other_scripts(found.pool), len(found.pool))
        scores = [ScoreField.of(name, path, found.pool) for name in score_fields(found.pool)]
        seconds = 0.0 if model is None else sum(signal_seconds([_COSTLY], found.pool, model).values())
        embedding_s = embedding_seconds(found.pool) if embeds and model is not None else 0.0
        tokens, counted = _tokens(found.pool, model)
        spaced = np.unique(np.linspace(0, len(found.pool) - 1, _SPACED).astype(np.int64))
        answers = median_length(found.pool.texts(Scope.RESPONSE, spaced))
    if scores:
        listed = ", ".join(each.name for each in scores)
        tell(f"fields that may be scores: {listed}; each becomes a signal `column`")
        for each in scores:
            tell(f"  {each.sentence}")
    fields = tuple(each.name for each in scores)
    source = DraftSource(as_named_in(file, path), _account(found), fields, written, tokens, counted, answers)
    return _Read(source, scores, seconds, embedding_s)


def _tokens(pool: Pool, model: str | None) -> tuple[int, int]:
    """Tokens of a pool as a training of the draft counts them, and the number of samples counted for that.

    Without a model on this machine the number is a rough one, from characters, and no sample is counted.
    """
    if model is None:
        return pool.estimated_tokens, 0
    return counted_tokens(pool, model, fine_tuning({}).max_tokens), min(len(pool), COUNTED)


def _account(found: Ingestion) -> str:
    formats = ", ".join(f"{count:,} {name}" for name, count in found.formats.items())
    aside = f", {found.quarantined:,} put aside" if found.quarantined else ""
    return f"{found.records:,} records ({formats}), {found.samples:,} samples{aside}"


def _show_samples(found: Ingestion) -> None:
    """Show the first sample of each format, then of further files, and evenly spaced ones up to three."""
    pool, shown = found.pool, _examples(found)
    rows = [pool.row_of(sample) for sample in shown.values()]
    spaced = np.unique(np.linspace(0, len(pool) - 1, _SHOWN).astype(np.int64)).tolist()
    rows += [row for row in spaced if row not in rows][: max(0, _SHOWN - len(rows))]
    names = [*(f" ({file}, {form})" for file, form in shown), *[""] * len(rows)]
    for place, text in enumerate(pool.texts(rows=np.array(rows, np.int64))):
        rest = "" if len(text) <= _CHARACTERS else f" ... ({len(text):,} characters)"
        tell(f"sample {place + 1}{names[place]}: {text[:_CHARACTERS]}{rest}")


def _examples(found: Ingestion) -> dict[tuple[str, str], str]:
    """Id of an example by file and format: one of each format, then one of each file, up to a screenful."""
    formats: dict[str, tuple[str, str]] = {}
    files: dict[str, tuple[str, str]] = {}
    for file, form in found.examples:
        formats.setdefault(form, (file, form))
        files.setdefault(file, (file, form))
    chosen = list(dict.fromkeys([*formats.values(), *files.values()]))
    return {each: found.examples[each] for each in chosen[:_MAX_SHOWN]}


def _tell_of(draft: CampaignDraft) -> None:
    for name, cost in draft.costs.items():
        tell(f"left out: {name} ({_WHAT[name]}); {cost}. Add it to `signals:` to have it")
    if not draft.costs and (sentence := left_out_sentence(draft.signals, draft.model)):
        tell(sentence)
    chosen = draft.choices_in_short
    for line in chosen:
        tell(line)
    if chosen:
        tell(f"comments in {draft.file} say why, and what else you could choose")
    if draft.is_trained:
        if draft.few_items_sentence:
            tell(draft.few_items_sentence)
        plan = draft.plan
        planned = (
            "`autoselection doctor` says how long one takes on this machine"
            if plan is None
            else f"{plan.sentence}. {plan.fit}"
        )
        tell(
            f"A search with trainings, at most {draft.trainings} of them with its report; {planned}.",
            seconds=None if plan is None else plan.total_s,
        )
        if draft.reach_sentence:
            tell(draft.reach_sentence)
        if plan is not None and plan.busy:
            tell(plan.busy)
        tell(f"What its verdict can say: {verdict_sentence(draft.report_evaluations, PLAIN_REPLICATES)}.")
        return
    tell(
        "A closed form stands in for trainings: a search takes seconds and shows that files are read, "
        "signals scored and recipes found; it says nothing about models."
    )
    tell(
        f"At most {draft.trainings} evaluations by it. Trainings in their place lack {draft.lacking}: add it "
        "to the file, or let `init` write another one with --model, --benchmark and --file OTHER.yaml."
    )


def _model(model: str | None, file: Path) -> str | None:
    if model is None or not _is_folder(model):
        return model  # a hub name
    named = as_named_in(file, model)
    return named if Path(named).is_absolute() else f"./{named}"


def _campaign_name(file: Path) -> str:
    """Name of the folder; for a file beside the default one, that of the file: both share a home folder."""
    is_default = file.name == DEFAULT_FILE.name
    return _name(file.absolute().parent.name if is_default else file.stem) or "mine"


def _name(text: str) -> str:
    return _NAME.sub("-", text).strip("-_")
