"""Errors of the signals that stand ready for a pool."""

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError, did_you_mean


class MissingSignalError(AutoSelectionError):
    """An operator or a state needs a signal that was not computed for this pool."""

    def __init__(self, kind: str, name: str, computed: tuple[str, ...]) -> None:
        super().__init__(kind, name, computed)
        self.kind = kind
        self.name = name
        self.computed = computed

    @override
    def __str__(self) -> str:
        known = ", ".join(self.computed) or "none"
        return (
            f"{self.kind} {self.name!r} was not computed for this pool (computed: {known})."
            f"{did_you_mean(self.name, self.computed)}"
        )


class MisalignedSignalError(AutoSelectionError):
    """A signal has another number of rows than the pool, so its values would belong to other samples."""

    def __init__(self, name: str, rows: int, expected: int) -> None:
        super().__init__(name, rows, expected)
        self.name = name
        self.rows = rows
        self.expected = expected

    @override
    def __str__(self) -> str:
        return (
            f"signal {self.name!r} has {self.rows} rows but the pool has {self.expected}; "
            "score it again for this pool."
        )


class BrokenPairsError(AutoSelectionError):
    """A pair list is not sorted, or pairs a row with itself, so a look-up in it would be wrong."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    @override
    def __str__(self) -> str:
        return f"the pair list is broken: {self.reason}; compute it again."


class PairFloorError(AutoSelectionError):
    """Pairs below the floor of a list were never stored, so a lower threshold cannot be answered."""

    def __init__(self, name: str, similarity: float, floor: float) -> None:
        super().__init__(name, similarity, floor)
        self.name = name
        self.similarity = similarity
        self.floor = floor

    @override
    def __str__(self) -> str:
        return (
            f"pairs {self.name!r} are stored from a similarity of {self.floor:.4g} upwards, but "
            f"{self.similarity:.4g} was asked for; ask for at least the floor."
        )
