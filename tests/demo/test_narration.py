"""What the demo says about the time that is left."""

from io import StringIO

from rich.console import Console

from demo.narration import STAGES, Narrator


def narrator(*ahead: str) -> tuple[Narrator, StringIO]:
    output = StringIO()
    return Narrator(Console(file=output, width=200), list(ahead)), output


def test_before_anything_is_measured_the_expectation_counts() -> None:
    teller, _ = narrator("trial", "trial")

    assert STAGES["trial"] < teller.left_s <= 2 * STAGES["trial"]


def test_a_faster_machine_has_less_time_left_than_expected() -> None:
    teller, _ = narrator("trial", "trial", "trial")

    teller.finish("trial")

    assert teller.left_s < STAGES["trial"]


def test_a_stage_that_was_done_before_says_nothing_about_speed() -> None:
    teller, _ = narrator("base model", "trial")

    teller.skip("base model")

    assert 0.9 * STAGES["trial"] < teller.left_s <= STAGES["trial"]


def test_every_line_says_what_is_left_and_the_last_one_that_nothing_is() -> None:
    teller, output = narrator("trial")

    teller.say("training: 1 of 2")
    teller.finish("trial")
    teller.say("everything is measured")

    first, last = output.getvalue().splitlines()
    assert "left] training: 1 of 2" in first
    assert "done] everything is measured" in last
