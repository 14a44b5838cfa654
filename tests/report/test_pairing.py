import pytest

from autoselection_core.history.records import TrialState
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.lineage.pairing import pairing_table
from autoselection_core.report.sections.protocol import training_sentence


def test_two_models_are_compared_item_by_item_with_intervals_and_p_values(facts: SearchFacts) -> None:
    first, second = (
        trial.trial for trial in facts.trials if trial.state is TrialState.DONE and trial.trial < 3
    )

    table, turned = pairing_table(facts, first, second), pairing_table(facts, second, first)

    assert table is not None
    assert turned is not None
    whole, *benchmarks = table.rows
    assert whole[3] == pytest.approx(float(whole[1] or 0) - float(whole[2] or 0))
    assert float(whole[4] or 0) <= float(whole[3] or 0) <= float(whole[5] or 0)
    assert whole[3] == pytest.approx(-float(turned.rows[0][3] or 0))
    assert benchmarks
    assert all(0.0 < float(row[6] or 0) <= 1.0 for row in benchmarks)


def test_a_model_does_not_differ_from_itself(facts: SearchFacts) -> None:
    table = pairing_table(facts, 1, 1)

    assert table is not None
    assert {row[3:6] for row in table.rows} == {(0.0, 0.0, 0.0)}


def test_a_trial_without_a_score_has_no_pair(facts: SearchFacts) -> None:
    assert pairing_table(facts, 1, len(facts.trials) + 1) is None


def test_a_report_says_how_its_models_were_trained() -> None:
    equal = training_sentence({"preset": "cpu-lora", "amount": 24_000})
    epochs = training_sentence({"preset": "paper-full-sft"})

    assert equal == (
        "Preset `cpu-lora` with amount 24000: 24000 tokens; every arm trains on equally many tokens."
    )
    assert "3 epochs; arms train on as many tokens as their subsets have" in epochs
