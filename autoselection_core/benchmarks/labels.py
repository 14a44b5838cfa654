"""Names of options in the order presented: letters, and numbers where letters run out."""

from collections.abc import Sequence

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""Names of options, in the order presented."""

_SAID = frozenset(("yes", "no", "true", "false"))


def labels(count: int) -> tuple[str, ...]:
    """The names of so many options.

    Example:
        >>> labels(3), labels(27)[-2:]
        (('A', 'B', 'C'), ('26', '27'))
    """
    if count <= len(LETTERS):
        return tuple(LETTERS[:count])
    return tuple(str(number) for number in range(1, count + 1))


def are_labels(choices: Sequence[str]) -> bool:
    """Whether choices are names of options or yes and no, whose lengths carry no information.

    Example:
        >>> are_labels(["A", "B"]), are_labels(["Yes", "No"]), are_labels(["Paris", "Rome"])
        (True, True, False)
    """
    return tuple(choices) == labels(len(choices)) or {choice.lower() for choice in choices} <= _SAID
