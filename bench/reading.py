"""Seconds and memory of reading a million records of mixed shapes, beside a floor timed in the same run.

python -m bench.reading [RECORDS]

The records are made up, in seven shapes and four kinds of files; a tenth repeats an earlier one. The floor
parses the same lines of JSON and hashes them, and does nothing else.
"""

import csv
import gzip
import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from autoselection_core.identity import Json
from autoselection_core.pool import Source, ingest
from autoselection_core.store.home import Home
from bench.result import measure, write_result

_RECORDS = 1_000_000
_WORDS = [
    f"{start}{end}" for start in "bdfgklmnprst" for end in ("a", "el", "ir", "ond", "ust", "ava", "ome")
]
_SHARDS = ("one.jsonl", "two.jsonl.gz", "three.json", "four.csv")
_REPEATED = 0.1

Shape = Callable[[str, str], dict[str, Json]]

_SHAPES: tuple[Shape, ...] = (
    lambda q, a: {"instruction": q, "input": "", "output": a},
    lambda q, a: {"messages": [{"role": "user", "content": q}, {"role": "assistant", "content": a}]},
    lambda q, a: {"conversations": [{"from": "human", "value": q}, {"from": "gpt", "value": a}]},
    lambda q, a: {"question": q, "context": f"On {a[:20]}.", "answer": a, "rationale": a[:9]},
    lambda q, a: {
        "prompt": [{"role": "user", "content": q}],
        "completion": [{"role": "assistant", "content": a}],
    },
    lambda q, a: {"query": q, "response": a, "system_prompt": "Be brief.", "score": len(a) / 7},
    lambda q, a: {"messages": json.dumps([{"role": "User", "content": q}, {"role": "Bot", "content": a}])},
)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else _RECORDS
    with TemporaryDirectory() as folder:
        raw = Path(folder) / "raw"
        raw.mkdir()
        _write(raw, count)
        floor = measure(lambda: _floor(raw))
        read = measure(lambda: ingest([Source(str(raw))], Home(Path(folder) / "home")))
        figures: dict[str, Json] = {
            "records": read.value.records,
            "samples": read.value.samples,
            "merged": read.value.merged,
            "quarantined": read.value.quarantined,
            "raw_mb": round(sum(file.stat().st_size for file in raw.iterdir()) / 1e6),
            "floor": floor.cost,
            "ingest": read.cost,
            "ratio_of_cpu_seconds": round(read.cpu_seconds / floor.cpu_seconds, 2),
        }
    print(json.dumps(figures, indent=2))
    print(write_result("reading", figures))


def _write(folder: Path, count: int) -> None:
    """A quarter of the records in each kind of file."""
    records = _records(count)
    with ExitStack() as stack:
        one = stack.enter_context((folder / _SHARDS[0]).open("w"))
        two = stack.enter_context(gzip.open(folder / _SHARDS[1], "wt", compresslevel=1))
        three = stack.enter_context((folder / _SHARDS[2]).open("w"))
        four = csv.writer(stack.enter_context((folder / _SHARDS[3]).open("w", newline="")))
        four.writerow(("question", "answer"))
        three.write("[")
        for number, (question, answer, shape) in enumerate(records):
            line = json.dumps(shape(question, answer))
            if number % len(_SHARDS) < len((one, two)):
                (one, two)[number % len(_SHARDS)].write(line + "\n")
            elif number % len(_SHARDS) == len((one, two)):
                three.write(("" if number < len(_SHARDS) else ",\n") + line)
            else:
                four.writerow((question, answer))
        three.write("]")


def _records(count: int) -> Iterator[tuple[str, str, Shape]]:
    random, earlier = Random(0), ("", "")  # noqa: S311  # a seed and not a secret
    for number in range(count):
        question = f"{number}: {' '.join(random.choices(_WORDS, k=random.randint(5, 30)))}?"
        said = (question, " ".join(random.choices(_WORDS, k=random.randint(5, 120))))
        repeats = number > 0 and random.random() < _REPEATED
        yield *(earlier if repeats else said), random.choice(_SHAPES)
        earlier = said


def _floor(folder: Path) -> int:
    """Parse and hash what there is of JSON; the table, line by line, stays text."""
    digest = hashlib.sha256()
    for name in _SHARDS:
        with gzip.open(folder / name, "rt") if name.endswith(".gz") else (folder / name).open() as lines:
            for line in lines:
                text = line.strip().strip("[],")
                digest.update(str(json.loads(text) if text.startswith("{") else text).encode())
    return digest.digest()[0]


if __name__ == "__main__":
    main()
