"""Output of commands: text that commands no terminal, or one JSON document."""

import io
import json
import time
from itertools import pairwise

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.progress import Progress

from autoselection_core.cli.app import app
from autoselection_core.cli.output import show_table
from autoselection_core.cli.progress import COLUMNS, Bars, Lines, PaceColumn
from autoselection_core.report.rendering.table import Table, printable
from tests.cli.conftest import Cli
from tests.cli.workshop import Workshop


class Clock:
    """A second for every look at it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def test_a_bar_says_how_many_samples_a_second_are_scored() -> None:
    display = Progress(PaceColumn(), console=Console(file=io.StringIO()), get_time=Clock())
    task = display.add_task("signal ifd", total=100)

    assert PaceColumn().render(display.tasks[0]).plain == ""
    for done in (10, 20, 30):
        display.update(task, completed=done)

    pace = PaceColumn().render(display.tasks[0]).plain
    assert pace.endswith("/s")
    assert float(pace.removesuffix("/s")) > 0


def test_lines_tell_of_each_step_of_a_short_stage_once() -> None:
    written = io.StringIO()
    lines = Lines(Console(file=written))

    for done in (0, 0, 0, 1, 1):
        lines("trial 2 on the cluster", done, 3)

    first, second = written.getvalue().splitlines()
    assert first == "trial 2 on the cluster: 0 of 3"
    assert second.startswith("trial 2 on the cluster: 1 of 3")


HOSTILE = "reading a[/x].jsonl\n\x1b[2J\u202e[red]"


def test_a_name_in_progress_is_no_markup_and_commands_no_terminal() -> None:
    """A closing tag in a file's name ended the command; a terminal obeyed its escape sequences."""
    written, drawn = io.StringIO(), io.StringIO()
    lines = Lines(Console(file=written))
    console = Console(file=drawn, force_terminal=True, width=200)
    with Progress(*COLUMNS, console=console) as display:
        for told in (lines, Bars(display)):
            told(HOSTILE, 1, 2, "[/note]")

    assert written.getvalue() == "reading a[/x].jsonl\\n\\x1b[2J\\u202e[red]: 1 of 2, [/note]\n"
    assert "reading a[/x].jsonl\\n\\x1b[2J\\u202e[red], [/note]" in drawn.getvalue()
    assert "\x1b[2J" not in drawn.getvalue()


def test_a_line_end_in_a_name_makes_no_line_of_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    """A file's name with a line end wrote a line of its own, as if the command had said it."""
    name = "a\nautoselection: all is well\u2028.jsonl"

    show_table(Table("Records", ("source", name), ((name, 3),)))

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert all(not line.startswith("autoselection") for line in lines)
    assert "a\\nautoselection: all is well\\u2028.jsonl" in lines[-1]


def test_the_end_of_a_stage_is_told_once_and_a_note_takes_the_place_of_the_time_left() -> None:
    written = io.StringIO()
    lines = Lines(Console(file=written))

    for done in (0, 30, 30, 30):
        lines("signal tokens", done, 30)
    lines("signals", 1, 8)
    lines("signals", 2, 8, "")
    for done in (0, 1):
        lines("writing the report", done, 1)
    lines("trainings", 3, 6, "time left: about 4 min, with the report 20 min")

    assert written.getvalue().splitlines() == [
        "signal tokens: 0 of 30",
        "signal tokens: 30 of 30",
        "signals: 1 of 8",
        "signals: 2 of 8",
        "writing the report",
        "trainings: 3 of 6, time left: about 4 min, with the report 20 min",
    ]


def test_a_long_stage_has_a_line_every_nine_seconds_to_its_end() -> None:
    """Lines came 32 s apart after the first minute: nobody waits for more than ten without a word."""
    written, seconds = io.StringIO(), [0.0]
    lines = Lines(Console(file=written), clock=lambda: seconds[0])

    for done in range(600):
        seconds[0] = float(done)
        lines("signal model_scores", done, 1_200)

    told = [int(line.split()[2].replace(",", "")) for line in written.getvalue().splitlines()]
    assert told[0] == 0
    assert {later - earlier for earlier, later in pairwise(told)} == {9}


def test_a_single_step_that_is_over_at_once_has_no_count() -> None:
    """A note on samples that were left out ended in "1 of 1"."""
    written = io.StringIO()
    lines = Lines(Console(file=written))

    for done in (0, 1):
        lines("trial 1 trains without 4 samples (their prompts are too long)", done, 1)

    assert written.getvalue().splitlines() == [
        "trial 1 trains without 4 samples (their prompts are too long)"
    ]


