"""Files between an evaluation and a judge: the request that its program gets, and the scores that it writes.

Scores are read strictly: a failure is never a measurement.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

from autoselection_core.benchmarks.benchmark import NAME
from autoselection_core.benchmarks.metric import Metric
from autoselection_core.benchmarks.split import Side
from autoselection_core.environment_variables import JUDGE
from autoselection_core.errors.judge import JudgeScoreError, JudgeWroteNothingError
from autoselection_core.identity import Json
from autoselection_core.pool.sample import Sample
from autoselection_core.score.score import BenchmarkScore, ItemScore
from autoselection_core.store.atomic import atomic_file


@dataclass(frozen=True)
class JudgeRequest:
    """One call of a judge.

    Attributes:
        subset: JSON lines of the selected samples: `id`, `messages`, and `tools` where a sample has any.
        output: The folder of the evaluation, the same on every call for it; whatever is kept there stays.
        scores: Where the scores are to be written, as JSON lines: `benchmark`, `item`, `value`.
        side: "dev", or "test" when the test items are opened.
        replicate: Number of the repetition: the seed of the training.
        key: Name of the evaluation.
    """

    subset: Path
    output: Path
    scores: Path
    side: Side
    replicate: int
    key: str

    @property
    def values(self) -> dict[str, str]:
        """The fields by name, as texts."""
        return {
            "subset": str(self.subset),
            "output": str(self.output),
            "scores": str(self.scores),
            "side": self.side.value,
            "replicate": str(self.replicate),
            "key": self.key,
        }

    @property
    def environment(self) -> dict[str, str]:
        """The fields as environment variables."""
        return {JUDGE[name]: value for name, value in self.values.items()}

    def fill(self, command: Iterable[str]) -> list[str]:
        """A command with the fields in place of `{subset}`, `{output}` and so on; other braces stay."""
        filled = []
        for part in command:
            for name, value in self.values.items():
                part = part.replace(f"{{{name}}}", value)  # noqa: PLW2901 one field after the other
            filled.append(part)
        return filled

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "JudgeRequest":
        """Read back what `environment` wrote."""
        found = {name: environment[JUDGE[name]] for name in cls.__dataclass_fields__}
        return cls(
            Path(found["subset"]),
            Path(found["output"]),
            Path(found["scores"]),
            Side(found["side"]),
            int(found["replicate"]),
            found["key"],
        )


def write_samples(file: Path, samples: Iterable[Sample]) -> None:
    """Write samples as JSON lines of chat messages."""
    with atomic_file(file) as draft, draft.open("w", encoding="utf-8") as lines:
        lines.writelines(json.dumps(_plain(sample), ensure_ascii=False) + "\n" for sample in samples)


def _plain(sample: Sample) -> dict[str, Json]:
    messages: list[Json] = []
    for message in sample.messages:
        turn: dict[str, Json] = {"role": str(message.role), "content": message.content}
        if message.reasoning is not None:
            turn["reasoning_content"] = message.reasoning
        if message.calls:
            turn["tool_calls"] = [
                {"type": "function", "function": {"name": call.name, "arguments": json.loads(call.arguments)}}
                for call in message.calls
            ]
        if message.name is not None:
            turn["name"] = message.name
        if not message.is_taught:
            turn["train"] = False
        messages.append(turn)
    tools = {} if sample.tools is None else {"tools": json.loads(sample.tools)}
    return {"id": sample.id, "messages": messages, **tools}


_MAX_VALUE = 1e100
"""Magnitude up to which means and variances of values are finite."""

_FIELDS = {"benchmark", "item", "value", "output"}


def read_scores(key: str, file: Path, side: Side) -> tuple[BenchmarkScore, ...]:
    """Scores of every benchmark, in the order of their names; items in the order of theirs.

    Raises:
        JudgeWroteNothingError: There is no file, or no line in it.
        JudgeScoreError: A line is no score: no JSON, a field that is missing or unknown, no finite number, or
            an item that was scored before.
    """
    if not file.is_file():
        raise JudgeWroteNothingError(key, file.name)
    found: dict[str, dict[str, ItemScore]] = {}
    for number, line in enumerate(file.read_bytes().split(b"\n"), start=1):
        if line.strip():
            benchmark, score = _score(key, number, line)
            items = found.setdefault(benchmark, {})
            if score.item in items:
                raise JudgeScoreError(key, number, f"scores item {score.item!r} a second time")
            items[score.item] = score
    if not found:
        raise JudgeWroteNothingError(key, file.name)
    return tuple(
        BenchmarkScore(name, Metric.TASK_SCORE, side, tuple(items[item] for item in sorted(items)))
        for name, items in sorted(found.items())
    )


def _is_utf8(text: str) -> bool:
    """Whether UTF-8 can spell a text: JSON can name half a surrogate pair, which it cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object.

    Raises:
        KeyError: It gives a field twice.
    """
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise KeyError(name)
        found[name] = value
    return found


def _object(key: str, number: int, line: bytes) -> dict[str, Any]:
    """A line as a JSON object; the first may begin with a byte order mark."""
    try:
        text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        said = json.loads(text, object_pairs_hook=_once)
    except UnicodeDecodeError as error:
        raise JudgeScoreError(key, number, "is not UTF-8") from error
    except KeyError as error:
        raise JudgeScoreError(key, number, f"gives {error.args[0]!r} twice") from error
    except (ValueError, RecursionError) as error:
        raise JudgeScoreError(key, number, "is no JSON") from error
    if not isinstance(said, dict):
        raise JudgeScoreError(key, number, "is no JSON object")
    return said


def _score(key: str, number: int, line: bytes) -> tuple[str, ItemScore]:
    said = _object(key, number, line)
    if unknown := sorted(said.keys() - _FIELDS):
        raise JudgeScoreError(key, number, f"has the unknown field {unknown[0]!r}")
    benchmark, item, value = said.get("benchmark"), said.get("item"), said.get("value")
    if not isinstance(benchmark, str) or not NAME.fullmatch(benchmark):
        raise JudgeScoreError(key, number, "needs `benchmark`: letters, digits, '_' and '-'")
    if isinstance(item, int) and not isinstance(item, bool):
        item = str(item)  # the number of a question is its name
    if not isinstance(item, str) or not item.strip():
        named = f", and {item!r} is none" if "item" in said else ""
        raise JudgeScoreError(
            key, number, f"needs `item`: the name of an item, a text or whole number{named}"
        )
    if isinstance(value, bool):
        value = float(value)  # right and wrong
    if not isinstance(value, int | float) or not abs(value) < inf:
        raise JudgeScoreError(key, number, f"has the value {value!r}, which is no finite number")
    if abs(value) > _MAX_VALUE:
        raise JudgeScoreError(key, number, f"has a value beyond {_MAX_VALUE:g}, of which no mean is taken")
    output = said.get("output")
    if not _is_utf8(f"{item}{output}"):
        raise JudgeScoreError(key, number, "holds half a surrogate pair, which UTF-8 cannot spell")
    return benchmark, ItemScore(item, float(value), output=None if output is None else str(output))
