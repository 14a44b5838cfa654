from dataclasses import replace
from pathlib import Path

from autoselection_core.campaign.declaration.loading import load_campaigns
from autoselection_core.store.home import Home
from tests.conftest import REPOSITORY


def test_the_full_demo_is_the_demo_with_more_signals(tmp_path: Path) -> None:
    plain, full = (
        load_campaigns(REPOSITORY / file, Home(tmp_path))["demo"]
        for file in ("autoselection.yaml", "demo/full.yaml")
    )

    assert set(full.signals) - set(plain.signals) == {"sae", "mona", "action_branching"}
    assert replace(full, signals=plain.signals) == plain
