"""One set of records is the same in every kind of file, layout and compression."""

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from autoselection_core.errors.pool import (
    EmptyPoolError,
    NoSourceFileError,
    UnreadableSourceError,
)
from autoselection_core.identity import Json
from autoselection_core.pool import Ingestion, QuarantineReason, Source, ingest
from autoselection_core.pool.reading.rules import Fields, Rules
from autoselection_core.pool.sources import list_files
from autoselection_core.report.sections.tables import named_twice_sentence, other_splits_sentence
from autoselection_core.store.home import Home

RECORDS = [{"prompt": f"Count to {number}.", "response": f" 1\n{number}"} for number in range(2, 8)]
LINES = "".join(json.dumps(record) + "\n" for record in RECORDS).encode()
HEADER = "prompt{0}response\n"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


def table(separator: str) -> bytes:
    rows = (f'{record["prompt"]}{separator}"{record["response"]}"\n' for record in RECORDS)
    return (HEADER.format(separator) + "".join(rows)).encode()


def zstd(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return bytes(sink.getvalue())


def arrow(content: Callable[[pa.BufferOutputStream, pa.Schema], pa.ipc.RecordBatchStreamWriter]) -> bytes:
    rows = pa.Table.from_pylist(RECORDS)
    sink = pa.BufferOutputStream()
    with content(sink, rows.schema) as writer:
        writer.write_table(rows)
    return bytes(sink.getvalue())


def parquet() -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(RECORDS), sink)
    return bytes(sink.getvalue())


FILES = {
    "raw.jsonl": LINES,
    "raw.JSONL": LINES,
    "raw.ndjson": LINES,
    "raw.json": json.dumps(RECORDS).encode(),
    "array.jsonl": json.dumps(RECORDS).encode(),
    "pretty.jsonl": json.dumps(RECORDS, indent=1).encode(),
    "field.json": json.dumps({"version": "1.0", "data": RECORDS}).encode(),
    "pretty-field.json": json.dumps({"data": RECORDS, "n": [1]}, indent=2).encode(),
    "splits.json": json.dumps({"data": {"train": RECORDS}, "of": {"us": 1}}, indent=2).encode(),
    "parts.json": json.dumps({"test": RECORDS[:2], "examples": RECORDS[2:]}, indent=2).encode(),
    "objects.json": "\n".join(json.dumps(record, indent=2) for record in RECORDS).encode(),
    "raw.jsonl.gz": gzip.compress(LINES, mtime=0),
    "twice.jsonl.gz": gzip.compress(LINES[:100], mtime=0) + gzip.compress(LINES[100:]),
    "raw.JSON.GZ": gzip.compress(json.dumps(RECORDS).encode()),
    "raw.jsonl.zst": zstd(LINES),
    "raw.csv": table(","),
    "semicolons.csv": table(";"),
    "raw.tsv": table("\t"),
    "raw.csv.gz": gzip.compress(b"\xef\xbb\xbf" + table(","), mtime=0),
    "raw.parquet": parquet(),
    "stream.arrow": arrow(pa.ipc.new_stream),
    "file.arrow": arrow(pa.ipc.new_file),
}


def ingested(folder: Path, path: str = "*") -> Ingestion:
    return ingest([Source(str(folder / "raw" / path))], Home(folder / "home"))


def write(folder: Path, name: str, content: bytes) -> Path:
    file = folder / "raw" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


@pytest.mark.parametrize("name", FILES)
def test_every_kind_of_file_holds_the_same_samples(tmp_path: Path, name: str) -> None:
    write(tmp_path, name, FILES[name])

    found = ingested(tmp_path)

    assert (found.records, found.samples) == (len(RECORDS), len(RECORDS))
    said = {(one.content, other.content) for one, other in (each.messages for each in found.pool.samples())}
    assert said == {(record["prompt"], record["response"]) for record in RECORDS}
    assert found.pool.source_names == (name.split(".", maxsplit=1)[0],)


def test_lines_that_are_lists_of_turns_are_a_record_each(tmp_path: Path) -> None:
    turns = [[{"role": "user", "content": f"{n}?"}, {"role": "assistant", "content": "a"}] for n in range(3)]

    for count in (1, 3):
        write(tmp_path, "raw.jsonl", "".join(json.dumps(turn) + "\n" for turn in turns[:count]).encode())
        assert ingested(tmp_path).samples == count


