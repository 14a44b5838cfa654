"""Raw files are found, and cut into records, whatever is in them."""

import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from autoselection_core.errors.pool import (
    EmptyPoolError,
    NoSourceFileError,
    UnknownFileKindError,
    UnreadableSourceError,
)
from autoselection_core.identity import Json
from autoselection_core.pool import Ingestion, Origin, QuarantineReason, Role, Source, ingest, sources_version
from autoselection_core.pool.files.readers import raw_records
from autoselection_core.pool.reading import Rules, read_record
from autoselection_core.pool.reading.view import Treatment
from autoselection_core.pool.sources import list_files
from autoselection_core.store.home import Home
from tests.pool.raw import ADDITION, ALPACA, OPENAI, conversation, write_lines


def cut(path: Path, content: bytes) -> list[tuple[int, int, bytes]]:
    """Number, line and text of the records of a file."""
    path.write_bytes(content)
    (file,) = list_files([Source(str(path))])
    return [(record.number, record.line, record.text) for record in raw_records(file)]


@pytest.mark.parametrize(
    ("content", "cuts"),
    [
        (b"", []),
        (b"\n \n", []),
        (b'{"a":1}\n\n{"b":2}', [(1, 1, b'{"a":1}'), (2, 3, b'{"b":2}')]),
        (b'\xef\xbb\xbf{"a":1}\r\n{', [(1, 1, b'{"a":1}'), (2, 2, b"{")]),
        (b"\xef\xbb\xbf", []),
    ],
)
def test_a_line_is_a_record_unless_it_is_blank(
    tmp_path: Path, content: bytes, cuts: list[tuple[int, int, bytes]]
) -> None:
    assert cut(tmp_path / "raw.jsonl", content) == cuts


@pytest.mark.parametrize(
    ("content", "cuts"),
    [
        (b"[]", []),
        (b"[1]", [(1, 1, b"1")]),
        (b'[{"a":[1,{}]},{"b":"],{\\""}]', [(1, 1, b'{"a":[1,{}]}'), (2, 1, b'{"b":"],{\\""}')]),
        (b'\xef\xbb\xbf\n[\n {"a":\n1},\n\n {"b":2}\n]\n', [(1, 3, b'{"a":\n1}'), (2, 6, b'{"b":2}')]),
        (b'[{"a":1},\n{"b":', [(1, 1, b'{"a":1}'), (2, 2, b'{"b":')]),
        (b'[{"a":1},,{"b":2}]', [(1, 1, b'{"a":1}'), (2, 1, b""), (3, 1, b'{"b":2}')]),
        (b'[{"a":1}]\n[2]', [(1, 1, b'{"a":1}'), (2, 1, b"[2]")]),
        (b'{"a":1}\n{"b":2}', [(1, 1, b'{"a":1}'), (2, 2, b'{"b":2}')]),
    ],
)
def test_an_element_of_an_array_is_a_record(
    tmp_path: Path, content: bytes, cuts: list[tuple[int, int, bytes]]
) -> None:
    assert cut(tmp_path / "raw.json", content) == cuts


def test_a_definition_beside_the_records_of_a_file_is_part_of_each_and_other_texts_are_named(
    tmp_path: Path,
) -> None:
    task = {"Definition": ["Be brief."], "Source": ["forum"], "Instances": [{"input": "A?", "output": ["a"]}]}
    raw = json.dumps(task | {"Categories": [], "Test": [{"input": "B?", "output": "b"}]})
    (tmp_path / "task.json").write_text(raw)

    found = ingest([Source(str(tmp_path / "task.json"))], Home(tmp_path / "home"))

    asked = sorted(sample.messages[0].content for sample in found.pool.samples())
    assert asked == ["Be brief.\nA?", "Be brief.\nB?"]
    assert ("Source", Treatment.OF_FILE, 2) in found.fields
    assert not any(name == "Categories" for name, _, _ in found.fields)


