"""Task files of the harness that want to run code, read elsewhere, or never end."""

import json
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment, StrictUndefined, TemplateError
from lm_eval.api.task import ConfigurableTask

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.harness.own_task import OwnTask
from autoselection_core.benchmarks.harness.patterns import pattern_problem
from autoselection_core.benchmarks.harness.task_file import own_task
from autoselection_core.benchmarks.harness.template import MAX_SECONDS, MAX_TEXT, TaskTemplates
from autoselection_core.benchmarks.loading import load_benchmark
from autoselection_core.errors.base import AutoSelectionError
from autoselection_core.errors.benchmarks import HarnessTaskError

TASK: dict[str, Any] = {
    "task": "own_words",
    "dataset_path": "json",
    "dataset_kwargs": {"data_files": {"test": "words.jsonl"}},
    "test_split": "test",
    "output_type": "multiple_choice",
    "doc_to_text": "{{question}}",
    "doc_to_choice": "{{choices}}",
    "doc_to_target": "answer",
    "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
}
DOCUMENTS = [
    {"question": f"What is {number}?", "choices": ["one", "two", "three"], "answer": number % 3}
    for number in range(16)
]


def folder(place: Path, text: str, documents: list[dict[str, Any]] = DOCUMENTS) -> Path:
    place.mkdir(exist_ok=True)
    (place / "words.jsonl").write_text("".join(json.dumps(each) + "\n" for each in documents))
    (place / "words.yaml").write_text(text)
    (place / "benchmark.yaml").write_text("format: harness\ntask: words.yaml\ndev_share: 0.5\n")
    # What a function of a task file would be looked up in; running it leaves a mark.
    (place / "own.py").write_text(f"open({str(place / 'ran')!r}, 'w')\ndef read(*_): return 0\n")
    return place


def loaded(place: Path, text: str, documents: list[dict[str, Any]] = DOCUMENTS) -> Benchmark:
    return load_benchmark(folder(place, text, documents))


def said(**changed: Any) -> str:
    return yaml.safe_dump({**TASK, **changed})


PLAIN = said()
FUNCTIONS = {
    "as a value": PLAIN + "process_results: !function own.read\n",
    "under a key that is given twice": PLAIN + "doc_to_text: !function own.read\n",
    "first under a key that is given twice": "doc_to_text: !function own.read\n" + PLAIN,
    "as a key": PLAIN + "? !function own.read\n: x\n",
    "as a key inside": PLAIN + "metadata: {!function own.read : 1}\n",
    "in a list": PLAIN + "filter_list: [!function own.read]\n",
    "behind an alias": PLAIN + "metadata: &m [!function own.read]\ntag: *m\n",
    "merged": PLAIN + "metadata: {<<: {x: !function own.read}}\n",
    "by Python's own tag": PLAIN + "metadata: !!python/name:own.read x\n",
    "by a long tag": PLAIN + "metadata: !<!function> own.read\n",
    "by a tag of a handle": "%TAG !e! !func\n---\n" + PLAIN + "metadata: !e!tion own.read\n",
    "by a class": said() + "class: own.read\n",
    "by unsafe code": said(unsafe_code=True),
    "by a data set that is made": said(custom_dataset="own.read"),
    "by documents that are processed": said(process_docs="own.read"),
    "by another prompt source": said(use_prompt="promptsource:own"),
    "by a metric of a hub": said(metric_list=[{"metric": "own", "aggregation": "mean"}]),
    "by a metric of a file": said(metric_list=[{"metric": "./own.py", "aggregation": "mean"}]),
    "by a metric that is looked up": said(metric_list=[{"metric": "acc", "hf_evaluate": True}]),
    "by an aggregation": said(metric_list=[{"metric": "acc", "aggregation": "own.read"}]),
    "by a sampler": said(fewshot_config={"sampler": "own.read"}),
    "by a filter": said(
        filter_list=[{"name": "f", "filter": [{"function": "custom", "filter_fn": "own.read"}]}]
    ),
    "by a filter that is looked up": said(filter_list=[{"name": "f", "filter": [{"function": "own.read"}]}]),
    "by documents of the shots": said(fewshot_config={"samples": "own.read"}),
    "by a script": said(dataset_path="./own.py"),
    "by a script's folder": said(dataset_path="."),
    "by pickles": said(dataset_path="pandas"),
    "by remote code": said(dataset_kwargs={"data_files": "words.jsonl", "trust_remote_code": True}),
}


