from pathlib import Path

import pytest

from autoselection_core.history.ledger import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.open(f"sqlite:///{tmp_path / 'history.sqlite'}")
