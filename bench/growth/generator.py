"""Pools of any size, resampled from the 90,000 real records with word noise.

A record is a real one with every fifth word replaced by a word of the pool, so that lengths, languages and
sources are the real ones and two draws of one record are no near copies (Jaccard similarity of word 5-grams
about 0.06). A share of records repeats the one before, and a share is a near copy of it, with one to five
percent of the words replaced.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from autoselection_core.store.atomic import atomic_file
from bench.result import REAL_DATA

EXACT, NEAR = 0.10, 0.14
"""Share of records that repeat an earlier one, and of samples that are near copies of an earlier one.

The former is the real pool's: 90,000 records give 81,030 samples. The latter is above it, so that joins meet
no less than there: by the signal `near_duplicates` 0.118 of those samples have an earlier one with a Jaccard
similarity of 0.5 or more, 0.036 one of 0.7 and 0.017 one of 0.8.
"""

_NOISE, _SMALL_NOISE = 0.2, (0.01, 0.05)
_MIN_WORDS = 4
"""Texts with fewer words stay as they are: roles, labels, short answers."""

_CHUNK = 10_000
_SCHEMA = pa.schema([("source_name", pa.string()), ("record_json", pa.string())])


@dataclass(frozen=True, eq=False)
class Material:
    """Real records and their words.

    Attributes:
        records: Source and content of each record.
        words: Words of all records, as often as they occur.
    """

    records: Sequence[tuple[str, Any]]
    words: Sequence[str]

    @classmethod
    def read(cls) -> "Material":
        """The 90,000-record pool."""
        table = pq.read_table(REAL_DATA / "pool_90k.parquet").to_pydict()
        parsed = [json.loads(text) for text in table["record_json"]]
        words = [word for text in table["record_json"][::20] for word in text.split() if word.isalpha()]
        return cls(list(zip(table["source_name"], parsed, strict=True)), words)


def write_pool(file: Path, rows: int, seed: int = 0) -> None:
    """Write so many records; a file that is there is left as it is."""
    if file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    material, rng = Material.read(), np.random.default_rng((rows, seed))
    with atomic_file(file) as draft, pq.ParquetWriter(draft, _SCHEMA, compression="zstd") as writer:
        for start in range(0, rows, _CHUNK):
            made = list(_records(material, min(_CHUNK, rows - start), rng))
            columns = [pa.array(column) for column in zip(*made, strict=True)]
            writer.write_table(pa.Table.from_arrays(columns, schema=_SCHEMA))


def _records(material: Material, count: int, rng: np.random.Generator) -> Iterator[tuple[str, str]]:
    kinds = rng.random(count)
    source, record = _drawn(material, rng)
    for kind in kinds:
        if kind >= EXACT + NEAR:
            source, record = _drawn(material, rng)
            shown = record
        elif kind >= EXACT:
            shown = _noisy(record, material, float(rng.uniform(*_SMALL_NOISE)), rng)
        else:
            shown = record
        yield source, json.dumps(shown, ensure_ascii=False)


def _drawn(material: Material, rng: np.random.Generator) -> tuple[str, Any]:
    source, record = material.records[int(rng.integers(len(material.records)))]
    return source, _noisy(record, material, _NOISE, rng)


def _noisy(value: Any, material: Material, share: float, rng: np.random.Generator) -> Any:  # noqa: ANN401 - JSON
    """The same value with a share of the words of its texts replaced."""
    if isinstance(value, dict):
        return {name: _noisy(each, material, share, rng) for name, each in value.items()}
    if isinstance(value, list):
        return [_noisy(each, material, share, rng) for each in value]
    if not isinstance(value, str):
        return value
    words = value.split(" ")
    if len(words) < _MIN_WORDS:
        return value
    for place in np.flatnonzero(rng.random(len(words)) < share):
        words[place] = material.words[int(rng.integers(len(material.words)))]
    return " ".join(words)