def test_lines_that_hold_lists_of_objects_stay_a_record_each(tmp_path: Path) -> None:
    lines = [json.dumps({"data": [{"a": 1}], **record}) for record in RECORDS]
    write(tmp_path, "raw.jsonl", "\n".join(lines).encode())

    assert ingested(tmp_path).samples == len(RECORDS)


def test_a_line_that_was_cut_costs_that_record_alone(tmp_path: Path) -> None:
    for cut in (b'{"prompt": "a', b'{"prompt": "a}', b'{"prompt": {', b"[", b'["a"', b'{"data": [{"a": 1'):
        write(tmp_path, "raw.jsonl", cut + b"\n" + LINES)

        found = ingested(tmp_path)

        assert (found.records, found.samples) == (len(RECORDS) + 1, len(RECORDS))


def test_a_row_with_more_cells_than_the_header_is_put_aside(tmp_path: Path) -> None:
    write(tmp_path, "raw.csv", b"prompt,response\nCount, please.,1\na,b\n")

    found = ingested(tmp_path)

    assert (found.samples, found.reasons) == (1, {"raw": {QuarantineReason.BAD_ROW: 1}})


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (b'"c,d\ne,f\n', r"a quote is left open, so that the row takes the last 2 lines of the file"),
        (b'c,"d\n', r"a quote is left open, so that the row takes the last 1 lines of the file"),
    ],
)
def test_a_row_whose_quote_is_left_open_says_what_it_takes(tmp_path: Path, row: bytes, says: str) -> None:
    write(tmp_path, "raw.csv", b'prompt,response\na,"b\nb"\n' + row)

    found = ingested(tmp_path)

    assert (found.samples, found.reasons) == (1, {"raw": {QuarantineReason.BAD_ROW: 1}})
    assert says in found.quarantine_path.read_text()


def test_quotes_within_a_cell_open_nothing(tmp_path: Path) -> None:
    write(tmp_path, "raw.csv", b'prompt,response\n5" of rain,a\n"say ""b""","c\nd"\n')

    assert ingested(tmp_path).samples == 2


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (
            b'{"prompt": "a", "response": "b", "x": ' + b"[" * 960 + b"]" * 960 + b"}",
            "nested too deeply|recursion",
        ),
        (
            b'{"prompt": "a", "response": "b", "x": ' + b"[" * 90_000 + b"]" * 90_000 + b"}",
            "its values are nested too deeply",
        ),
        (b'{"prompt": "a", "response": ' + b"9" * 5_000 + b"}", "a number has more digits than are read"),
        (b'{"prompt": "a", "response": "b", "response": "c"}', "the name 'response' occurs twice"),
    ],
)
def test_a_record_that_is_nested_too_deeply_or_says_two_things_costs_itself_alone(
    tmp_path: Path, line: bytes, says: str
) -> None:
    write(tmp_path, "raw.jsonl", line + b"\n" + LINES)

    found = ingested(tmp_path)

    assert (found.samples, found.reasons) == (len(RECORDS), {"raw": {QuarantineReason.BAD_JSON: 1}})
    assert re.search(says, found.quarantine_path.read_text())


def test_a_name_that_repeats_its_value_is_one_field(tmp_path: Path) -> None:
    write(tmp_path, "raw.jsonl", b'{"prompt": "a", "response": "b", "response": "b"}\n')

    assert ingested(tmp_path).samples == 1


@pytest.mark.parametrize(("name", "content"), [("raw.jsonl", b"\n"), ("raw.csv", b"prompt,response\n")])
def test_files_without_a_record_are_said_to_be_empty(tmp_path: Path, name: str, content: bytes) -> None:
    write(tmp_path, name, content)

    with pytest.raises(EmptyPoolError, match="hold no record: their files are empty, or have a header alone"):
        ingested(tmp_path)


def test_an_empty_cell_is_an_absent_field_and_an_empty_row_no_record(tmp_path: Path) -> None:
    write(tmp_path, "raw.csv", b"prompt,response,note\na,b,\n\n,,\nc,,x\n")

    found = ingested(tmp_path)

    assert (found.records, found.reasons) == (2, {"raw": {QuarantineReason.NO_ANSWER: 1}})
    assert found.pool.origins(0)[0].extras is None


