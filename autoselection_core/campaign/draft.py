"""Draft of a campaign file: what `autoselection init` writes, with comments and no setting left to guess."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from textwrap import wrap

from autoselection_core.benchmarks.benchmark import Benchmark, SplitSizes
from autoselection_core.benchmarks.metric import Metric, form_warning
from autoselection_core.campaign.declaration.campaign import DEFAULT_FILE, command_for
from autoselection_core.campaign.declaration.signals import installed_signals
from autoselection_core.evaluation.training.settings import (
    SMALL_SHARE,
    FineTuning,
    fine_tuning,
    reach_of,
    rough_reach_of,
)
from autoselection_core.identity import Json
from autoselection_core.models.speed import COUNTED_PASSES, LOADING_S, STARTING_S, StepPasses
from autoselection_core.progress import duration_text, percent
from autoselection_core.score.rank_agreement import FEW_DEV_ITEMS, few_items_sentence
from autoselection_core.search.time_left import models_tested
from autoselection_core.store.hub import SCHEME
from autoselection_core.strict_yaml import read_yaml

_TEXT_SIGNALS = ("word_entropy", "form", "exact", "near_duplicates")
"""Signals that read no model: seconds for thousands of samples."""

_MODEL_SIGNALS = ("tokens", "model_scores")
"""Signals that read the base model once: its loss of every answer, and what follows from it."""

_FORMULA_BUDGET, _TRAINING_BUDGET = 8, 6
"""Budgets of a search with a closed form, and with trainings."""

_REPORT = 8
_TRAININGS = _TRAINING_BUDGET + _REPORT
_WIDTH = 100
_CONFIG_PAGE = Path(__file__).parents[2] / "docs" / "reference" / "config.md"

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
        rules = [f"        {name}: {_quote(value)}" for name, value in self.rules.items()]
        return [
            f"      - path: {_quote(self.path)}  # {self.account}",
            *rules,
            "        # licence: NAME  # as its publisher states it, such as CC-BY-4.0; yours to fill in",
        ]


DEFAULT_MINUTES = 10.0
"""Minutes from raw files to the verdict of a first search: with the installation a quarter of an hour."""

_PREPARING_S = 30.0
"""Seconds of reading, of signals without the base model and of the report's pages."""

_MIN_AMOUNT, _AMOUNT_STEP = 3_000, 500
"""Tokens of a training at least, and what its amount is a multiple of."""

_MIN_ITEMS = (FEW_DEV_ITEMS, 60)
"""Dev and test items of a benchmark that are kept where scoring them is dear: fewer decide little."""

_UPPER_QUARTER = 0.25

_KEPT_OF_SCORE = 0.5
"""Part of the share of layers below the adapters that later scores of an item save: the output matrix stays.

In the demo on AVX2, with three quarters of the layers below, scores of 1,354 tokens took 2.2 s by the probe,
and 1.4 s from the second model on.
"""


