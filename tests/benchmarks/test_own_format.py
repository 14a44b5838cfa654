"""Benchmarks of one's own: fields and templates, choices and answers in every spelling, files, bad ones."""

import csv
import gzip
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.benchmarks.formats.own_format import OwnFields, OwnFormat
from autoselection_core.benchmarks.loading import benchmark_from, load_benchmark
from autoselection_core.benchmarks.reading.extraction import is_right
from autoselection_core.benchmarks.settings import AnswerBy, BenchmarkSettings
from autoselection_core.errors.base import AutoSelectionError
from autoselection_core.errors.benchmarks import BadItemError, NotAQuestionError, UnknownBenchmarkSettingError
from autoselection_core.errors.recipe import SettingError
from autoselection_core.pool.reading.rules import Fields
from autoselection_core.pool.reading.view import FieldRoles

Record = Mapping[str, Any]
LETTERS = ["red", "green", "blue"]


def write(file: Path, records: Sequence[Record]) -> Path:
    file.parent.mkdir(exist_ok=True, parents=True)
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    return file.parent


def asked(count: int = 40) -> list[dict[str, Any]]:
    return [{"question": f"What is {number} plus 1?", "answer": number + 1} for number in range(count)]


def right(record: Record, **settings: Any) -> str:
    by = AnswerBy(settings.pop("answer_by", "auto"))
    return OwnFormat(OwnFields.from_mapping(settings), by).question(record).answer


@pytest.mark.parametrize(
    ("answer", "by"),
    [
        (1, "auto"),
        (1.0, "auto"),
        ("B", "auto"),
        ("b", "auto"),
        ("(B)", "auto"),
        ("B.", "auto"),
        ("green", "auto"),
        ("B. green", "auto"),
        ("(B) green", "auto"),
        (" green ", "auto"),
        (1, "index"),
        ("1", "index"),
        (2, "number"),
        ("2", "number"),
        ("b", "letter"),
        ("green", "text"),
    ],
)
def test_a_choice_is_named_by_position_letter_or_text(answer: object, by: str) -> None:
    record = {"question": "Which?", "choices": LETTERS, "answer": answer}

    assert right(record, answer_by=by) == "green"


def test_a_label_with_the_text_of_another_choice_is_none_of_them() -> None:
    assert right({"question": "Which?", "choices": LETTERS, "answer": "A. green"}) == "A. green"


def test_a_written_answer_of_several_lines_is_a_bad_record(tmp_path: Path) -> None:
    records = [{"question": f"{n} + 1?", "answer": f"One more.\n#### {n + 1}"} for n in range(40)]
    folder = write(tmp_path / "items.jsonl", records)
    said = {"name": "sums", "items": "items.jsonl", "metric": "answer_accuracy"}

    with pytest.raises(BadItemError, match="several lines, of which one would be read"):
        benchmark_from(said, folder)
    assert {item.reads for item in benchmark_from({**said, "reads": "number"}, folder).items} == {"number"}


@pytest.mark.parametrize(
    "choices",
    [
        LETTERS,
        json.dumps(LETTERS),
        {"A": "red", "B": "green", "C": "blue"},
        {"label": ["A", "B", "C"], "text": LETTERS},
        [{"label": label, "text": text} for label, text in zip("ABC", LETTERS, strict=True)],
    ],
)
def test_choices_are_lists_labels_or_both(choices: object) -> None:
    assert right({"question": "Which?", "choices": choices, "answer": "B"}) == "green"


def test_the_labels_of_a_record_go_before_positions() -> None:
    choices = {"label": ["1", "2", "3"], "text": LETTERS}

    assert right({"question": "Which?", "choices": choices, "answer": "2"}) == "green"


@pytest.mark.parametrize(
    ("choices", "answer"),
    [([3, 4, 5], 4), ([2, 1, 0], 1), ([True, False], True), (["no", "yes"], True), ([1.5, 2.5], 1)],
)
def test_numbers_and_booleans_may_be_choices(choices: list[object], answer: object) -> None:
    record = {"question": "Which?", "choices": choices, "answer": answer}
    if choices == [3, 4, 5]:
        # 4 is no position among three.
        with pytest.raises(NotAQuestionError, match="answer_by"):
            right(record)
        assert right(record, answer_by="text") == "4"
    else:
        assert right(record) in {"1", "yes", "2.5", "true"}


