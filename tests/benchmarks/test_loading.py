import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.formats.adapters import ADAPTERS
from autoselection_core.benchmarks.loading import benchmark_from, load_benchmark, named_benchmark
from autoselection_core.benchmarks.metric import Metric
from autoselection_core.benchmarks.settings import SETTINGS, BenchmarkSettings
from autoselection_core.benchmarks.split import split
from autoselection_core.errors.base import AutoSelectionError
from autoselection_core.errors.benchmarks import (
    BadItemError,
    NoSuchBenchmarkError,
    NotAQuestionError,
    UnknownBenchmarkSettingError,
    UnreadableBenchmarkError,
)
from autoselection_core.errors.recipe import SettingError
from autoselection_core.errors.store import OutsideFolderError
from autoselection_core.pool.sample import Role

QUESTIONS = [{"question": f"What is {number} + {number}?", "answer": str(2 * number)} for number in range(40)]
CHOICES: list[dict[str, Any]] = [
    {**record, "choices": [record["answer"], "17 and a half", "none at all"], "answer": 0}
    for record in QUESTIONS
]


def folder(
    place: Path,
    items: list[Any] = QUESTIONS,
    targets: list[Any] | None = None,
    settings: str = "metric: log_likelihood\n",
) -> Path:
    place.mkdir(exist_ok=True)
    (place / "benchmark.yaml").write_text(settings)
    (place / "items.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    if targets is not None:
        (place / "targets.jsonl").write_text("".join(json.dumps(target) + "\n" for target in targets))
    return place


def test_a_folder_is_a_benchmark(tmp_path: Path) -> None:
    benchmark = load_benchmark(
        folder(tmp_path / "sums", targets=[{"question": "What is 1 + 2?", "answer": "3"}])
    )

    assert (benchmark.name, len(benchmark.items), len(benchmark.targets)) == ("sums", 40, 1)
    assert benchmark.items[3].prompt[-1].content == "What is 3 + 3?"
    assert benchmark.items[3].reference == "6"
    assert benchmark.chance is None


def test_parquet_says_the_same_as_json_lines(tmp_path: Path) -> None:
    lines = load_benchmark(folder(tmp_path / "sums"))
    table = folder(tmp_path / "table")
    (table / "items.jsonl").unlink()
    pq.write_table(pa.Table.from_pylist(QUESTIONS), table / "items.parquet")
    (table / "benchmark.yaml").write_text("name: sums\n")

    assert load_benchmark(table).version == lines.version


def test_options_are_presented_with_letters_in_an_order_from_their_content(tmp_path: Path) -> None:
    benchmark = load_benchmark(folder(tmp_path / "sums", CHOICES, settings="metric: choice_accuracy\n"))

    assert benchmark.chance == pytest.approx(1 / 3)
    for item, record in zip(benchmark.items, CHOICES, strict=True):
        presented = [record["choices"][position] for position in item.order]
        assert item.choices == ("A", "B", "C")
        assert presented["ABC".index(item.reference)] == record["choices"][0]
        assert item.prompt[-1].content.endswith(
            "\n".join(f"{a}. {b}" for a, b in zip("ABC", presented, strict=True))
        )
    assert len({item.reference for item in benchmark.items}) == 3


def test_where_the_source_puts_the_right_answer_does_not_matter(tmp_path: Path) -> None:
    turned = [{**record, "choices": record["choices"][::-1], "answer": 2} for record in CHOICES]
    settings = "name: sums\nmetric: choice_accuracy\n"
    one = load_benchmark(folder(tmp_path / "one", CHOICES, settings=settings))
    other = load_benchmark(folder(tmp_path / "other", turned, settings=settings))

    assert [item.prompt for item in one.items] == [item.prompt for item in other.items]
    assert [item.id for item in one.items] == [item.id for item in other.items]


def test_options_that_speak_of_other_options_keep_their_order(tmp_path: Path) -> None:
    for last in ("All of the above", "Both A and B", "Neither"):
        items = [
            {"question": f"{number}?", "choices": ["x", "y", "z", last], "answer": 1} for number in range(9)
        ]
        place = folder(tmp_path / "b", items, settings="metric: choice_accuracy\ndev_share: 0.5\n")

        assert {item.order for item in load_benchmark(place).items} == {(0, 1, 2, 3)}


def test_the_order_of_options_is_the_same_in_every_process(tmp_path: Path) -> None:
    place = folder(tmp_path / "sums", CHOICES, settings="metric: choice_accuracy\n")
    program = (
        "import sys, pathlib\n"
        "from autoselection_core.benchmarks.loading import load_benchmark\n"
        "print([item.order for item in load_benchmark(pathlib.Path(sys.argv[1])).items])\n"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", program, str(place)],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert told == {str([item.order for item in load_benchmark(place).items]) + "\n"}


def test_shots_come_from_the_targets_and_from_the_group_of_the_question(tmp_path: Path) -> None:
    items = [{**record, "group": "sums"} for record in QUESTIONS]
    targets = [
        {"question": "Capital of France?", "answer": "Paris", "group": "places"},
        {"question": "What is 100 + 1?", "answer": "101", "solution": "One more than 100.", "group": "sums"},
    ]
    benchmark = load_benchmark(
        folder(tmp_path / "sums", items, targets, "metric: answer_accuracy\nshots: 1\nsystem: Be brief.\n")
    )

    system, question, answer, asked = benchmark.items[0].prompt
    assert system.content == "Be brief."
    assert question.content.startswith("What is 100 + 1?")
    assert answer.content == "One more than 100.\nAnswer: 101"
    assert asked.content.startswith("What is 0 + 0?")


@pytest.mark.parametrize(
    ("said", "opens"),
    [
        ("metric: answer_accuracy", [Role.SYSTEM, Role.USER]),
        ('metric: answer_accuracy\nsystem: ""', [Role.USER]),
        ("metric: log_likelihood", [Role.USER]),
    ],
)
def test_a_system_line_opens_the_prompts_of_written_answers(
    tmp_path: Path, said: str, opens: list[Role]
) -> None:
    benchmark = load_benchmark(folder(tmp_path / "sums", settings=f"{said}\n"))

    assert {tuple(message.role for message in item.prompt) for item in benchmark.items} == {tuple(opens)}


@pytest.mark.parametrize(
    ("name", "line"),
    [("gsm8k", '"#### N"'), ("own", '"Answer: X"')],
)
def test_prompts_of_written_answers_say_what_their_last_line_is(tmp_path: Path, name: str, line: str) -> None:
    items = answered(QUESTIONS) if name == "gsm8k" else QUESTIONS
    benchmark = load_benchmark(
        folder(tmp_path / "sums", items, settings=f"metric: answer_accuracy\nformat: {name}\nshots: 0\n")
    )

    assert all(line in item.prompt[-1].content.splitlines()[-1] for item in benchmark.items)


def test_a_question_among_the_targets_is_not_scored(tmp_path: Path) -> None:
    benchmark = load_benchmark(folder(tmp_path / "sums", targets=QUESTIONS[:5]))

    assert len(split(benchmark).left_out) == 5


@pytest.mark.parametrize("order", [1, -1])
def test_questions_that_are_drawn_as_targets_are_scored_nowhere_and_begin_every_larger_draw(
    tmp_path: Path, order: int
) -> None:
    asked = {record["question"] for record in QUESTIONS}

    def drawn(count: int) -> Benchmark:
        records = [*QUESTIONS, QUESTIONS[7]][::order]
        settings = f"metric: log_likelihood\ntarget_items: {count}\n"
        return load_benchmark(folder(tmp_path / "sums", records, settings=settings))

    few, many = drawn(5), drawn(12)
    parted = split(many)
    scored = {item.question for item in (*parted.dev, *parted.test)}

    assert many.target_question_texts[:5] == few.target_question_texts
    assert few.target_question_texts[0] == "What is 33 + 33?"
    assert len(set(many.target_question_texts)) == len(many.targets) == 12
    assert scored == asked - set(many.target_question_texts)
    assert {item.question for item in split(few).dev} >= {item.question for item in parted.dev}
    assert few.version != many.version != load_benchmark(folder(tmp_path / "sums")).version


@pytest.mark.parametrize(
    ("settings", "targets", "fault"),
    [
        ("target_items: 0\n", None, "at least 1 item"),
        ("target_items: 40\n", None, "less than the number of its questions, 40"),
        ("target_items: 5\n", QUESTIONS[:5], "left out where the folder has targets.jsonl"),
        ("target_items: 5\ntargets: targets.jsonl\n", QUESTIONS[:5], "left out where `targets` names a file"),
        ("target_items: many\n", None, "whole number"),
    ],
)
def test_a_number_of_targets_that_cannot_be_drawn_is_refused(
    tmp_path: Path, settings: str, targets: list[Any] | None, fault: str
) -> None:
    with pytest.raises(SettingError, match="target_items") as refused:
        load_benchmark(folder(tmp_path / "sums", targets=targets, settings=settings))

    assert fault in str(refused.value)


def test_a_question_that_stands_twice_counts_once(tmp_path: Path) -> None:
    assert len(load_benchmark(folder(tmp_path / "sums", [*QUESTIONS, QUESTIONS[0]])).items) == 40


def choice(**changed: object) -> Mapping[str, object]:
    return {"question": "x?", "choices": ["a", "b"], "answer": 0, **changed}


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("{ no json", "no JSON"),
        ("[1, 2]", "no JSON object"),
        ('{"question": "x?"}', "'answer' is missing"),
        ('{"question": " ", "answer": "1"}', "a text is missing"),
        ('{"question": "x?", "answer": null}', "a text is missing"),
        (json.dumps(choice(answer=2)), "index"),
        (json.dumps(choice(answer=0.5)), "index"),
        (json.dumps(choice(answer="c")), "right answer once"),
        (json.dumps(choice(choices=["a", "a", "b"])), "right answer once"),
        (json.dumps(choice(choices=["a"])), "two or more"),
        (json.dumps({"question": "x?", "answer": "a"}), "needs choices"),
        (json.dumps(choice(question="x? \ud800")), "half of a character"),
        (json.dumps(choice(choices=["a", "b\udfff"])), "half of a character"),
    ],
)
def test_a_bad_record_is_named_by_its_line_and_not_quoted(tmp_path: Path, record: str, reason: str) -> None:
    place = folder(tmp_path / "b", CHOICES, settings="metric: choice_accuracy\n")
    with (place / "items.jsonl").open("a") as file:
        file.write("\n" + record + "\n")

    with pytest.raises(BadItemError, match=reason) as caught:
        load_benchmark(place)

    assert caught.value.line == len(CHOICES) + 2
    assert "x?" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "error", "says"),
    [
        ("metrik: choice_accuracy\n", UnknownBenchmarkSettingError, "Did you mean 'metric'?"),
        ("metric: accuracy\n", UnknownBenchmarkSettingError, "log_likelihood"),
        ("format: gsm9k\n", UnknownBenchmarkSettingError, "Did you mean 'gsm8k'?"),
        ("dev_share: 2\n", SettingError, "dev_share"),
        ("dev_items: many\n", SettingError, "a whole number"),
        ("answer_tokens: 0\n", SettingError, "from 1 to 131072"),
        ("answer_tokens: 131073\n", SettingError, "from 1 to 131072"),
        ("shots: 3\n", SettingError, "no targets"),
        ("items: ../elsewhere.jsonl\n", OutsideFolderError, "outside"),
        ("items: gone.jsonl\n", UnreadableBenchmarkError, "no such file"),
        ("items: benchmark.yaml\n", UnreadableBenchmarkError, ".jsonl"),
        ("- a\n- list\n", UnreadableBenchmarkError, "mapping"),
        ("{", UnreadableBenchmarkError, "not YAML"),
    ],
)
def test_a_mistaken_setting_is_named_with_a_way_forward(
    tmp_path: Path, settings: str, error: type[AutoSelectionError], says: str
) -> None:
    with pytest.raises(error, match=says.replace("?", r"\?")):
        load_benchmark(folder(tmp_path / "b", settings=settings))


