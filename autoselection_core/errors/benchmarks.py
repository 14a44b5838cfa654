"""What is wrong with a benchmark, said before any money is spent."""

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError


class NoItemsError(AutoSelectionError):
    """A benchmark, or a side of its split, has nothing to score."""

    def __init__(self, benchmark: str, where: str) -> None:
        super().__init__(benchmark, where)
        self.benchmark = benchmark
        self.where = where

    @override
    def __str__(self) -> str:
        return (
            f"benchmark {self.benchmark!r} has no items to score ({self.where}); "
            "give it more items, another dev_share, or targets that do not repeat its questions"
        )
