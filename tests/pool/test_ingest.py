"""Every record is accounted for, and equal material gives equal pools."""

import json
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoselection_core.errors.pool import CountsError, EmptyPoolError
from autoselection_core.errors.store import LittleMemoryError
from autoselection_core.identity import Json
from autoselection_core.pool import Ingestion, Origin, Pool, QuarantineReason, Source, ingest
from autoselection_core.store.atomic import UNFINISHED
from autoselection_core.store.home import Home
from tests.pool.raw import (
    ADDITION,
    ALPACA,
    FORMATS,
    OPENAI,
    QUESTION,
    broken_lines,
    line,
    records,
    write_envelope,
    write_lines,
)

FEW = settings(max_examples=20)
"""An example writes and flushes files, which costs more than deciding what is in them."""


def ingested(folder: Path, *files: str, licence: str | None = None) -> Ingestion:
    """The files of a folder as a pool."""
    sources = [Source(str(folder / file), licence=licence) for file in files]
    return ingest(sources, Home(folder / "home"))


def left_out(ingestion: Ingestion) -> list[dict[str, Any]]:
    """The lines of the quarantine."""
    return [json.loads(text) for text in ingestion.quarantine_path.read_text().splitlines()]


@FEW
@given(
    st.lists(st.one_of(records().map(line), broken_lines()), max_size=12), st.sampled_from(["jsonl", "json"])
)
def test_every_record_of_any_bytes_is_a_sample_or_merged_or_quarantined(
    lines: list[bytes], kind: str
) -> None:
    with TemporaryDirectory() as folder:
        home = Path(folder)
        write_lines(home / f"noise.{kind}", lines)
        write_lines(home / "good.jsonl", [line(ALPACA)])

        ingestion = ingested(home, f"noise.{kind}", "good.jsonl")

        quarantine = left_out(ingestion)
        assert ingestion.records == ingestion.samples + ingestion.merged + ingestion.quarantined
        assert len(quarantine) == ingestion.quarantined
        assert {entry["reason"] for entry in quarantine} <= set(QuarantineReason)
        assert sum(len(ingestion.pool.origins(row)) for row in range(len(ingestion.pool))) == (
            ingestion.records - ingestion.quarantined
        )


@FEW
@given(st.lists(st.one_of(records().map(line), broken_lines()), max_size=12))
def test_a_record_a_line_is_counted_whatever_it_is(lines: list[bytes]) -> None:
    with TemporaryDirectory() as folder:
        whole = [text.replace(b"\n", b" ") for text in lines]
        write_lines(Path(folder) / "noise.jsonl", [*whole, line(ALPACA)])

        ingestion = ingested(Path(folder), "noise.jsonl")

        assert ingestion.records == sum(bool(text.strip()) for text in whole) + 1
        for entry in left_out(ingestion):
            text = whole[entry["line"] - 1].strip()
            assert entry["excerpt"] == text[:800].decode(errors="replace")[:200]


@FEW
@given(st.lists(st.binary(max_size=30).filter(lambda text: text.strip() != b""), min_size=1, max_size=8))
def test_rows_of_an_envelope_are_counted_whatever_they_hold(texts: list[bytes]) -> None:
    with TemporaryDirectory() as folder:
        rows = [("noise", text) for text in texts]
        write_envelope(Path(folder) / "pool.parquet", [*rows, ("good", line(ALPACA))])

        ingestion = ingested(Path(folder), "pool.parquet")

        assert ingestion.records == len(texts) + 1
        assert ingestion.pool.source_names[0] == "good"


