"""Draft of a campaign file: what `autoselection init` writes, with comments and no setting left to guess."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autoselection_core.evaluation.training.settings import fine_tuning
from autoselection_core.store.hub import SCHEME

_TEXT_SIGNALS = ("word_entropy", "form", "exact", "near_duplicates")
"""Signals that read no model: seconds for thousands of samples."""

_MODEL_SIGNALS = ("tokens", "model_scores")
"""Signals that read the base model once: its loss of every answer, and what follows from it."""

_TRIED, _TRAINED = 8, 6
"""Budgets of a search with a closed form, and with trainings."""

_REPORT = 6


@dataclass(frozen=True)
class DraftSource:
    """Raw files of a draft.

    Attributes:
        path: As the campaign file names them.
        account: Records and samples, in words.
        scores: Fields of the records that may be scores.
    """

    path: str
    account: str
    scores: tuple[str, ...] = ()


@dataclass(frozen=True)
class CampaignDraft:
    """A campaign before it is written.

    Attributes:
        name: Name of the campaign.
        sources: The raw files.
        model: Folder or hub name of the base model; None for none yet.
        benchmarks: Paths by name, as the campaign file names them.
        has_targets: Whether every benchmark has target samples, to which samples can be near.
    """

    name: str
    sources: Sequence[DraftSource]
    model: str | None
    benchmarks: Sequence[tuple[str, str]]
    has_targets: bool = False

    @property
    def is_trained(self) -> bool:
        """Whether subsets are evaluated by trainings; otherwise a closed form evaluates them."""
        return self.model is not None and bool(self.benchmarks)

    @property
    def trainings(self) -> int:
        """Full trainings of the first search and its report, at most."""
        return _TRAINED + _REPORT

    @property
    def lacking(self) -> str:
        """Keys that a search with trainings lacks, in words; empty where it lacks nothing."""
        lacks = [] if self.model is not None else ["`base_model`"]
        return " and ".join([*lacks, *([] if self.benchmarks else ["`benchmarks`"])])

    @property
    def text(self) -> str:
        """The campaign file."""
        lines = [
            "# Written by `autoselection init`. Every field: docs/reference/config.md.",
            "# Next: autoselection doctor; autoselection ingest; autoselection search",
            "campaigns:",
            f"  {self.name}:",
            "    # Raw files. `licence` is carried into exports; `fields` says which field is what.",
            "    pool:",
            *[f"      - path: {_quote(each.path)}  # {each.account}" for each in self.sources],
            *self._model,
            *self._benchmarks,
            "    # What recipes choose by; `docs/reference/signals.md` lists more.",
            f"    signals: [{', '.join(self._signals)}]",
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
        listed = [f"      {name}: {{path: {_quote(path)}}}" for name, path in self.benchmarks]
        return [
            "    # Dev items steer the search, test items are opened by its report. Samples that hold a",
            "    # question leave the pool before anything reads it.",
            "    benchmarks:",
            *listed,
        ]

    @property
    def _signals(self) -> tuple[str, ...]:
        read = _MODEL_SIGNALS if self.model is not None else ()
        near = ("embedding", "relevance", "{topics: {size: auto}}") if self.has_targets else ()
        scores = sorted({name for each in self.sources for name in each.scores})
        return (*read, *near, *_TEXT_SIGNALS, *(f"{{column: {name}}}" for name in scores))

    @property
    def _training(self) -> list[str]:
        tokens = fine_tuning({}).amount
        return [
            f"    # LoRA for {tokens:,.0f} tokens a subset; `lora` and `paper-full-sft` are longer.",
            "    training: {preset: cpu-lora}",
            "    # Trainings of the search, and of its report: full pool, random subsets, the winner again.",
            f"    search: {{budget: {_TRAINED}, report_evaluations: {_REPORT}}}",
        ]

    @property
    def _closed_form(self) -> list[str]:
        return [
            "    # A closed form in place of trainings: in seconds it shows that files are read, signals",
            "    # scored and recipes found; it says nothing about models. Delete it once there are",
            "    # `base_model` and `benchmarks`.",
            "    closed_form: {weights: {word_entropy: 1.0}, noise: 0.02}",
            f"    search: {{budget: {_TRIED}, report_evaluations: {_REPORT}}}",
        ]


def as_named_in(file: Path, path: str) -> str:
    """A path as a campaign file names it: relative to its folder where it is below, else absolute.

    A data set of a hub keeps its name.
    """
    if path.startswith(SCHEME):
        return path
    absolute, folder = Path(path).expanduser().absolute(), file.absolute().parent
    return str(absolute.relative_to(folder)) if absolute.is_relative_to(folder) else str(absolute)


def _quote(text: str) -> str:
    """A text as YAML reads it back: JSON's spelling is one of YAML's."""
    return json.dumps(text, ensure_ascii=False)
