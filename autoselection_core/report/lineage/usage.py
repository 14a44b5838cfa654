"""Usage of a sample: every subset that holds it and every model trained on one of them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from autoselection_core.campaign.workspace import Workspace
from autoselection_core.history.records import Kind, TrialRecord
from autoselection_core.report.rendering.table import Table
from autoselection_core.subset.storage import read_ids, stored_lineages


@dataclass(frozen=True)
class Usage:
    """Usage of a sample in every search of the installation.

    Attributes:
        sample: Its id.
        trials: Measured trials whose subset holds it; each has a model of its own or shares one.
        subsets: Number of distinct subsets among them.
        missing: Subsets that are no longer stored, so that nothing can be said of them.
    """

    sample: str
    trials: tuple[TrialRecord, ...]
    subsets: int
    missing: int

    @property
    def sentence(self) -> str:
        """The usage in a sentence."""
        models = len({trial.evaluation for trial in self.trials})
        lost = f"; {self.missing} subsets are no longer stored" if self.missing else ""
        selected = f"selected in {self.subsets} subsets of {len(self.trials)} trials"
        return f"{selected}; {models} models trained on them{lost}"

    def table(self) -> Table:
        """The trials with their models."""
        rows = tuple(
            (trial.reservation.partition, trial.subset, trial.evaluation, trial.utility)
            for trial in self.trials
        )
        return Table("Where it was used", ("trial", "subset", "evaluation", "dev score"), rows)


def usage_of(workspace: Workspace, sample: str) -> Usage:
    """Read every stored subset once, and say which hold a sample."""
    done = [trial for trial in workspace.ledger.done() if trial.subset is not None]
    names = dict.fromkeys(str(trial.subset) for trial in done)
    folders = {name: workspace.home.subset(name) for name in names}
    stored = [name for name, folder in folders.items() if folder.exists()]
    wanted = np.bytes_(sample)
    holding = {name for name in stored if _holds(stored_lineages(name, workspace.home)[0], wanted)}
    used = tuple(sorted((each for each in done if each.subset in holding), key=_place))
    return Usage(sample, used, len(holding), len(folders) - len(stored))


def _place(trial: TrialRecord) -> tuple[str, bool, int]:
    """Order of trials for people: by search, its own before its report's, by number."""
    return trial.search, trial.kind is Kind.REPORT, trial.trial


def _holds(file: Path, sample: np.bytes_) -> bool:
    ids = read_ids(file)
    place = int(np.searchsorted(ids, sample))
    return place < len(ids) and bool(ids[place] == sample)
