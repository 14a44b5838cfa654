"""Contents of the demo's pool, and the questions that it keeps apart."""

import time
from collections import Counter
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from autoselection_core.campaign.declaration.loading import load_campaigns
from autoselection_core.pool.ingest import ingest
from autoselection_core.pool.sample import QuarantineReason
from autoselection_core.pool.sources import Source
from autoselection_core.store.atomic import is_made, made_once
from autoselection_core.store.home import Home
from demo.mixture import Mixture, pool_samples, task_data
from demo.narration import STAGES, Machine, Narrator, Work
from demo.records import BROKEN, FORMATS, raw_files
from tests.conftest import REPOSITORY

MACHINE = Machine(tokens_s=400.0, training_s=20.0)
TRIAL_S = STAGES["trial"].on(MACHINE)


def narrator(*ahead: str) -> tuple[Narrator, StringIO]:
    output = StringIO()
    return Narrator(Console(file=output, width=200), list(ahead)), output


def left(teller: Narrator) -> float:
    assert teller.left_s is not None
    return teller.left_s


def test_before_the_machine_is_measured_no_time_is_promised() -> None:
    teller, output = narrator("trial")

    teller.say("preparing")

    assert output.getvalue() == "[0:00] preparing\n"


def test_before_anything_is_done_the_measured_speed_decides() -> None:
    teller, _ = narrator("trial", "trial")
    teller.machine = MACHINE

    assert TRIAL_S < left(teller) <= 2 * TRIAL_S


@pytest.mark.parametrize("kind", [kind for kind, work in STAGES.items() if work.tokens])
def test_a_slower_model_takes_longer(kind: str) -> None:
    work = STAGES[kind]

    assert work.on(Machine(200.0, 40.0)) > work.on(Machine(400.0, 20.0)) > work.seconds


def test_work_without_a_model_takes_as_long_on_any_processor() -> None:
    assert Work(12).on(Machine(1.0, 9_000.0)) == Work(12).on(Machine(1000.0, 9.0)) == 12


def test_a_machine_that_trains_slowly_for_its_reading_takes_longer_for_a_trial() -> None:
    assert STAGES["trial"].on(Machine(400.0, 60.0)) == TRIAL_S + 40


def test_a_faster_machine_has_less_time_left_than_expected() -> None:
    teller, _ = narrator("trial", "trial", "trial")
    teller.machine = MACHINE

    teller.finish("trial")

    assert left(teller) < 1.9 * TRIAL_S


def test_a_short_stage_that_took_long_does_not_multiply_what_is_left() -> None:
    teller, _ = narrator("services", "trial", "trial")
    teller.machine = MACHINE
    teller._stage_began -= 5 * STAGES["services"].seconds

    teller.finish("services")

    assert 2 * TRIAL_S < left(teller) < 4 * TRIAL_S


def test_a_stage_that_overruns_has_as_much_left_as_it_has_overrun() -> None:
    teller, _ = narrator("trial")
    teller.machine = MACHINE

    teller._stage_began -= 3 * TRIAL_S

    assert left(teller) >= 2 * TRIAL_S


def test_a_stage_that_was_done_before_says_nothing_about_speed() -> None:
    teller, _ = narrator("signals", "trial")
    teller.machine = MACHINE

    teller.skip("signals")

    assert 0.9 * TRIAL_S < left(teller) <= TRIAL_S


def test_every_line_says_what_is_left_and_the_last_one_that_nothing_is() -> None:
    teller, output = narrator("trial")
    teller.machine = MACHINE

    teller.say("training: 1 of 2")
    teller.finish("trial")
    teller.say("everything is measured")

    first, last = output.getvalue().splitlines()
    assert "left] training: 1 of 2" in first
    assert "done] everything is measured" in last


def test_a_long_silence_is_broken_by_the_last_line() -> None:
    teller, output = narrator("trial")
    teller.silence_s = 0.05

    with teller.watching():
        teller.say("drawing the report")
        while output.getvalue().count("\n") < 3:
            time.sleep(0.01)

    first, *repeated = output.getvalue().splitlines()
    assert first.endswith("drawing the report")
    assert all("drawing the report (at it for" in line for line in repeated)


