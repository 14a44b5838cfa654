"""Each check fails where what it promises does not hold."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pytest
from typing_extensions import override

from autoselection_core.benchmarks.item import Item
from autoselection_core.benchmarks.metric import Metric
from autoselection_core.benchmarks.split import Side, Split
from autoselection_core.campaign.declaration.campaign import Campaign
from autoselection_core.history.records import (
    SearchRecord,
    SearchState,
    StopCause,
    TrialKind,
    TrialRecord,
    TrialState,
)
from autoselection_core.history.specification import SearchSpec
from autoselection_core.operators.definitions.score import KeepTop
from autoselection_core.pool.ingest import Ingestion
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sample import Message, Origin, Role, Sample
from autoselection_core.recipe import Recipe
from autoselection_core.report.explaining import Usage
from autoselection_core.score.evaluation import Cost, Evaluation
from autoselection_core.score.score import BenchmarkScore, ItemScore
from autoselection_core.search.report_evaluations import ArmRun
from autoselection_core.search.status import SearchStatus
from autoselection_core.signals.contamination.contamination import Match
from autoselection_core.signals.contamination.decontaminate import Cut, GateResult
from autoselection_core.signals.store.signal_report import SignalReport
from autoselection_core.signals.table import SignalTable
from autoselection_core.store.home import Home
from autoselection_core.subset import Subset
from autoselection_core.subset.value import fingerprint_of_ids
from autoselection_dagster.assets.asset_checks import (
    arms_are_equal,
    budget_is_kept,
    passed_the_gate,
    pool_is_latest,
    score_is_finite,
    sides_are_apart,
    subset_is_inside,
    trained_is_selected,
)
from autoselection_dagster.assets.pool import counts_add_up, holds_no_question, ids_are_unique
from autoselection_dagster.assets.signals import (
    DeclaredSignal,
    is_aligned,
    is_mostly_known,
    knowledge_check,
)
from tests.dagster.installations import Driver


def with_benchmark(driver: Driver, question: str, count: int) -> Driver:
    """The installation with a benchmark of such questions; `{}` is their number."""
    folder = driver.installation.campaigns.parent
    (folder / "sums").mkdir()
    items = [
        f'{{"question": "{question.format(number)}", "answer": "{number}"}}\n' for number in range(count)
    ]
    (folder / "sums" / "items.jsonl").write_text("".join(items))
    declared = driver.installation.campaigns.read_text().rstrip()
    benchmark = "    benchmarks:\n      sums: {path: sums, items: items.jsonl}\n"
    driver.installation.campaigns.write_text(f"{declared}\n{benchmark}")
    return Driver(driver.installation, driver.instance)


def test_a_pool_that_is_mostly_the_benchmark_stops_every_signal(driver: Driver) -> None:
    contaminated = with_benchmark(driver, "Say number {}.", 40)

    finished = contaminated.run("demo_prepare", raise_on_error=False)

    failed = [check.check_name for check in finished.get_asset_check_evaluations() if not check.passed]
    assert failed == ["holds_no_benchmark_question"]
    assert materialized(finished) == {"pool"}


def test_a_subset_that_fails_a_check_is_never_paid_for_and_says_why(driver: Driver) -> None:
    apart = with_benchmark(driver, "{} + 1?", 20)
    apart.prepare()
    apart.start(name="s", budget=1, report_evaluations=0)
    result = apart.tick()
    assert isinstance(result, dg.SensorResult)
    apart.add_partitions(result)
    # The record of what the gate cut is gone, so nobody can say what the pool was looked through for.
    for file in (apart.installation.home / "quarantine").glob("*.gate.json"):
        file.unlink()

    apart.launch((result.run_requests or [])[0])

    (trial,) = apart.ledger.trials("s")
    made = {
        asset
        for asset in ("recipe", "subset", "subset_state", "fine_tuned_model", "evaluation")
        if apart.instance.get_materialized_partitions(dg.AssetKey(["demo", asset]))
    }
    assert made == {"recipe", "subset"}
    assert (trial.state, trial.evaluation, apart.ledger.search("s").spent) == (TrialState.FAILED, None, 0)
    assert "subset_passed_the_gate" in str(trial.reason)


def test_a_missing_file_of_a_benchmark_is_one_sentence_on_top_of_every_run(driver: Driver) -> None:
    apart = with_benchmark(driver, "{} + 1?", 20)
    items = apart.installation.campaigns.parent / "sums" / "items.jsonl"
    kept = items.read_text()
    items.unlink()
    with pytest.raises(dg.Failure) as unprepared:
        apart.prepare()
    items.write_text(kept)
    apart.prepare()
    items.unlink()

    # The formula reads no benchmark: it is the parts of a trial that do.
    apart.start(name="s", budget=3, report_evaluations=0)
    _work(apart, ticks=6)

    assert "sums/items.jsonl cannot be read: there is no such file" in str(unprepared.value.description)
    search, home = apart.ledger.search("s"), Home(apart.installation.home)
    assert (search.stop_cause, search.spent) == (StopCause.BROKEN, 0)
    assert [(trial.state, trial.attempt) for trial in apart.ledger.trials("s")] == [(TrialState.WAITING, 2)]
    said = SearchStatus.of(apart.ledger, "s", home).sentence
    assert said.startswith("stopped: the benchmark ")
    assert "cannot be read: there is no such file" in said
    assert "resume_search" in said
    assert "held by those that run" not in said
    assert "time left" not in said
    shown = str(apart.metadata("search_report", "s")["progress"])
    assert shown.replace("\u200b", "") == said  # the page may break long words

    items.write_text(kept)
    apart.adjust("resume_search", "resume", search="s")
    apart.work()
    assert (apart.ledger.search("s").state, apart.ledger.search("s").spent) == (SearchState.DONE, 3)


def test_report_evaluations_whose_benchmark_is_gone_are_not_asked_for_again_and_again(driver: Driver) -> None:
    """Each attempt was a run, without end: a search that was stopped kept its planned evaluations."""
    apart = with_benchmark(driver, "{} + 1?", 20)
    apart.prepare()
    apart.start(name="s", budget=1, report_evaluations=0)
    apart.work()
    apart.adjust("raise_budget", "budget", search="s", report_evaluations=1)
    asked = Recipe((KeepTop("word_entropy", fraction=0.5),), 0).to_yaml()
    apart.adjust("evaluate_recipe", "evaluate", search="s", recipe=asked)
    assert apart.ledger.search("s").open_arms == 1
    items = apart.installation.campaigns.parent / "sums" / "items.jsonl"
    kept = items.read_text()
    items.unlink()

    assert isinstance(_work(apart, ticks=4), dg.SkipReason)

    assert apart.ledger.search("s").stop_cause is StopCause.BROKEN
    items.write_text(kept)
    apart.adjust("resume_search", "resume", search="s")
    apart.work()
    assert apart.ledger.search("s").report_done == 1


def _work(driver: Driver, ticks: int) -> dg.SensorResult | dg.SkipReason:
    """So many ticks, whose runs may fail; the answer of one more."""
    for _ in range(ticks):
        answer = driver.tick()
        if isinstance(answer, dg.SkipReason):
            return answer
        driver.add_partitions(answer)
        for request in answer.run_requests or ():
            driver.launch(request, may_fail=True)
    return driver.tick()


def materialized(finished: dg.ExecuteInProcessResult) -> set[str]:
    keys = [event.asset_key for event in finished.get_asset_materialization_events()]
    return {key.path[-1] for key in keys if key is not None}


def pool(size: int = 10) -> Pool:
    def sample(number: int) -> Sample:
        return Sample((Message(Role.USER, f"{number}?"), Message(Role.ASSISTANT, f"{number}!")))

    return Pool.from_samples(
        [(sample(number), [Origin("generated", str(number), None)]) for number in range(size)]
    )


def subset(rows: list[int], of: Pool) -> Subset:
    chosen = np.array(rows)
    return Subset(Recipe(), of.version, chosen, fingerprint_of_ids(of.ids[chosen]))


def evaluation(of: Subset) -> Evaluation:
    return Evaluation(
        key="k",
        subset=of.fingerprint,
        replicate=0,
        utility=0.0,
        standard_error=None,
        scores=(),
        cost=Cost(0.0, 0, 0, 0),
        seeds={},
        selected_count=len(of),
        trained_count=len(of),
        trained_hash=of.fingerprint,
    )


def signal_report(known: Mapping[str, float]) -> SignalReport:
    return SignalReport("ifd", "v", 10, 10, 0, known, {}, 0.0)


def test_a_subset_inside_its_pool_passes() -> None:
    found = pool()

    assert subset_is_inside(subset([1, 4], found), found).passed


def test_a_row_beyond_the_pool_fails() -> None:
    found = pool()
    selected = replace(subset([1, 4], found), rows=np.array([1, 10]))

    assert not subset_is_inside(selected, found).passed


def test_rows_of_another_pool_fail() -> None:
    assert not subset_is_inside(subset([1, 4], pool(60)), pool(10)).passed


def test_rows_that_do_not_ascend_fail() -> None:
    found = pool()
    selected = replace(subset([1, 4], found), rows=np.array([4, 1]))

    assert not subset_is_inside(selected, found).passed


def test_what_was_selected_and_trained_passes() -> None:
    selected = subset([1, 4], pool())

    assert trained_is_selected(evaluation(selected), selected).passed


def test_training_that_ended_before_all_rows_were_seen_passes() -> None:
    selected = subset([1, 4], pool())

    assert trained_is_selected(
        replace(evaluation(selected), trained_count=1, trained_hash="x"), selected
    ).passed


def test_training_on_other_rows_fails() -> None:
    selected = subset([1, 4], pool())

    assert not trained_is_selected(replace(evaluation(selected), trained_hash="x"), selected).passed
    assert not trained_is_selected(replace(evaluation(selected), subset="x"), selected).passed
    assert not trained_is_selected(replace(evaluation(selected), trained_count=3), selected).passed


@dataclass(frozen=True)
class Miscounted(Ingestion):
    """An ingestion that lost count, which the core's own refuses to be."""

    @override
    def __post_init__(self) -> None:
        """Accept anything."""