@pytest.mark.parametrize("answer", [False, "false", "B"])
def test_true_and_false_among_choices_are_chosen_by_value_text_or_letter(answer: object) -> None:
    record = {"question": "Is ice warm?", "choices": [True, False], "answer": answer}

    assert right(record) == "false"
    assert right(record, answer_by="letter" if answer == "B" else "text") == "false"


def test_marks_by_text_are_no_choices_of_a_record_with_an_answer() -> None:
    with pytest.raises(NotAQuestionError):
        right({"question": "Which?", "choices": {"Paris": True, "Rome": False}, "answer": "Paris"})


def test_digits_that_may_be_a_position_or_a_choice_ask_for_the_setting() -> None:
    record = {"question": "Which?", "choices": ["green", "red"], "answer": "7"}

    with pytest.raises(NotAQuestionError, match="answer_by"):
        right(record)


@pytest.mark.parametrize(
    ("answer", "choices"),
    [("2", LETTERS), (3, LETTERS), (-1, LETTERS), (0.5, LETTERS), ("D", LETTERS), (1, [2, 1, 1])],
)
def test_an_answer_that_is_no_choice_or_two_of_them_is_bad(
    answer: object, choices: list[object], tmp_path: Path
) -> None:
    place = write(
        tmp_path / "items.jsonl",
        [{"question": f"{n}?", "choices": choices, "answer": answer} for n in range(9)],
    )

    with pytest.raises(BadItemError, match="9 of 9 records"):
        benchmark_from({"name": "b"}, place)


@pytest.mark.parametrize("answer", [True, float("nan"), float("inf"), "B", None, 0.5, [1]])
def test_what_is_no_whole_number_is_no_position(answer: object) -> None:
    with pytest.raises(NotAQuestionError):
        right({"question": "Which?", "choices": LETTERS, "answer": answer}, answer_by="index")


def test_answers_may_be_numbers_and_are_read_as_numbers(tmp_path: Path) -> None:
    benchmark = benchmark_from(
        {"name": "sums", "metric": "answer_accuracy"}, write(tmp_path / "items.jsonl", asked())
    )

    assert {item.reads for item in benchmark.items} == {"number"}
    assert benchmark.items[3].target == "4"
    assert '"#### N"' in benchmark.items[3].prompt[-1].content


@pytest.mark.parametrize("metric", ["log_likelihood", "choice_accuracy", "answer_accuracy"])
def test_answers_may_be_true_or_false(tmp_path: Path, metric: str) -> None:
    records = [{"question": f"Is {number} even?", "answer": number % 2 == 0} for number in range(40)]
    benchmark = benchmark_from({"name": "even", "metric": metric}, write(tmp_path / "items.jsonl", records))

    assert [item.target for item in benchmark.items[:2]] == ["yes", "no"]
    assert {(item.reads, item.choices) for item in benchmark.items} == {("yes_no", ("yes", "no"))}


def test_a_model_may_choose_between_yes_and_no_where_answers_are_texts(tmp_path: Path) -> None:
    said = ["yes", "No", " true ", "False"]
    records = [{"question": f"Is {number} odd?", "answer": said[number % 4]} for number in range(40)]
    folder = write(tmp_path / "items.jsonl", records)
    chosen = benchmark_from({"name": "odd", "metric": "choice_accuracy"}, folder)
    read = benchmark_from({"name": "odd"}, folder)

    assert [item.target for item in chosen.items[:4]] == ["yes", "no", "yes", "no"]
    assert {item.choices for item in chosen.items} == {("yes", "no")}
    assert chosen.chance == 0.5
    assert [item.target for item in read.items[:4]] == ["yes", "No", "true", "False"]


