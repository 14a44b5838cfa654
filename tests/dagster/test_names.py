"""Names that people give: Dagster's own are stricter, and nothing of theirs is lost."""

from pathlib import Path

import dagster as dg
import pytest

from autoselection_core.campaign.declaration.loading import load_campaigns
from autoselection_core.errors.campaign import CampaignFileError
from autoselection_core.store.home import Home
from tests.dagster.driver import Driver
from tests.dagster.installations import installation, write_samples

SOURCE = "größere Übung | 日本 <b>.jsonl"


@pytest.fixture
def named(tmp_path: Path, model: Path) -> Driver:
    """A campaign, folders and a source file whose names no job, op or asset could have."""
    made = installation(tmp_path / "my pools", model)
    write_samples(made.campaigns.parent / "raw" / SOURCE, 10, seed=1)
    (made.campaigns.parent / "größe").mkdir()
    items = "".join(f'{{"question": "{number} + 1?", "answer": "2"}}\n' for number in range(20))
    (made.campaigns.parent / "größe" / "items.jsonl").write_text(items)
    declared = made.campaigns.read_text().replace("  demo:", "  my-campaign.v2:").replace("*.jsonl", "*")
    benchmark = "    benchmarks:\n      tiny-sums: {path: größe, items: items.jsonl}\n"
    made.campaigns.write_text(f"{declared.rstrip()}\n{benchmark}")
    return Driver(made, dg.DagsterInstance.ephemeral())


def test_a_campaign_with_such_names_is_searched_to_its_report(named: Driver) -> None:
    named.run("my_campaign_v2_prepare")
    named.start(name="s", budget=1, report_evaluations=0)
    named.work()

    pool = named.metadata("pool")
    assert r"größere Übung \| 日本 \<b>" in pool["sources"]
    assert named.metadata("search_report", "s")["state"].startswith("done")


@pytest.mark.parametrize("name", ["größe 1", "sums.v1"])
def test_a_benchmark_name_that_nothing_can_be_called_after_is_refused_at_once(
    named: Driver, name: str
) -> None:
    file = named.installation.campaigns
    file.write_text(file.read_text().replace("tiny-sums", name))

    with pytest.raises(CampaignFileError, match=name):
        load_campaigns(file, Home(named.installation.home))
