"""Hostile texts cost time in proportion to their length: a quadratic step would take minutes here."""

import json
from pathlib import Path

import pytest

from autoselection_core.pool import Origin, Pool, Role, Source, ingest
from autoselection_core.signals.definitions.wording.text import Form
from autoselection_core.store.home import Home
from tests.pool.raw import ALPACA, conversation

pytestmark = pytest.mark.timeout(30)

LENGTH = 400_000

HOSTILE = {
    "line ends": "\n" * LENGTH,
    "spaces": " " * LENGTH + "x",
    "quotes": '"' * LENGTH,
    "escapes": '\\"' * (LENGTH // 2),
    "equations": "<<" + "=" * LENGTH,
    "annotations": "<<" * (LENGTH // 2),
    "dollars": "$" * LENGTH,
    "digits": "1 " * (LENGTH // 2),
    "bullets": "- \n" * (LENGTH // 3),
    "braces": "{[" * (LENGTH // 2),
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("name", ["raw.jsonl", "raw.json"])
def test_reading_is_linear(tmp_path: Path, name: str, kind: str) -> None:
    said = [json.dumps({"prompt": "a", "output": f"b{HOSTILE[kind]}b"}), HOSTILE[kind].replace("\n", " ")]
    (tmp_path / name).write_text("\n".join([json.dumps(ALPACA), *said, f'{{"prompt": "{said[1]}']))

    found = ingest([Source(str(tmp_path / name))], Home(tmp_path / "home"))

    assert found.samples == 2


def test_an_array_that_is_cut_inside_of_escaped_quotes_is_read_in_linear_time(tmp_path: Path) -> None:
    (tmp_path / "raw.json").write_text(f'[{json.dumps(ALPACA)},\n{{"prompt": "{HOSTILE["escapes"]}')

    assert ingest([Source(str(tmp_path / "raw.json"))], Home(tmp_path / "home")).samples == 1


@pytest.mark.parametrize("kind", HOSTILE)
def test_the_form_of_a_text_is_found_in_linear_time(kind: str) -> None:
    sample = conversation((Role.USER, "q"), (Role.ASSISTANT, f"b{HOSTILE[kind]}b"))

    assert Form().compute(Pool.from_samples([(sample, [Origin("a", "a#1")])]), {})
