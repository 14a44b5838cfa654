import io

from rich.console import Console
from rich.progress import Progress

from autoselection_core.cli.progress import Lines, Pace


class Clock:
    """A second for every look at it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def test_a_bar_says_how_many_samples_a_second_are_scored() -> None:
    display = Progress(Pace(), console=Console(file=io.StringIO()), get_time=Clock())
    task = display.add_task("signal ifd", total=100)

    assert Pace().render(display.tasks[0]).plain == ""
    for done in (10, 20, 30):
        display.update(task, completed=done)

    pace = Pace().render(display.tasks[0]).plain
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
