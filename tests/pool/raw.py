"""Raw material for tests of the pool: records in all formats, and ways to break them."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from autoselection_core.identity import Json
from autoselection_core.pool import Message, Role, Sample
from autoselection_core.pool.canonical import says_something

TEXTS = st.text(min_size=1, max_size=12).filter(says_something)

ALPACA: dict[str, Json] = {"instruction": "Add.", "input": "1 + 1", "output": "2"}
GPTEACHER: dict[str, Json] = {"instruction": "Add.", "input": "1 + 1", "response": "2"}
OPENAI: dict[str, Json] = {
    "messages": [{"role": "user", "content": "Add.\n1 + 1"}, {"role": "assistant", "content": "2"}]
}
SHAREGPT: dict[str, Json] = {
    "conversations": [{"from": "human", "value": "Add.\n1 + 1"}, {"from": "gpt", "value": "2"}]
}
PROMPT: dict[str, Json] = {"prompt": "Add.\n1 + 1", "response": "2"}
QUESTION: dict[str, Json] = {"question": "Add.\n1 + 1", "answer": "2"}

FORMATS = (ALPACA, GPTEACHER, OPENAI, SHAREGPT, PROMPT, QUESTION)


def conversation(*turns: tuple[Role, str], tools: str | None = None) -> Sample:
    """A sample of some turns."""
    return Sample(tuple(Message(role, content) for role, content in turns), tools)


ADDITION = conversation((Role.USER, "Add.\n1 + 1"), (Role.ASSISTANT, "2"))
"""What every record of `FORMATS` says."""


@st.composite
def records(draw: st.DrawFn) -> dict[str, Json]:
    """A record of any format that is a sample."""
    question, answer, further = draw(TEXTS), draw(TEXTS), draw(st.sampled_from(["", "x", "\u00e9"]))
    return draw(
        st.sampled_from(
            [
                {"instruction": question, "input": further, "output": answer},
                {"instruction": question, "response": answer, "category": further},
                {"question": question, "answer": answer},
                {"prompt": question, "response": answer, "system": further},
                {
                    "messages": [
                        {"role": "user", "content": question},
                        {"role": "assistant", "content": answer},
                    ]
                },
                {"conversations": [{"from": "human", "value": question}, {"from": "gpt", "value": answer}]},
            ]
        )
    )


def line(record: Json) -> bytes:
    """A record as a line of a file; characters outside ASCII stand as escapes, and so may be broken."""
    return json.dumps(record).encode()


def broken_lines() -> st.SearchStrategy[bytes]:
    """Bytes that are rarely a record: noise, and records that were cut or changed somewhere."""
    return st.one_of(
        st.binary(max_size=40),
        st.builds(lambda record, at: line(record)[:at], records(), st.integers(0, 80)),
        st.builds(
            lambda record, at, byte: line(record)[:at] + bytes([byte]) + line(record)[at + 1 :],
            records(),
            st.integers(0, 80),
            st.integers(0, 255),
        ),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(max_size=3),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        ["messages", "role", "content", "instruction", "output", "label", "tools"]
                    ),
                    inner,
                )
            ),
            max_leaves=8,
        ).map(line),
    )


def write_lines(path: Path, lines: list[bytes]) -> Path:
    """A file of lines."""
    path.write_bytes(b"".join(text + b"\n" for text in lines))
    return path


def write_envelope(path: Path, rows: list[tuple[str, bytes]]) -> Path:
    """A Parquet file of named sources and their records, which need not be UTF-8."""
    names, texts = ([row[column] for row in rows] for column in (0, 1))
    offsets = pa.array(texts, pa.binary())
    table = pa.table({"source_name": pa.array(names, pa.string()), "record_json": offsets.view(pa.string())})
    pq.write_table(table, path)
    return path
