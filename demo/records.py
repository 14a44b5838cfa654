"""Raw files of the demo pool: five formats, one file each, and broken records."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from demo.mixture import draws
from demo.tasks import QuestionAnswer

Record = Mapping[str, object]

FORMATS: Mapping[str, Callable[[str, str], Record]] = {
    "alpaca": lambda prompt, answer: {"instruction": prompt, "input": "", "output": answer},
    "sharegpt": lambda prompt, answer: {
        "conversations": [{"from": "human", "value": prompt}, {"from": "gpt", "value": answer}]
    },
    "openai": lambda prompt, answer: {
        "messages": [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]
    },
    "prompt_response": lambda prompt, answer: {"prompt": prompt, "response": answer},
    "question_answer": lambda prompt, answer: {"question": prompt, "answer": answer},
}
"""Name of a format and of its file -> how it spells an exchange."""

_TOO_LONG = (1 << 20) + 1

BROKEN: Mapping[str, tuple[str, bytes]] = {
    "bad JSON": ("sharegpt", b'{"conversations": [{"from": "human", "value": "Say in Ostr'),
    "bad UTF-8": (
        "prompt_response",
        '{"prompt": "Where is the café?", "response": "Here."}'.encode("latin-1"),
    ),
    "no messages": ("openai", b'{"messages": []}'),
    "no assistant answer": (
        "sharegpt",
        b'{"conversations": [{"from": "human", "value": "Is anybody there?"}]}',
    ),
    "empty answer": ("question_answer", b'{"question": "Who keeps the lamps of Ostrava?", "answer": "  "}'),
    "contradicting answers": (
        "prompt_response",
        b'{"prompt": "How many lat are 2 bren?", "response": "8 lat", "answer": "5 lat"}',
    ),
    "marked undesirable": ("question_answer", b'{"question": "A boat?", "answer": "No.", "label": false}'),
    "unknown role": ("openai", b'{"messages": [{"role": "narrator", "content": "It was late."}]}'),
    "over-long record": ("alpaca", json.dumps({"instruction": "Go on.", "output": "x" * _TOO_LONG}).encode()),
}
"""Reason for the quarantine -> the format whose file holds such a record, and its line."""


@dataclass(frozen=True)
class RawFiles:
    """The lines of the demo pool's files.

    Attributes:
        lines: File name -> its lines without line ends.
        repeated: Records that say what another record says.
        unanswered: Records that end in a question nobody answers; ingestion trims it.
    """

    lines: Mapping[str, Sequence[bytes]]
    repeated: int
    unanswered: int

    def write(self, folder: Path) -> None:
        """Write one file a format."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, lines in self.lines.items():
            (folder / f"{name}.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))


def raw_files(samples: Sequence[QuestionAnswer], *, repeated: int, unanswered: int, seed: int) -> RawFiles:
    """Spell every sample in a random format, repeat some in a second one, and add every broken record.

    Args:
        samples: The pool.
        repeated: How many samples are written a second time, in another format.
        unanswered: How many conversations go on with a question nobody answers.
        seed: Of the choice of formats.
    """
    random = draws(seed, "formats")
    spelt = list(_spelt(samples, repeated, unanswered, random))
    spelt += list(BROKEN.values())
    random.shuffle(spelt)
    lines = {name: tuple(line for where, line in spelt if where == name) for name in FORMATS}
    return RawFiles(lines, repeated, unanswered)


def _spelt(
    samples: Sequence[QuestionAnswer], repeated: int, unanswered: int, random: Random
) -> Iterator[tuple[str, bytes]]:
    twice, open_ended = set(random.sample(range(len(samples)), repeated)), unanswered
    for number, sample in enumerate(samples):
        names = random.sample(tuple(FORMATS), 2 if number in twice else 1)
        for name in names:
            record = dict(FORMATS[name](sample.prompt, sample.answer))
            if name == "sharegpt" and open_ended:
                open_ended -= 1
                record = _with_a_last_question(record)
            yield name, json.dumps(record, ensure_ascii=False).encode()


def _with_a_last_question(record: Record) -> dict[str, object]:
    turns = record["conversations"]
    assert isinstance(turns, list)
    return {"conversations": [*turns, {"from": "human", "value": "And then?"}]}