@dataclass(frozen=True)
class DraftBenchmark:
    """Benchmark of a draft.

    Attributes:
        name: Name in the campaign.
        path: Folder or YAML file, as the campaign file names it.
        items: File of the questions below the folder, where no `benchmark.yaml` names it.
        has_targets: Whether it has target samples, to which samples can be near.
        counts: Numbers of its dev and of its test items.
        tokens: Tokens of one model's scores of them; 0 where they were not counted.
        limits: Maximum numbers of dev and of test items; None for all.
        metric: Metric of its items; None where it is not known.
        answer_characters: Median length of its right answers; 0 where it is not known.
        answer_tokens: Maximum length of a written answer.
    """

    name: str
    path: str
    items: str | None = None
    has_targets: bool = False
    counts: tuple[int, int] = (0, 0)
    tokens: tuple[int, int] = (0, 0)
    limits: tuple[int, int] | None = None
    metric: Metric | None = None
    answer_characters: int = 0
    answer_tokens: int = Benchmark.answer_tokens

    def metric_sentence(self, writing_s: float | None = None) -> str:
        """Metric with its reason and the alternative; empty for metrics that the user's own file names.

        Args:
            writing_s: What written answers add to search and report, in seconds; None where it is not known.
        """
        if self.items is not None and self.metric is Metric.CHOICE_ACCURACY:
            return (
                f"{self.name}: metric choice_accuracy, whether the right one of an item's choices is the "
                "likeliest. `metric: log_likelihood` in its entry moves before a small model chooses "
                "rightly, but follows the form of an answer, too."
            )
        if self.metric is not Metric.LOG_LIKELIHOOD:
            return ""
        items = f"{sum(self.counts):,} items" if sum(self.counts) else "items"
        longer = (
            "which takes much longer"
            if writing_s is None
            else f"at least {duration_text(writing_s)} more in all where answers are that long"
        )
        return (
            f"{self.name}: metric log_likelihood, that of the right answer in nats a token, as its questions "
            "have no choices. `metric: answer_accuracy` in its entry lets the model write, and counts right "
            f"answers: up to {self.answer_tokens:,} tokens for each of its {items}, {longer}."
        )

    def unlike_sentence(self, characters: int) -> str:
        """Warning that answers of the samples are of another length; empty where they are not.

        Args:
            characters: Median length of the answers of the samples; 0 where it is not known.
        """
        return form_warning(self.name, self.metric, self.answer_characters, characters)

    @property
    def entry(self) -> str:
        """Its entry below `benchmarks:`."""
        items = "" if self.items is None else f", items: {_quote(self.items)}"
        limits = (
            ""
            if self.limits is None
            else "".join(
                f", {side}_items: {limit}"
                for side, limit in zip(("dev", "test"), self.limits, strict=True)
                if limit  # a side without items needs none, and a campaign refuses 0
            )
        )
        chosen = self.items is not None and self.metric is not None and self.metric is not Benchmark.metric
        metric = f", metric: {self.metric}" if chosen else ""
        return f"{self.name}: {{path: {_quote(self.path)}{items}{metric}{limits}}}"

    def limited(self, share: float) -> "DraftBenchmark":
        """With a share of its items, but enough for a verdict; as it is where its own file says how many.

        Args:
            share: Share of the scoring that there is time for.
        """
        sides = list(zip(self.counts, self.tokens, _MIN_ITEMS, strict=True))
        kept = [min(count, max(least, int(share * count))) for count, _, least in sides]
        if self.items is None or kept == list(self.counts):
            return self
        tokens = [
            round(all_ * left / max(1, count)) for left, (count, all_, _) in zip(kept, sides, strict=True)
        ]
        return replace(self, limits=(kept[0], kept[1]), tokens=(tokens[0], tokens[1]))


_TOLERATED = 1.1
"""Part of the minutes asked for that a plan may take and still counts as fitting."""