@pytest.mark.parametrize("metric", ["choice_accuracy", "choice_accuracy_norm", "answer_accuracy"])
@pytest.mark.parametrize("count", [26, 27, 40])
def test_there_may_be_more_options_than_letters(tmp_path: Path, metric: str, count: int) -> None:
    words = [[f"word{n}_{each}" for each in range(count)] for n in range(20)]
    records = [
        {"question": f"Which word is number {n}?", "choices": each, "answer": 0}
        for n, each in enumerate(words)
    ]
    benchmark = benchmark_from({"name": "many", "metric": metric}, write(tmp_path / "items.jsonl", records))

    names = (
        tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        if count == 26
        else tuple(str(each) for each in range(1, count + 1))
    )
    for item, listed in zip(benchmark.items, words, strict=True):
        presented = [listed[position] for position in item.order]
        assert presented[names.index(item.target)] == listed[0]
        assert f"\n{names[-1]}. {presented[-1]}" in item.prompt[-1].content
        assert item.reads == ("letter" if count == 26 else "number")
        assert metric == "answer_accuracy" or item.choices == names
    assert benchmark.chance == pytest.approx(1 / count)


def test_options_may_be_texts_that_are_not_listed(tmp_path: Path) -> None:
    records = [{"question": f"{n}?", "choices": LETTERS, "answer": n % 3} for n in range(20)]
    settings = {"name": "b", "metric": "choice_accuracy_norm", "options": "texts"}
    benchmark = benchmark_from(settings, write(tmp_path / "items.jsonl", records))

    assert benchmark.items[1].prompt[-1].content == "1?"
    assert (benchmark.items[1].choices, benchmark.items[1].reference) == (tuple(LETTERS), "green")


MAPPINGS: tuple[tuple[dict[str, Any], Record], ...] = (
    (
        {"question": "{Body} {Question}", "answer": "Answer"},
        {"Body": "Ann has 3.", "Question": "How many?", "Answer": "3"},
    ),
    (
        {"question": "ctx.q", "answer": "answers.text.0"},
        {"ctx": {"q": "Ann has 3. How many?"}, "answers": {"text": ["3"]}},
    ),
    ({"question": "{a}{{}}{b}", "answer": "{n}"}, {"a": "Ann has ", "b": "3. How many?", "n": "3"}),
)


@pytest.mark.parametrize(("fields", "record"), MAPPINGS)
def test_fields_are_named_by_name_path_or_template(fields: dict[str, Any], record: Record) -> None:
    question = OwnFormat(OwnFields.from_mapping(fields)).question(record)

    assert question.text.replace("{}", "") == "Ann has 3. How many?"
    assert question.answer == "3"


def test_choices_may_stand_in_fields_of_their_own() -> None:
    fields = {"choices": ["opa", "opb", "opc", "opd"], "answer": "cop"}
    record = {"question": "Which?", "opa": "red", "opb": "green", "opc": "blue", "opd": None, "cop": 1}

    assert OwnFormat(OwnFields.from_mapping(fields)).question(record).choices == tuple(LETTERS)


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"questoin": "q"}, UnknownBenchmarkSettingError),
        ({"question": "{a"}, SettingError),
        ({"question": "{a!r}"}, SettingError),
        ({"question": "{a.__class__:>9}"}, SettingError),
        ({"question": 5}, SettingError),
    ],
)
def test_a_mistaken_mapping_is_refused(fields: dict[str, Any], error: type[AutoSelectionError]) -> None:
    with pytest.raises(error):
        OwnFields.from_mapping(fields)


@pytest.mark.parametrize("roles", [Fields, OwnFields])
@pytest.mark.parametrize(
    "said", [5, None, True, {"a": "b"}, ["a", 5], "{a", "{a!r}", "{a:>9}", "{}", "{a}}"], ids=str
)
def test_pools_and_benchmarks_refuse_the_same_names_of_fields(roles: type[FieldRoles], said: object) -> None:
    for role in ("question", "answer"):
        with pytest.raises(SettingError, match=rf"{role} is .*, but must be a field, or a template"):
            roles.of({role: said})


@pytest.mark.parametrize("roles", [Fields, OwnFields])
def test_pools_and_benchmarks_take_the_same_names_of_fields(roles: type[FieldRoles]) -> None:
    found = roles.of({"question": "Question: text", "answer": "{a.b} {c}", "choices": ["d", "e.0"]})

    assert {"Question: text", "a.b", "c", "d", "e.0"} <= set(found.names)