def test_a_cell_that_is_no_utf8_is_put_aside_as_such(tmp_path: Path) -> None:
    write(tmp_path, "raw.csv", b"prompt,response\na,b\nc,caf\xe9\n")

    assert ingested(tmp_path).reasons == {"raw": {QuarantineReason.BAD_UTF8: 1}}


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("raw.jsonl", LINES.decode().encode("utf-16"), "it is UTF-16; convert it with `iconv"),
        ("raw.csv", table(",").decode().encode("utf-16-le"), "it is UTF-16"),
        (
            "raw.jsonl",
            bytes(512) + LINES,
            "it begins with zero bytes, as a file that was not written to its end",
        ),
        ("raw.json", json.dumps(RECORDS).encode("utf-32"), "it is UTF-32"),
        ("raw.jsonl.gz", gzip.compress(LINES, mtime=0)[:-20], "ended before"),
        ("raw.jsonl.zst", b"no zstd", "zst"),
        ("raw.csv", b"a,a\n1,2\n", "names the column 'a' twice"),
        ("raw.arrow", b"no arrow at all", "cannot be read"),
        ("raw.jsonl", gzip.compress(LINES, mtime=0), "compressed by gzip"),
        ("raw.json", b'{"instruction": ["a", "c", "e"], "output": ["b", "d"]}', "differ in length"),
        ("raw.jsonl", POINTER, "it is a pointer of Git LFS; `git lfs pull`"),
        ("raw.csv", POINTER, "it is a pointer of Git LFS"),
        ("raw.parquet", POINTER, "it is a pointer of Git LFS"),
        ("raw.arrow", POINTER, "it is a pointer of Git LFS"),
        ("raw.jsonl", b"\n<!DOCTYPE html>\n<html><body>Sign in</body></html>", "it is a page of the web"),
    ],
)
def test_a_file_that_cannot_be_read_as_a_whole_is_named_with_the_reason(
    tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    write(tmp_path, name, content)

    with pytest.raises(UnreadableSourceError, match=says):
        ingested(tmp_path)


@pytest.mark.parametrize(
    ("encoding", "text", "named"),
    [
        ("latin-1", "Où est le café?", "it looks like ISO-8859-1 (Latin-1)"),
        ("cp1252", "He said \u201cno\u201d.", "it looks like WINDOWS-1252"),
        ("gb18030", "北京在哪里", "it looks like GB 18030, Big5, Shift JIS or EUC"),
    ],
)
@pytest.mark.parametrize("name", ["raw.jsonl", "raw.csv"])
def test_the_likely_encoding_of_a_file_that_is_not_utf8_is_named(
    tmp_path: Path, name: str, encoding: str, text: str, named: str
) -> None:
    record = json.dumps({"question": text, "answer": "2"}, ensure_ascii=False)
    lines = f"{record}\n" if name.endswith("jsonl") else f"question,answer\n{text},2\n"
    write(tmp_path, name, lines.encode(encoding))

    with pytest.raises(EmptyPoolError) as caught:
        ingested(tmp_path, name)

    assert named in str(caught.value)


def test_records_of_every_source_are_counted_by_their_fate(tmp_path: Path) -> None:
    write(tmp_path, "a.jsonl", LINES + b"no JSON\n")
    write(tmp_path, "b.jsonl", LINES)

    found = ingested(tmp_path, ".")

    count = len(RECORDS)
    assert {source: list(fates.values()) for source, fates in found.by_source.items()} == {
        "a": [count, 0, 1],
        "b": [0, count, 0],
    }
    assert sum(sum(fates.values()) for fates in found.by_source.values()) == found.records


def message(
    name: str, parent: str | None, role: str, text: str, rank: int | None = None
) -> dict[str, object]:
    return {
        "message_id": name,
        "parent_id": parent,
        "role": role,
        "text": text,
        "rank": rank,
        "deleted": False,
    }


TREES = [
    message("r1", "q1", "assistant", "No.", 1),
    message("q1", None, "prompter", "Name a river."),
    message("q3", "r2", "prompter", "Sure?"),
    message("q2", None, "prompter", "Name a city."),
    message("r2", "q1", "assistant", "The Lemmer.", 0),
    message("r3", "q2", "assistant", "Rome."),
    {**message("r4", "q2", "assistant", "Milan.", 0), "deleted": True},
    message("r5", "q3", "assistant", "Yes."),
    message("r6", "gone", "assistant", "To nobody."),
]
"""Messages of two trees in any order, and one whose question is not there."""


@pytest.mark.parametrize("kind", ["trees.jsonl", "trees.parquet"])
def test_messages_that_name_their_parents_are_trees_read_along_the_best(tmp_path: Path, kind: str) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(TREES), sink)
    lines = "".join(json.dumps(each) + "\n" for each in TREES).encode()
    write(tmp_path, kind, lines if kind.endswith("jsonl") else bytes(sink.getvalue()))

    found = ingested(tmp_path, kind)

    assert (found.records, found.samples, found.quarantined) == (3, 2, 1)
    said = {tuple(each.content for each in sample.messages) for sample in found.pool.samples()}
    assert said == {("Name a river.", "The Lemmer.", "Sure?", "Yes."), ("Name a city.", "Rome.")}
    assert {origin.locator for row in range(2) for origin in found.pool.origins(row)} == {
        f"{kind}#2",
        f"{kind}#4",
    }


