"""What assets, jobs and sensors are given to work with."""

from pathlib import Path

import dagster as dg

from autoselection_core.history.ledger import Ledger
from autoselection_core.store.home import Home


class HomeResource(dg.ConfigurableResource["HomeResource"]):
    """The folder of the installation.

    Attributes:
        root: Its path.
    """

    root: str

    @property
    def home(self) -> Home:
        """Says where things lie."""
        return Home(Path(self.root))


class LedgerResource(dg.ConfigurableResource["LedgerResource"]):
    """The history and the budgets of all searches.

    Attributes:
        url: The database, as SQLAlchemy writes it.
        lease_s: A running trial whose worker was silent for so long is lost.
    """

    url: str
    lease_s: float

    def open(self) -> Ledger:
        """Connect."""
        return Ledger.open(self.url, lease_s=self.lease_s)
