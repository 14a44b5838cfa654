"""Names that people give: spaces, other scripts, markup, formulas, and no end."""

import json
from dataclasses import replace
from html import unescape

import numpy as np
import pytest

from autoselection_core.campaign.workspace import Workspace
from autoselection_core.pool.sources import Source
from autoselection_core.recipe import Recipe
from autoselection_core.report.rendering.page import Section, to_html, to_markdown
from autoselection_core.report.rendering.table import Table
from autoselection_core.report.sections.credit import OperatorCredit
from autoselection_core.report.sections.landscape import mix_plot
from autoselection_core.report.sections.plots import credit_plot, histogram_plot, retention_plot
from autoselection_core.signals.table import SignalTable
from autoselection_core.subset import Subset, materialize
from tests.report.conftest import workspace_in

NAMES = ("größere Übung", "日本 語.jsonl", "$a_b$ $", "<b>bold</b> | *x*", "long " * 60)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A pool whose sources have such names."""
    folder = tmp_path_factory.mktemp("names")
    plain = workspace_in(folder)
    for number in range(len(NAMES)):
        record = {"prompt": f"Say {number}.", "response": f"It is {number}."}
        (folder / f"{number}.jsonl").write_text(json.dumps(record) + "\n")
    sources = tuple(Source(str(folder / f"{number}.jsonl"), name) for number, name in enumerate(NAMES))
    return Workspace(replace(plain.campaign, sources=sources), plain.home)


def whole(signals: SignalTable) -> Subset:
    return materialize(Recipe(), signals)


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_every_name_can_be_drawn(workspace: Workspace, kind: str) -> None:
    pool = workspace.ingest().pool
    columns = {name: np.arange(len(pool), dtype=np.float32) for name in NAMES}
    signals = SignalTable(pool.version, pool.keys, columns)
    credits_seen = {name: OperatorCredit(2, 0.1) for name in NAMES}

    assert set(pool.source_names) == set(NAMES)
    assert mix_plot(pool, whole(signals), kind)  # type: ignore[arg-type] # one of the two
    assert histogram_plot(whole(signals), signals, kind=kind)  # type: ignore[arg-type] # one of the two
    assert retention_plot(whole(signals), len(pool), kind)  # type: ignore[arg-type] # one of the two
    assert credit_plot(credits_seen, "nats", kind)  # type: ignore[arg-type] # one of the two


@pytest.mark.parametrize("name", NAMES)
def test_a_name_stands_in_a_page_as_it_was_given(name: str) -> None:
    page = to_html(name, [Section(name, [name], [Table(name, (name,), ((name,),))], code=[name])])

    assert unescape(page).count(name) == 9
    assert "<b>" not in page


def test_markup_in_a_table_is_text_and_adds_no_column() -> None:
    table = Table("t", ("name", "text"), (("_a_ keep_top", "x | <s>`y`\n*z* $1"),))

    assert table.to_markdown().splitlines()[2] == r"| \_a\_ keep_top | x \| \<s>\`y\` \*z\* \$1 |"


def test_a_fence_inside_a_sample_does_not_end_its_block() -> None:
    page = to_markdown("t", [Section("s", code=["before\n```\ninside\n````\nafter"])])

    assert page.count("`````") == 2
