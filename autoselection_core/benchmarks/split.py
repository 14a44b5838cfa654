"""Split of a benchmark into dev items, which a search may look at, and test items, kept for the report."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.item import Item
from autoselection_core.benchmarks.normalisation import QuestionComparison
from autoselection_core.errors.benchmarks import NoItemsError
from autoselection_core.identity import fingerprint


class Side(StrEnum):
    """The two sides of a split."""

    DEV = "dev"
    TEST = "test"


@dataclass(frozen=True)
class Split:
    """The two sides of a benchmark.

    Attributes:
        dev: Items that steer the search.
        test: Items that only a report opens.
        left_out: Items whose question is among the targets; they are on neither side.
    """

    dev: tuple[Item, ...]
    test: tuple[Item, ...]
    left_out: tuple[Item, ...] = ()

    def side(self, side: Side) -> tuple[Item, ...]:
        """The items of one side."""
        return self.dev if side is Side.DEV else self.test


def split(benchmark: Benchmark) -> Split:
    """Part a benchmark's items by the hash of their normalised question.

    Repeated questions are on one side. Where a side is limited, the items of lowest hash stay, so a
    smaller limit keeps a subset of a larger one's items. Items stay in the benchmark's order.

    Raises:
        NoItemsError: A side has no items.
    """
    compared = benchmark.question_comparison
    left_out = tuple(item for item in benchmark.items if item.question in compared.repeated)
    scored = [item for item in benchmark.items if item.question not in compared.repeated]
    draws = {item.id: _draw(item, compared) for item in scored}
    share = benchmark.sizes.dev_share
    dev = [item for item in scored if draws[item.id] < share]
    test = [item for item in scored if draws[item.id] >= share]
    return Split(
        _lowest(dev, benchmark.sizes.dev_items, compared, (benchmark.name, _side_of("dev", benchmark))),
        _lowest(test, benchmark.sizes.test_items, compared, (benchmark.name, _side_of("test", benchmark))),
        left_out,
    )


def _side_of(side: str, benchmark: Benchmark) -> str:
    """A side without items, in words, with what there is."""
    count = len(benchmark.items)
    found = f"its {side} side, of {count:,} item{'' if count == 1 else 's'}"
    return f"{found}; {benchmark.left_out:,} records repeat an earlier one" if benchmark.left_out else found


def in_drawing_order(items: Iterable[Item], compared: QuestionComparison) -> tuple[Item, ...]:
    """Items by the hash of their normalised question: each prefix is a random draw, the same everywhere."""
    return tuple(sorted(items, key=lambda item: (_draw(item, compared), item.id)))


def _draw(item: Item, compared: QuestionComparison) -> float:
    return int(fingerprint(["split", compared.split_key(item.question)])[:16], 16) / 2.0**64


def _lowest(
    items: list[Item], limit: int | None, compared: QuestionComparison, where: tuple[str, str]
) -> tuple[Item, ...]:
    if not items:
        raise NoItemsError(*where)
    kept = {item.id for item in in_drawing_order(items, compared)[:limit]}
    return tuple(item for item in items if item.id in kept)