def test_a_folder_without_a_benchmark_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableBenchmarkError, match=r"benchmark\.yaml"):
        load_benchmark(tmp_path)


def test_a_benchmark_is_found_by_its_path_its_folder_or_its_bare_file_and_else_named_as_missing(
    tmp_path: Path,
) -> None:
    place = folder(tmp_path / "sums")
    (tmp_path / "benchmarks").mkdir()
    pq.write_table(pa.Table.from_pylist(answered(QUESTIONS)), tmp_path / "benchmarks/gsm8k.parquet")

    by_path, by_file, by_name = (
        named_benchmark(name, tmp_path) for name in (str(place), str(place / "benchmark.yaml"), "sums")
    )

    assert by_path.version == by_file.version == by_name.version
    assert len(named_benchmark("gsm8k", tmp_path).items) == 40
    for missing in ("mmlu", "sum", "own"):
        with pytest.raises(NoSuchBenchmarkError, match=f"no benchmark '{missing}' in {tmp_path}"):
            named_benchmark(missing, tmp_path)


RECORDS: Mapping[str, dict[str, Any]] = {
    "gsm8k": {"question": "1 + 1?", "answer": "It is two. #### 2"},
    "bbh": {"task": "boolean_expressions", "input": "not True is", "target": "False"},
    "mmlu": {"subject": "sums", "question": "1 + 1?", "choices": ["1", "2", "3", "4"], "answer": 1},
    "gpqa": {"question": "1 + 1?", "correct_answer": "2", "incorrect_answers": ["1", "3", "4"]},
    "graphwiz": {"input_prompt": "Is there a cycle?", "answer": "There is. ### Yes"},
    "nlgraph": {"task": "cycle", "question": "Is there a cycle?", "answer": "Yes, there is."},
}
_NAMES = ("task", "subject")


