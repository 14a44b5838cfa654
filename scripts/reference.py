"""Write docs/reference/ from the code; with --check only compare, and exit with 1 where a page is stale."""

import dataclasses
import inspect
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import click
import typer

from autoselection_core.benchmarks.settings import BenchmarkSettings
from autoselection_core.campaign.declaration.campaign import (
    Campaign,
    ClosedForm,
    DeclaredBenchmark,
    Fidelity,
    Stewardship,
)
from autoselection_core.campaign.declaration.signals import DEFAULT_SIGNALS, installed_signals
from autoselection_core.campaign.declaration.trackers import Mlflow, TensorBoard, WeightsAndBiases
from autoselection_core.cli.app import app
from autoselection_core.cli.output import AS_JSON, JSON_SAID
from autoselection_core.environment_variables import VARIABLES
from autoselection_core.evaluation.judge.evaluator import JudgeSettings
from autoselection_core.evaluation.training.settings import PRESETS, FineTuning
from autoselection_core.history.search_settings import SearchSettings
from autoselection_core.operators.catalogue import DEFAULT_OPERATORS
from autoselection_core.pool.reading.named import SHAPES
from autoselection_core.pool.reading.rules import Fields, Rules
from autoselection_core.pool.sources import Source
from autoselection_core.solver.advice.settings import AdviserSettings
from autoselection_core.solver.policy import Policy
from autoselection_core.space import axes, meanings

REPOSITORY = Path(__file__).parents[1]
FOLDER = REPOSITORY / "docs" / "reference"
_KEYS = (
    *(
        (Campaign, "name"),
        (Campaign, "file"),
        (Campaign, "stated_settings"),
        (Campaign, "signal_lines"),
        (DeclaredBenchmark, "name"),
    ),
    *((Policy, "name"), (Policy, "max_steps")),
    *((DeclaredBenchmark, "settings"), (BenchmarkSettings, "name")),
    *((Source, "mirror"), (Source, "rules"), (Source, "hub"), (Rules, "fields")),
)
"""Fields that the file says elsewhere: as keys, under `search`, or in the path of a source."""

_SPELLED = {(Campaign, "sources"): "pool"}
"""Fields that the file spells otherwise."""

HEAD = "<!-- Written by `python scripts/reference.py`; edit the docstrings instead. -->\n\n"


def main() -> None:
    """Write or compare every page."""
    stale = [name for name, page in PAGES.items() if _differs(FOLDER / name, HEAD + page())]
    if "--check" in sys.argv[1:]:
        if stale:
            sys.exit(f"stale: {', '.join(stale)}; run python scripts/reference.py")
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in stale:
        (FOLDER / name).write_text(HEAD + PAGES[name]())
    print(f"written: {', '.join(stale) or 'nothing, all is fresh'}")


def _differs(file: Path, text: str) -> bool:
    return not file.is_file() or file.read_text() != text


def environment() -> str:
    """The environment variables."""
    rows = [(f"`{each.name}`", each.reader, each.meaning, each.default) for each in VARIABLES]
    return f"# Environment variables\n\n{_table(('variable', 'read by', 'meaning', 'default'), rows)}"