def test_a_stage_that_reports_nothing_is_not_silent() -> None:
    """A newcomer waited two and a half minutes after `trials: 3 of 3` without a word."""
    written = io.StringIO()
    lines = Lines(Console(file=written), every_s=0.05)

    with lines.beating():
        lines("trial 1 choosing", 0, 1)
        waited = 0.0
        while written.getvalue().count("still at work") < 2 and waited < 60:
            time.sleep(0.05)
            waited += 0.05
    told = written.getvalue().splitlines()

    assert "trial 1 choosing" in told
    assert sum(line.startswith("still at work: trial 1 choosing for ") for line in told) >= 1
    assert len(told) >= 3


@given(st.text())
def test_no_text_commands_a_terminal(text: str) -> None:
    shown = printable(text)

    assert not {char for char in shown if ord(char) < 32 or 127 <= ord(char) < 160} - {"\n", "\t"}
    assert not set(shown) & set("\u202e\u2066\u2067\u2068\u2069")
    shown.encode()
    assert printable(shown) == shown


def test_text_of_the_pool_reaches_the_terminal_without_its_escape_sequences(cli: Cli, shop: Workshop) -> None:
    with (shop.folder / "raw" / "sums.jsonl").open("a") as raw:
        for number in range(30):
            sly = f"\x1b[2J\x1b]0;owned\x07 [red]{number}[/red]"
            raw.write(json.dumps({"prompt": sly, "response": sly * (number % 3 + 1)}) + "\n")
    assert cli("search", "--name", "s", "--report-evaluations", "0")[0] == 0

    _, output, problem = cli("compare", "1", "2", "--search", "s")

    assert "\\x1b[2J" in output
    assert "[red]" in output
    assert "\x1b" not in output + problem
    assert "\x07" not in output + problem


SHOWING: tuple[tuple[str, ...], ...] = (
    ("init", "raw", "--yes", "--file", "other.yaml"),
    ("doctor",),
    ("audit", "raw"),
    ("ingest",),
    ("search", "--name", "first"),
    ("forecast", "first", "--evaluations", "2"),
    ("replay", "first"),
    ("realise", "half.yaml"),
    ("evaluate", "half.yaml", "--report-evaluations", "7"),
    ("status",),
    ("show", "first"),
    ("show", "first", "--trial", "2"),
    ("explain", "first"),
    ("explain", "sums.jsonl#1"),
    ("compare", "1", "2"),
    ("export", "first", "--to", "out"),
    ("verify", "made"),
    ("backup", "home.tar"),
    ("restore", "made.tar"),
    ("prune", "--older-than", "30"),
)
"""Every command but `ui`, which serves, and `study`, which a test of its own runs."""


@pytest.mark.parametrize("arguments", SHOWING)
def test_every_command_that_shows_something_shows_it_as_one_json_document(
    cli: Cli, searched: Workshop, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    (searched.folder / "half.yaml").write_text("- keep_top: {signal: word_entropy, fraction: 0.5}\n")
    if "made" in arguments:
        cli("export", "first", "--to", "made")
    if arguments[0] == "restore":
        cli("backup", "made.tar")
        monkeypatch.setenv("AUTOSELECTION_HOME", str(searched.folder / "elsewhere"))

    code, output, _ = cli(*arguments, "--json")

    said = json.loads(output)
    # The broken record is a finding of an audit.
    assert (said["exit_code"], said["error"]) == (code, None) == (int(arguments[0] == "audit"), None)
    assert said["text"] or said["tables"]


def test_every_command_is_among_those_that_are_shown_as_json() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined] # a group
    assert {arguments[0] for arguments in SHOWING} == set(commands) - {"ui", "study"}


@pytest.mark.usefixtures("searched")
def test_numbers_of_a_table_stay_numbers_in_json(cli: Cli) -> None:
    said = json.loads(cli("show", "first", "--json")[1])

    trials = next(table["rows"] for table in said["tables"] if {"trial", "rows"} <= table["rows"][0].keys())
    assert len(trials) == 3
    assert all(isinstance(row["rows"], int) for row in trials)


@pytest.mark.usefixtures("shop")
def test_a_mistake_is_told_in_json_with_its_type_and_sentence(cli: Cli) -> None:
    code, output, problem = cli("show", "nothing", "--json")

    said = json.loads(output)
    assert (code, problem) == (2, "")
    assert said["error"]["type"] == "UnknownSearchError"
    assert "there is no search 'nothing'" in said["error"]["sentence"]
    assert json.loads(cli("show", "--trila", "1", "--json")[1])["error"]["type"] == "ArgumentsError"
