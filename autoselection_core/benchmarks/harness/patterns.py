"""Regular expressions of a task file's filters: refused where a text can make them take exponential time."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

_MAX_PATTERN = 1_000
_MANY = 64
"""Repeats beyond which a repeat counts as endless."""


def pattern_problem(pattern: str) -> str | None:
    """The reason for which a pattern is refused; None for none.

    A repeat without end inside another one, or around alternatives, may try the same text in exponentially
    many ways. What is left takes time polynomial in the length of an answer, which is bounded by its tokens.

    Example:
        >>> pattern_problem(r"(-?[$0-9.,]{2,})|(-?[0-9]+)") is None
        True
        >>> pattern_problem(r"(a+)+$")
        'it repeats what repeats without end'
    """
    if len(pattern) > _MAX_PATTERN:
        return f"it has more than {_MAX_PATTERN:,} characters"
    try:
        tree = re._parser.parse(pattern)  # type: ignore[attr-defined] # noqa: SLF001 Python's own parser has no other name
    except (re.error, RecursionError, OverflowError) as error:
        return f"it is no regular expression ({error})"
    return _problem(tree, is_repeated=False)


def _problem(tree: Iterable[tuple[Any, Any]], *, is_repeated: bool) -> str | None:
    for operation, argument in tree:
        name = str(operation)
        if name in {"MAX_REPEAT", "MIN_REPEAT"}:
            _, most, inner = argument
            is_endless = int(most) > _MANY
            if is_endless and is_repeated:
                return "it repeats what repeats without end"
            found = _problem(inner, is_repeated=is_repeated or is_endless)
        elif name == "BRANCH" and is_repeated:
            return "it repeats alternatives without end"
        else:
            found = next(
                filter(None, (_problem(each, is_repeated=is_repeated) for each in _inside(argument))), None
            )
        if found is not None:
            return found
    return None


def _inside(argument: object) -> list[Any]:
    """The patterns inside an operation."""
    if hasattr(argument, "data"):
        return [argument]
    if isinstance(argument, tuple | list) and not isinstance(argument, Mapping):
        return [each for part in argument for each in _inside(part)]
    return []