def config() -> str:
    """The fields of `autoselection.yaml`."""
    parts = [
        (
            "`campaigns.<name>`",
            Campaign,
            "Everything below one campaign; the key is its name. `pool` lists the sources.",
        ),
        ("`pool[]`", Source, "One source of raw files."),
        ("`pool[]`, records", Rules, "What the source says of its records; known spellings need nothing."),
        ("`pool[].fields`", Fields, _shapes()),
        ("`benchmarks.<name>`", DeclaredBenchmark, "One benchmark; the key is its name."),
        (
            "`benchmarks.<name>`, its settings",
            BenchmarkSettings,
            "Beside `path`, or in the `benchmark.yaml` of the folder; see `docs/how-to/benchmark.md`.",
        ),
        ("`search`", SearchSettings, "What a search does unless it is told otherwise."),
        ("`policy`", Policy, "How the solver chooses."),
        ("`fidelities.NAME`", Fidelity, "One per name; see `docs/how-to/cheap.md`."),
        ("`adviser`", AdviserSettings, "A language model that searches ask; see `docs/how-to/adviser.md`."),
        ("`closed_form`", ClosedForm, "A formula in place of trainings."),
        ("`stewardship`", Stewardship, "Shown in the catalogue of Dagster."),
        ("`mlflow`", Mlflow, "In searches through Dagster; off by default."),
        ("`tensorboard`", TensorBoard, "In searches through Dagster; off by default."),
        ("`wandb`", WeightsAndBiases, "In searches through Dagster; off by default, never online."),
        ("`judge`", JudgeSettings, "A program of your own; see `docs/how-to/bring-your-judge.md`."),
        ("`training`", FineTuning, f"A `preset` ({', '.join(PRESETS)}) and what differs from it."),
    ]
    sections = [f"## {where}\n\n{said}\n\n{_fields(kind)}" for where, kind, said in parts]
    return "# Fields of autoselection.yaml\n\n" + "\n".join(sections)


def _shapes() -> str:
    """Records without known names of fields, and the entries that read them."""
    shown = (
        f"{shape.title}:\n\n```json\n{shape.record}\n```\n\n```yaml\n{_entry(shape.entry)}\n```"
        for shape in SHAPES
    )
    return "\n\n".join(("Which field is what, as in these shapes.", *shown))


def _entry(text: str) -> str:
    return "pool:\n" + "\n".join(
        ("  - " if number == 0 else "    ") + line for number, line in enumerate(text.splitlines())
    )


def operators() -> str:
    """The operators."""
    sections = [
        f"## `{operator.name}`\n\n{_said(operator)}\n\n{_fields(operator)}" for operator in DEFAULT_OPERATORS
    ]
    return "# Operators\n\nSteps of a recipe, by the name that YAML uses.\n\n" + "\n".join(sections)


def signals() -> str:
    """The signals."""
    known = installed_signals()
    sections = []
    for name, definition in DEFAULT_SIGNALS.items():
        nameable = known[name]
        reads = [
            *(["the base model"] if nameable.reads_model else []),
            *(["a benchmark: there is one signal for each"] if nameable.reads_benchmark else []),
        ]
        read = f"Reads {' and '.join(reads)}.\n\n" if reads else ""
        only = nameable.settings
        sections.append(f"## `{name}`\n\n{_said(definition)}\n\n{read}{_fields(definition, only)}")
    return "# Signals\n\nBy the name that `signals:` of a campaign uses.\n\n" + "\n".join(sections)


def commands() -> str:
    """The commands."""
    groups = getattr(typer.main.get_command(app), "commands", {})
    sections = "\n".join(_command(name, each) for name, each in groups.items())
    codes = "Exit codes: 0 done, 1 a finding, 2 bad input, 130 interrupted."
    return f"# Commands\n\n{codes} Every command takes `{AS_JSON}`: {JSON_SAID}.\n\n{sections}"


def _command(name: str, made: click.Command) -> str:
    rows = [
        (
            f"`{' '.join(parameter.opts) if parameter.opts[0].startswith('-') else parameter.name}`",
            _help(parameter),
        )
        for parameter in made.params
        if parameter.name != "help"
    ]
    table = _table(("option or argument", "meaning"), rows) if rows else ""
    return f"## `autoselection {name}`\n\n{inspect.cleandoc(made.help or '')}\n\n{table}"


def _help(parameter: click.Parameter) -> str:
    default = parameter.default
    shown = "" if default in (None, False) or parameter.required else f" Default: `{default}`."
    return f"{getattr(parameter, 'help', '') or ''}{shown}"


