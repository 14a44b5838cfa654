"""Draft of a campaign file: what `autoselection init` writes, with comments and no setting left to guess."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from textwrap import wrap

from autoselection_core.benchmarks.benchmark import SplitSizes
from autoselection_core.campaign.declaration.campaign import DEFAULT_FILE, command_for
from autoselection_core.campaign.declaration.signals import installed_signals
from autoselection_core.campaign.first_plan import (
    REPORT_EVALUATIONS,
    TRAINING_BUDGET,
    DraftBenchmark,
    FirstPlan,
)
from autoselection_core.evaluation.training.settings import (
    FineTuning,
    fine_tuning,
    reach_of,
    rough_reach_of,
)
from autoselection_core.identity import Json
from autoselection_core.progress import percent
from autoselection_core.score.rank_agreement import few_items_sentence
from autoselection_core.store.hub import SCHEME
from autoselection_core.strict_yaml import read_yaml, yaml_text

_TEXT_SIGNALS = ("word_entropy", "form", "exact", "near_duplicates")
"""Signals that read no model: seconds for thousands of samples."""

_MODEL_SIGNALS = ("tokens", "model_scores")
"""Signals that read the base model once: its loss of every answer, and what follows from it."""

_FORMULA_BUDGET = 8
"""Budget of a search with a closed form."""

_WIDTH = 100
_PAGES = "docs/reference"
"""Folder of the reference in the sources of this package: a file that is shared names no machine's folder."""

_MIN_SHARE = 0.2
"""Minimum share of the pool of a recipe under a closed form, whose best subset is a handful of rows."""


@dataclass(frozen=True)
class DraftSource:
    """Raw files of a draft.

    Attributes:
        path: As the campaign file names them.
        account: Records and samples, in words.
        scores: Fields of the records that may be scores.
        rules: Reading rules, as the entry of `pool:` spells them.
        tokens: Tokens of the samples, counted or estimated.
        counted: Number of samples whose tokens were counted by the base model's tokenizer; 0 where `tokens`
            is a rough figure from characters.
        answer_characters: Median length of its answers; 0 where it is not known.
    """

    path: str
    account: str
    scores: tuple[str, ...] = ()
    rules: Mapping[str, Json] = field(default_factory=dict)
    tokens: int = 0
    counted: int = 0
    answer_characters: int = 0

    @property
    def lines(self) -> list[str]:
        """Its entry of `pool:`, with a licence to fill in."""
        rules = [f"        {name}: {yaml_text(value)}" for name, value in self.rules.items()]
        return [
            f"      - path: {yaml_text(self.path)}  # {self.account}",
            *rules,
            "        # licence: NAME  # as its publisher states it, such as CC-BY-4.0; yours to fill in",
        ]