@pytest.mark.parametrize(
    "table",
    [
        {"question": ["A?", "B?"], "answer": ["a", "b"], "level": [1, 2]},
        {"question": {"0": "A?", "1": "B?"}, "answer": {"0": "a", "1": "b"}, "level": {"0": 1, "1": 2}},
        {"x": {"question": "A?", "answer": "a", "level": 1}, "y": {"question": "B?", "answer": "b"}},
        {
            "columns": ["question", "answer", "level"],
            "index": [0, 1],
            "data": [["A?", "a", 1], ["B?", "b", 2]],
        },
        {"schema": {"fields": [{"name": "index", "type": "integer"}], "primaryKey": ["index"]}}
        | {"data": [{"index": 0, "question": "A?", "answer": "a"}, {"question": "B?", "answer": "b"}]},
    ],
    ids=["lists", "columns", "records", "split", "table"],
)
def test_a_table_in_one_object_has_a_record_for_each_row(tmp_path: Path, table: Json) -> None:
    (tmp_path / "table.json").write_text(json.dumps(table))

    found = ingest([Source(str(tmp_path / "table.json"))], Home(tmp_path / "home"))

    assert sorted(sample.text() for sample in found.pool.samples()) == ["A?\na", "B?\nb"]
    assert found.records == 2


@pytest.mark.parametrize(
    "record",
    [
        {"question": ["A?"], "answer": ["a"]},
        {"question": "A?", "answer": "a", "choices": ["a", "b"]},
        {"columns": ["x", "y"], "data": [["A?", "a"]], "question": "A?", "answer": "a"},
        {"columns": ["question", "answer"], "data": [["A?", "a"], ["B?"]], "question": "A?", "answer": "a"},
        {"messages": [{"role": "user", "content": "A?"}, {"role": "assistant", "content": "a"}]}
        | {"tools": [{"name": "f"}, {"name": "g"}]},
    ],
)
def test_an_object_that_is_no_table_stays_one_record(tmp_path: Path, record: Json) -> None:
    (tmp_path / "one.json").write_text(json.dumps(record))

    assert ingest([Source(str(tmp_path / "one.json"))], Home(tmp_path / "home")).records == 1


def test_a_missing_quote_costs_one_record(tmp_path: Path) -> None:
    content = b'[\n{"a": "1},\n{"b": "2"},\n{"c": "3"}\n]'

    assert [text for _, _, text in cut(tmp_path / "raw.json", content)] == [
        b'{"a": "1}',
        b'{"b": "2"}',
        b'{"c": "3"}',
    ]


@pytest.mark.parametrize("name", ["raw.jsonl", "raw.json"])
def test_a_long_record_is_cut_where_it_is_known_to_be_too_long(tmp_path: Path, name: str) -> None:
    long = b'"' + b"a" * 3_000 + b'"'
    (tmp_path / name).write_bytes(b"[" + long + b",\n2]" if name == "raw.json" else long + b"\n2")
    (file,) = list_files([Source(str(tmp_path / name), rules=Rules(max_characters=50))])

    cuts = list(raw_records(file))

    assert [(record.line, len(record.text)) for record in cuts] == [(1, file.max_bytes + 1), (2, 1)]


@pytest.mark.parametrize("escaped", [True, False])
@pytest.mark.parametrize("text", ["a", "\u590f", "\U0001f600"])
def test_the_limit_of_a_record_counts_the_characters_of_its_text(
    tmp_path: Path, text: str, *, escaped: bool
) -> None:
    said = [{"prompt": "p", "response": text * count} for count in (1_000 - 16, 1_000 - 15)]
    lines = [json.dumps({**record, "n": [1.5] * 50}, ensure_ascii=escaped).encode() for record in said]
    write_lines(tmp_path / "raw.jsonl", lines)

    ingestion = ingest(
        [Source(str(tmp_path / "raw.jsonl"), rules=Rules(max_characters=1_000))], Home(tmp_path / "home")
    )

    assert ingestion.reasons == {"raw": {QuarantineReason.TOO_LONG: 1}}
    assert len(ingestion.pool.sample(0).messages[1].content) == 1_000 - 16


@pytest.mark.parametrize("name", ["raw.jsonl", "raw.json", "raw.parquet"])
def test_a_file_that_is_gone_when_it_is_read_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{}")
    (file,) = list_files([Source(str(tmp_path / name))])
    (tmp_path / name).unlink()

    with pytest.raises(UnreadableSourceError, match=f"{name} cannot be read"):
        list(raw_records(file))


def test_names_of_sources_may_be_encoded_as_a_dictionary(tmp_path: Path) -> None:
    names = pa.array(["x", "y", None]).dictionary_encode()
    pq.write_table(
        pa.table({"source_name": names, "record_json": ["1", None, "3"]}), tmp_path / "raw.parquet"
    )

    (file,) = list_files([Source(str(tmp_path / "raw.parquet"))])

    assert [(record.source, record.text) for record in raw_records(file)] == [
        ("x", b"1"),
        ("y", b""),
        ("raw", b"3"),
    ]


