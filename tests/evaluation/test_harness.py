import copy
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.harness.task_file import own_task
from autoselection_core.benchmarks.loading import benchmark_from, load_benchmark
from autoselection_core.benchmarks.metric import Metric
from autoselection_core.benchmarks.split import Side, split
from autoselection_core.errors.benchmarks import HarnessTaskError
from autoselection_core.errors.evaluation import ScoringFailedError
from autoselection_core.errors.models import SystemLineError
from autoselection_core.errors.recipe import SettingError
from autoselection_core.evaluation.scoring.harness import running_in_harness
from autoselection_core.evaluation.scoring.likelihood import Scoring, log_likelihoods
from autoselection_core.evaluation.scoring.scoring import score_benchmark
from autoselection_core.models.base_model import BaseModel

TASK = """\
task: own_words
dataset_path: json
dataset_kwargs: {{data_files: {{test: {file}}}}}
test_split: test
output_type: {kind}
doc_to_text: "{{{{question}}}}"
{choices}
doc_to_target: "{target}"
metric_list:
  - {{metric: {metric}, aggregation: mean, higher_is_better: {higher}}}
{second}
{more}
metadata: {{version: 1.0}}
"""
CHOICES = ("one two", "three", "seventeen of them")


def task_in(
    folder: Path, kind: str = "multiple_choice", higher: str = "true", more: str = "", **settings: Any
) -> Path:
    documents = [
        {"question": f"What is {number} and {number % 3}?", "choices": CHOICES, "answer": number % 3}
        for number in range(16)
    ]
    folder.mkdir(exist_ok=True)
    (folder / "words.jsonl").write_text("".join(json.dumps(each) + "\n" for each in documents))
    has_choices = kind == "multiple_choice"
    (folder / "words.yaml").write_text(
        TASK.format(
            file=folder / "words.jsonl",
            kind=kind,
            choices='doc_to_choice: "{{choices}}"' if has_choices else "",
            target="answer" if has_choices else "{{answer}}",
            metric="acc" if has_choices else "exact_match",
            higher=higher,
            second="  - {metric: acc_norm, aggregation: mean, higher_is_better: true}" if has_choices else "",
            more=more,
        )
    )
    asked = {"format": "harness", "task": "words.yaml", "dev_share": 0.5, **settings}
    (folder / "benchmark.yaml").write_text(json.dumps(asked))
    return folder


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Benchmark:
    return load_benchmark(task_in(tmp_path_factory.mktemp("words") / "words"))


@pytest.fixture(scope="module")
def base(tiny: Path) -> BaseModel:
    return BaseModel.load(tiny, dtype="float32")


def test_a_local_task_is_a_benchmark_with_two_sides(words: Benchmark) -> None:
    sides = split(words)

    assert (words.metric, len(sides.dev) + len(sides.test)) == (Metric.TASK_SCORE, 16)
    assert {item.choices for item in sides.dev} == {CHOICES}


def test_blind_guessing_scores_what_the_choices_say_unless_the_user_knows_better(
    tmp_path: Path, words: Benchmark
) -> None:
    stated = load_benchmark(task_in(tmp_path / "stated", chance=0.5))
    written = load_benchmark(task_in(tmp_path / "written", kind="generate_until"))

    assert words.chance == pytest.approx(1 / 3)
    assert (stated.chance, written.chance) == (0.5, None)


@pytest.mark.parametrize("name", ["task", "measure", "backend"])
def test_every_setting_of_a_task_changes_the_benchmark(tmp_path: Path, words: Benchmark, name: str) -> None:
    place = task_in(tmp_path / "words")
    other = (place / "words.yaml").read_text().replace("task: own_words", "task: other_words")
    (place / "other.yaml").write_text(other)
    value = {"task": "other.yaml", "measure": "acc_norm", "backend": "vllm"}[name]
    settings = {"name": words.name, "format": "harness", "task": "words.yaml", "dev_share": 0.5}

    changed = benchmark_from({**settings, name: value}, place)

    assert changed.harness is not None
    assert words.harness is not None
    plain = (words.version, words.harness.backend)
    assert (changed.version, changed.harness.backend) != plain


def test_items_that_the_harness_gives_no_value_are_an_error_with_counts(
    words: Benchmark, base: BaseModel
) -> None:
    assert words.harness is not None
    unmeasured = replace(words, harness=replace(words.harness, measure="bleu"))

    with pytest.raises(ScoringFailedError, match=f"0 of {len(split(words).dev)} items were scored"):
        score_benchmark(base, unmeasured, Side.DEV, Scoring())


def test_the_harness_and_we_agree_on_likelihoods(words: Benchmark, base: BaseModel) -> None:
    score, _ = score_benchmark(base, words, Side.DEV, Scoring())

    items = {item.id: item for item in split(words).dev}
    assert [each.item for each in score.items] == list(items)
    for each in score.items:
        found = own_likelihoods(base, items[each.item].question)
        assert each.choice_log_likelihoods == pytest.approx(found, abs=1e-4)
        right = CHOICES.index(items[each.item].reference)
        assert each.value == float(int(np.argmax(found)) == right)


