"""Adapters of known benchmarks, which read their records."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autoselection_core.benchmarks.formats.choices import NO_CHOICE, YES_OR_NO
from autoselection_core.benchmarks.formats.own_format import OwnFormat
from autoselection_core.benchmarks.item import Question
from autoselection_core.benchmarks.metric import Metric
from autoselection_core.benchmarks.settings import OWN
from autoselection_core.errors.benchmarks import NotAQuestionError

Record = Mapping[str, Any]
"""One line of a file. What it holds is not known before an adapter has looked."""

Read = Callable[[Record], Question | None]
"""Makes a record a question; None for records that the benchmark leaves out. Raises NotAQuestionError, or a
KeyError or TypeError, where the record is not what it should be."""

_ANNOTATION = re.compile(r"<<(?:[^<>\n]|<(?!<)|>(?!>))*+>>")
_OPTION = re.compile(r"^\(([A-Z])\) ", re.MULTILINE)
_DASHED = re.compile(r"^- (\S.*?) *$", re.MULTILINE)
_YES_NO = re.compile(r"\b(yes|no)\b", re.IGNORECASE)
_SO_THE_ANSWER = re.compile(r"the answer is (.+?)\.?$", re.IGNORECASE | re.DOTALL)
_BBH_UNLISTED = {
    "boolean_expressions": ("True", "False"),
    "sports_understanding": ("yes", "no"),
    "web_of_lies": ("Yes", "No"),
}
"""Tasks with two answers that their questions do not list."""
_NO_NUMBER = "the answer does not end with '#### N'"
_NO_ANSWER = "the answer does not end with 'the answer is ...'"
_NO_LABEL = "the answer says neither yes nor no"
_NO_TEXT = "a text is missing"
_NO_GRAPH_ANSWER = "the answer behind '###' is neither yes, no nor a whole number"
_WHOLE_NUMBER = re.compile(r"-?\d+")
_NLGRAPH_YES_NO = ("connectivity", "cycle", "hamilton")


@dataclass(frozen=True)
class Adapter:
    """Adapter of one known benchmark.

    Attributes:
        item: Reads a record of the items.
        target: Reads a record of the targets.
        metric: Metric of an item, unless the user sets another.
        shots: Shots of a generative prompt.
        confidential: Whether item texts may not leave the process.
    """

    item: Read
    target: Read
    metric: Metric = Metric.LOG_LIKELIHOOD
    shots: int = 3
    confidential: bool = False


def _gsm8k(record: Record) -> Question:
    solution = _ANNOTATION.sub("", _text(record["answer"]))
    _, found, answer = solution.rpartition("#### ")
    if not found:
        raise NotAQuestionError(_NO_NUMBER)
    return Question(_text(record["question"]), _text(answer), solution=solution, reads="number")


def _bbh(record: Record) -> Question:
    text = _text(record["input"])
    lettered = tuple(f"({letter})" for letter in _OPTION.findall(text))
    choices = lettered or tuple(_DASHED.findall(text)) or _BBH_UNLISTED.get(record["task"])
    answer = _text(record["target"])
    return Question(text, answer, choices=choices or None, group=record["task"], is_complete=True)


def _bbh_target(record: Record) -> Question:
    solution = _text(record["answer"])
    found = _SO_THE_ANSWER.search(solution)
    if found is None:
        raise NotAQuestionError(_NO_ANSWER)
    return Question(
        _text(record["question"]),
        found.group(1).strip(),
        solution=solution,
        group=record["task"],
        is_complete=True,
    )


def _mmlu(record: Record) -> Question:
    choices = tuple(_text(choice) for choice in record["choices"])
    answer = choices[_index(record["answer"], len(choices))]
    return Question(_text(record["question"]), answer, choices=choices, group=record["subject"])


def _gpqa(record: Record) -> Question | None:
    return _right_and_wrong(record["question"], record["correct_answer"], record["incorrect_answers"])


def _gpqa_target(record: Record) -> Question | None:
    wrong = [record[f"Incorrect Answer {number}"] for number in (1, 2, 3)]
    return _right_and_wrong(record["Question"], record["Correct Answer"], wrong)


def _right_and_wrong(text: str, answer: str, wrong: Sequence[str]) -> Question | None:
    """Question with its choices; None where the right one is among the wrong ones, as in one item of GPQA."""
    right, others = _text(answer), tuple(_text(choice) for choice in wrong)
    return None if right in others else Question(_text(text), right, choices=(right, *others))


def _nlgraph(record: Record) -> Question | None:
    """Yes/no questions only; the label is the first yes or no of the answer."""
    if record["task"] not in _NLGRAPH_YES_NO:
        return None
    found = _YES_NO.search(_text(record["answer"]))
    if found is None:
        raise NotAQuestionError(_NO_LABEL)
    text = _text(record["question"]).removesuffix("A:").rstrip()
    answer = found.group(1).lower()
    return Question(
        text, answer, choices=("yes", "no"), group=record["task"], reads="yes_no", is_complete=True
    )


def _graphwiz(record: Record) -> Question | None:
    """Yes/no and number tasks of GraphInstruct's test files; the answer follows "###".

    Topological orders are left out: a graph may have many, and the file holds one.
    """
    text, answer = _text(record["input_prompt"]), _text(record["answer"]).rpartition("###")[2].strip()
    if answer.startswith("["):
        return None
    if answer.lower() in YES_OR_NO:
        short = answer.lower()
        return Question(text, short, choices=YES_OR_NO, reads="yes_no", is_complete=True)
    if not _WHOLE_NUMBER.fullmatch(answer):
        raise NotAQuestionError(_NO_GRAPH_ANSWER)
    return Question(text, answer, reads="number", is_complete=True)


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise NotAQuestionError(_NO_TEXT)
    return value.strip()


def _index(value: float, count: int) -> int:
    if value != int(value) or not 0 <= value < count:
        raise NotAQuestionError(NO_CHOICE)
    return int(value)


ADAPTERS: Mapping[str, Adapter] = {
    OWN: Adapter(OwnFormat().question, OwnFormat().question, shots=0),
    "gsm8k": Adapter(_gsm8k, _gsm8k),
    "bbh": Adapter(_bbh, _bbh_target),
    "mmlu": Adapter(_mmlu, _mmlu, Metric.CHOICE_ACCURACY),
    "gpqa": Adapter(_gpqa, _gpqa_target, Metric.CHOICE_ACCURACY, confidential=True),
    "graphwiz": Adapter(_graphwiz, OwnFormat().question, Metric.ANSWER_ACCURACY, shots=0),
    "nlgraph": Adapter(_nlgraph, OwnFormat().question, Metric.CHOICE_ACCURACY, shots=0),
}
"""Formats by name."""