@pytest.mark.parametrize("way", FUNCTIONS)
def test_a_task_file_runs_no_code(tmp_path: Path, way: str) -> None:
    with pytest.raises(HarnessTaskError):
        loaded(tmp_path / "words", FUNCTIONS[way])

    assert not (tmp_path / "words" / "ran").exists()


ELSEWHERE: dict[str, dict[str, Any]] = {
    "an absolute file": {"dataset_kwargs": {"data_files": "/etc/passwd"}},
    "a file above": {"dataset_kwargs": {"data_files": {"test": "../secret.jsonl"}}},
    "a pattern above": {"dataset_kwargs": {"data_files": {"test": ["../*.jsonl"]}}},
    "a link": {"dataset_kwargs": {"data_files": {"test": "link.jsonl"}}},
    "a pattern that matches a link": {"dataset_kwargs": {"data_files": {"test": "l*.jsonl"}}},
    "an address": {"dataset_kwargs": {"data_files": {"test": "https://example.com/x.jsonl"}}},
    "an archive's inside": {"dataset_kwargs": {"data_files": {"test": "zip://x::../secret.zip"}}},
    "a folder": {"dataset_kwargs": {"data_dir": ".."}},
    "an include above": {"include": "../secret.yaml"},
    "an absolute include": {"include": ["/etc/passwd"]},
    "a hub's file above": {"dataset_path": "owner/name", "dataset_kwargs": {"data_files": "../x"}},
    "a hub's file by its address": {
        "dataset_path": "owner/name",
        "dataset_kwargs": {"data_files": "file:///etc"},
    },
    "a hub's name above": {"dataset_path": "../name"},
    "no files": {"dataset_kwargs": {}},
    "no text": {"dataset_kwargs": {"data_files": 7}},
}


@pytest.mark.parametrize("way", ELSEWHERE)
def test_a_task_file_reads_nothing_outside_its_folder(tmp_path: Path, way: str) -> None:
    (tmp_path / "secret.jsonl").write_text(json.dumps(DOCUMENTS[0]) + "\n")
    (tmp_path / "secret.yaml").write_text("task: secret\n")
    place = folder(tmp_path / "words", said(**ELSEWHERE[way]))
    (place / "link.jsonl").symlink_to(tmp_path / "secret.jsonl")

    with pytest.raises(AutoSelectionError):
        load_benchmark(place)