@dataclass(frozen=True)
class CampaignDraft:
    """A campaign before it is written.

    Attributes:
        name: Name of the campaign.
        sources: The raw files.
        model: Folder or hub name of the base model; None for none yet.
        benchmarks: The benchmarks.
        file: The campaign file, as a command line names it.
        costs: Signals that are left out because they take long, with their cost in words.
        plan: Lengths that fit this machine; None where there is a GPU, or no model to measure it with.
    """

    name: str
    sources: Sequence[DraftSource]
    model: str | None
    benchmarks: Sequence[DraftBenchmark]
    file: Path = DEFAULT_FILE
    costs: Mapping[str, str] = field(default_factory=dict, hash=False)
    plan: FirstPlan | None = None

    @property
    def is_trained(self) -> bool:
        """Whether subsets are evaluated by trainings; otherwise a closed form evaluates them."""
        return self.model is not None and bool(self.benchmarks)

    @property
    def trainings(self) -> int:
        """Evaluations of the first search and its report, at most: trainings, or by the closed form."""
        return REPORT_EVALUATIONS + (TRAINING_BUDGET if self.is_trained else _FORMULA_BUDGET)

    @property
    def report_evaluations(self) -> int:
        """Second budget of the first search, for what its winner is compared with."""
        return REPORT_EVALUATIONS

    @property
    def lacking(self) -> str:
        """Keys that a search with trainings lacks, in words; empty where it lacks nothing."""
        lacks = [] if self.model is not None else ["`base_model`"]
        return " and ".join([*lacks, *([] if self.benchmarks else ["`benchmarks`"])])

    @property
    def next_commands(self) -> str:
        """Command lines that follow."""
        return "; ".join(command_for(self.file, words) for words in ("doctor", "search"))

    @property
    def text(self) -> str:
        """The campaign file."""
        lines = [
            f"# Written by `autoselection init`. Every field: {_PAGES}/config.md of AutoSelection.",
            f"# Next: {self.next_commands}",
            "campaigns:",
            f"  {self.name}:",
            "    # Raw files. `licence` is carried into exports; `fields` says which field is what.",
            "    pool:",
            *[line for each in self.sources for line in each.lines],
            *self._model,
            *self._benchmarks,
            f"    # What recipes choose by; {_PAGES}/signals.md lists more.",
            *_comment(*(f"{name} is left out: {cost}." for name, cost in self.costs.items())),
            *_comment(*([f"{self.nearness_sentence}."] if self.nearness_sentence else [])),
            f"    signals: [{', '.join(self.signals)}]",
            *(self._training if self.is_trained else self._closed_form),
        ]
        return "\n".join(lines) + "\n"

    @property
    def _model(self) -> list[str]:
        if self.model is None:
            return ["    # base_model: FOLDER or a hub name, for a search with trainings"]
        return [f"    base_model: {yaml_text(self.model)}"]

    @property
    def _benchmarks(self) -> list[str]:
        if not self.benchmarks:
            return ["    # benchmarks: {NAME: {path: FOLDER}}, for a search with trainings"]
        tested = self.benchmarks if self.plan is None else self.plan.benchmarks
        listed = [f"      {each.entry}" for each in tested]
        dev, test = (percent(share) for share in (SplitSizes.dev_share, 1 - SplitSizes.dev_share))
        return [
            *_comment(
                f"Dev items steer the search, test items are opened by its report: {dev} and {test} of the "
                "questions, or as `dev_share` of a `benchmark.yaml` says. Samples that hold a question leave "
                "the pool before anything reads it."
            ),
            *_comment(*self.metric_sentences),
            "    benchmarks:",
            *listed,
        ]

    @property
    def metric_sentences(self) -> list[str]:
        """Metric of each benchmark, with a warning where its answers are unlike those of the samples."""
        characters = self._answer_characters
        writing = [None if self.plan is None else self.plan.writing_s(each.name) for each in self.benchmarks]
        told = [
            (each.metric_sentence(seconds), each.unlike_sentence(characters))
            for each, seconds in zip(self.benchmarks, writing, strict=True)
        ]
        return [sentence for each in told for sentence in each if sentence]

    @property
    def _answer_characters(self) -> int:
        """Median length of the answers of the samples; 0 where it is not known."""
        known = [each.answer_characters for each in self.sources if each.answer_characters]
        return round(median(known)) if known else 0

    @property
    def choices_in_short(self) -> list[str]:
        """What was chosen, a line each; the comments of the file say why, and what else there is."""
        without = [each.name for each in self.benchmarks if not each.has_targets]
        lines = [each.in_short(self._answer_characters) for each in self.benchmarks]
        if without:
            lines.insert(0, f"left out: embedding and relevance, as {' and '.join(without)} has no `targets`")
        return [line for line in lines if line]

    @property
    def few_items_sentence(self) -> str:
        """Warning that dev items may be too few to steer a search; empty where not, or none are known."""
        return few_items_sentence(sum(each.counts[0] for each in self.benchmarks))

    @property
    def nearness_sentence(self) -> str:
        """Reason why no signal compares samples with the task, and how to have one; empty where one does."""
        without = [each for each in self.benchmarks if not each.has_targets]
        if not without:
            return ""
        names = " and ".join(each.name for each in without)
        place = "the entry" if all(each.items is not None for each in without) else "the `benchmark.yaml`"
        return (
            f"left out: embedding and relevance, which measure nearness to the task: {names} has no samples "
            f"to be near to. `targets: FILE` in {place} of a benchmark names some, beside its questions, by "
            "which no search may select; `target_items: 30` there takes 30 of its questions, which are then "
            "not scored"
        )

    @property
    def signals(self) -> tuple[str, ...]:
        """Entries of `signals:`."""
        read = _MODEL_SIGNALS if self.model is not None else ()
        is_near = bool(self.benchmarks) and not self.nearness_sentence and "embedding" not in self.costs
        near = ("embedding", "relevance", "{topics: {size: auto}}") if is_near else ()
        named = [each for each in (*read, *near, *_TEXT_SIGNALS) if each not in self.costs]
        return (*named, *map(_score_entry, self._scores))

    @property
    def _scores(self) -> list[str]:
        return sorted({name for each in self.sources for name in each.scores})

    @property
    def _training(self) -> list[str]:
        plan = self.plan
        entry = "{preset: cpu-lora}" if plan is None else plan.training
        training = fine_tuning(read_yaml(entry))
        told = [self._reach(training)]
        if plan is not None:
            pool_tokens = sum(each.tokens for each in self.sources)
            fitted = f"{plan.fit}: {plan.sentence}. {plan.busy}".rstrip()
            told = [fitted, *told, plan.longer(pool_tokens)]
        return [
            *_comment(*told),
            f"    # LoRA for {training.amount:,.0f} tokens a subset; `lora` and `paper-full-sft` are longer.",
            f"    training: {entry}",
            "    # Trainings of the search, and of its report: full pool, random subsets, the winner and the",
            "    # best plain filter again.",
            f"    search: {{budget: {TRAINING_BUDGET}, report_evaluations: {REPORT_EVALUATIONS}}}",
            "    # No subset below a tenth of the pool: a longer training learns a handful of rows by heart.",
            "    policy: {min_share: 0.1}",
        ]

    @property
    def reach_sentence(self) -> str:
        """Warning that a training of the plan reads little of the pool, with what more takes; else empty."""
        if self.plan is None or not all(each.counted for each in self.sources):
            return ""
        tokens = sum(each.tokens for each in self.sources)
        reach = reach_of(fine_tuning(read_yaml(self.plan.training)).tokens, tokens, "about")
        return f"{reach[:1].upper()}{reach[1:]}. {self.plan.longer(tokens)}" if reach else ""

    def _reach(self, training: FineTuning) -> str:
        tokens = sum(each.tokens for each in self.sources)
        if not all(each.counted for each in self.sources):
            return rough_reach_of(training.tokens, tokens)
        counted = sum(each.counted for each in self.sources)
        by = f"counted in {counted:,} samples by the tokenizer and template of the model"
        reach = reach_of(training.tokens, tokens, "about")
        return f"{reach} ({by})" if reach else ""

    @property
    def _closed_form(self) -> list[str]:
        return [
            "    # A closed form in place of trainings: in seconds it shows that files are read, signals",
            "    # scored and recipes found; it says nothing about models. Delete it once there are",
            "    # `base_model` and `benchmarks`.",
            *self._weights,
            f"    search: {{budget: {_FORMULA_BUDGET}, report_evaluations: {REPORT_EVALUATIONS}}}",
            "    # The formula likes a handful of rows best, a training does not: a fifth is kept at least.",
            f"    policy: {{min_share: {_MIN_SHARE:g}}}",
        ]

    @property
    def _weights(self) -> list[str]:
        scores = [f"{_quote_word(_alias(name))}: 1.0" for name in self._scores]
        reason = [
            "    # Scores of the records count as much as the entropy, so that the subset found is one that",
            "    # they call good; a score whose low values are good takes a negative weight.",
        ]
        weights = ", ".join(["word_entropy: 1.0", *scores])
        return [*(reason if scores else []), f"    closed_form: {{weights: {{{weights}}}, noise: 0.02}}"]