def test_the_columns_of_a_table_are_the_fields_of_its_records(tmp_path: Path) -> None:
    records: list[dict[str, Json]] = [
        {"messages": OPENAI["messages"], "instruction": None, "output": None, "score": float("nan")},
        {"messages": None, "instruction": "Add.\n1 + 1", "output": "2", "score": 1.0},
    ]
    pq.write_table(pa.Table.from_pylist(records), tmp_path / "raw.parquet")

    cuts = cut(tmp_path / "raw.parquet", (tmp_path / "raw.parquet").read_bytes())

    values = [json.loads(text, parse_constant=lambda _: None) for _, _, text in cuts]
    assert [(number, line) for number, line, _ in cuts] == [(1, 1), (2, 2)]
    assert [read_record(value).sample for value in values] == [ADDITION, ADDITION]


def test_a_column_of_times_is_kept_as_text(tmp_path: Path) -> None:
    table = pa.table({"question": ["q"], "answer": ["a"], "at": pa.array([0], pa.timestamp("s"))})
    pq.write_table(table, tmp_path / "raw.parquet")

    ((_, _, text),) = cut(tmp_path / "raw.parquet", (tmp_path / "raw.parquet").read_bytes())

    reading = read_record(json.loads(text))
    assert reading.sample == conversation((Role.USER, "q"), (Role.ASSISTANT, "a"))
    assert reading.extras == '{"at":"1970-01-01 00:00:00"}'


def test_a_damaged_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableSourceError, match=r"raw\.parquet cannot be read"):
        cut(tmp_path / "raw.parquet", b"PAR1 and then nothing")


@pytest.mark.parametrize("path", ["absent.jsonl", "*.jsonl", "absent/**/*.json", "."])
def test_a_source_without_a_file_is_named(tmp_path: Path, path: str) -> None:
    with pytest.raises(NoSourceFileError, match="no file matches the source") as caught:
        list_files([Source(str(tmp_path / path))])

    assert caught.value.path == str(tmp_path / path)


def test_a_file_of_an_unknown_kind_is_named(tmp_path: Path) -> None:
    (tmp_path / "raw.xlsx").write_text("a,b")

    with pytest.raises(UnknownFileKindError, match=r"raw\.xlsx .*\.jsonl"):
        list_files([Source(str(tmp_path / "*"))])


def test_a_pattern_finds_files_below_its_folder_in_order(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a/c.jsonl", "a/d/e.jsonl", "a/.hidden.jsonl", "a/d/f.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")

    files = list_files([Source(str(tmp_path / "**" / "*.jsonl"), name="all")])

    assert [(file.relative_path, file.name) for file in files] == [
        ("a/c.jsonl", "all"),
        ("a/d/e.jsonl", "all"),
        ("b.jsonl", "all"),
    ]


def test_a_file_whose_name_looks_like_a_pattern_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "a[1].jsonl").write_text("{}")

    (file,) = list_files([Source(str(tmp_path / "a[1].jsonl"))])

    assert (file.relative_path, file.name) == ("a[1].jsonl", "a[1]")


