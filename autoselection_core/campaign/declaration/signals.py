"""Signals that a campaign can name, the construction of each, and the key that names them."""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from typing import Any

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.campaign.declaration.allowed_paths import AllowedPaths
from autoselection_core.campaign.declaration.signal_schema import BENCHMARK, Settings, SignalSchema
from autoselection_core.campaign.declaration.yaml_document import Value, plain_mapping, pointing_at
from autoselection_core.errors.base import did_you_mean
from autoselection_core.extensions import add_plugins
from autoselection_core.signals.base import Signal
from autoselection_core.signals.contamination.contamination import Contamination
from autoselection_core.signals.definitions.base_model.influence import Influence
from autoselection_core.signals.definitions.base_model.model_scores import ModelScores
from autoselection_core.signals.definitions.base_model.rds import RepresentationSelection
from autoselection_core.signals.definitions.base_model.sae import Mona, SaeFeatures
from autoselection_core.signals.definitions.base_model.sae_pairs import SaePairs
from autoselection_core.signals.definitions.given.scores import GivenScores
from autoselection_core.signals.definitions.given.vectors import GivenVectors
from autoselection_core.signals.definitions.semantic.clusters import Clusters
from autoselection_core.signals.definitions.semantic.embedding import VECTORS as EMBEDDING
from autoselection_core.signals.definitions.semantic.embedding import EmbeddingPairs, Embeddings, Relevance
from autoselection_core.signals.definitions.semantic.feedback import FeedbackRelevance
from autoselection_core.signals.definitions.semantic.graph import GraphImportance
from autoselection_core.signals.definitions.semantic.reranking import Reranked
from autoselection_core.signals.definitions.semantic.topics import Topics
from autoselection_core.signals.definitions.wording.actions import ActionBranching
from autoselection_core.signals.definitions.wording.duplicates import ExactGroups, JaccardPairs
from autoselection_core.signals.definitions.wording.text import Form, TokenCounts, WordEntropy
from autoselection_core.signals.table import present_name

SCORES = "column"
"""Scores of the user's own: `{column: rm_score}`; a campaign may have several, as `column:rm_score`."""
VECTORS = "vectors"
BROUGHT = (SCORES, VECTORS)
"""Keys that mark an entry as scores or vectors of the user's own."""

_NAME = re.compile(r"[A-Za-z0-9_.-]+")


def brought_signal(kind: str, item: Value, allowed_paths: AllowedPaths) -> tuple[str, dict[str, Any]]:
    """Name and settings of scores or vectors that a campaign brings.

    Written as `{column: rm_score, from: scores.parquet, key: id, as: quality}`, or `{vectors: mine.parquet}`.

    Raises:
        CampaignFileError: A key is unknown, a path leads out of the allowed folders, or the name is no name.
    """
    return _scores(item, allowed_paths) if kind == SCORES else _vectors(item, allowed_paths)


def _scores(item: Value, allowed_paths: AllowedPaths) -> tuple[str, dict[str, Any]]:
    found = item.entries(SCORES, "from", "key", "as")
    column = found[SCORES].text()
    name = found["as"].text() if "as" in found else column
    if not _NAME.fullmatch(name) or name in installed_signals():
        found[SCORES].refuse(f"is called {name!r}, which no signal can be; give it a name with `as:`")
    if "key" in found and "from" not in found:
        found["key"].refuse("joins nothing; name the file with `from:`")
    settings: dict[str, Any] = {"column": column, "alias": name}
    if "from" in found:
        settings |= {"file": str(allowed_paths.path(found["from"]))}
    if "key" in found:
        settings |= {"key": found["key"].text()}
    return f"{SCORES}:{name}", settings


def _vectors(item: Value, allowed_paths: AllowedPaths) -> tuple[str, dict[str, Any]]:
    found = item.entries(VECTORS, "column", "key")
    settings: dict[str, Any] = {"file": str(allowed_paths.path(found[VECTORS]))}
    return VECTORS, settings | {name: entry.text() for name, entry in found.items() if name != VECTORS}


DEFAULT_SIGNALS: Mapping[str, type[Signal]] = {
    "tokens": TokenCounts,
    "word_entropy": WordEntropy,
    "model_scores": ModelScores,
    "embedding": Embeddings,
    "relevance": Relevance,
    "exact": ExactGroups,
    "near_duplicates": JaccardPairs,
    "embedding_pairs": EmbeddingPairs,
    "clusters": Clusters,
    "topics": Topics,
    "contamination": Contamination,
    "form": Form,
    "feedback": FeedbackRelevance,
    "reranked": Reranked,
    "graph_importance": GraphImportance,
    "action_branching": ActionBranching,
    "sae": SaeFeatures,
    "sae_pairs": SaePairs,
    "mona": Mona,
    "influence": Influence,
    "rds": RepresentationSelection,
    SCORES: GivenScores,
    "vectors": GivenVectors,
}
"""Every signal by the name that campaigns use; one that reads a benchmark gives one signal a benchmark."""

ENTRY_POINT = "autoselection.signals"
"""The group of entry points under which a package names its signal classes, by the name for campaigns."""


