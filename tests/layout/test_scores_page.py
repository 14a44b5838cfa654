"""Every block of the page on scores declares signals that are scored."""

import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from autoselection_core.campaign.declaration.loading import load_campaigns
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.operators.catalogue import catalogue
from autoselection_core.store.home import Home

PAGE = (Path(__file__).parents[2] / "docs/how-to/bring-your-scores.md").read_text()
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
GIVES = {0: {"rm_score", "quality"}, 1: {"toxicity"}, 2: {"embedding", "cluster/4"}}


@pytest.mark.parametrize("number", GIVES)
def test_a_block_of_the_page_gives_signals_that_recipes_can_use(tmp_path: Path, number: int) -> None:
    records = [
        {
            "instruction": f"Say {n}",
            "output": f"It is {n}",
            "doc": f"d{n}",
            "rm_score": n / 2,
            "meta": {"quality": str(n)},
        }
        for n in range(12)
    ]
    (tmp_path / "raw.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    (tmp_path / "scores.csv").write_text("doc,toxicity\n" + "".join(f"d{n},{n / 12}\n" for n in range(9)))
    declared = {
        "pool": [{"path": "raw.jsonl"}],
        **yaml.safe_load(BLOCKS[number]),
        "closed_form": {"weights": {}, "size_weight": 1.0},
    }
    file = tmp_path / "autoselection.yaml"
    file.write_text(yaml.safe_dump({"campaigns": {"mine": declared}}))
    home = Home(tmp_path / "home")
    workspace = Workspace(load_campaigns(file, home)["mine"], home)
    pool = workspace.ingest().pool
    rows = [{"id": name.decode(), "vector": [float(n % 4), 1.0]} for n, name in enumerate(pool.ids)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "mine.parquet")

    reports = [workspace.score(name, pool) for name in workspace.signal_names]
    table = workspace.signals(pool.version)

    assert GIVES[number] <= {*table.columns, *table.labels, *table.vectors}
    assert all(np.isfinite(share) for report in reports for share in report.finite_share.values())
    if number == 1:
        assert np.isfinite(table["toxicity"]).sum() == 9
        assert any(template.label == "keep_top[toxicity]" for template in catalogue(table))


def test_every_block_of_the_page_is_tried() -> None:
    assert len(BLOCKS) == len(GIVES)
