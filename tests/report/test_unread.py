from autoselection_core.benchmarks.metric import Metric
from autoselection_core.benchmarks.split import Side
from autoselection_core.report.sections.unread import unread_table
from autoselection_core.score.score import BenchmarkScore, ItemScore


def score(name: str, metric: Metric, unread: int) -> BenchmarkScore:
    items = tuple(ItemScore(f"{number}", 0.0, "", is_parse_failure=number < unread) for number in range(4))
    return BenchmarkScore(name, metric, Side.TEST, items)


def test_what_could_not_be_read_stands_beside_every_arm_with_written_answers() -> None:
    written = [[score("sums", Metric.ANSWER_ACCURACY, unread)] for unread in (1, 3)]
    chosen = [[score("sums", Metric.ANSWER_ACCURACY, 0)]]

    table = unread_table({"full pool": written, "winner": chosen, "never run": []})

    assert table is not None
    assert table.columns == ("arm", "sums")
    assert table.rows == (("full pool", 0.5), ("winner", 0.0))


def test_likelihoods_have_nothing_to_read() -> None:
    assert unread_table({"winner": [[score("sums", Metric.LOG_LIKELIHOOD, 0)]]}) is None