def own_likelihoods(base: BaseModel, question: str) -> list[float]:
    turn = [{"role": "user", "content": question}]
    asked = base.tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True)
    # The harness counts white space at the end of a prompt to the answer.
    prompt = base.tokenizer(asked.rstrip(), add_special_tokens=False)["input_ids"]
    answers = [
        base.tokenizer(asked + choice, add_special_tokens=False)["input_ids"][len(prompt) :]
        for choice in CHOICES
    ]
    sequences = [np.array([*prompt, *answer], np.int32) for answer in answers]
    wanted = [np.arange(len(sequence)) >= len(prompt) for sequence in sequences]
    values, _ = log_likelihoods(base.model, sequences, wanted, Scoring())
    return [float(value.sum(dtype=np.float64)) for value in values]


@pytest.mark.parametrize(
    ("system", "roles"), [("fold", ["user"]), ("drop", ["user"]), ("refuse", ["system", "user"])]
)
def test_the_chat_settings_of_a_model_hold_for_tasks_of_the_harness(
    words: Benchmark, base: BaseModel, system: str, roles: list[str]
) -> None:
    assert words.harness is not None
    tokenizer = copy.deepcopy(base.tokenizer)
    tokenizer.init_kwargs["autoselection"] = {"system": system}
    asked = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is 2 and 2?"}]

    with running_in_harness(replace(base, tokenizer=tokenizer), words.harness) as running:
        written = running.apply_chat_template(asked, add_generation_prompt=True)

    assert re.findall(r"<[|]im_start[|]>(system|user)", written) == roles
    assert ("Be brief." in written) is (system != "drop")


REFUSING = (
    "{% if messages[0].role == 'system' %}{{ raise_exception('no') }}{% endif %}{{ messages[-1].content }}"
)
LEAVING_OUT = "{{ messages[-1].content }}"


@pytest.mark.parametrize("template", [REFUSING, LEAVING_OUT], ids=["refuses", "leaves out"])
def test_a_system_line_that_the_template_does_not_take_is_no_prompt_without_it(
    words: Benchmark, base: BaseModel, template: str
) -> None:
    tokenizer = copy.deepcopy(base.tokenizer)
    tokenizer.chat_template = template
    asked = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is 2 and 2?"}]
    assert words.harness is not None

    with running_in_harness(replace(base, tokenizer=tokenizer), words.harness) as running:
        with pytest.raises(SystemLineError, match="system: fold"):
            running.apply_chat_template(asked)
        assert running.apply_chat_template(asked[1:]) == "What is 2 and 2?"


def test_a_generative_task_keeps_what_the_model_wrote(tmp_path: Path, base: BaseModel) -> None:
    benchmark = load_benchmark(task_in(tmp_path / "written", kind="generate_until"))

    score, tokens = score_benchmark(base, benchmark, Side.DEV, Scoring())

    assert tokens > 0
    assert all(item.output is not None for item in score.items)
    assert set(score.values) <= {0.0, 1.0}


def test_another_definition_is_another_version_and_another_folder_is_not(
    tmp_path: Path, words: Benchmark
) -> None:
    moved = load_benchmark(task_in(tmp_path / "words"))
    few = load_benchmark(task_in(tmp_path / "words", shots=2))

    assert moved.version == words.version
    assert few.version != words.version


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"measure": "bleu"}, "it has no metric 'bleu'"),
        ({"task": "gone.yaml"}, "there is no file"),
        ({"higher": "false"}, "less of its metric 'acc' is better"),
        ({"more": "process_results: !function own.read"}, "a configuration runs no code"),
        ({"more": "include: words.yaml"}, "it includes itself"),
        ({"more": "include: gone.yaml"}, "there is no file"),
        ({"more": "}"}, "is not YAML"),
    ],
)
def test_a_task_that_cannot_be_a_benchmark_is_refused(
    tmp_path: Path, settings: dict[str, str], said: str
) -> None:
    with pytest.raises(HarnessTaskError, match=said):
        load_benchmark(task_in(tmp_path / "words", **settings))


def test_a_task_may_be_named_by_what_it_includes(tmp_path: Path, words: Benchmark) -> None:
    place = task_in(tmp_path / "words")
    (place / "more.yaml").write_text("include: words.yaml\ntask: more_words\n")
    (place / "same.yaml").write_text("include: [words.yaml]\nmetadata: {version: 1.0}\n")

    assert own_task(place / "more.yaml", place)["task"] == "more_words"
    assert words.harness is not None
    assert own_task(place / "same.yaml", place)["task"] == words.harness.task


def test_only_the_format_harness_has_a_task(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="only for it"):
        load_benchmark(task_in(tmp_path / "words", format="own"))