def write_one(folder: Path) -> None:
    (folder / "content").write_text("one")


def refuse(_: Path) -> None:
    raise RuntimeError


def test_a_folder_is_made_once(tmp_path: Path) -> None:
    made = made_once(tmp_path / "made", {"seed": 1}, write_one)

    assert made_once(tmp_path / "made", {"seed": 1}, refuse) == made
    assert (made / "content").read_text() == "one"


def test_another_origin_makes_it_again(tmp_path: Path) -> None:
    made_once(tmp_path / "made", {"seed": 1}, write_one)

    with pytest.raises(RuntimeError):
        made_once(tmp_path / "made", {"seed": 2}, refuse)


def test_an_interrupted_preparation_leaves_nothing_to_trust(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        made_once(tmp_path / "made", {"seed": 1}, refuse)

    assert not is_made(tmp_path / "made", {"seed": 1})
    assert not (tmp_path / "made").exists()


def test_the_full_demo_is_the_demo_with_more_signals(tmp_path: Path) -> None:
    plain, full = (
        load_campaigns(REPOSITORY / file, Home(tmp_path))["demo"]
        for file in ("autoselection.yaml", "demo/full.yaml")
    )

    assert set(full.signals) - set(plain.signals) == {"sae", "mona", "action_branching"}
    assert replace(full, signals=plain.signals) == plain


MIXTURE = Mixture()


def test_a_seed_names_one_pool() -> None:
    assert pool_samples(MIXTURE, seed=3) == pool_samples(MIXTURE, seed=3)
    assert pool_samples(MIXTURE, seed=3) != pool_samples(MIXTURE, seed=4)


def test_no_benchmark_question_stands_in_the_pool_or_among_the_targets() -> None:
    trained = {sample.prompt.lower() for sample in pool_samples(MIXTURE, seed=0)}
    for data in task_data(MIXTURE, seed=0):
        items = {item.prompt.lower() for item in data.items}
        targets = {target.prompt.lower() for target in data.targets}

        assert len(items) == MIXTURE.items
        assert not items & targets
        assert not any(item in prompt for item in items for prompt in trained)
        assert not targets & trained


def test_the_pool_holds_the_counts_of_its_mixture() -> None:
    kinds = Counter(sample.kind.split(" of ")[0] for sample in pool_samples(MIXTURE, seed=0))

    assert kinds == {
        "clean": 3 * MIXTURE.clean,
        "wrong": 3 * MIXTURE.wrong,
        "off-topic": MIXTURE.off_topic,
        "garbled": MIXTURE.garbled,
        "near duplicate": MIXTURE.near_duplicates,
        "exact duplicate": MIXTURE.exact_duplicates,
    }


@pytest.mark.parametrize("name", ["clean", "wrong", "off_topic", "garbled", "near_duplicates"])
def test_every_count_of_the_mixture_matters(name: str) -> None:
    fewer = replace(MIXTURE, **{name: getattr(MIXTURE, name) - 1})

    assert len(pool_samples(fewer, seed=0)) < len(pool_samples(MIXTURE, seed=0))


def test_a_wrong_answer_never_equals_the_right_one() -> None:
    for data in task_data(MIXTURE, seed=0):
        right = {data.task.right(parts) for parts in data.task.grid}
        assert not right & {sample.answer for sample in data.pool if sample.kind == "wrong"}


def test_ingestion_finds_in_the_raw_files_what_was_put_there(tmp_path: Path) -> None:
    samples = pool_samples(MIXTURE, seed=0)
    raw_files(samples, repeated=12, unanswered=4, seed=0).write(tmp_path / "raw")

    found = ingest([Source(str(tmp_path / "raw/*.jsonl"))], Home(tmp_path / "home"))

    assert (found.samples, found.merged, found.trimmed) == (len(samples), 12, 4)
    assert set(found.pool.source_names) == set(FORMATS)
    reasons = [reason for counts in found.reasons.values() for reason in counts]
    assert sorted(reasons) == sorted(BROKEN)
    assert set(BROKEN) <= set(QuarantineReason)