def test_a_mapping_that_fits_no_record_says_what_is_missing(tmp_path: Path) -> None:
    place = write(tmp_path / "items.jsonl", asked())

    with pytest.raises(
        BadItemError,
        match=r"'Answer' is missing \(its fields are .*\); name the answer under `fields` .*; 40 of 40",
    ):
        benchmark_from({"name": "b", "fields": {"answer": "Answer"}}, place)


def test_a_field_that_every_record_lacks_is_to_be_named_and_no_record_corrected(tmp_path: Path) -> None:
    asking = [{"ask": each["question"], "gold": each["answer"]} for each in asked()]
    place = write(tmp_path / "mine.jsonl", asking)

    with pytest.raises(BadItemError) as caught:
        benchmark_from({"name": "b", "items": "mine.jsonl"}, place)

    said = str(caught.value)
    assert "`items: mine.jsonl` and `fields: {question: ask, answer: gold}`" in said
    assert "name the question under `fields` of a `benchmark.yaml`" in said
    assert "correct" not in said
    named = {"question": "ask", "answer": "gold"}
    assert benchmark_from({"name": "b", "items": "mine.jsonl", "fields": named}, place).items


def test_a_field_that_some_records_lack_leaves_records_to_correct(tmp_path: Path) -> None:
    place = write(tmp_path / "items.jsonl", [*asked(), {"question": "1?"}, {"question": "2?"}])

    with pytest.raises(BadItemError, match=r"2 of 42 records are bad.*correct the records or remove them"):
        benchmark_from({"name": "b"}, place)


def test_fields_belong_to_the_own_format(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="only for it"):
        benchmark_from(
            {"name": "b", "format": "gsm8k", "fields": {"answer": "a"}},
            write(tmp_path / "items.jsonl", asked()),
        )


def bad_among(count: int, bad: int) -> list[Record]:
    broken: list[Record] = [{"question": f"{n}?", "answer": None} for n in range(bad)]
    return [*asked(count - bad), *broken]


def test_passages_that_are_no_part_of_their_questions_are_named_and_counted(tmp_path: Path) -> None:
    records = [{**each, "passage": f"It is said in {n}."} for n, each in enumerate(asked())]
    records[0]["passage"] = " "
    records[1] |= {"question": "Who? It is said in 1.", "Context": ["a"]}
    place = write(tmp_path / "items.jsonl", records)

    plain = benchmark_from({"name": "b"}, place)
    whole = benchmark_from({"name": "b", "fields": {"question": "{question}\n{passage}"}}, place)

    assert plain.unread == (("Context", 1), ("passage", 38))
    assert whole.unread == (("Context", 1),)


def test_a_few_bad_records_are_counted_named_and_left_out(tmp_path: Path) -> None:
    benchmark = benchmark_from({"name": "b"}, write(tmp_path / "items.jsonl", bad_among(100, 2)))

    assert len(benchmark.items) == 98
    assert [each.partition("items.jsonl, ")[2] for each in benchmark.bad_items] == [
        "record 99: a text is missing: 'answer' holds none",
        "record 100: a text is missing: 'answer' holds none",
    ]


@pytest.mark.parametrize(("bad", "share"), [(3, 0.02), (1, 0.0), (51, 0.5), (100, 0.99)])
def test_more_bad_records_than_the_stated_share_are_an_error_with_counts(
    tmp_path: Path, bad: int, share: float
) -> None:
    with pytest.raises(BadItemError, match=f"{bad} of 100 records are bad"):
        benchmark_from(
            {"name": "b", "max_bad_share": share}, write(tmp_path / "items.jsonl", bad_among(100, bad))
        )


def test_bad_records_change_nothing_of_what_is_scored(tmp_path: Path) -> None:
    clean = benchmark_from({"name": "b"}, write(tmp_path / "clean" / "items.jsonl", asked(98)))
    mixed = benchmark_from({"name": "b"}, write(tmp_path / "mixed" / "items.jsonl", bad_among(100, 2)))

    assert mixed.version == clean.version