def test_a_file_whose_name_is_no_unicode_is_read(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.jsonl")).write_text(json.dumps(ALPACA))

    ingestion = ingest([Source(str(tmp_path / "*"))], Home(tmp_path / "home"))

    assert ingestion.pool.origins(0) == (Origin("caf\ufffd", "caf\ufffd.jsonl#1"),)


def test_the_version_of_sources_follows_their_bytes_names_and_licences(tmp_path: Path) -> None:
    raw, other = tmp_path / "raw.jsonl", tmp_path / "other.jsonl"
    raw.write_text(json.dumps(ALPACA))
    other.write_text("{}")
    sources = [Source(str(raw)), Source(str(other))]
    version = sources_version(sources)

    assert sources_version(sources[::-1]) == version
    assert sources_version([Source(str(raw), name="x"), sources[1]]) != version
    assert sources_version([Source(str(raw), licence="MIT"), sources[1]]) != version
    other.write_text("{} ")
    assert sources_version(sources) != version


def read(path: Path, content: Json | str, rules: Rules = Rules()) -> Ingestion:  # noqa: B008 it is frozen
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return ingest([Source(str(path), rules=rules)], Home(path.parent / "home"))


def said_in(found: Ingestion) -> list[str]:
    return sorted(sample.text() for sample in found.pool.samples())


BARE = (
    'What is 2 + 2?,Four\n"Who, then?",Nobody\n',
    "Who came?;Anneke Vos.\nWho went?;Bo, too.\n",
    "12.5,What is a half of 25?\n6,What is a half of 12?\n",
    '"Say ""yes"".",yes\n"Name two\nrivers.",Lemmer and Eem\n',
)


@pytest.mark.parametrize("content", BARE)
def test_a_table_without_a_heading_says_so_and_is_read_by_the_names_that_its_source_gives(
    tmp_path: Path, content: str
) -> None:
    """Its first record was lost as the heading, and no word said so."""
    with pytest.raises(EmptyPoolError, match=r"none of 2 records .* is a record .* no heading.*`columns: \["):
        read(tmp_path / "bare.csv", content)

    found = read(tmp_path / "bare.csv", content, Rules(columns=("question", "answer")))
    assert (found.records, found.samples) == (2, 2)
    headed = read(tmp_path / "bare.csv", f"question{';' if ';' in content else ','}answer\n{content}")
    assert said_in(found) == said_in(headed)


@pytest.mark.parametrize(
    "content",
    [
        "question,Is the answer right?\nA?,x\n",
        "0,1\nA?,x\n",
        "Frage,Antwort,Quelle\nA?,x,y\n",
        "user,assistant,Was it good?\nA?,x,yes\n",
    ],
)
def test_a_heading_is_no_record_whatever_it_asks(tmp_path: Path, content: str) -> None:
    (tmp_path / "raw.csv").write_text(content)
    (file,) = list_files([Source(str(tmp_path / "raw.csv"))])

    (record,) = raw_records(file)

    assert record.problem is None


def test_named_columns_that_are_there_as_a_heading_are_no_record(tmp_path: Path) -> None:
    rules = Rules(columns=("question", "answer"))

    assert said_in(read(tmp_path / "raw.csv", "question,answer\nA?,a\n", rules)) == ["A?\na"]


A, B, C = ({"question": f"{name}?", "answer": name.lower()} for name in "ABC")


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ({"train": [A, B], "test": [C]}, "test"),
        ({"test": [C], "train": [A, B], "version": "1.0"}, "test"),
        ({"train": [A, B], "dev": [C]}, "dev"),
        ({"Training": [A, B], "Testing": [C]}, "Testing"),
        ({"data": {"train": [A, B], "test": [C]}}, "data.test"),
        (
            {"version": "1.0", "data": {"splits": {"train": [A, B], "validation": [C]}}},
            "data.splits.validation",
        ),
        ({"train": {"a": A, "b": B}, "test": {"c": C, "d": C}}, "test"),
    ],
)
def test_of_several_splits_that_to_train_on_is_read_and_the_others_are_counted(
    tmp_path: Path, content: Json, place: str
) -> None:
    """Both splits were read alike, or none where they were below another field."""
    found = read(tmp_path / "raw.json", content)

    assert said_in(found) == ["A?\na", "B?\nb"]
    assert found.quarantined == found.records - 2 > 0
    (left,) = found.left_out
    assert left.reason == QuarantineReason.OTHER_PLACE
    assert f"it is under `{place}`, and of this file `" in left.example
    assert said_in(read(tmp_path / "raw.json", content, Rules(records=(place,)))) == ["C?\nc"]


@pytest.mark.parametrize(
    "content",
    [
        {"data": {"train": [A, B]}},
        {"data": {"all": [A, B]}, "about": {"by": ["us"]}},
        {"result": {"page": {"rows": [A, B]}}},
        {"corpus": {"a": A, "b": B}, "about": "two"},
        {"data": [A, B], "dev": []},
    ],
)
def test_records_below_fields_are_read_where_they_are_at_one_place(tmp_path: Path, content: Json) -> None:
    assert said_in(read(tmp_path / "raw.json", content)) == ["A?\na", "B?\nb"]


