"""Request to a judge: the files and values that a program gets which trains and scores on its own."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from autoselection_core.benchmarks.split import Side
from autoselection_core.environment import JUDGE
from autoselection_core.identity import Json
from autoselection_core.pool.sample import Sample
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

    def filled_in(self, command: Iterable[str]) -> list[str]:
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