def test_a_table_without_a_heading_is_read_with_the_columns_that_a_benchmark_names(tmp_path: Path) -> None:
    rows = "".join(f'"What is {n}, plus 1?",{n + 1}\n' for n in range(40))
    (tmp_path / "items.csv").write_text(rows)
    write(tmp_path / "targets.jsonl", asked(3))

    with pytest.raises(
        AutoSelectionError, match=r"as `columns: \[question, answer\]` in its source or benchmark"
    ):
        benchmark_from({"name": "sums"}, tmp_path)
    found = benchmark_from({"name": "sums", "columns": ["question", "answer"]}, tmp_path)
    named = {
        "fields": {"question": "ask", "answer": "gold"},
        "columns": ["ask", "gold"],
    }
    (tmp_path / "targets.jsonl").unlink()
    by_fields = benchmark_from({"name": "sums", **named}, tmp_path)

    assert sorted(item.target for item in found.items) == sorted(str(n + 1) for n in range(40))
    assert len(found.targets) == 3, "a file of another kind is read as it is"
    assert {item.id for item in by_fields.items} == {item.id for item in found.items}


def test_the_records_of_a_benchmark_are_those_at_the_places_that_it_names(tmp_path: Path) -> None:
    splits = {"train": asked(30), "test": asked(60)[30:]}
    (tmp_path / "items.json").write_text(json.dumps({"data": splits}))

    every = benchmark_from({"name": "sums"}, tmp_path)
    named = benchmark_from({"name": "sums", "records": ["data.test"]}, tmp_path)

    assert len(every.items) == 60
    assert sorted(int(item.target) for item in named.items) == list(range(31, 61))
    with pytest.raises(AutoSelectionError, match=r"no records under 'data\.dev'"):
        benchmark_from({"name": "sums", "records": ["data.dev"]}, tmp_path)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"columns": "question"}, "a list of texts"),
        ({"columns": ["question", 3]}, "a list of texts"),
        ({"columns": ["question", "question"]}, "names that differ"),
        ({"columns": ["question", "answer"]}, "which only CSV and TSV files need"),
        ({"records": ["data.test"], "items": "items.csv"}, "which are places in JSON files"),
        ({"records": ["test"], "format": "harness", "task": "arc_easy"}, "left out for the format 'harness'"),
    ],
)
def test_names_of_columns_and_places_that_change_nothing_are_refused(
    tmp_path: Path, settings: Record, says: str
) -> None:
    write(tmp_path / "items.jsonl", asked())
    (tmp_path / "items.csv").write_text("question,answer\n1 + 1?,2\n2 + 2?,4\n")

    with pytest.raises(AutoSelectionError, match=says):
        benchmark_from({"name": "sums", **settings}, tmp_path)


@pytest.mark.parametrize("kind", ["json", "json with a field", "csv", "tsv", "jsonl.gz", "ndjson"])
def test_other_files_say_the_same_as_json_lines(tmp_path: Path, kind: str) -> None:
    records = [{"question": f"What is {number} plus 1?", "answer": str(number + 1)} for number in range(40)]
    lines = benchmark_from({"name": "b"}, write(tmp_path / "lines" / "items.jsonl", records))
    place = tmp_path / "other"
    place.mkdir()
    ending = kind.partition(" ")[0]
    file = place / f"items.{ending}"
    if ending == "json":
        file.write_text(json.dumps(records if kind == "json" else {"version": 1, "data": records}))
    elif ending in {"csv", "tsv"}:
        with file.open("w", newline="") as opened:
            table = csv.DictWriter(opened, ["question", "answer"], delimiter="," if ending == "csv" else "\t")
            table.writeheader()
            table.writerows(records)
    else:
        text = "".join(json.dumps(record) + "\n" for record in records).encode()
        file.write_bytes(gzip.compress(text) if ending.endswith("gz") else text)

    assert benchmark_from({"name": "b", "items": file.name}, place).version == lines.version


def cached(cache: Path, repository: str, files: Mapping[str, Sequence[Record]]) -> None:
    """A data set as the hub's client keeps it."""
    root = cache / f"datasets--{repository.replace('/', '--')}"
    revision = "0" * 40
    (root / "refs").mkdir(parents=True)
    (root / "refs" / "main").write_text(revision)
    for name, records in files.items():
        write(root / "snapshots" / revision / name, records)


LOAD = """
import pathlib, sys
from autoselection_core.benchmarks.loading import benchmark_from
settings = {"name": "sums", "items": sys.argv[2], "targets": "hf://ours/sums@main:train"}
made = benchmark_from(settings, pathlib.Path(sys.argv[1]))
print(len(made.items), len(made.targets))
"""