def assets() -> str:
    """The assets, checks, jobs and sensors of a campaign."""
    from autoselection_dagster.assembly import definitions_of
    from autoselection_dagster.installation import Installation

    with tempfile.TemporaryDirectory() as home:
        declared = definitions_of(Installation(Path(home), REPOSITORY / "autoselection.yaml"))
        repository = declared.get_repository_def()
    graph = repository.asset_graph
    rows = []
    for key in sorted(graph.get_all_asset_keys()):
        node = graph.get(key)
        checks = ", ".join(f"`{check.name}`" for check in sorted(node.check_keys, key=str))
        rows.append(
            (
                f"`{_own('/'.join(key.path))}`",
                f"`{_own(node.group_name or '')}`",
                _line(node.description),
                checks,
            )
        )
    jobs = [
        (f"`{_own(job.name)}`", _line(job.description))
        for job in sorted(repository.get_all_jobs(), key=lambda job: job.name)
        if not job.name.startswith("__")
    ]
    sensors = [(f"`{_own(each.name)}`", _line(each.description)) for each in repository.sensor_defs]
    return (
        "# Assets, jobs and sensors\n\nOf one campaign, the demo's; `<campaign>` stands for its name.\n\n"
        f"{_table(('asset', 'group', 'what it is', 'checks'), rows)}\n"
        f"## Jobs\n\n{_table(('job', 'what it does'), jobs)}\n"
        f"## Sensors\n\n{_table(('sensor', 'what it does'), sensors)}"
    )


def _own(name: str) -> str:
    return re.sub(r"\bdemo(?=[/_]|$)", "<campaign>", name)


def _fields(kind: type[Any], only: tuple[str, ...] | None = None) -> str:
    """A table of the fields of a dataclass: defaults and ranges by the class, the rest by its docstring."""
    said, ranges = meanings(kind), _ranges(kind)
    rows = [
        (
            f"`{_SPELLED.get((kind, field.name), field.name)}`",
            said.get(field.name, ""),
            _default(field),
            ranges.get(field.name, ""),
        )
        for field in dataclasses.fields(kind)
        if (kind, field.name) not in _KEYS and (only is None or field.name in only)
    ]
    return _table(("field", "meaning", "default", "range"), rows) if rows else "No settings.\n"


def _ranges(kind: type[Any]) -> Mapping[str, str]:
    try:
        return {axis.name: _range(axis.space) for axis in axes(kind)}
    except TypeError:
        return {}


def _range(space: object) -> str:
    options = getattr(space, "options", None)
    if options is not None:
        return ", ".join(map(str, options))
    low, high = getattr(space, "low", 0), getattr(space, "high", 0)
    # Digits in full for counts: a seed has ten of them.
    return f"{low} to {high}" if isinstance(high, int) else f"{low:g} to {high:g}"


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default_factory is not dataclasses.MISSING:
        return ""
    if field.default is dataclasses.MISSING:
        return "required"
    if (
        field.default
        and isinstance(field.default, tuple)
        and all(isinstance(each, StrEnum) for each in field.default)
    ):
        return ", ".join(f"`{each}`" for each in field.default)
    return f"`{field.default}`"


def _said(kind: type[Any]) -> str:
    """A docstring up to its lists."""
    text = inspect.cleandoc(kind.__doc__ or "")
    return re.split(r"\n\n(?:Attributes|Example|Raises|Source):", text)[0]


def _line(text: str | None) -> str:
    return re.sub(r"\s+", " ", (text or "").split("\n\n")[0]).strip()


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    def lines() -> Iterator[str]:
        yield f"| {' | '.join(head)} |"
        yield f"|{'---|' * len(head)}"
        for row in rows:
            yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"

    return "\n".join(lines()) + "\n"


PAGES: Mapping[str, Callable[[], str]] = {
    "config.md": config,
    "operators.md": operators,
    "signals.md": signals,
    "assets.md": assets,
    "environment.md": environment,
    "commands.md": commands,
}

if __name__ == "__main__":
    main()
