"""Errors of the signals of a pool."""

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError, did_you_mean


class SignalTableError(AutoSelectionError):
    """A signal that a pool needs is missing or unusable."""


class MissingSignalError(SignalTableError):
    """An operator or a state needs a signal that was not computed for this pool."""

    kind: str
    name: str
    computed: tuple[str, ...]

    @override
    def __str__(self) -> str:
        known = ", ".join(self.computed) or "none"
        return (
            f"{self.kind} {self.name!r} was not computed for this pool (computed: {known})."
            f"{did_you_mean(self.name, self.computed)}"
        )


class MisalignedSignalError(SignalTableError):
    """A signal has another number of rows than the pool, so its values would belong to other samples."""

    name: str
    rows: int
    expected: int

    sentence = "signal {name!r} has {rows} rows but the pool has {expected}; score it again for this pool."


class BrokenPairsError(SignalTableError):
    """A pair list is not sorted, or pairs a row with itself, so a look-up in it would be wrong."""

    reason: str

    sentence = "the pair list is broken: {reason}; compute it again."


class PairFloorError(SignalTableError):
    """Pairs below the floor of a list were never stored, so a lower threshold cannot be answered."""

    name: str
    similarity: float
    floor: float

    sentence = (
        "pairs {name!r} are stored from a similarity of {floor:.4g} upwards, but {similarity:.4g} was "
        "asked for; ask for at least the floor."
    )