def from_hub(home: Path, named: str) -> subprocess.CompletedProcess[str]:
    """Output of a process that has a cache below a folder and no network."""
    environment = {**os.environ, "HF_HOME": str(home), "HF_HUB_OFFLINE": "1"}
    environment.pop("HF_HUB_CACHE", None)
    command = [sys.executable, "-c", LOAD, str(home), named]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_items_are_read_from_a_hub_s_cache_without_a_network(tmp_path: Path) -> None:
    cached(tmp_path / "hub", "ours/sums", {"train.jsonl": asked(90)[50:], "test.jsonl": asked(40)})

    assert from_hub(tmp_path, "hf://ours/sums:test").stdout == "40 40\n"
    assert "HubUnreachableError" in from_hub(tmp_path, "hf://ours/gone").stderr


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["label", "text", "A"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(VALUES, VALUES, VALUES)
def test_any_record_is_a_question_or_says_why_not(question: object, answer: object, choices: object) -> None:
    try:
        made = OwnFormat().question({"question": question, "answer": answer, "choices": choices})
    except NotAQuestionError:
        return
    assert made.text == str(question).strip()
    assert made.answer


@pytest.mark.parametrize(
    "records",
    [
        asked(20),
        [{"question": f"Is {number} even?", "answer": number % 2 == 0} for number in range(20)],
    ],
)
def test_a_folder_with_a_yaml_that_names_its_items_is_enough(tmp_path: Path, records: list[Record]) -> None:
    place = write(tmp_path / "b" / "items.jsonl", records)
    (place / "benchmark.yaml").write_text("items: items.jsonl\n")

    assert len(load_benchmark(place).items) == 20


@pytest.mark.parametrize(
    "options",
    [
        LETTERS,
        {"A": "red", "B": "green", "C": "blue"},
        {"label": ["A", "B", "C"], "text": LETTERS},
        [{"label": label, "text": text} for label, text in zip("ABC", LETTERS, strict=True)],
    ],
)
def test_options_are_the_choices_of_a_record_without_choices(options: object) -> None:
    question = OwnFormat().question({"question": "Which?", "options": options, "answer": "B"})

    assert (question.answer, question.choices) == ("green", tuple(LETTERS))


@pytest.mark.parametrize("options", [{"temperature": 0.2}, "fast", [1, 2], None])
def test_options_that_list_no_texts_are_no_choices(options: object) -> None:
    question = OwnFormat().question({"question": "1 + 1?", "options": options, "answer": "2"})

    assert (question.answer, question.choices) == ("2", None)


def test_letters_go_on_behind_the_twenty_sixth_choice() -> None:
    many = [f"word {number}" for number in range(60)]

    assert right({"question": "Which?", "choices": many, "answer": "AC"}) == "word 28"
    assert right({"question": "Which?", "choices": many, "answer": "bh"}, answer_by="letter") == "word 59"


@pytest.mark.parametrize(
    "answer", ["many", "2024-01-05", "10-12", "1 hour 30 minutes", "2:3:5", "two", "3/4", "#### 5"]
)
def test_an_expected_number_that_is_no_single_number_is_a_bad_record(tmp_path: Path, answer: str) -> None:
    records = [{**asked()[0], "answer": answer}]
    said = {"name": "sums", "items": "items.jsonl", "metric": "answer_accuracy", "reads": "number"}
    folder = write(tmp_path / "items.jsonl", [*records, *asked()])

    found = benchmark_from({**said, "max_bad_share": 0.5}, folder)

    assert len(found.bad_items) == (answer not in {"two", "3/4", "#### 5"})
    assert not found.bad_items or "`reads: text`" in found.bad_items[0]
    assert not benchmark_from({**said, "reads": "text"}, folder).bad_items


@pytest.mark.parametrize(
    ("reads", "good", "answer", "bad"),
    [
        ("yes_no", "yes", "maybe", 1),
        ("yes_no", "yes", "true", 0),
        ("yes_no", "yes", "ja", 0),
        ("yes_no", "yes", "No.", 0),
        ("letter", "b", "7 of them", 1),
        ("letter", "b", "(c)", 0),
    ],
)
def test_an_expected_answer_that_no_answer_is_read_as_is_a_bad_record(
    tmp_path: Path, reads: str, good: str, answer: str, bad: int
) -> None:
    records = [{"question": f"Is it {number}?", "answer": good} for number in range(30)]
    folder = write(tmp_path / "items.jsonl", [*records, {"question": "Is it so?", "answer": answer}])
    said = {"name": "asked", "items": "items.jsonl", "metric": "answer_accuracy", "reads": reads}

    found = benchmark_from({**said, "max_bad_share": 0.1}, folder)

    assert len(found.bad_items) == bad


def test_an_expected_yes_in_another_language_is_the_yes_that_is_read() -> None:
    assert is_right("yes", "ja", "yes_no")
    assert not is_right("no", "oui", "yes_no")


def test_items_longer_than_the_stated_characters_are_left_out_and_counted_apart_from_bad_records(
    tmp_path: Path,
) -> None:
    """Prompt and longest choice count together; the limit itself is in."""
    short = [{"question": f"Say {number:02}.", "choices": ["a", "bc"], "answer": "a"} for number in range(30)]
    long = [{"question": "Say 99.", "choices": ["a", "b" * 60], "answer": "a"}]
    said = {"name": "b", "items": "items.jsonl", "metric": "choice_accuracy", "options": "texts"}
    folder = write(tmp_path / "items.jsonl", [*short, *long])
    every = benchmark_from(said, folder)
    limit = min(item.characters for item in every.items)

    found = benchmark_from({**said, "max_characters": limit}, folder)

    assert limit == len("Say 00.") + 2
    assert (len(found.items), found.too_long, found.left_out, found.bad_items) == (30, 1, 0, ())
    assert found.version != every.version
    assert benchmark_from({**said, "max_characters": 10_000}, folder).version == every.version
    for refused in (0, 2.5):
        with pytest.raises(SettingError, match="max_characters"):
            benchmark_from({**said, "max_characters": refused}, folder)
    with pytest.raises(SettingError, match="max_characters"):
        BenchmarkSettings("b", format="harness", task="arc_easy", max_characters=9)


def test_more_than_a_thousand_choices_are_a_bad_record(tmp_path: Path) -> None:
    record = {"question": "Which?", "choices": [str(number) for number in range(1_001)], "answer": "5"}
    said = {"name": "many", "items": "items.jsonl", "metric": "choice_accuracy", "answer_by": "text"}

    with pytest.raises(BadItemError, match="1001 choices, more than 1000"):
        benchmark_from(said, write(tmp_path / "items.jsonl", [record]))


LETTERED = (
    ["A. red", "B. green", "C. blue"],
    ["(A) red", "(B) green", "(C) blue"],
    ["a) red", "b) green", "c) blue"],
    ["A: red", "B: green", "C: blue"],
)
NUMBERED = (["1. red", "2. green", "3. blue"], ["1) red", "2) green", "3) blue"])
CARRIED = (
    *((choices, answer) for choices in LETTERED for answer in ("green", "B. green", "(B) green", choices[1])),
    *((choices, answer) for choices in NUMBERED for answer in ("green", "2. green", choices[1])),
)


@pytest.mark.parametrize(("choices", "answer"), CARRIED)
def test_labels_that_choices_carry_are_not_listed_twice(
    tmp_path: Path, choices: list[str], answer: str
) -> None:
    """`B. A. red` was listed, with another letter for each choice than its own."""
    records = [{"question": f"Which {n}?", "choices": choices, "answer": answer} for n in range(40)]
    folder = write(tmp_path / "items.jsonl", records)

    made = benchmark_from({"name": "own", "items": "items.jsonl", "metric": "choice_accuracy"}, folder)

    for item in made.items:
        listed = item.prompt[-1].content.splitlines()[-3:]
        assert sorted(line[3:] for line in listed) == ["blue", "green", "red"]
        assert listed["ABC".index(item.target)][3:] == "green"


def test_choices_that_only_begin_like_labels_stay_whole() -> None:
    for choices in (["A. Miller", "C. Jones"], ["I. Kant", "J. Locke"], ["1. FC", "Hertha"], ["A.", "B."]):
        record = {"question": "Who?", "choices": choices, "answer": choices[1]}
        assert OwnFormat().question(record).choices == tuple(choices)


def test_a_letter_and_an_index_name_choices_that_carry_letters() -> None:
    for answer in ("B", "b", "(B)", 1):
        assert right({"question": "Which?", "choices": LETTERED[0], "answer": answer}) == "green"
    assert right({"question": "Which?", "choices": LETTERED[0], "answer": "A. green"}) == "A. green"


MARKED = {"choices": LETTERS, "labels": [0, 1, 0]}


@pytest.mark.parametrize(
    "record",
    [
        {"mc1_targets": MARKED},
        {"mc1_targets": MARKED, "mc2_targets": {"choices": LETTERS, "labels": [1, 1, 0]}},
        {"mc1_targets": {"red": 0, "green": 1, "blue": 0}},
        {"choices": MARKED},
        {"choices": {"text": LETTERS, "label": [False, True, False]}},
        MARKED,
        {"choices": LETTERS, "label": [0.0, 1.0, 0.0]},
        {"choices": LETTERS, "answer": [0, 1, 0]},
        {"choices": LETTERS, "answer": [False, True, False]},
        {"choices": [{"text": text, "correct": text == "green"} for text in LETTERS]},
        {"choices": LETTERS, "labels": [0, 1, 0], "answer": None},
    ],
)
def test_a_choice_that_is_marked_is_the_right_one(record: Record) -> None:
    """TruthfulQA's items, and their kind, were refused: the choices are no list of texts."""
    question = OwnFormat().question({"question": "Which?", **record})

    assert (question.answer, question.choices) == ("green", tuple(LETTERS))


@pytest.mark.parametrize(
    ("labels", "says"),
    [([1, 1, 0], "2 of the choices are marked"), ([0, 0, 0], "none of the choices is marked")],
)
def test_marks_of_several_choices_or_none_make_a_bad_record(labels: list[int], says: str) -> None:
    for record in (
        {"mc1_targets": {"choices": LETTERS, "labels": labels}},
        {"choices": LETTERS, "answer": labels},
    ):
        with pytest.raises(NotAQuestionError, match=says):
            OwnFormat().question({"question": "Which?", **record})


def test_labels_that_are_no_marks_of_an_answered_record_name_its_choices() -> None:
    said = {"label": [0, 1], "text": ["no", "yes"]}

    assert [right({"question": "Is it?", "choices": said, "answer": answer}) for answer in (1, "1", "0")] == [
        *("yes", "yes", "no")
    ]
    numbers = {"first": 1, "second": 0}
    assert right({"question": "Which?", "choices": numbers, "answer": "second"}) == "0"


@pytest.mark.parametrize("answer", [["5", "five"], ["A", "C"]])
def test_a_list_as_answer_is_said_to_be_one(answer: list[str]) -> None:
    with pytest.raises(NotAQuestionError, match=r"'answer' is a list; name one of it under `fields`"):
        OwnFormat().question({"question": "Which?", "answer": answer})


def test_a_letter_that_is_the_text_of_another_choice_asks_for_the_setting() -> None:
    with pytest.raises(NotAQuestionError, match="answer_by"):
        right({"question": "Which?", "choices": ["B", "A", "C"], "answer": "A"})
    assert right({"question": "Which?", "choices": ["B", "A", "C"], "answer": "A"}, answer_by="text") == "A"
    assert right({"question": "Which?", "choices": ["A", "B", "C"], "answer": "B"}) == "B"
    assert right({"question": "Which?", "choices": ["the", "a"], "answer": "a"}) == "a"


def test_nulls_behind_choices_are_padding_and_one_between_them_is_not() -> None:
    assert right({"question": "Which?", "choices": [*LETTERS, None, None], "answer": 1}) == "green"
    with pytest.raises(NotAQuestionError, match="a text is missing"):
        right({"question": "Which?", "choices": ["red", None, "green"], "answer": 2})


def test_choices_by_text_with_their_scores_are_marked() -> None:
    """As in tasks of BIG-bench."""
    record = {"input": "Which?", "target_scores": {"red": 0, "green": 1}}

    assert right(record, question="input", choices="target_scores") == "green"
