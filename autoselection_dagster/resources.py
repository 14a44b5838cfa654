"""Resources of assets, jobs and sensors.

None of them takes config: whoever may start runs may choose what is searched, and not where it is stored.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias

import dagster as dg

from autoselection_core import environment
from autoselection_core.history.ledger import Ledger
from autoselection_core.store.home import Home
from autoselection_dagster.trials.attempt import Attempt, attempt_for
from autoselection_dagster.values.managers import (
    EvaluationIOManager,
    PoolIOManager,
    RecipeIOManager,
    StateIOManager,
    SubsetIOManager,
)
from autoselection_dagster.values.references import NoIOManager

LEASE_S = 60.0
"""A running trial whose worker was silent for so many seconds is lost, and starts again."""

HomeResource: TypeAlias = dg.ResourceParam[Home]
"""The home folder."""

LedgerResource: TypeAlias = dg.ResourceParam[Ledger]
"""The history and the budgets of all searches."""

AttemptResource: TypeAlias = dg.ResourceParam[Attempt]
"""The trial that the run works on."""


def resources_of(home: Home) -> dict[str, object]:
    """The resources of an installation, by the names that assets ask for."""
    return {
        "home": dg.ResourceDefinition(lambda _: home, config_schema={}),
        "ledger": _ledger(home),
        "attempt": _attempt(),
        "io_manager": NoIOManager(),
        "pools": PoolIOManager(home),
        "recipes": RecipeIOManager(home),
        "subsets": SubsetIOManager(home),
        "states": StateIOManager(home),
        "evaluations": EvaluationIOManager(home),
    }


def _ledger(home: Home) -> dg.ResourceDefinition:
    @dg.resource(config_schema={}, description="The history and the budgets of all searches.")
    def ledger(_context: dg.InitResourceContext) -> Ledger:
        return Ledger.open(home.history_url, lease_s=float(os.environ.get(environment.LEASE_S, LEASE_S)))

    return ledger


def _attempt() -> dg.ResourceDefinition:
    @dg.resource(config_schema={}, required_resource_keys={"ledger"}, description="The trial of the run.")
    @contextmanager
    def attempt(context: dg.InitResourceContext) -> Iterator[Attempt]:
        assert context.run is not None, "assets run in runs"
        with attempt_for(context.run.tags, context.resources.ledger) as held:
            yield held

    return attempt