def test_records_at_several_places_are_put_aside_with_the_places(tmp_path: Path) -> None:
    content: Json = {"data": {"en": [A, B], "de": [C]}}

    with pytest.raises(
        EmptyPoolError, match=r"records at 2 places \(data.en, data.de\).*`records: \[data.en\]`"
    ):
        read(tmp_path / "raw.json", content)
    assert said_in(read(tmp_path / "raw.json", content, Rules(records=("data.de",)))) == ["C?\nc"]
    assert len(said_in(read(tmp_path / "raw.json", content, Rules(records=("data.de", "data.en"))))) == 3


@pytest.mark.parametrize(
    ("name", "content", "rules", "says"),
    [
        (
            "raw.json",
            {"data": {"en": [A]}},
            Rules(records=("data.fr",)),
            r"no records under 'data.fr'.*data.en",
        ),
        ("raw.json", [A, B], Rules(records=("data",)), "it is not one object"),
        (
            "raw.jsonl",
            f"{json.dumps(A)}\n{json.dumps(B)}\n",
            Rules(records=("data",)),
            "it is not one object",
        ),
        ("raw.csv", "question,answer\nA?,a\n", Rules(records=("data",)), "places in JSON files"),
        ("raw.json", [A, B], Rules(columns=("question", "answer")), "only CSV and TSV files need"),
    ],
)
def test_places_and_columns_that_a_file_does_not_have_are_refused(
    tmp_path: Path, name: str, content: Json, rules: Rules, says: str
) -> None:
    with pytest.raises(UnreadableSourceError, match=says):
        read(tmp_path / name, content, rules)


@pytest.mark.parametrize(
    "content",
    [
        "sep=;\nquestion;answer\nA?;a\n",
        "\ufeff\ufeffquestion,answer\nA?,a\n",
        'question, answer\n"A?", "a"\n',
        "question|answer\nA?|a\n",
        "\n\nquestion,answer\nA?,a\n",
    ],
)
def test_a_table_is_read_whatever_stands_before_or_between_its_names(tmp_path: Path, content: str) -> None:
    """The first line was the heading, blanks and quotes were part of an answer, bars no separator."""
    found = read(tmp_path / "raw.csv", content)

    assert (found.records, said_in(found)) == (1, ["A?\na"])


def test_a_tsv_with_commas_alone_is_read_by_them(tmp_path: Path) -> None:
    assert said_in(read(tmp_path / "raw.tsv", "question,answer\nA?,a\n")) == ["A?\na"]
    assert said_in(read(tmp_path / "raw.tsv", "question\tanswer\nA, or B?\ta\n")) == ["A, or B?\na"]


def test_blanks_behind_separators_stay_where_the_heading_has_none(tmp_path: Path) -> None:
    assert said_in(read(tmp_path / "raw.csv", "question,answer\nA?, a\n")) == ["A?\n a"]


def test_a_header_that_is_repeated_is_no_sample(tmp_path: Path) -> None:
    found = read(tmp_path / "raw.csv", "question,answer\nA?,a\nquestion,answer\nB?,b\n")

    assert said_in(found) == ["A?\na", "B?\nb"]
    assert [(each.records, each.reason) for each in found.left_out] == [(1, QuarantineReason.BAD_ROW)]


@pytest.mark.parametrize(("before", "behind"), [("", ","), ("", ",\r"), ("\x1e", ""), ("\x1e", " ")])
def test_lines_with_commas_behind_or_separators_before_them_are_a_record_each(
    tmp_path: Path, before: str, behind: str
) -> None:
    """All lines behind the first were one bad record."""
    lines = "".join(f"{before}{json.dumps(record)}{behind}\n" for record in (A, B, C))

    assert said_in(read(tmp_path / "raw.jsonl", lines)) == ["A?\na", "B?\nb", "C?\nc"]


def test_lines_of_python_are_said_to_be_such(tmp_path: Path) -> None:
    with pytest.raises(EmptyPoolError, match=r"it looks like Python, write it by json.dumps"):
        read(tmp_path / "raw.jsonl", f"{A}\n{B}\n")


@pytest.mark.parametrize(
    "turns",
    [
        {"0": "A?", "1": "a"},
        {"user": "A?", "assistant": "a"},
        {"0": {"from": "human", "value": "A?"}, "1": {"from": "gpt", "value": "a"}},
    ],
)
def test_a_file_that_is_one_record_with_turns_in_an_object_is_no_table(tmp_path: Path, turns: Json) -> None:
    """Each turn was a record of its own."""
    found = read(tmp_path / "raw.json", {"messages": turns})

    assert (found.records, said_in(found)) == (1, ["A?\na"])