def _comment(*texts: str) -> list[str]:
    return [f"    # {line}" for text in texts for line in wrap(text, _WIDTH)]


def as_named_in(file: Path, path: str) -> str:
    """A path as a campaign file names it: relative to its folder where it is below, else absolute.

    A path that is below by way of a link to the folder counts, too. A data set of a hub keeps its name.
    """
    if path.startswith(SCHEME):
        return path
    # `..` is followed through links, as the system follows it; other links stay as they were named.
    absolute, folder = Path(path).expanduser().absolute(), file.absolute().parent
    if os.pardir in absolute.parts:
        absolute, folder = absolute.resolve(), folder.resolve()
    if absolute.is_relative_to(folder):
        return str(absolute.relative_to(folder))
    real, real_folder = absolute.resolve(), folder.resolve()
    return str(real.relative_to(real_folder)) if real.is_relative_to(real_folder) else str(absolute)


def _score_entry(name: str) -> str:
    """Entry of `signals:` for a field of the records, under another name where a signal has its own."""
    alias = _alias(name)
    called = "" if alias == name else f", as: {_quote_word(alias)}"
    return f"{{column: {_quote_word(name)}{called}}}"


def _alias(name: str) -> str:
    return f"given_{name}" if name in installed_signals() else name


def _quote_word(name: str) -> str:
    """A name as YAML reads it back: quoted unless it is a plain word, and neither `no` nor `null`."""
    return name if name.isidentifier() and read_yaml(name) == name else yaml_text(name)
