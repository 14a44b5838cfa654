"""What all errors that are raised on purpose have in common."""

from collections.abc import Iterable
from difflib import get_close_matches


class AutoSelectionError(Exception):
    """Something is wrong that a person can act on.

    A subclass passes its data to `super().__init__`, so that the error pickles on its way out of a worker
    process, keeps it as attributes, and says in one sentence what is wrong and what to do.
    """


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence that offers the known name closest to a mistyped one; empty when none is close.

    Example:
        >>> did_you_mean("keep_tpo", ["keep_top", "keep_random"])
        " Did you mean 'keep_top'?"
    """
    closest = get_close_matches(name, list(known), n=1)
    return f" Did you mean {closest[0]!r}?" if closest else ""
