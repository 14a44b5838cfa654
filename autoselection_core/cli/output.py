"""Output of commands: text for people, or one JSON document for programs."""

import json
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table as RichTable

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.errors.base import bounded
from autoselection_core.identity import Json
from autoselection_core.report.rendering.table import NO_ROWS, Block, Cell, Part, Table, one_line, printable

_SHOWN = 5


def show_bad_items(benchmarks: Iterable[Benchmark]) -> None:
    """Print how many records of each benchmark are left out, with places, and its unread passages."""
    for benchmark in benchmarks:
        if benchmark.left_out:
            repeated = f"{benchmark.left_out:,} records repeat an earlier one, choices and answer included"
            tell(f"{benchmark.name}: {repeated}; they count once")
        if benchmark.answered_anew:
            again = f"{benchmark.answered_anew:,} items ask what an earlier one asks, and answer otherwise"
            tell(f"{benchmark.name}: {again}; all are scored, and no model can be right in all")
        for name, count in benchmark.unread:
            tell(
                f"{benchmark.name}: {name!r} beside {count:,} questions is no part of them; with"
                f' `fields: {{question: "{{question}}\\n{{{name}}}"}}` it is'
            )
        if benchmark.too_long:
            long = f"{benchmark.too_long:,} items"
            tell(f"{benchmark.name}: {long} are longer than `max_characters` and are left out")
        bad = benchmark.bad_items
        if not bad:
            continue
        tell(f"{benchmark.name}: {len(bad):,} records are no question with a right answer and are left out")
        for place in bad[:_SHOWN]:
            tell(f"  {place}")
        if len(bad) > _SHOWN:
            tell(f"  and {len(bad) - _SHOWN:,} more")


_PIPED_WIDTH = 120


@dataclass
class Output:
    """Output of a command so far; kept only where it ends as one JSON document.

    Attributes:
        is_json: Whether it does.
        texts: The sentences.
        tables: The tables.
        facts: Values behind the sentences, by name.
    """

    is_json: bool = False
    texts: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    facts: dict[str, Json] = field(default_factory=dict)

    def document(self, code: int, error: BaseException | None) -> dict[str, Any]:
        """The whole as JSON values."""
        failure = None if error is None else {"type": type(error).__name__, "sentence": bounded(str(error))}
        return {
            "exit_code": code,
            "error": failure,
            "facts": self.facts,
            "text": self.texts,
            "tables": [_table_json(table) for table in self.tables],
        }


AS_JSON = "--json"
"""The option with which a command ends as one JSON document."""

JSON_SAID = "one JSON document (facts, text, tables, error, exit code) in place of text"
"""Description of that document in help and reference."""

_OUTPUT: ContextVar[Output] = ContextVar("output")


@contextmanager
def output_of(arguments: Sequence[str]) -> Iterator[Output]:
    """Output of the command with these arguments, while it runs.

    Looks for the option before anything is parsed, so that a mistake in the arguments is JSON, too.
    """
    made = Output(is_json=AS_JSON in arguments)
    token = _OUTPUT.set(made)
    try:
        yield made
    finally:
        _OUTPUT.reset(token)


def finish(output: Output, code: int, error: BaseException | None) -> None:
    """Print what is left to print: the document, or the error as a sentence on standard error."""
    if output.is_json:
        sys.stdout.write(json.dumps(output.document(code, error), ensure_ascii=True, allow_nan=False) + "\n")
    elif error is not None:
        _console(sys.stderr).print(printable(f"autoselection: {bounded(str(error))}"))


def tell(sentence: str, **facts: Json) -> None:
    """Say a sentence; square brackets are text, not markup.

    Args:
        sentence: Text for people.
        facts: Values behind it, by name, for programs.
    """
    output = _OUTPUT.get(None) or Output()
    if output.is_json:
        output.texts.append(sentence)
        output.facts.update(facts)
    else:
        _console(sys.stdout).print(printable(sentence))


def show_table(table: Table) -> None:
    """Show a table."""
    output = _OUTPUT.get(None) or Output()
    if output.is_json:
        output.tables.append(table)
    else:
        # Files have no width of their own, and programs read `--json`.
        width = None if sys.stdout.isatty() else _PIPED_WIDTH
        console = Console(highlight=False, markup=False, width=width)
        with console.capture() as drawn:
            if table.rows:  # a title of the table itself would break at the table's width
                console.print(printable(table.title), style="bold")
                console.print(_draw(table))
            else:
                console.print(f"{printable(table.title)}: {NO_ROWS}")
        lines = drawn.get().splitlines()
        console.file.write("".join(f"{line.rstrip()}\n" for line in lines))


def show_parts(parts: Iterable[Part]) -> None:
    """Show an explanation as it is found out."""
    for part in parts:
        if isinstance(part, Table):
            show_table(part)
        else:
            tell(part.text if isinstance(part, Block) else part)


def _console(stream: Any) -> Console:  # noqa: ANN401 - any text stream
    return Console(file=stream, soft_wrap=True, highlight=False, markup=False)


def _draw(table: Table) -> RichTable:
    drawn = RichTable(box=None, pad_edge=False)
    for place, name in enumerate(table.columns):
        is_text = any(isinstance(row[place], str) for row in table.rows)
        drawn.add_column(
            one_line(name), justify="left" if is_text else "right", overflow="fold", no_wrap=not is_text
        )
    for row in table.texts:
        drawn.add_row(*map(one_line, row))
    return drawn


def _table_json(table: Table) -> dict[str, Any]:
    rows = [dict(zip(table.columns, map(_cell, row), strict=True)) for row in table.rows]
    return {"title": table.title, "columns": list(table.columns), "rows": rows}


def _cell(cell: Cell) -> Cell:
    """A cell as JSON has it: what is no number is unknown."""
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell
