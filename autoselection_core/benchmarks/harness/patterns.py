"""Regular expressions of a user's own task file: those that may take exponentially long are refused."""

import re
from collections.abc import Iterable, Iterator, Mapping
from math import inf
from typing import Any

_MAX_PATTERN = 1_000
_MANY = 64
"""Repeats beyond which a repeat counts as endless."""

_MAX_ENDLESS = 2
"""Endless repeats behind each other."""

_MAX_WAYS = 10_000
"""Ways in which the rounds of a repeat may share a text."""

_REPEATS = ("MAX_REPEAT", "MIN_REPEAT")
_ASCII = 128
_ALPHABET = frozenset(map(chr, range(_ASCII))) | frozenset("é٣\u00a0…")
"""Characters that stand for all: those of ASCII and a letter, a digit, a blank and a sign beyond."""
_CATEGORIES = {"CATEGORY_DIGIT": r"\d", "CATEGORY_SPACE": r"\s", "CATEGORY_WORD": r"\w"}


def pattern_problem(pattern: str) -> str | None:
    """The reason for which a pattern is refused; None for none.

    A repeat inside another one, or around alternatives, may try the same text in exponentially many ways, and
    n repeats without end behind each other in as many as the n-th power of its length: two are taken, as the
    harness's own tasks have, and take seconds for an answer of some thousand characters. A repeat inside one
    with an end is taken where it has characters of its own and is parted from its next round, as in
    `(?:a{0,64}b)+`, or where all is at most 10,000 ways.

    Example:
        >>> pattern_problem(r"(-?[$0-9.,]{2,})|(-?[0-9]+)") is None
        True
        >>> pattern_problem(r"(a+)+$")
        'it has an unlimited repeat inside an unlimited repeat, as in (a+)+'
        >>> pattern_problem(r"(a{1,60}){1,60}b")
        'it has a repeat inside a repeat that may share one text in too many ways, as in (a{1,9}){1,9}'
    """
    if len(pattern) > _MAX_PATTERN:
        return f"it has more than {_MAX_PATTERN:,} characters"
    try:
        tree = re._parser.parse(pattern)  # type: ignore[attr-defined] # noqa: SLF001 Python's own parser has no other name
    except (re.error, RecursionError, OverflowError) as error:
        return f"it is no regular expression ({error})"
    problem = _problem(tree, is_repeated=False)
    if problem is None and (endless := _endless(tree)) > _MAX_ENDLESS:
        return f"it repeats without end {endless} times in a row, at most {_MAX_ENDLESS} are taken"
    return problem


def _endless(tree: Iterable[tuple[Any, Any]]) -> int:
    """Endless repeats behind each other; of alternatives, those with the most."""
    count = 0
    for operation, argument in tree:
        name = str(operation)
        if name in _REPEATS:
            _, most, inner = argument
            count += (int(most) > _MANY) + _endless(inner)
        elif name == "BRANCH":
            count += max(map(_endless, _inside(argument)), default=0)
        else:
            count += sum(map(_endless, _inside(argument)))
    return count


def _problem(tree: Iterable[tuple[Any, Any]], *, is_repeated: bool) -> str | None:
    for operation, argument in tree:
        name = str(operation)
        if name in _REPEATS:
            _, most, inner = argument
            is_endless = int(most) > _MANY
            if is_endless and is_repeated:
                return "it has an unlimited repeat inside an unlimited repeat, as in (a+)+"
            is_nested = is_repeated or is_endless
            found = _problem(inner, is_repeated=is_nested) or _sharing_problem(int(most), inner)
        elif name == "BRANCH" and is_repeated:
            return "it has alternatives inside an unlimited repeat, as in (a|b)+"
        else:
            found = next(
                filter(None, (_problem(each, is_repeated=is_repeated) for each in _inside(argument))), None
            )
        if found is not None:
            return found
    return None


def _sharing_problem(most: int, inner: Iterable[tuple[Any, Any]]) -> str | None:
    """The problem of a repeat whose rounds may share one text in many ways."""
    if most <= 1 or not _is_shared(inner):
        return None
    if most <= _MANY and _ways(inner) ** most <= _MAX_WAYS:
        return None
    if any(str(operation) == "BRANCH" for operation, _ in _flat(inner)):
        return "it has alternatives inside a repeat that may share one text in too many ways, as in (a|b)+"
    return "it has a repeat inside a repeat that may share one text in too many ways, as in (a{1,9}){1,9}"


def _is_shared(inner: Iterable[tuple[Any, Any]]) -> bool:
    """Whether one round of a repeat may take what the next one, or another part of it, takes as well."""
    parts = list(_flat(inner))
    fixed = [argument[0] > 0 if str(operation) in _REPEATS else True for operation, argument in parts]
    characters = [_characters([part]) for part in parts]
    for number, (operation, argument) in enumerate(parts):
        if str(operation) == "BRANCH":
            return True
        if str(operation) in _REPEATS:
            least, most, repeated = argument
            if most > 1 and _is_shared(repeated):
                return True
            others = [each for each in range(len(parts)) if each != number and characters[each]]
            is_parted = any(fixed[each] for each in others)
            if least != most and not (
                is_parted and all(characters[number].isdisjoint(characters[each]) for each in others)
            ):
                return True
    return False


def _flat(tree: Iterable[tuple[Any, Any]]) -> Iterator[tuple[Any, Any]]:
    """Operations in a row, with those of groups in the place of the groups."""
    for operation, argument in tree:
        if str(operation) in {"SUBPATTERN", "ATOMIC_GROUP"}:
            for each in _inside(argument):
                yield from _flat(each)
        else:
            yield operation, argument


def _ways(tree: Iterable[tuple[Any, Any]]) -> float:
    """Ways in which a pattern may take a text, at most."""
    ways = 1.0
    for operation, argument in _flat(tree):
        if str(operation) in _REPEATS:
            least, most, inner = argument
            is_endless = int(most) > _MANY
            ways *= inf if is_endless else (most - least + 1) * min(_ways(inner), _MAX_WAYS) ** most
        elif str(operation) == "BRANCH":
            ways *= sum(map(_ways, _inside(argument)))
    return min(ways, _MAX_WAYS + 1.0)


def _characters(tree: Iterable[tuple[Any, Any]]) -> frozenset[str]:
    """Characters of the alphabet that a pattern may take, or more."""
    return frozenset[str]().union(*(_taken(str(operation), argument) for operation, argument in _flat(tree)))


def _taken(name: str, argument: Any) -> frozenset[str]:  # noqa: ANN401 as Python's parser gives it
    taken = _ALPHABET
    match name:
        case "AT" | "ASSERT" | "ASSERT_NOT":
            taken = frozenset()
        case "LITERAL":
            taken = frozenset({chr(argument).lower(), chr(argument).upper()})
        case "CATEGORY" if str(argument) in _CATEGORIES:
            taken = frozenset(filter(re.compile(_CATEGORIES[str(argument)]).match, _ALPHABET))
        case "RANGE" if argument[1] < _ASCII:
            taken = frozenset[str]().union(
                *(_taken("LITERAL", each) for each in range(argument[0], argument[1] + 1))
            )
        case "IN" if str(argument[0][0]) != "NEGATE":
            taken = _characters(argument)
        case "MAX_REPEAT" | "MIN_REPEAT":
            taken = _characters(argument[2])
    return taken


def _inside(argument: object) -> list[Any]:
    """The patterns inside an operation."""
    if hasattr(argument, "data"):
        return [argument]
    if isinstance(argument, tuple | list) and not isinstance(argument, Mapping):
        return [each for part in argument for each in _inside(part)]
    return []