@pytest.mark.parametrize("known", sorted(set(ADAPTERS) - {"own"}))
def test_no_known_format_takes_a_record_with_a_text_that_is_missing(known: str) -> None:
    read, record = ADAPTERS[known].item, RECORDS[known]
    texts = [name for name, value in record.items() if isinstance(value, str) and name not in _NAMES]
    lists = [name for name, value in record.items() if isinstance(value, list)]

    assert read(record) is not None
    for missing in ("", " \n", None, 7):
        broken = [{**record, name: missing} for name in texts]
        broken += [{**record, name: [*record[name][:-1], missing]} for name in lists]
        for each in broken:
            with pytest.raises(NotAQuestionError, match="a text is missing"):
                read(each)


WITHOUT_HARNESS = """
import sys
from pathlib import Path

sys.modules["lm_eval"] = None

from autoselection_core.benchmarks.harness.benchmark import load_task
from autoselection_core.errors.benchmarks import NoHarnessError

for named in ("arc_easy", "words.yaml"):
    try:
        load_task(named, Path())
    except NoHarnessError as error:
        print(error)
"""


def test_without_the_harness_its_tasks_are_refused_with_what_to_install() -> None:
    """Python takes a module of None for one that is not there."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_HARNESS],
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        check=True,
        text=True,
    )

    assert done.stdout.count("pip install autoselection[harness]") == 2


CHANGED: Mapping[str, tuple[dict[str, Any], object]] = {
    "name": ({}, "others"),
    "format": ({}, "gsm8k"),
    "items": ({}, "more.jsonl"),
    "targets": ({}, "shots.jsonl"),
    "target_items": ({}, 3),
    "columns": ({"items": "bare.csv", "columns": ["question", "answer"]}, ["answer", "question"]),
    "records": ({"items": "splits.json", "records": ["data.train"]}, ["data.test"]),
    "metric": ({}, "bits_per_byte"),
    "shots": ({"metric": "answer_accuracy", "targets": "shots.jsonl"}, 1),
    "system": ({}, "Be brief."),
    "chance": ({}, 0.25),
    "confidential": ({}, True),
    "dev_share": ({}, 0.6),
    "dev_items": ({}, 3),
    "test_items": ({}, 3),
    "answer_tokens": ({}, 9),
    "fields": ({}, {"question": "{question} Or {answer}?"}),
    "answer_by": ({"items": "choices.jsonl", "answer_by": "index"}, "number"),
    "options": ({"items": "choices.jsonl", "answer_by": "index", "metric": "choice_accuracy"}, "texts"),
    "reads": ({}, "number"),
    "max_characters": ({}, 25),
    "max_bad_share": ({"items": "bad.jsonl", "max_bad_share": 0.5}, 0.9),
}
"""What is said beside the name, and another value, for every setting that does not belong to the harness."""

OF_THE_HARNESS = {"task", "measure", "backend"}


@pytest.mark.parametrize("name", CHANGED)
def test_every_setting_changes_the_benchmark(tmp_path: Path, name: str) -> None:
    said, value = CHANGED[name]
    place = folder(tmp_path / "sums", answered(QUESTIONS[4:]))
    for file, records in (("more.jsonl", QUESTIONS[2:]), ("shots.jsonl", QUESTIONS[:2])):
        lines = "".join(json.dumps(record) + "\n" for record in answered(records))
        (place / file).write_text(lines)
    chosen = [{**record, "answer": 1} for record in CHOICES]
    (place / "choices.jsonl").write_text("".join(json.dumps(record) + "\n" for record in chosen))
    (place / "bare.csv").write_text("".join(f"{n} + 1?,{n} and one\n" for n in range(20)))
    splits = {"train": answered(QUESTIONS[4:]), "test": answered(QUESTIONS[2:])}
    (place / "splits.json").write_text(json.dumps({"data": splits}))
    bad = [*QUESTIONS, *({"question": "x?"} for _ in range(60))]
    (place / "bad.jsonl").write_text("".join(json.dumps(record) + "\n" for record in bad))

    def outcome(**changed: object) -> object:
        try:
            made = benchmark_from({"name": "sums", **said, **changed}, place)
        except BadItemError as error:
            return str(error)
        return made.version, made.chance, made.confidential

    assert outcome(**{name: value}) != outcome()


def answered(questions: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{**record, "answer": f"so #### {record['answer']}"} for record in questions]


def test_equal_settings_are_one_in_a_set() -> None:
    settings = [BenchmarkSettings("b", fields={"question": "q"}) for _ in range(2)]

    assert len({*settings, BenchmarkSettings("other")}) == 2


def test_no_setting_is_without_a_change() -> None:
    assert CHANGED.keys() | OF_THE_HARNESS == set(SETTINGS)


@pytest.mark.real_data
class TestKnownBenchmarks:
    """Counts only: no text of an item stands here."""

    @staticmethod
    def settings(name: str, **changed: Any) -> dict[str, Any]:
        targets = {} if name == "nlgraph" else {"targets": f"targets/{name}.parquet"}
        return {"name": name, "format": name, "items": f"benchmarks/{name}.parquet", **targets, **changed}

    @pytest.mark.parametrize(
        ("name", "items", "targets", "left_out"),
        [
            ("gsm8k", 1_319, 100, 0),
            ("bbh", 920, 81, 0),
            # 54 of the 1,800 items stand twice.
            ("mmlu", 1_746, 285, 1),
            # One of the 448 items has its right answer among the wrong ones too.
            ("gpqa", 447, 98, 0),
            ("nlgraph", 620, 0, 0),
        ],
    )
    def test_all_records_are_accounted_for(
        self, real_data: Path, name: str, items: int, targets: int, left_out: int
    ) -> None:
        benchmark = benchmark_from(self.settings(name), real_data)
        parts = split(benchmark)

        assert (len(benchmark.items), len(benchmark.targets)) == (items, targets)
        assert len(parts.left_out) == left_out
        assert len(parts.dev) + len(parts.test) + left_out == items
        assert 0.35 < len(parts.dev) / items < 0.45
        likelihood = name in {"gsm8k", "bbh"}
        assert benchmark.metric is (Metric.LOG_LIKELIHOOD if likelihood else Metric.CHOICE_ACCURACY)
        assert benchmark.confidential == (name == "gpqa")

    def test_saying_yes_to_every_graph_scores_58_percent(self, real_data: Path) -> None:
        items = benchmark_from(self.settings("nlgraph"), real_data).items

        assert sum(item.target == "yes" for item in items) == 360

    @pytest.mark.parametrize("name", ["gsm8k", "bbh", "mmlu", "gpqa", "nlgraph"])
    def test_generative_prompts_have_shots_from_the_targets_alone(self, real_data: Path, name: str) -> None:
        benchmark = benchmark_from(self.settings(name, metric="answer_accuracy"), real_data)
        scored = {item.prompt[-1].content for item in split(benchmark).dev + split(benchmark).test}

        shots = {message.content for item in benchmark.items for message in item.prompt[:-1]}

        assert shots.isdisjoint(scored)
        assert {len(item.prompt) for item in benchmark.items} == ({2} if name == "nlgraph" else {8})

    def test_errors_and_representations_show_no_text_of_gpqa(self, real_data: Path) -> None:
        benchmark = benchmark_from(self.settings("gpqa"), real_data)

        shown = repr(benchmark) + repr(benchmark.items[0]) + repr(split(benchmark).dev[:2])

        assert benchmark.items[0].question[:12] not in shown
        assert benchmark.items[0].prompt[-1].content[-12:] not in shown
