"""Share of unread answers, beside which an accuracy has to be seen."""

from collections.abc import Mapping, Sequence
from statistics import mean

from autoselection_core.benchmarks.metric import Metric
from autoselection_core.report.rendering.table import Table
from autoselection_core.score.score import BenchmarkScore


def unread_table(runs: Mapping[str, Sequence[Sequence[BenchmarkScore]]]) -> Table | None:
    """The share of unreadable answers of every arm; None where no benchmark has written answers.

    Args:
        runs: The scores of each arm's runs.
    """
    shares = {arm: _shares(scored) for arm, scored in runs.items()}
    names = tuple(dict.fromkeys(name for found in shares.values() for name in found))
    if not names:
        return None
    rows = tuple((arm, *(found.get(name) for name in names)) for arm, found in shares.items() if found)
    return Table("Answers that could not be read, share of test items", ("arm", *names), rows)


def _shares(runs: Sequence[Sequence[BenchmarkScore]]) -> dict[str, float]:
    written = [score for run in runs for score in run if score.metric is Metric.ANSWER_ACCURACY]
    names = dict.fromkeys(score.benchmark for score in written)
    return {
        name: mean(score.parse_failure_share for score in written if score.benchmark == name)
        for name in names
    }
