"""Race solvers on simulated utilities over real rows: `python -m bench.solver --help`.

Every finished search is one line of a shard, `bench/results/solver/runs.jsonl.gz`; a search in
that file is not run again, so an interrupted race goes on where it stopped.
"""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from autoselection_core.arrays import Rows
from autoselection_core.operators.catalogue import Template, catalogue
from autoselection_core.signals.table import SignalTable
from bench.result import RESULTS, store_lines, stored_lines, write_result
from bench.solver.contestants import Contestant, contestant, part_of_file
from bench.solver.landscapes.landscape import TUNED, UNSEEN, Landscape, landscapes
from bench.solver.landscapes.optimum import RANDOM_RECIPES, Optimum, optima, reference_rows
from bench.solver.landscapes.wide import HELD_OUT, OPEN, wide_landscapes, with_topics
from bench.solver.landscapes.world import ROWS, LandscapeWorld, world
from bench.solver.race import race
from bench.solver.report import figures, report

FOLDER = RESULTS / "solver"
CONTESTANTS = ("random", "random_subset", "single_operators", "tpe", "published", "default")
_REFERENCE = 2000


@dataclass(frozen=True)
class Suite:
    """Set of landscapes, with the signals that contestants see.

    Attributes:
        landscapes: Makes them, scaled on reference subsets.
        seen: The world with the signals that contestants see.
        open: Names of the landscapes that settings may be tried on.
        held_out: Names of those that are looked at in the last run.
    """

    landscapes: Callable[[LandscapeWorld, Sequence[Rows], int], dict[str, Landscape]]
    seen: Callable[[LandscapeWorld], LandscapeWorld]
    open: tuple[str, ...]
    held_out: tuple[str, ...] = ()


SIX = Suite(landscapes, lambda world: world, (*TUNED, *UNSEEN))
SUITES = {"six": SIX, "wide": Suite(wide_landscapes, with_topics, OPEN, HELD_OUT)}

Makes: TypeAlias = Callable[[SignalTable, tuple[Template, ...]], tuple[str, Contestant]]
"""Factory of a contestant for a pool: its name, and the contestant."""


@dataclass(frozen=True, eq=False)
class Course:
    """World, templates, landscapes and optima of a race, made once.

    Attributes:
        world: Rows, signals and hidden columns.
        templates: What programs are written with.
        landscapes: The utilities, by name.
        optima: The best known utility of each.
    """

    world: LandscapeWorld
    templates: tuple[Template, ...]
    landscapes: dict[str, Landscape]
    optima: dict[str, Optimum]


def course(folder: Path, rows: int, recipes: int, draw: int = 0, suite: Suite = SIX) -> Course:
    """Build the world, and read or compute the optima; another draw or suite has a folder of its own."""
    made = suite.seen(world(rows))
    templates = catalogue(made.signals)
    scaled = suite.landscapes(made, reference_rows(made.signals, templates, _REFERENCE), draw)
    path = folder / f"optima-{rows}-{recipes}.json"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        found = optima(made.signals, templates, scaled, recipes)
        path.write_text(json.dumps({name: asdict(one) for name, one in found.items()}, indent=2) + "\n")
    stored = json.loads(path.read_text())
    return Course(made, templates, scaled, {name: Optimum(**one) for name, one in stored.items()})


def main() -> None:
    options = _options()
    suite = SUITES[options.suite]
    built = course(options.folder, options.rows, options.recipes, options.draw, suite)
    theirs = [part_of_file(file, "contestant") for file in options.contestant]
    for file in options.landscape:
        made = part_of_file(file, "landscape")(built.world)
        built.landscapes[made.name] = made
        options.landscapes = [*options.landscapes, made.name]
        built.optima.update(optima(built.world.signals, built.templates, {made.name: made}, options.recipes))
    for make in (*(_ours(name) for name in options.contestants), *theirs):
        _run(built, make, options)
    text = report(options.folder, built.optima)
    (options.folder / "report.md").write_text(text)
    if options.folder == FOLDER:
        note = "searches ran one by one, some at earlier commits; each is a line of solver/runs.jsonl.gz"
        write_result("solver/landscapes", figures(options.folder, built.optima), note)
    print(text)


def _ours(name: str) -> Makes:
    def make(signals: SignalTable, templates: tuple[Template, ...]) -> tuple[str, Contestant]:
        return name, contestant(name, signals, templates)

    return make


def _run(built: Course, make: Makes, options: argparse.Namespace) -> None:
    name, _ = make(built.world.signals, built.templates)
    shard = options.folder / "runs.jsonl.gz"
    done = {_course_of(run) for run in stored_lines(shard) if run["contestant"] == name}
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        # A fresh table for each seed: what it caches for one seed is of no use to the next.
        signals = replace(built.world.signals)
        _, who = make(signals, built.templates)
        for landscape in options.landscapes:
            if (landscape, seed, options.noise, options.budget) in done:
                continue
            run = race(
                who,
                name,
                built.landscapes[landscape],
                seed=seed,
                noise=options.noise,
                budget=options.budget,
            )
            store_lines(shard, run.to_json())
            print(
                f"{name} {landscape} seed {seed}: {run.recommended} {run.ask_seconds:.3f} s an answer",
                flush=True,
            )


def _course_of(run: Mapping[str, Any]) -> tuple[str, int, float, int]:
    return run["landscape"], run["seed"], run["noise"], run["budget"]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--contestants", nargs="+", default=CONTESTANTS, help="names; default:setting=value,..."
    )
    parser.add_argument("--suite", choices=tuple(SUITES), default="six")
    parser.add_argument(
        "--landscapes", nargs="+", help="names; by default those of the suite that are not held out"
    )
    parser.add_argument("--held-out", action="store_true", help="the held-out ones, too: for the last run")
    parser.add_argument(
        "--landscape",
        type=Path,
        nargs="+",
        default=(),
        help="Python files that define `landscape(world) -> Landscape`",
    )
    parser.add_argument(
        "--contestant",
        type=Path,
        nargs="+",
        default=(),
        help="Python files that define `contestant(signals, templates) -> (name, with ask and recommend)`",
    )
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--noise", type=float, default=1.0, help="points, from run to run")
    parser.add_argument("--budget", type=int, default=15)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--recipes", type=int, default=RANDOM_RECIPES, help="random recipes for the optimum")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument(
        "--draw", type=int, default=0, help="other hidden columns for each number, to try settings on"
    )
    parser.add_argument("--quick", action="store_true", help="a minute: fewer rows, seeds and contestants")
    options = parser.parse_args()
    suite = SUITES[options.suite]
    options.landscapes = options.landscapes or (*suite.open, *(suite.held_out if options.held_out else ()))
    if options.quick:
        options.rows, options.recipes, options.seeds = 1000, 2000, 2
        options.contestants = ("random", "single_operators", "published", "default")
        options.folder = options.folder / "quick"
    if options.suite != "six":
        options.folder = options.folder / options.suite
    if options.draw:
        options.folder = options.folder / f"draw-{options.draw}"
    return options


if __name__ == "__main__":
    main()