@dataclass(frozen=True)
class FirstPlan:
    """First search that fits into some minutes on the processor of this machine.

    Attributes:
        minutes: Minutes that were asked for.
        tokens_s: Tokens a second of the base model's forward pass, by a probe.
        scoring_s: Seconds of scoring the pool with the base model; 0 where that is left out.
        benchmarks: The benchmarks, with fewer items where scoring all of them is dear.
        amount: Tokens of a training.
        adapted_share: Share of the layers that have adapters; the others need no backward pass.
        passes: Cost of a training step, in forward passes.
        pool_tokens: Tokens of the pool as a training reads them.
        kept_share: Share of the pool's texts that later trainings of the process do not read again through
            the layers below the adapters; see `FrozenLayers`.
        busy: Sentence on other processes that the probe shared the machine with; empty for none.
    """

    minutes: float
    tokens_s: float
    scoring_s: float
    benchmarks: tuple[DraftBenchmark, ...]
    amount: int = _MIN_AMOUNT
    adapted_share: float = 1.0
    passes: StepPasses = COUNTED_PASSES
    pool_tokens: int = 0
    kept_share: float = 0.0
    busy: str = ""

    @classmethod
    def fitting(
        cls,
        minutes: float,
        tokens_s: float,
        *,
        pool_tokens: int,
        scoring_s: float,
        benchmarks: Sequence[DraftBenchmark],
        passes: StepPasses = COUNTED_PASSES,
        kept_share: float = 0.0,
    ) -> "FirstPlan":
        """The longest trainings that fit; adapters in all layers only where a tenth of the pool still fits.

        Scoring the pool with the base model takes a third of the time at most, else it is left out, and items
        of benchmarks take half of what is left.

        Args:
            minutes: From raw files to the verdict.
            tokens_s: Tokens a second of a forward pass.
            pool_tokens: Tokens of the pool as a training reads them.
            scoring_s: Seconds of scoring the pool with the base model.
            benchmarks: The benchmarks.
            passes: Cost of a training step, in forward passes.
            kept_share: As of the plan.
        """
        scored = scoring_s if scoring_s <= max_scoring_s(minutes) else 0.0
        plan = cls(
            minutes,
            tokens_s,
            scored,
            tuple(benchmarks),
            passes=passes,
            pool_tokens=pool_tokens,
            kept_share=kept_share,
        )
        left = 60 * minutes - plan.preparing_s - _TRAININGS * STARTING_S - models_tested(_REPORT) * LOADING_S
        if plan.testing_s > (room := max(0.0, left / 2)):
            share = room / plan.testing_s
            plan = replace(plan, benchmarks=tuple(each.limited(share) for each in benchmarks))
        wanted = max(fine_tuning({}).amount, SMALL_SHARE * pool_tokens)
        if _rounded(plan.affordable_tokens(left)) < wanted:
            plan = replace(plan, adapted_share=_UPPER_QUARTER)
        longest = max(fine_tuning({}).amount, pool_tokens)
        amount = max(_MIN_AMOUNT, min(_rounded(plan.affordable_tokens(left)), _rounded(longest)))
        return replace(plan, amount=amount)

    def affordable_tokens(self, seconds: float) -> float:
        """Tokens of a training with which all trainings and scores take so many seconds."""
        passes = max(0.0, seconds - self.testing_s) * self.tokens_s
        each = passes / self.passes.of_step(self.adapted_share) / _TRAININGS
        if _TRAININGS * each <= self.pool_tokens:
            return each
        kept = self._kept_passes
        return (
            (passes - kept * self.pool_tokens) / (self.passes.of_step(self.adapted_share) - kept) / _TRAININGS
        )

    @property
    def _kept_passes(self) -> float:
        """Part of a training step that a text costs only once, in forward passes."""
        return self.kept_share * self.passes.forward * (1 - self.adapted_share)

    @property
    def preparing_s(self) -> float:
        """Seconds of everything before the first training, and of the report's pages."""
        return _PREPARING_S + self.scoring_s

    @property
    def testing_s(self) -> float:
        """Seconds of all scores of benchmark items, dev and test."""
        dev, test = (sum(each.tokens[side] for each in self.benchmarks) for side in (0, 1))
        later = 1.0 - _KEPT_OF_SCORE * (1 - self.adapted_share) if self.kept_share else 1.0
        tested = models_tested(_REPORT)
        # The untrained model has no adapters and is read through all of its layers.
        passes = dev * (1 + (_TRAININGS - 1) * later) + test * (2 + (tested - 2) * later)
        return passes / self.tokens_s

    def writing_s(self, name: str) -> float | None:
        """Seconds that written answers of a benchmark add at most; None where its items were not counted."""
        for each in self.benchmarks:
            dev, test = each.counts if each.limits is None else each.limits
            if each.name == name and dev + test:
                items = _TRAININGS * dev + models_tested(_REPORT) * test
                return items * each.answer_tokens / self.tokens_s
        return None

    def searching_s(self, amount: float) -> float:
        """Seconds of search and report with trainings on so many tokens."""
        tokens = _TRAININGS * amount
        again = max(0.0, tokens - self.pool_tokens)
        passes = tokens * self.passes.of_step(self.adapted_share) - again * self._kept_passes
        starting_s = models_tested(_REPORT) * LOADING_S + _TRAININGS * STARTING_S
        return self.testing_s + starting_s + passes / self.tokens_s

    @property
    def sentence(self) -> str:
        """The plan in a sentence."""
        layers = "all layers" if self.adapted_share == 1.0 else "the upper quarter of the layers"
        searching = duration_text(self.searching_s(self.amount))
        return (
            f"on this machine about {duration_text(self.preparing_s)} for ingest and {searching} for search "
            f"and report: {_TRAININGS} trainings of {self.amount:,} tokens, with adapters in {layers}"
        )

    @property
    def total_s(self) -> float:
        """Seconds from raw files to the verdict."""
        return self.preparing_s + self.searching_s(self.amount)

    @property
    def fit(self) -> str:
        """Whether the plan takes the minutes that were asked for, in words."""
        asked = f"{self.minutes:g} minute{'' if self.minutes == 1 else 's'}"
        if self.total_s <= _TOLERATED * 60 * self.minutes:
            return f"Fitted to {asked}"
        return f"No search with trainings fits into {asked} here, and this is the shortest that is proposed"

    def longer(self, pool_tokens: int) -> str:
        """Time that more tokens a training would take, in a sentence.

        Args:
            pool_tokens: Tokens of the pool as a training reads them.
        """
        amount = max(2 * self.amount, round(SMALL_SHARE * pool_tokens))
        total = duration_text(self.preparing_s + self.searching_s(amount))
        return f"More tokens a training take longer: `amount: {amount}` makes it about {total} in all."

    @property
    def training(self) -> str:
        """Entry of `training:`."""
        share = "" if self.adapted_share == 1.0 else f", adapted_share: {self.adapted_share:g}"
        return f"{{preset: cpu-lora, amount: {self.amount}{share}}}"


