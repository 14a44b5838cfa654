"""Seconds, peak memory and disk of every step at growing pools, each beside a floor.

    python -m bench.growth --rows 10000 100000 1000000 [--step NAME ...] [--again]
    python -m bench.growth --workers 1 2 4 [--rows 100000]
    python -m bench.growth --table
    python -m bench.growth --check

Every step runs in a process of its own, and its figures are written as soon as it is done: what is measured
already is left alone, so a stopped run goes on. `--workers` measures what a Ray cluster of so many workers on
this machine takes for signals, beside one process without Ray. `--check` measures the cheap steps at ten
thousand rows anew and fails where one is more than three times as far from its floor as the committed figure.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

import numpy as np

from autoselection_core.identity import Json
from bench.growth.generator import write_pool
from bench.growth.steps import STEPS
from bench.growth.workers import measure_workers
from bench.result import REPOSITORY, RESULTS, write_result

CHEAP = (
    "ingestion",
    "signal word_entropy",
    "signal form",
    "signal exact",
    "signal near_duplicates",
    "opening the table",
    "realising and writing a subset",
    "explain",
    "backup",
)
_SMALLEST, _TOLERANCE, _MIN_FLOOR_S = 10_000, 3.0, 0.05
_PLOT = REPOSITORY / "docs" / "images" / "growth.svg"


def measured(rows: int) -> dict[str, Any]:
    """Figures that are committed for a number of rows, by step."""
    path = RESULTS / "growth.json"
    found = json.loads(path.read_text("utf-8")) if path.exists() else {}
    figures: dict[str, Any] = found.get(str(rows), {}).get("figures", {})
    return figures


def measure_step(name: str, rows: int, folder: Path) -> dict[str, Json]:
    """Figures of one step in a new process."""
    raw, home = folder / f"{rows}.parquet", folder / f"home-{rows}"
    write_pool(raw, rows)
    command = [sys.executable, "-m", "bench.growth.steps", name, str(raw), str(home)]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY).stdout
    figures: dict[str, Json] = json.loads(told.splitlines()[-1])
    return figures


def run(rows: int, steps: Sequence[str], folder: Path, known: Mapping[str, Any]) -> None:
    """Measure the steps that are not known, each written at once."""
    figures = dict(known)
    for name in steps:
        if name not in figures:
            figures[name] = measure_step(name, rows, folder)
            print(rows, name, figures[name], flush=True)
            note = "each step with its own load; other work shared the cores"
            write_result(f"growth/{rows}", {each: figures[each] for each in STEPS if each in figures}, note)


def exponent(points: Mapping[int, float]) -> float | None:
    """Slope of log seconds over log rows by least squares; None with fewer than two sizes."""
    if len(points) < 2:
        return None
    return float(np.polyfit(np.log(list(points)), np.log(list(points.values())), 1)[0])


def table(sizes: Sequence[int]) -> list[str]:
    """Lines of a Markdown table: processor seconds and peaks; floors are compared by the clock."""
    heads = [f"{rows:,} rows" for rows in sizes]
    lines = [
        f"| step | {' | '.join(heads)} | exponent | times the floor |",
        "| --- |" + " ---: |" * (len(sizes) + 2),
    ]
    for name in STEPS:
        found = {rows: measured(rows)[name] for rows in sizes if name in measured(rows)}
        cells = [_cell(found.get(rows)) for rows in sizes]
        grown = exponent({rows: each["cpu_seconds"] for rows, each in found.items()})
        last = found[max(found)] if found else None
        over = "-" if last is None else f"{last['seconds'] / max(last['floor_seconds'], 1e-4):,.0f}"
        lines.append(
            f"| {name} | {' | '.join(cells)} | {'-' if grown is None else f'{grown:.2f}'} | {over} |"
        )
    return lines


def _cell(figure: Mapping[str, Any] | None) -> str:
    if figure is None:
        return "not run"
    private = f" ({figure['private_mb']:,} private)" if "private_mb" in figure else ""
    return f"{figure['cpu_seconds']:,.3g} s, {figure['peak_mb']:,} MB{private}"


def plot(sizes: Sequence[int]) -> None:
    """Processor seconds of every step over rows, on logarithmic axes."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 6))
    for name in STEPS:
        found = {rows: measured(rows)[name]["cpu_seconds"] for rows in sizes if name in measured(rows)}
        if found:
            axes.loglog(list(found), list(found.values()), marker="o", label=name)
    axes.set_xlabel("rows")
    axes.set_ylabel("processor seconds")
    axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.01, 1.0))
    figure.savefig(_PLOT, bbox_inches="tight", metadata={"Date": None})


def check() -> list[str]:
    """Sentences on the cheap steps that are too far from their floors."""
    known, found = measured(_SMALLEST), []
    with TemporaryDirectory(prefix="growth-check-") as folder:
        for name in CHEAP:
            new, old = (_floors(each) for each in (measure_step(name, _SMALLEST, Path(folder)), known[name]))
            verdict = "right" if new <= _TOLERANCE * max(old, 1.0) else "too slow"
            print(f"{name}: {new:.1f} floors, committed {old:.1f}: {verdict}", flush=True)
            if verdict != "right":
                found.append(name)
    return found


def _floors(figure: Mapping[str, Any]) -> float:
    """Processor seconds over the floor's by the clock, a twentieth of a second where it is shorter.

    Processor seconds hardly depend on what else runs; a floor is too short for them.
    """
    return float(figure["cpu_seconds"]) / max(float(figure["floor_seconds"]), _MIN_FLOOR_S)


def main() -> None:
    """Measure what is not measured yet, print the table, or check the cheap steps."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--step", nargs="+", choices=list(STEPS), default=list(STEPS))
    parser.add_argument("--folder", type=Path, default=Path(gettempdir()) / "autoselection-growth")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--workers", type=int, nargs="+")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args()
    if asked.check:
        sys.exit(1 if check() else 0)
    if asked.table:
        sizes = [rows for rows in (10_000, 100_000, 1_000_000, 10_000_000) if measured(rows)]
        print("\n".join(table(sizes)))
        plot(sizes)
        return
    if asked.workers:
        for rows in asked.rows:
            note = f"{os.cpu_count()} cores: more workers than cores bring nothing"
            write_result(f"growth/workers {rows}", measure_workers(rows, asked.workers, asked.folder), note)
        return
    for rows in asked.rows:
        known = {
            name: each for name, each in measured(rows).items() if not (asked.again and name in asked.step)
        }
        run(rows, asked.step, asked.folder, known)


if __name__ == "__main__":
    main()