def test_messages_that_lead_in_a_circle_are_put_aside_and_counted(tmp_path: Path) -> None:
    circle = [message("a", "b", "prompter", "x"), message("b", "a", "assistant", "y")]
    write(tmp_path, "trees.jsonl", "".join(json.dumps(each) + "\n" for each in [*TREES, *circle]).encode())

    found = ingested(tmp_path, "trees.jsonl")

    assert (found.records, found.samples, found.quarantined) == (5, 2, 3)


def test_a_folder_is_read_with_all_below_it_and_names_what_it_passes_over(tmp_path: Path) -> None:
    write(tmp_path, "a.jsonl", LINES)
    write(tmp_path, "deep/b.csv", table(","))
    write(tmp_path, "README.md", b"# Counting")
    write(tmp_path, ".cache/c.jsonl", LINES)

    found = ingested(tmp_path, ".")

    assert found.records == 2 * len(RECORDS)
    assert [path.name for path in found.passed_over] == ["README.md"]


@pytest.mark.parametrize("path", [".", "*.parquet"])
def test_a_link_of_data_that_leads_nowhere_is_named(tmp_path: Path, path: str) -> None:
    write(tmp_path, "a.jsonl", LINES)
    (tmp_path / "raw/notes.txt").symlink_to("nowhere")
    assert ingested(tmp_path, ".").records == len(RECORDS)
    (tmp_path / "raw/b.parquet").symlink_to(".git/annex/objects/b")

    with pytest.raises(UnreadableSourceError, match="it is a link to a file that is not there"):
        ingested(tmp_path, path)


def test_what_datasets_saves_is_read(tmp_path: Path) -> None:
    from datasets import Dataset, DatasetDict

    whole = Dataset.from_list(RECORDS)
    DatasetDict({"train": whole, "test": whole.select([0])}).save_to_disk(str(tmp_path / "raw" / "sums"))

    found = ingested(tmp_path, "sums")

    assert (found.records, found.samples, found.merged) == (7, 6, 1)
    assert found.passed_over == (), "the notes of `datasets` are no data"
    assert found.pool.source_names == ("sums",)


def names(folder: Path, *patterns: str) -> list[str]:
    return [file.name for file in list_files([Source(str(folder / "raw" / pattern)) for pattern in patterns])]


def test_the_shards_of_two_data_sets_stay_two_sources(tmp_path: Path) -> None:
    for place in (
        "sums/data/train-00000-of-00002",
        "sums/data/train-00001-of-00002",
        "web/train-00000-of-00002",
    ):
        write(tmp_path, f"{place}.parquet", FILES["raw.parquet"])

    assert names(tmp_path, "sums/data/*.parquet", "web/*.parquet") == ["sums", "sums", "web"]
    assert names(tmp_path, "**/*.parquet") == ["sums", "sums", "web"]


@pytest.mark.parametrize(
    ("first", "second"),
    [("train-00000-of-00001.jsonl", "test-00000-of-00001.jsonl"), ("train/a.jsonl", "Validation/a.jsonl")],
)
def test_a_split_beside_the_one_to_train_on_is_read_and_named(
    tmp_path: Path, first: str, second: str
) -> None:
    for name, question in ((first, "A?"), (second, "B?")):
        (tmp_path / "raw" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "raw" / name).write_text(json.dumps({"question": question, "answer": "x"}) + "\n")

    both = ingest([Source(str(tmp_path / "raw"))], Home(tmp_path / "home"))
    one = ingest([Source(str(tmp_path / "raw" / second))], Home(tmp_path / "home"))

    assert (both.samples, one.samples) == (2, 1)
    assert other_splits_sentence(both).startswith(f"{second} is read beside the split to train on")
    assert other_splits_sentence(one) == ""


