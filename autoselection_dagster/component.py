"""Campaigns as a component of a Dagster project: `type: autoselection_dagster.CampaignComponent`."""

from dataclasses import dataclass
from pathlib import Path

import dagster as dg
from pydantic import BaseModel
from typing_extensions import override

from autoselection_core.store.home import Home
from autoselection_dagster.assembly import definitions_of
from autoselection_dagster.installation import Installation

_SAMPLE_CAMPAIGN = """# A campaign: a pool of raw files, and what scores its subsets.
campaigns:
  first:
    pool:
      - path: raw/*.jsonl
        licence: CC0-1.0
    signals: [word_entropy, exact, near_duplicates]
    # A formula in place of trainings; with `base_model` and `benchmarks` a search trains for real.
    closed_form: {weights: {word_entropy: 1.0}, noise: 0.05}
    search: {budget: 3, report_evaluations: 2}
"""
_CAMPAIGNS = "autoselection.yaml"


class CampaignScaffolder(dg.Scaffolder[BaseModel]):
    """Scaffolder of `defs.yaml` and, beside it, a file with one campaign that loads as it stands."""

    @override
    def scaffold(self, request: dg.ScaffoldRequest[BaseModel]) -> None:
        request.target_path.mkdir(parents=True, exist_ok=True)
        dg.scaffold_component(request, {"campaigns": _CAMPAIGNS})
        campaigns = request.target_path / _CAMPAIGNS
        if not campaigns.exists():
            campaigns.write_text(_SAMPLE_CAMPAIGN)


@dg.scaffold_with(CampaignScaffolder)
@dataclass
class CampaignComponent(dg.Component, dg.Resolvable):
    """Campaigns of a file: pool, signals, trials, reports, and the jobs and sensors that search.

    Attributes:
        campaigns: File that declares them; a relative path starts at the folder of `defs.yaml`.
        home: Folder of everything that is stored; `AUTOSELECTION_HOME` or `.autoselection` by default.
    """

    campaigns: str = _CAMPAIGNS
    home: str | None = None

    @override
    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The definitions of the campaigns; they merge with those of the project."""
        home = Home.from_environment().root if self.home is None else context.path / self.home
        return definitions_of(Installation(Path(home).resolve(), (context.path / self.campaigns).resolve()))
