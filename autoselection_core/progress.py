"""Progress callbacks: one definition of each for every room."""

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with the stage, how much of it is done, and how much there is."""

CountProgress: TypeAlias = Callable[[int, int], None]
"""Progress within one known stage: called with how much is done, and how much there is."""

RecordProgress: TypeAlias = Callable[[int, int | None], None]
"""Progress through records: called with how many were read, and how many there are; None while unknown."""