def test_a_record_that_nobody_accounts_for_fails() -> None:
    found = pool()
    whole = Miscounted(found, 12, 10, 1, 1, 0, (), Path("quarantine.jsonl"))

    assert counts_add_up(whole).passed
    assert not counts_add_up(replace(whole, records=13)).passed
    assert not counts_add_up(replace(whole, pool=pool(9))).passed


def test_a_sample_that_the_gate_cut_and_that_is_still_there_fails() -> None:
    found = pool()
    cut = Cut("f" * 32, "sums", Match.EXACT, 1.0)
    gated = GateResult(found, "before", 0.5, ("sums",), (cut,))

    assert holds_no_question(gated).passed
    assert not holds_no_question(replace(gated, cuts=(replace(cut, sample=found.sample(3).id),))).passed


def test_sources_that_are_mostly_the_benchmark_fail() -> None:
    cuts = tuple(Cut(f"{number:032x}", "sums", Match.EXACT, 1.0) for number in range(11))

    assert not holds_no_question(GateResult(pool(), "before", 0.5, ("sums",), cuts)).passed


def test_a_signal_of_another_pool_or_order_fails() -> None:
    found = pool()
    table = SignalTable(found.version, found.keys, {}, ids=found.ids)

    assert is_aligned(table, found).passed
    assert not is_aligned(replace(table, ids=found.ids[::-1].copy()), found).passed
    assert not is_aligned(table, pool(9)).passed