def test_data_sets_of_one_name_are_named_with_their_folders(tmp_path: Path) -> None:
    for place in ("one/train.jsonl", "two/train.jsonl", "two/other.jsonl"):
        write(tmp_path, place, LINES)

    assert names(tmp_path, "**/*.jsonl") == ["one/train", "other", "two/train"]
    assert names(tmp_path, "one/*.jsonl", "two/*.jsonl") == ["one/train", "other", "two/train"]
    assert names(tmp_path, "two/train.jsonl") == ["train"]


def test_questions_about_paragraphs_are_a_record_each(tmp_path: Path) -> None:
    asked: list[dict[str, Json]] = [
        {"id": "1", "question": "Who?", "answers": [{"text": "Vos", "answer_start": 0}]},
        {"id": "2", "question": "When?", "answers": [], "is_impossible": True},
    ]
    clock = {"title": "Clock", "paragraphs": [{"context": "Vos mended it.", "qas": asked}]}
    turning = {"context": "It turns.", "qas": [{**asked[0], "id": "3"}]}
    mill = {"title": "Mill", "paragraphs": [turning, {"context": "Nobody asks.", "qas": []}]}
    (tmp_path / "articles.json").write_text(json.dumps({"version": "1.1", "data": [clock, mill]}))

    found = ingest([Source(str(tmp_path / "articles.json"))], Home(tmp_path / "home"))

    assert (found.records, found.samples, found.quarantined) == (4, 2, 2)
    assert sorted(sample.text() for sample in found.pool.samples()) == [
        "Who?\nIt turns.\nVos",
        "Who?\nVos mended it.\nVos",
    ]
    row = found.pool.row_of("articles.json#3")
    assert found.pool.origins(row)[0].extras == '{"id":"3","title":"Mill"}'


def test_bytes_in_a_column_are_the_text_that_they_spell(tmp_path: Path) -> None:
    columns = {"question": ["naïve".encode(), b"b"], "answer": ["Zoë".encode(), b"\xff"]}
    packed = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), packed)
    write(tmp_path, "raw.parquet", packed.getvalue().to_pybytes())

    found = ingested(tmp_path)

    assert [each.content for each in found.pool.sample(0).messages] == ["naïve", "Zoë"]
    assert found.reasons == {"raw": {QuarantineReason.BAD_UTF8: 1}}


def test_a_map_with_bytes_as_keys_has_texts_as_names(tmp_path: Path) -> None:
    kind = pa.map_(pa.binary(), pa.string())
    columns = {"meta": pa.array([[(b"question", "A?"), (b"answer", "a")]], kind)}
    pq.write_table(
        pa.table({**columns, "n": pa.array([[(1, "x")]], pa.map_(pa.int64(), pa.string()))}),
        tmp_path / "raw.parquet",
    )
    rules = Rules(fields=Fields(question="meta.question", answer="meta.answer"))

    found = ingest([Source(str(tmp_path / "raw.parquet"), rules=rules)], Home(tmp_path / "home"))

    assert [sample.text() for sample in found.pool.samples()] == ["A?\na"]


@pytest.mark.parametrize("name", ["one.json", "one.jsonl", "one.json.gz"])
@pytest.mark.parametrize("indent", [None, 1])
def test_a_file_that_is_one_list_of_turns_is_one_record(
    tmp_path: Path, name: str, indent: int | None
) -> None:
    turns = [
        {"from": "human", "value": "A?"},
        {"from": "gpt", "value": "a"},
        {"from": "human", "value": "B?"},
    ]
    raw = json.dumps([*turns, {"from": "gpt", "value": "b"}], indent=indent).encode()
    (tmp_path / name).write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw + b"\n")

    found = ingest([Source(str(tmp_path / name))], Home(tmp_path / "home"))

    assert [sample.text() for sample in found.pool.samples()] == ["A?\na\nB?\nb"]
    assert found.records == 1


def test_records_that_name_a_speaker_are_no_turns(tmp_path: Path) -> None:
    records = [{"from": "user", "question": f"{n}?", "answer": "a"} for n in range(2)]
    (tmp_path / "many.json").write_text(json.dumps(records))

    assert ingest([Source(str(tmp_path / "many.json"))], Home(tmp_path / "home")).samples == 2