@pytest.mark.parametrize("named", ["../outside.yaml", "/etc/passwd.yaml", "link.yaml"])
def test_the_task_file_itself_lies_in_the_folder(tmp_path: Path, named: str) -> None:
    place = folder(tmp_path / "words", PLAIN)
    (tmp_path / "outside.yaml").write_text(PLAIN)
    (place / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    (place / "benchmark.yaml").write_text(json.dumps({"format": "harness", "task": named}))

    with pytest.raises(AutoSelectionError):
        load_benchmark(place)


DOCUMENT = {"question": " What? ", "choices": ["one", "two"], "answer": 1, "inner": {"deep": [1, 2]}}
REFUSED = {
    "an attribute of a class": "{{ ''.__class__.__mro__ }}",
    "an attribute by its name": "{{ ''|attr('__class__') }}",
    "globals": "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "the environment": "{{ self.__init__.__globals__ }}",
    "a mapped attribute": "{{ (['']|map(attribute='__class__')|list)[0] }}",
    "a format": "{{ '{0.__class__}'.format(1) }}",
    "a format by its operator": "{{ '%1000000000d' % 1 }}",
    "a macro": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "an import": "{% import 'x' as y %}",
    "an include": "{% include '/etc/passwd' %}",
    "an extension": "{% extends 'x' %}",
    "loops in loops in loops": "{% for a in [1] %}{% for b in [1] %}{% for c in [1] %}" + "{% endfor %}" * 3,
    "loops without an end": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "a recursive loop": "{% for a in [[1]] recursive %}{{ loop(a) }}{% endfor %}",
    "a long text": "{{ 'x' * 1000000000 }}",
    "a list that is long": "{{ [0] * 1000000000 }}",
    "a power": "{{ 9 ** 9 ** 9 }}",
    "a doubled text": "{% set a = 'xxxxxxxxxx' %}" + "{% set a = a ~ a %}" * 8 + "{{ a }}",
    "a text that is replaced": "{{ 'a'" + "|replace('a', 'aaaaaaaaaa')" * 12 + " }}",
    "a method that replaces": "{{ 'a'" + ".replace('a', 'aaaaaaaaaa')" * 12 + " }}",
    "a join": "{{ range(9999)|join('" + "x" * 1_000 + "') }}",
    "a method that joins": "{{ '" + "x" * 1_000 + "'.join(['a'] + range(9999)|map('string')|list) }}",
    "a wide text": "{{ 'x'|center(1000000000) }}",
    "a wide text by a method": "{{ 'x'.ljust(1000000000) }}",
    "a field that is not there": "{{ nothing }}",
    "a long source": "x" * 30_000,
    "brackets": "{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}",
    "a long number": "{{ " + "9" * 6_000 + " }}",
    "a broken template": "{{ question",
}


@pytest.mark.parametrize("way", REFUSED)
def test_a_template_that_says_more_than_it_may_is_refused_in_little_time(way: str) -> None:
    started = time.process_time()
    with pytest.raises(TemplateError):
        TaskTemplates().render(REFUSED[way], DOCUMENT)

    assert time.process_time() - started < 2 * MAX_SECONDS


@pytest.mark.parametrize("way", REFUSED)
def test_a_refused_template_takes_little_memory(way: str) -> None:
    tracemalloc.start()
    with pytest.raises(TemplateError):
        TaskTemplates().render(REFUSED[way], DOCUMENT)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 6 * MAX_TEXT


ALLOWED = (
    "{{question}}",
    "Question: {{question.strip()}}\nAnswer:",
    "{{ question|trim|lower }}{% if answer == 1 %} yes{% else %} no{% endif %}",
    "{% for choice in choices %}{{ loop.index }}. {{ choice }}\n{% endfor %}",
    "{% for choice in choices %}{{ 'ABCD'[loop.index0] }}) {{ choice|capitalize }}, {% endfor %}",
    "{% for choice in choices %}{{ choice }}{% if not loop.last %}, {% endif %}{% endfor %}",
    "{{ choices[answer] }} {{ choices.index('two') }} {{ inner.deep[0] + 2 }} {{ inner['deep']|length }}",
    "{{ choices|join(', ') }} {{ ' / '.join(choices) }} {{ question.replace('W', 'w') }}",
    "{% set right = choices[answer] %}{{ right ~ '!' }} {{ (answer * 3) % 2 }} {{ missing|default('none') }}",
    "{{ choices|map('upper')|list }} {{ ['A', 'B'][answer] }} {{ 'x' if answer else 'y' }}",
    "ends with a line\n",
)


@pytest.mark.parametrize("template", ALLOWED)
def test_a_plain_template_makes_what_the_harness_makes_of_it(template: str) -> None:
    plain = Environment(undefined=StrictUndefined, keep_trailing_newline=True)  # noqa: S701 no page

    assert TaskTemplates().render(template, DOCUMENT) == plain.from_string(template).render(**DOCUMENT)


@given(st.text(alphabet=st.sampled_from("{}%()[]'|.~+*_ aq1questionforinset"), max_size=40))
def test_any_template_is_rendered_or_refused(source: str) -> None:
    try:
        made = TaskTemplates().render(source, DOCUMENT)
    except (TemplateError, TypeError, ValueError, LookupError, ArithmeticError):
        return
    assert isinstance(made, str)


def test_a_template_that_fails_for_a_document_is_named(tmp_path: Path) -> None:
    with pytest.raises(HarnessTaskError, match="cannot be rendered"):
        loaded(tmp_path / "words", said(doc_to_text="{{ nothing }}"))


@pytest.mark.parametrize(
    "setting", ["doc_to_text", "doc_to_choice", "doc_to_target", "description", "gen_prefix"]
)
@pytest.mark.parametrize(
    ("template", "task", "why"),
    [
        (
            "{{ ''.__class__ }}",
            "'own_words'",
            "a template cannot be rendered: access to attribute '__class__' of 'str' object is unsafe",
        ),
        (
            "{% macro a() %}{% endmacro %}",
            "'words.yaml'",
            "the template `SETTING` is refused: Macro is not allowed in a template",
        ),
    ],
)
def test_a_template_that_the_sandbox_refuses_is_named_when_the_task_is_loaded(
    tmp_path: Path, setting: str, template: str, task: str, why: str
) -> None:
    with pytest.raises(HarnessTaskError) as refused:
        loaded(tmp_path / "words", said(**{setting: template}))

    sentence = f"task {task} of the lm-evaluation-harness cannot be used: {why}"
    assert str(refused.value).rstrip(".") == sentence.replace("SETTING", setting)


@pytest.mark.parametrize(
    ("template", "what"),
    [
        ("{{ 'a'" + "|replace('a', 'aaaaaaaaaa')" * 12 + " }}", "text"),
        ("{{ 9" + " * 9" * 999 + " }}", "depth"),
        ("{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}", "rounds"),
    ],
)
def test_a_bound_that_a_template_breaks_is_named(template: str, what: str) -> None:
    with pytest.raises(TemplateError, match=f"makes too much {what}"):
        TaskTemplates().render(template, DOCUMENT)


def test_paths_start_at_the_task_file_and_patterns_stand_for_files(tmp_path: Path) -> None:
    place = folder(tmp_path / "words", PLAIN)
    (place / "in").mkdir()
    (place / "in" / "task.yaml").write_text(said(dataset_kwargs={"data_files": {"test": "../w*.jsonl"}}))

    files = own_task(place / "in" / "task.yaml", place)["dataset_kwargs"]["data_files"]

    assert files == {"test": [str((place / "words.jsonl").resolve())]}


@pytest.mark.parametrize(
    "pattern",
    [
        *(r"(a+)+$", r"(a|a)*$", r"(\w+\s?)*$", r"((ab)*c?)*", r"(?:(?:a{0,99})b?)+", "(", "a" * 2_000),
        *(
            r"(a{1,60}){1,60}b",
            r"(?:a|a){1,60}b",
            r"(a|aa){1,64}$",
            r"(?:a{0,64}){0,64}c",
            r"(.{1,64}){1,64}X",
        ),
        *(r"(a?a)+b", r"(?:(?:a?){2}b)+$", r"(?:\w+\s?){1,60}!", r"(?:[a-z]{1,9}[A-Z]?){20}", r"(é?\w)+x"),
        *(r"(?:a*b*c*)?x", r"\d*\d*\d*x", r"(\d*)(?:\d*|b)(?=\d*x)", r"a*(?:b|c*d*)x", r"(.*)=(.*)=(.*)"),
    ],
)
def test_a_pattern_that_may_take_very_long_is_refused(tmp_path: Path, pattern: str) -> None:
    filters = [{"name": "f", "filter": [{"function": "regex", "regex_pattern": pattern}]}]

    with pytest.raises(HarnessTaskError, match="is refused"):
        loaded(tmp_path / "words", said(filter_list=filters))


def test_a_repeat_of_more_than_sixty_four_counts_as_endless() -> None:
    assert pattern_problem(r"(?:a{0,64}b)+") is None
    assert pattern_problem(r"(?:a{0,65}b)+") is not None


def test_a_pattern_of_a_metric_is_looked_at_too(tmp_path: Path) -> None:
    metrics = [{"metric": "exact_match", "aggregation": "mean", "regexes_to_ignore": [",", "(a+)+"]}]

    with pytest.raises(HarnessTaskError, match="regexes_to_ignore"):
        loaded(tmp_path / "words", said(metric_list=metrics))


@pytest.mark.parametrize(
    "pattern",
    [
        *(r"(-?[$0-9.,]{2,})|(-?[0-9]+)", r"#### (\-?[0-9\.\,]+)", r"(?i)answer is \(?([A-J])\)?"),
        *(r"((?<=The answer is )(.*)(?=.)|(?<=the answer is )(.*)(?=.))", r".*[aA]nswer:\s*([A-J])"),
        *(r"(?:[A-Z],?\s?)+", r"(?:\d{1,3},?){1,4}", r"\d{1,3}(?:,\d{3})*(?:\.\d+)?", r"(?:ab|cd){1,9}"),
        r"[Tt]he (?:[Bb]est [Aa]nswer)[^A-D]*([A-D])|[Aa]nswer\s*:[^A-D]*([A-D])|\\boxed\{([A-D])\}",
    ],
)
def test_patterns_of_known_tasks_are_taken(pattern: str) -> None:
    assert pattern_problem(pattern) is None


def test_a_task_may_repeat_its_answers_up_to_the_stated_number(tmp_path: Path) -> None:
    loaded(tmp_path / "most", said(repeats=64))

    with pytest.raises(HarnessTaskError, match="1 to 64"):
        loaded(tmp_path / "more", said(repeats=65))


def test_a_document_that_stands_twice_counts_once(tmp_path: Path) -> None:
    once = loaded(tmp_path / "words", PLAIN)
    twice = loaded(tmp_path / "words", PLAIN, [*DOCUMENTS, *DOCUMENTS[:5], DOCUMENTS[2]])

    assert (len(twice.items), twice.left_out) == (16, 6)
    assert twice.version == once.version
    assert [item.id for item in twice.items] == [item.id for item in once.items]


@pytest.mark.parametrize(
    "target",
    ["[1, 2]", "['a', 'b']", "[1, 2] ", " [1, 2]", "[1, 2", "1, 2]", "[", "", "7", "(1, 2)", "['a' b]"],
)
@pytest.mark.parametrize("kind", ["generate_until", "multiple_choice"])
def test_targets_are_what_the_harness_s_own_task_makes_of_them(
    tmp_path: Path, kind: str, target: str
) -> None:
    documents = [{"question": "?", "choices": ["one"] * 9, "answer": 1, "said": target}]
    changed: dict[str, Any] = {"output_type": kind, "doc_to_target": "{{said}}"}
    if kind == "generate_until":
        changed["doc_to_choice"] = None
    place = folder(tmp_path / "words", said(doc_to_target="answer"), documents)
    config = {**own_task(place / "words.yaml", place), **changed}

    made = OwnTask(config={**config}).doc_to_target(documents[0])

    assert made == ConfigurableTask(config={**config}).doc_to_target(documents[0])


def test_a_named_task_is_looked_up_in_the_installed_harness_alone(tmp_path: Path) -> None:
    place = folder(tmp_path / "words", PLAIN)
    (place / "benchmark.yaml").write_text("format: harness\ntask: own_words\n")

    with pytest.raises(HarnessTaskError, match="knows no task of this name"):
        load_benchmark(place)