@cache
def installed_signals() -> Mapping[str, SignalSchema]:
    """The default signals and those of installed packages, by the name that campaigns use.

    Raises:
        BrokenExtensionError: A package names something that is no signal, or a name that is taken.
    """
    found = add_plugins(ENTRY_POINT, Signal, DEFAULT_SIGNALS)  # type: ignore[type-abstract] # only its subclasses are made
    return {name: SignalSchema(definition) for name, definition in found.items()}


def nameable_of(chosen: str) -> SignalSchema:
    """The signal behind a name that a campaign has chosen."""
    return installed_signals()[chosen.partition(":")[0]]


def name_of(definition: type[Signal]) -> str:
    """The name that campaigns use for a class of signals."""
    return next(name for name, known in installed_signals().items() if known.definition is definition)


def own_scores(chosen: Iterable[str]) -> tuple[str, ...]:
    """Columns of the scores that a campaign brings, from the names of its signals.

    Example:
        >>> own_scores(["word_entropy", "column:rm_score"])
        ('rm_score',)
    """
    named = (name.partition(":") for name in chosen)
    return tuple(name for kind, _, name in named if kind == SCORES)


_BASE_MODEL_SCORES = "model_scores"


def left_out_sentence(chosen: Iterable[str], base_model: str | None) -> str:
    """The base model's scores where a campaign goes without, and how to have them; empty where it has them.

    Example:
        >>> left_out_sentence(["tokens", "model_scores"], "models/mine")
        ''
        >>> left_out_sentence(["tokens"], "models/mine").rpartition(": ")[2]
        'add model_scores to `signals:`; then `autoselection doctor` says how long scoring takes'
    """
    if _BASE_MODEL_SCORES in chosen:
        return ""
    named = (
        "`base_model: FOLDER` and model_scores to `signals:`"
        if base_model is None
        else ("model_scores to `signals:`")
    )
    return (
        "left out: IFD, losses and entropies of the base model, which filters often choose by: "
        f"add {named}; then `autoselection doctor` says how long scoring takes"
    )


def make_signals(
    chosen: Mapping[str, Settings],
    base_model: str | None,
    benchmarks: Callable[[], tuple[Benchmark, ...]],
) -> dict[str, Signal]:
    """The signals of a campaign by their own names (`relevance/gsm8k`), those held by others first.

    Args:
        chosen: Settings by the name that the campaign uses.
        base_model: Folder or hub name.
        benchmarks: Reads the benchmarks; called only when a signal needs them.

    Raises:
        SettingError: A setting is none of the values that its field can have.
    """
    made: list[Signal] = []
    for name in sorted(chosen, key=lambda name: nameable_of(name).depth):
        nameable = nameable_of(name)
        held = {
            field: signal
            for field, kind in nameable.signals.items()
            for signal in made
            if isinstance(signal, kind)
        }
        each = [{BENCHMARK: one} for one in benchmarks()] if nameable.reads_benchmark else [{}]
        made += [nameable.build(chosen[name], base_model, **held, **one) for one in each]
    return {signal.name: signal for signal in made}


def signals_from(value: Value, allowed_paths: AllowedPaths) -> dict[str, dict[str, Any]]:
    """Signals of a list, whose every entry is a name, or a name with settings.

    Raises:
        CampaignFileError: A name is unknown, or a setting is missing or refused.
    """
    known = installed_signals()
    chosen: dict[str, dict[str, Any]] = {}
    for item in value.items():
        named = item.plain
        if isinstance(named, dict) and (brought := next((key for key in BROUGHT if key in named), None)):
            name, brought_settings = brought_signal(brought, item, allowed_paths)
            if chosen.setdefault(name, brought_settings) != brought_settings:
                named_as = name.partition(":")[2] or name
                item.refuse(f"is the second signal {named_as!r}; keep one, or name it anew with `as:`")
            continue
        entries = {named: None} if isinstance(named, str) else item.entries()
        for spelled, settings in entries.items():
            name = present_name(spelled)
            if name not in known:
                names = ", ".join(known)
                item.refuse(f"names no signal: {name!r} (signals: {names}).{did_you_mean(name, known)}")
            stated = {} if settings is None else _settings(settings, known[name], allowed_paths)
            if chosen.setdefault(name, stated) != stated:
                item.refuse(f"names the signal {name!r} again, with other settings; keep one")
            for lacking in (each for each in known[name].required if each not in chosen[name]):
                item.refuse(f"names the signal {name!r}, which needs `{lacking}`")
    if {VECTORS, EMBEDDING} <= set(chosen):
        value.refuse(f"names `{VECTORS}` and `{EMBEDDING}`, but the vectors take the place of embeddings")
    return chosen


def signal_lines(value: Value) -> dict[str, int]:
    """Lines of a list of signals, by the names that they are installed under."""
    spelled = ((item.plain, item.line) for item in value.items())
    return {
        present_name(name): line
        for names, line in spelled
        for name in ([names] if isinstance(names, str) else names if isinstance(names, dict) else ())
    }


def _settings(value: Value, nameable: SignalSchema, allowed_paths: AllowedPaths) -> dict[str, Any]:
    spelled = value.entries(*((*nameable.settings, *nameable.first_names) or ("(none)",)))
    found = {nameable.first_names.get(name, name): entry for name, entry in spelled.items()}
    for name, entry in found.items():
        pointing_at(entry, partial(nameable.convert, name, entry.plain))
    files = {name: str(allowed_paths.path(found[name])) for name in nameable.files if name in found}
    return {**plain_mapping(found), **files}
