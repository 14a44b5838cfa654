"""Bad items of a benchmark for people: records that are no question with a right answer."""

from collections.abc import Iterable

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.cli.output import tell

_SHOWN = 5


def show_bad_items(benchmarks: Iterable[Benchmark]) -> None:
    """Print how many records of each benchmark are left out, with the places of the first."""
    for benchmark in benchmarks:
        bad = benchmark.bad_items
        if not bad:
            continue
        tell(f"{benchmark.name}: {len(bad):,} records are no question with a right answer and are left out")
        for place in bad[:_SHOWN]:
            tell(f"  {place}")
        if len(bad) > _SHOWN:
            tell(f"  and {len(bad) - _SHOWN:,} more")
