"""Checks that an asset makes of itself, and that stop what would be paid for otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass

import dagster as dg

from autoselection_core.report.table import Cell


@dataclass(frozen=True)
class Check:
    """A promise of an asset.

    Attributes:
        name: What the UI calls it.
        why: Why anyone should care.
    """

    name: str
    why: str

    def spec(self, asset: dg.AssetKey) -> dg.AssetCheckSpec:
        """The check as Dagster declares it; nothing downstream runs when it fails."""
        return dg.AssetCheckSpec(self.name, asset=asset, description=self.why, blocking=True)

    def result(self, *, passed: bool, **facts: Cell) -> dg.AssetCheckResult:
        """What was found."""
        shown: Mapping[str, Cell] = facts
        return dg.AssetCheckResult(check_name=self.name, passed=passed, metadata=dict(shown))