def test_a_folder_of_files_of_other_kinds_says_what_it_holds_and_what_is_read(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    for name in ("a.xlsx", "b.tar.gz", "c.parquet.gz"):
        (tmp_path / "raw" / name).write_bytes(b"x")

    with pytest.raises(
        NoSourceFileError, match=r"of a kind that is read \(.*\.zst\); it holds a\.xlsx, b\.tar\.gz, c\.p"
    ):
        list_files([Source(str(tmp_path / "raw"))])


@pytest.mark.parametrize("kind", [pa.timestamp("us"), pa.date64()])
def test_a_date_that_python_has_none_for_is_kept_as_its_number(tmp_path: Path, kind: pa.DataType) -> None:
    days = (
        pa.array([2**60, None], kind) if pa.types.is_timestamp(kind) else pa.array([2**60, None]).view(kind)
    )
    table = pa.table({"question": ["A?", "B?"], "answer": ["a", "b"], "made": days})
    with pa.ipc.new_file(str(tmp_path / "raw.arrow"), table.schema) as file:
        file.write_table(table)

    found = ingest([Source(str(tmp_path / "raw.arrow"))], Home(tmp_path / "home"))

    extras = {found.pool.origins(row)[0].extras for row in range(len(found.pool))}
    assert extras == {'{"made":1152921504606846976}', None}


def test_a_file_that_two_sources_name_is_read_by_the_rules_of_each_and_told_of(tmp_path: Path) -> None:
    folder = tmp_path / "raw"
    folder.mkdir()
    file = folder / "a.jsonl"
    file.write_text('{"question": "A?", "answer": "a"}')
    (tmp_path / "link.jsonl").symlink_to(file)
    once = Source(str(folder))

    for other in (
        once,
        Source(str(file)),
        Source(str(folder / "*.jsonl")),
        Source(str(tmp_path / "link.jsonl")),
    ):
        found = ingest([once, other], Home(tmp_path / "home"))
        assert (found.samples, found.merged) == (1, 1)
        assert [(each.first, each.second) for each in found.named_twice] == [(once.path, other.path)]
        assert "is named by two sources" in named_twice_sentence(found)
    backwards = Source(str(file), rules=Rules(Fields(question="answer", answer="question")))
    assert ingest([once, backwards], Home(tmp_path / "home")).samples == 2
    (folder / "b.jsonl").symlink_to(file)
    found = ingest([once], Home(tmp_path / "home"))
    assert (found.merged, found.named_twice) == (1, ())


@pytest.mark.parametrize("place", ["columns", "fields"])
def test_two_columns_of_one_name_are_refused(tmp_path: Path, place: str) -> None:
    arrays, names = [pa.array(["q"]), pa.array(["a"]), pa.array(["b"])], ["question", "answer", "answer"]
    if place == "fields":
        arrays, names = [pa.StructArray.from_arrays(arrays, names=names)], ["record"]
    table, packed = pa.table(arrays, names=names), pa.BufferOutputStream()
    with pa.ipc.new_stream(packed, table.schema) as writer:
        writer.write_table(table)
    write(tmp_path, "raw.arrow", packed.getvalue().to_pybytes())

    with pytest.raises(UnreadableSourceError, match="names the column 'answer' twice"):
        ingested(tmp_path)


@pytest.mark.parametrize(
    ("content", "samples"),
    [
        ({"results": [{"question": "q", "answer": "a"}, {"question": "r", "answer": "b"}], "version": 1}, 2),
        ({"k1": {"question": "q", "answer": "a"}, "k2": {"question": "r", "answer": "b"}, "meta": {}}, 2),
        ({"easy": [{"question": "q", "answer": "a"}], "hard": [{"question": "r", "answer": "b"}]}, 2),
    ],
)
def test_records_under_a_field_of_any_name_are_a_record_each(
    tmp_path: Path, content: Json, samples: int
) -> None:
    write(tmp_path, "raw.json", json.dumps(content).encode())

    assert ingested(tmp_path).samples == samples


def test_a_cell_that_is_too_long_costs_its_row_alone(tmp_path: Path) -> None:
    write(tmp_path, "raw.csv", b"question,answer\nq,a\nr," + b"x" * (17 << 20) + b"\ns,b\n")

    found = ingested(tmp_path)

    assert (found.samples, found.reasons) == (2, {"raw": {QuarantineReason.TOO_LONG: 1}})
