"""Draft of a campaign file: what `autoselection init` writes, with comments and no setting left to guess."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import wrap

from autoselection_core.campaign.declaration.loading import DEFAULT_FILE, command_for
from autoselection_core.campaign.declaration.signals import installed_signals
from autoselection_core.evaluation.training.settings import FineTuning, fine_tuning, reach_of, rough_reach_of
from autoselection_core.identity import Json
from autoselection_core.store.hub import SCHEME
from autoselection_core.strict_yaml import read_yaml

_TEXT_SIGNALS = ("word_entropy", "form", "exact", "near_duplicates")
"""Signals that read no model: seconds for thousands of samples."""

_MODEL_SIGNALS = ("tokens", "model_scores")
"""Signals that read the base model once: its loss of every answer, and what follows from it."""

_FORMULA_BUDGET, _TRAINING_BUDGET = 8, 6
"""Budgets of a search with a closed form, and with trainings."""

_REPORT = 6
_WIDTH = 100

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
    """

    path: str
    account: str
    scores: tuple[str, ...] = ()
    rules: Mapping[str, Json] = field(default_factory=dict)
    tokens: int = 0
    counted: int = 0

    @property
    def lines(self) -> list[str]:
        """Its entry of `pool:`, with a licence to fill in."""
        rules = [f"        {name}: {_quote(value)}" for name, value in self.rules.items()]
        return [
            f"      - path: {_quote(self.path)}  # {self.account}",
            *rules,
            "        # licence: NAME  # as its publisher states it, such as CC-BY-4.0; yours to fill in",
        ]


@dataclass(frozen=True)
class DraftBenchmark:
    """Benchmark of a draft.

    Attributes:
        name: Name in the campaign.
        path: Folder or YAML file, as the campaign file names it.
        items: File of the questions below the folder, where no `benchmark.yaml` names it.
        has_targets: Whether it has target samples, to which samples can be near.
    """

    name: str
    path: str
    items: str | None = None
    has_targets: bool = False

    @property
    def entry(self) -> str:
        """Its entry below `benchmarks:`."""
        items = "" if self.items is None else f", items: {_quote(self.items)}"
        return f"{self.name}: {{path: {_quote(self.path)}{items}}}"


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
    """

    name: str
    sources: Sequence[DraftSource]
    model: str | None
    benchmarks: Sequence[DraftBenchmark]
    file: Path = DEFAULT_FILE
    costs: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def is_trained(self) -> bool:
        """Whether subsets are evaluated by trainings; otherwise a closed form evaluates them."""
        return self.model is not None and bool(self.benchmarks)

    @property
    def trainings(self) -> int:
        """Evaluations of the first search and its report, at most: trainings, or by the closed form."""
        return _REPORT + (_TRAINING_BUDGET if self.is_trained else _FORMULA_BUDGET)

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
            "# Written by `autoselection init`. Every field: docs/reference/config.md.",
            f"# Next: {self.next_commands}",
            "campaigns:",
            f"  {self.name}:",
            "    # Raw files. `licence` is carried into exports; `fields` says which field is what.",
            "    pool:",
            *[line for each in self.sources for line in each.lines],
            *self._model,
            *self._benchmarks,
            "    # What recipes choose by; `docs/reference/signals.md` lists more.",
            *[f"    # {name} is left out: {cost}." for name, cost in self.costs.items()],
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
        listed = [f"      {each.entry}" for each in self.benchmarks]
        return [
            "    # Dev items steer the search, test items are opened by its report. Samples that hold a",
            "    # question leave the pool before anything reads it.",
            "    benchmarks:",
            *listed,
        ]

    @property
    def signals(self) -> tuple[str, ...]:
        """Entries of `signals:`."""
        read = _MODEL_SIGNALS if self.model is not None else ()
        has_targets = bool(self.benchmarks) and all(each.has_targets for each in self.benchmarks)
        near = ("embedding", "relevance", "{topics: {size: auto}}") if has_targets else ()
        named = [each for each in (*read, *near, *_TEXT_SIGNALS) if each not in self.costs]
        return (*named, *map(_score_entry, self._scores))

    @property
    def _scores(self) -> list[str]:
        return sorted({name for each in self.sources for name in each.scores})

    @property
    def _training(self) -> list[str]:
        training = fine_tuning({})
        return [
            *(f"    # {line}" for line in wrap(self._reach(training), _WIDTH)),
            f"    # LoRA for {training.amount:,.0f} tokens a subset; `lora` and `paper-full-sft` are longer.",
            "    training: {preset: cpu-lora}",
            "    # Trainings of the search, and of its report: full pool, random subsets, the winner again.",
            f"    search: {{budget: {_TRAINING_BUDGET}, report_evaluations: {_REPORT}}}",
            "    # Subsets down to a hundredth of the pool are tried; this line asks for a tenth at least:",
            "    # policy: {min_share: 0.1}",
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


def as_named_in(file: Path, path: str) -> str:
    """A path as a campaign file names it: relative to its folder where it is below, else absolute.

    A data set of a hub keeps its name.
    """
    if path.startswith(SCHEME):
        return path
    # `..` is followed through links, as the system follows it; other links stay as they were named.
    absolute, folder = Path(path).expanduser().absolute(), file.absolute().parent
    if os.pardir in absolute.parts:
        absolute, folder = absolute.resolve(), folder.resolve()
    return str(absolute.relative_to(folder)) if absolute.is_relative_to(folder) else str(absolute)


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
    """A value as YAML reads it back: JSON's spelling is one of YAML's."""
    return json.dumps(value, ensure_ascii=False)