def test_a_repeated_id_fails() -> None:
    found = pool()

    assert ids_are_unique(found).passed
    assert not ids_are_unique(found.take(np.array([0, 0, 1]))).passed


def test_a_signal_of_unknown_values_fails() -> None:
    assert is_mostly_known(signal_report({"ifd": 0.9})).passed
    assert not is_mostly_known(signal_report({"ifd": 0.9, "varentropy": 0.1})).passed


def test_scores_that_a_user_brings_for_some_samples_are_a_warning() -> None:
    """`init` proposed the score column of one of three files, and `_prepare` failed on it."""
    campaign = Campaign("try", (), signals={"word_entropy": {}, "column:quality": {}})
    brought, own = (DeclaredSignal(name, "1", "") for name in ("quality", "word_entropy"))

    checks = [knowledge_check(brought, campaign), knowledge_check(own, campaign)]
    found = [is_mostly_known(signal_report({"score": 0.28}), check) for check in checks]

    assert [check.spec(dg.AssetKey("a")).blocking for check in checks] == [False, True]
    assert [each.passed for each in found] == [False, False]
    assert [each.severity.value for each in found] == ["WARN", "ERROR"]


def gated(of: Pool, *rows: int, benchmarks: tuple[str, ...] = ("sums",)) -> GateResult:
    cuts = tuple(Cut(of.ids[row].decode(), "sums", Match.EXACT, 1.0) for row in rows)
    return GateResult(of, of.version, 0.8, benchmarks, cuts)


