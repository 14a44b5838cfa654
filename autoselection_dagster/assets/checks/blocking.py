"""Checks that an asset makes of itself, and that stop what would be paid for otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass

import dagster as dg

from autoselection_core.report.rendering.table import Cell


@dataclass(frozen=True)
class Check:
    """Asset check: a promise of an asset.

    Attributes:
        name: What the UI calls it.
        why: Why anyone should care.
        is_blocking: Whether it stops what comes after it; one that does not is a warning.
    """

    name: str
    why: str
    is_blocking: bool = True

    def spec(self, asset: dg.AssetKey) -> dg.AssetCheckSpec:
        """The check as Dagster declares it; nothing downstream runs when a blocking one fails."""
        return dg.AssetCheckSpec(self.name, asset=asset, description=self.why, blocking=self.is_blocking)

    def result(self, *, passed: bool, **facts: Cell) -> dg.AssetCheckResult:
        """Result of the check, with the facts that it was decided by."""
        shown: Mapping[str, Cell] = facts
        severity = dg.AssetCheckSeverity.ERROR if self.is_blocking else dg.AssetCheckSeverity.WARN
        known = {name: "unknown" if value is None else value for name, value in shown.items()}
        return dg.AssetCheckResult(check_name=self.name, passed=passed, severity=severity, metadata=known)