@FEW
@given(st.lists(records(), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_ids_depend_on_what_is_said_and_not_on_where(
    said: list[dict[str, Json]], order: random.Random
) -> None:
    with TemporaryDirectory() as folder:
        elsewhere = [dict(reversed(record.items())) for record in said]
        order.shuffle(elsewhere)
        write_lines(Path(folder) / "one.jsonl", [line(record) for record in said])
        (Path(folder) / "other.json").write_text(json.dumps(elsewhere, indent=2))

        one, other = (ingested(Path(folder), name).pool for name in ("one.jsonl", "other.json"))

        assert one.ids.tolist() == other.ids.tolist()
        assert one.ids.tolist() == sorted({sample.id.encode() for sample in other.samples()})


@FEW
@given(st.lists(records(), min_size=3, max_size=9), st.permutations(["a.jsonl", "b.jsonl", "c.jsonl"]))
def test_the_version_does_not_depend_on_the_order_of_files(said: list[Json], order: list[str]) -> None:
    with TemporaryDirectory() as folder:
        for place, name in enumerate(sorted(order)):
            write_lines(Path(folder) / name, [line(record) for record in said[place::3]])

        in_order, shuffled = ingested(Path(folder), *sorted(order)), ingested(Path(folder), *order)

        assert shuffled.pool.version == in_order.pool.version
        assert shuffled.pool.table.equals(in_order.pool.table)


def test_the_version_does_not_depend_on_the_folder_of_this_machine(tmp_path: Path) -> None:
    pools = []
    for folder in ("here", "there/deeper"):
        (tmp_path / folder).mkdir(parents=True)
        write_lines(tmp_path / folder / "a.jsonl", [line(ALPACA)])
        pools.append(ingested(tmp_path / folder, "*.jsonl").pool)

    assert pools[0].version == pools[1].version
    assert pools[0].origins(0) == (Origin("a", "a.jsonl#1"),)


@pytest.mark.parametrize(
    "change",
    [
        Source("a.jsonl", name="other"),
        Source("a.jsonl", licence="MIT"),
        Source("b.jsonl", name="a"),
        Source("c.jsonl", name="a"),
    ],
    ids=["name", "licence", "place", "extras"],
)
def test_the_version_depends_on_where_samples_come_from(tmp_path: Path, change: Source) -> None:
    for name, record in {"a": ALPACA, "b": ALPACA, "c": {**ALPACA, "score": 1}}.items():
        write_lines(tmp_path / f"{name}.jsonl", [line(record)])
    changed = Source(str(tmp_path / change.path), change.name, change.licence)

    pool, other = ingested(tmp_path, "a.jsonl").pool, ingest([changed], Home(tmp_path / "home")).pool

    assert pool.ids.tolist() == other.ids.tolist()
    assert pool.version != other.version


def test_one_sample_in_several_formats_and_sources_is_merged(tmp_path: Path) -> None:
    write_lines(tmp_path / "b.jsonl", [line(record) for record in FORMATS])
    write_lines(tmp_path / "a.jsonl", [line(QUESTION)])

    ingestion = ingested(tmp_path, "b.jsonl", "a.jsonl", licence="MIT")

    assert (ingestion.records, ingestion.samples, ingestion.merged) == (7, 1, 6)
    assert list(ingestion.pool.samples()) == [ADDITION]
    assert ingestion.pool.origins(0) == (
        Origin("a", "a.jsonl#1", "MIT"),
        *(Origin("b", f"b.jsonl#{number}", "MIT") for number in range(1, 7)),
    )
    assert ingestion.pool.source_names == ("a",)


def test_quarantined_records_are_named_by_source_line_and_reason(tmp_path: Path) -> None:
    turns: Json = [{"role": "user", "content": "q"}]
    bad = {
        b"{": QuarantineReason.BAD_JSON,
        b'"\xff"': QuarantineReason.BAD_UTF8,
        line({"messages": []}): QuarantineReason.NO_MESSAGES,
        line({"messages": turns}): QuarantineReason.NO_ANSWER,
        line({**QUESTION, "answer": ""}): QuarantineReason.EMPTY_ANSWER,
        line({**ALPACA, "response": "3"}): QuarantineReason.CONTRADICTION,
        line({**OPENAI, "label": False}): QuarantineReason.UNDESIRABLE,
        line({"messages": [{"role": "narrator", "content": "a"}]}): QuarantineReason.UNKNOWN_ROLE,
        line({**ALPACA, "note": "a" * (1 << 20)}): QuarantineReason.TOO_LONG,
        line({**ALPACA, "image": "a.png"}): QuarantineReason.MEDIA,
    }
    write_lines(tmp_path / "raw.jsonl", [line(ALPACA), b"", *bad])

    ingestion = ingested(tmp_path, "raw.jsonl")

    assert ingestion.reasons == {"raw": Counter(bad.values())}
    assert [
        (entry["source"], entry["file"], entry["line"], entry["reason"]) for entry in left_out(ingestion)
    ] == [("raw", "raw.jsonl", number, reason) for number, reason in enumerate(bad.values(), 3)]
    assert [entry["record"] for entry in left_out(ingestion)] == list(range(2, 12))


def test_the_quarantine_quotes_what_people_can_read(tmp_path: Path) -> None:
    write_lines(tmp_path / "raw.jsonl", [line(ALPACA), '{"question": "\u00fcber"}'.encode()])

    ingestion = ingested(tmp_path, "raw.jsonl")

    assert "\u00fcber" in ingestion.quarantine_path.read_text("utf-8")


def test_an_origin_counts_records_and_not_lines(tmp_path: Path) -> None:
    write_lines(tmp_path / "raw.jsonl", [b"", b"{", b"", line(ALPACA)])

    assert ingested(tmp_path, "raw.jsonl").pool.origins(0) == (Origin("raw", "raw.jsonl#2"),)


def test_trimmed_records_are_counted_beside_the_others(tmp_path: Path) -> None:
    further: list[Json] = [{"role": "user", "content": "And?"}, {"role": "user", "content": "?"}]
    turns: Json = [*OPENAI["messages"], *further]  # type: ignore[misc]  # a list
    write_lines(tmp_path / "raw.jsonl", [line({"messages": turns}), line(ALPACA)])

    ingestion = ingested(tmp_path, "raw.jsonl")

    assert (ingestion.samples, ingestion.merged, ingestion.trimmed) == (1, 1, 1)


def test_progress_counts_up_to_all_records(tmp_path: Path) -> None:
    rows = [("x", line({"question": str(number), "answer": "a"})) for number in range(2500)]
    write_envelope(tmp_path / "pool.parquet", rows)
    write_lines(tmp_path / "raw.jsonl", [line(ALPACA)])
    known: list[tuple[int, int | None]] = []
    unknown: list[tuple[int, int | None]] = []

    ingest([Source(str(tmp_path / "*.parquet"))], Home(tmp_path), lambda *step: known.append(step))
    ingest([Source(str(tmp_path / "*.*"))], Home(tmp_path), lambda *step: unknown.append(step))

    assert known == [(1000, 2500), (2000, 2500), (2500, 2500)]
    assert unknown == [(1000, None), (2000, None), (2501, 2501)]


def test_sources_without_a_sample_are_refused_and_their_reasons_kept(tmp_path: Path) -> None:
    write_lines(tmp_path / "raw.jsonl", [b"{", b"["])

    with pytest.raises(EmptyPoolError, match="none of 2 records is a sample") as caught:
        ingested(tmp_path, "raw.jsonl")

    assert len(caught.value.quarantine.read_text().splitlines()) == 2
    assert not Home(tmp_path / "home").pools.exists()


def test_counts_that_do_not_add_up_are_an_error(tmp_path: Path) -> None:
    pool = Pool.from_samples([(ADDITION, [Origin("a", "a#1")])])

    with pytest.raises(CountsError, match="3 records went in"):
        Ingestion(pool, 3, 1, 1, 0, 0, (), tmp_path)


def test_ingesting_again_leaves_the_same_pool_and_nothing_else(tmp_path: Path) -> None:
    write_lines(tmp_path / "raw.jsonl", [line(ALPACA), b"{"])

    first, second = ingested(tmp_path, "raw.jsonl"), ingested(tmp_path, "raw.jsonl")

    assert first.pool.version == second.pool.version
    assert {entry.name for entry in (tmp_path / "home").iterdir()} == {"pools", "quarantine"}
    assert len(list((tmp_path / "home" / "pools").iterdir())) == 1


INGEST = """
import resource, sys
from pathlib import Path
from autoselection_core.errors.store import StorageFullError
from autoselection_core.pool import Source, ingest
from autoselection_core.store.home import Home

limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
folder = Path(sys.argv[1])
print("started", flush=True)
try:
    ingest([Source(str(folder / "raw.jsonl"))], Home(folder / "home"))
except StorageFullError as error:
    print(error)
"""


def process(folder: Path, limit: int) -> subprocess.Popen[str]:
    """Ingestion in a process of its own, whose files may not be longer than a number of bytes."""
    command = [sys.executable, "-c", textwrap.dedent(INGEST), str(folder), str(limit)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def many_records(folder: Path) -> Path:
    """A file of 5,000 different records, of a megabyte as a pool."""
    said = ({"question": f"{number}?", "answer": "a" * 200} for number in range(5_000))
    return write_lines(folder / "raw.jsonl", [line(record) for record in said])


@pytest.mark.parametrize("limit", [1 << 12, 1 << 18, 1 << 20])
def test_a_full_disk_is_named_and_leaves_no_pool(tmp_path: Path, limit: int) -> None:
    many_records(tmp_path)

    output, errors = process(tmp_path, limit).communicate()

    assert "no room for" in output, errors
    assert not list((tmp_path / "home").rglob("pool.arrow"))
    assert [entry.name for entry in (tmp_path / "home").iterdir() if entry.name.startswith(".")] == []


def test_more_records_than_the_memory_holds_are_refused_before_they_are_read(tmp_path: Path) -> None:
    file, records = tmp_path / "raw.parquet", 500_000_000
    pq.write_table(pa.table({"question": pa.nulls(records)}), file, row_group_size=records)

    with pytest.raises(LittleMemoryError, match=r"ingestion takes about 200\.0 GB of memory"):
        ingest([Source(str(file))], Home(tmp_path / "home"))

    assert not list((tmp_path / "home").rglob("pool.arrow"))


def test_a_killed_ingestion_leaves_no_half_of_a_pool(tmp_path: Path) -> None:
    many_records(tmp_path)
    whole = ingested(tmp_path, "raw.jsonl")
    for delay_s in (0.02, 0.1, 0.2):
        (tmp_path / "home").rename(tmp_path / f"home-before-{delay_s}")
        running = process(tmp_path, 1 << 40)
        assert running.stdout
        running.stdout.readline()
        time.sleep(delay_s)
        running.send_signal(signal.SIGKILL)
        running.communicate()

        for folder in (tmp_path / "home" / "pools").glob("[!.]*"):
            assert Pool.open(folder).table.equals(whole.pool.table)
        assert ingested(tmp_path, "raw.jsonl").pool.version == whole.pool.version
        assert not list((tmp_path / "home").rglob(f"*{UNFINISHED}"))