def test_a_sample_that_was_cut_at_the_gate_fails() -> None:
    found = pool()
    selected = subset([1, 4], found)

    assert passed_the_gate(selected, found, gated(found, 2), ["sums"]).passed
    assert not passed_the_gate(selected, found, gated(found, 4), ["sums"]).passed


def test_a_pool_that_was_not_looked_at_for_a_benchmark_fails() -> None:
    found = pool()
    selected = subset([1, 4], found)

    assert passed_the_gate(selected, found, None, []).passed
    assert not passed_the_gate(selected, found, None, ["sums"]).passed
    assert not passed_the_gate(selected, found, gated(found), ["sums", "other"]).passed


def test_a_question_on_both_sides_fails_however_it_is_spelled() -> None:
    questions = ("What is 2 + 2?", "what is 2+2", "What is 2 + 3?")
    first, again, other = (Item(question, (), "4") for question in questions)

    assert sides_are_apart({"sums": Split((first,), (other,))}).passed
    assert not sides_are_apart({"sums": Split((first,), (again,))}).passed


def test_a_score_that_is_no_number_fails() -> None:
    scored = replace(evaluation(subset([1], pool())), scores=(scores(0.5, 0.25),))

    assert score_is_finite(scored).passed
    assert not score_is_finite(replace(scored, utility=float("nan"))).passed
    assert not score_is_finite(replace(scored, scores=(scores(0.5, float("inf")),))).passed


def scores(*values: float) -> BenchmarkScore:
    items = tuple(ItemScore(str(number), value) for number, value in enumerate(values))
    return BenchmarkScore("sums", Metric.LOG_LIKELIHOOD, Side.DEV, items)


def record(**fields: float) -> SearchRecord:
    fixed = {"budget": 3, "slots": 1, "report_evaluations": 2, "spent": 2.0, "held": 1.0, "report_spent": 0.0}
    values: dict[str, Any] = {**fixed, **fields}
    return SearchRecord(
        "s",
        SearchSpec(campaign="demo"),
        state=SearchState.ACTIVE,
        reason="",
        stop_cause=None,
        created_at=0.0,
        **values,
    )


def test_a_budget_that_was_exceeded_fails() -> None:
    assert budget_is_kept(record()).passed
    assert not budget_is_kept(record(spent=3.0)).passed
    assert not budget_is_kept(record(report_spent=2.0, report_held=1)).passed


def arm(name: str, recipe: Recipe) -> ArmRun:
    trial = TrialRecord(
        "s", TrialKind.REPORT, 1, name, 1, TrialState.DONE, recipe, "x", 0, 0, {}, {}, "e", 0.5, {}, None,
        1.0, False, None,
    )  # fmt: skip
    return ArmRun(name, trial, ())


@pytest.mark.parametrize(("max_tokens", "is_passed"), [(None, False), (6, True)])
def test_arms_of_unequal_tokens_fail(max_tokens: int | None, *, is_passed: bool) -> None:
    """Two samples of 50 and 60 tokens are read as two of 6 and 5 where a training cuts them."""
    keys = np.arange(4, dtype=np.uint64)
    signals = SignalTable("p", keys, {"tokens": np.array([50, 60, 5, 6], np.float32)})
    longest, shortest = (
        Recipe((KeepTop("tokens", fraction=0.5, order=order),)) for order in ("highest", "lowest")
    )

    assert arms_are_equal([arm("winner", longest), arm("random", longest)], signals, max_tokens).passed
    unequal = arms_are_equal([arm("winner", longest), arm("random", shortest)], signals, max_tokens)
    assert unequal.passed is is_passed


def test_a_search_of_an_older_pool_is_a_warning() -> None:
    found = pool_is_latest("old", "new")

    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)


def test_the_uses_of_a_sample_in_the_search_that_is_asked_about_come_first() -> None:
    first = arm("winner", Recipe(())).trial
    used = Usage("x", tuple(replace(first, search=name) for name in ("a", "b", "c")), 3, 0)

    assert [str(trial).partition("|")[0] for trial, *_ in used.table("b").texts] == ["b", "a", "c"]