def max_scoring_s(minutes: float) -> float:
    """Seconds of scoring the pool with the base model that a plan of some minutes has room for."""
    return 60 * minutes / 3


def _rounded(amount: float) -> int:
    return int(amount // _AMOUNT_STEP) * _AMOUNT_STEP


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
        return _REPORT + (_TRAINING_BUDGET if self.is_trained else _FORMULA_BUDGET)

    @property
    def report_evaluations(self) -> int:
        """Second budget of the first search, for what its winner is compared with."""
        return _REPORT

    @property
    def lacking(self) -> str:
        """Keys that a search with trainings lacks, in words; empty where it lacks nothing."""
        lacks = [] if self.model is not None else ["`base_model`"]
        return " and ".join([*lacks, *([] if self.benchmarks else ["`benchmarks`"])])

    @property
    def next_commands(self) -> str:
        """Command lines that follow."""
        return "; ".join(command_for(self.file, words) for words in ("doctor", "ingest", "search"))

    @property
    def text(self) -> str:
        """The campaign file."""
        lines = [
            f"# Written by `autoselection init`. Every field: {_CONFIG_PAGE}.",
            f"# Next: {self.next_commands}",
            "campaigns:",
            f"  {self.name}:",
            "    # Raw files. `licence` is carried into exports; `fields` says which field is what.",
            "    pool:",
            *[line for each in self.sources for line in each.lines],
            *self._model,
            *self._benchmarks,
            f"    # What recipes choose by; {_CONFIG_PAGE.with_name('signals.md')} lists more.",
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
        return [f"    base_model: {_quote(self.model)}"]

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
        known = [each.answer_characters for each in self.sources if each.answer_characters]
        characters = round(median(known)) if known else 0
        writing = [None if self.plan is None else self.plan.writing_s(each.name) for each in self.benchmarks]
        told = [
            (each.metric_sentence(seconds), each.unlike_sentence(characters))
            for each, seconds in zip(self.benchmarks, writing, strict=True)
        ]
        return [sentence for each in told for sentence in each if sentence]

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
            "which no search may select"
        )

    @property
    def signals(self) -> tuple[str, ...]:
        """Entries of `signals:`."""
        read = _MODEL_SIGNALS if self.model is not None else ()
        has_targets = bool(self.benchmarks) and not self.nearness_sentence
        near = ("embedding", "relevance", "{topics: {size: auto}}") if has_targets else ()
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
            f"    search: {{budget: {_TRAINING_BUDGET}, report_evaluations: {_REPORT}}}",
            "    # No subset below a tenth of the pool: a longer training learns a handful of rows by heart.",
            "    policy: {min_share: 0.1}",
        ]

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
            f"    search: {{budget: {_FORMULA_BUDGET}, report_evaluations: {_REPORT}}}",
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
    return name if name.isidentifier() and read_yaml(name) == name else _quote(name)


def _quote(value: Json) -> str:
    """A value as YAML reads it back: JSON's spelling is one of YAML's, but for a few characters."""
    spelled = json.dumps(value, ensure_ascii=False)
    return _NOT_IN_YAML.sub(lambda found: f"\\u{ord(found.group()):04x}", spelled)


_NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")
"""Characters that YAML forbids or reads as the end of a line."""
