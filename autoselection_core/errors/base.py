"""Base of all errors that are raised on purpose."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from inspect import get_annotations
from typing import ClassVar

from typing_extensions import dataclass_transform, override


@dataclass_transform(eq_default=False, field_specifiers=(field,))
class AutoSelectionError(Exception):
    """Base of the errors that a person can act on.

    A subclass with annotated attributes is a dataclass: they are the arguments of its constructor, and
    `sentence`, which states the fault and the remedy, is formatted with them. A sentence that takes more
    than formatting overrides `__str__`. Every error pickles, on its way out of a worker process.

    Example:
        >>> class NoFileError(AutoSelectionError):
        ...     name: str
        ...     sentence = "there is no file {name!r}; check its path"
        >>> str(NoFileError("a.txt"))
        "there is no file 'a.txt'; check its path"
    """

    sentence: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if get_annotations(cls):
            # Errors are compared and hashed by identity, as exceptions are.
            dataclass(eq=False, repr=False)(cls)

    def __post_init__(self) -> None:
        """Let pickle call the constructor with what it was called with, positional or by name."""
        known = fields(self)  # type: ignore[arg-type] # the constructor of a dataclass calls this
        self.args = tuple(getattr(self, each.name) for each in known if each.init)

    @override
    def __str__(self) -> str:
        return self.sentence.format_map(vars(self)) if self.sentence else super().__str__()


_MAX_RUN, _MAX_SENTENCE = 1_000, 20_000
_LONG_RUN = re.compile(rf"\S{{{_MAX_RUN + 1},}}")


def bounded(sentence: str) -> str:
    """A sentence as it is shown: what it quotes may be of any length, and is cut in the middle.

    Example:
        >>> len(bounded(f"seed is {'9' * 100_000}."))
        1013
    """
    short = _LONG_RUN.sub(lambda run: _cut(run.group(), _MAX_RUN), sentence)
    return _cut(short, _MAX_SENTENCE)


def _cut(text: str, length: int) -> str:
    half = length // 2
    return text if len(text) <= length else f"{text[:half]} ... {text[-half:]}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Sentence that offers the known name closest to a mistyped one; empty when none is close.

    Example:
        >>> did_you_mean("keep_tpo", ["keep_top", "keep_random"])
        " Did you mean 'keep_top'?"
    """
    closest = get_close_matches(name, list(known), n=1)
    return f" Did you mean {str(closest[0])!r}?" if closest else ""


def without_user(address: str) -> str:
    """An address as an error may quote it: without user and password, however it is spelled.

    Example:
        >>> without_user("http://somebody:secret@host:1/v1"), without_user("http//somebody:secret@host")
        ('http://***@host:1/v1', '***@host')
    """
    before, at, rest = address.rpartition("@")
    scheme, slashes, _ = before.partition("://")
    return f"{scheme if slashes else ''}{slashes}***@{rest}" if at else address
