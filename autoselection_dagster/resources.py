"""Resources of assets, jobs and sensors.

None of them takes config: whoever may start runs may choose what is searched, and not where it is stored.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from inspect import isgeneratorfunction, signature
from typing import Any, TypeAlias

import dagster as dg

from autoselection_core import environment_variables
from autoselection_core.history.ledger import LEASE_S, Ledger
from autoselection_core.store.home import Home
from autoselection_dagster.errors import one_sentence
from autoselection_dagster.names import key
from autoselection_dagster.trials.attempt import Attempt, attempt_for
from autoselection_dagster.values.managers import (
    EVALUATIONS,
    NOTHING,
    POOLS,
    RECIPES,
    STATES,
    SUBSETS,
    EvaluationIOManager,
    PoolIOManager,
    RecipeIOManager,
    StateIOManager,
    SubsetIOManager,
)
from autoselection_dagster.values.references import NoIOManager

HomeResource: TypeAlias = dg.ResourceParam[Home]
"""The home folder."""

LedgerResource: TypeAlias = dg.ResourceParam[Ledger]
"""The history and the budgets of all searches."""

AttemptResource: TypeAlias = dg.ResourceParam[Attempt]
"""The trial that the run works on."""


_RESOURCES = (HomeResource, LedgerResource, AttemptResource)


def with_prefixed_resources(compute: Callable[..., Any]) -> Callable[..., Any]:
    """Function of an asset, op or sensor whose resources Dagster knows by prefixed keys.

    A parameter `home: HomeResource` asks for the resource `autoselection_home`, so that the definitions merge
    into a project that has a resource `home` of its own. What a person can act on fails in one sentence.
    """
    asked = signature(compute).parameters
    keys = {name: key(name) for name, each in asked.items() if each.annotation in _RESOURCES}
    names = {prefixed: name for name, prefixed in keys.items()}

    def own(named: Mapping[str, object]) -> dict[str, object]:
        return {names.get(name, name): value for name, value in named.items()}

    def yielding(*given: object, **named: object) -> Iterator[Any]:
        with one_sentence():
            yield from compute(*given, **own(named))

    def returning(*given: object, **named: object) -> object:
        with one_sentence():
            return compute(*given, **own(named))

    # Dagster asks whether a function is a generator, and reads its signature.
    called = wraps(compute)(yielding if isgeneratorfunction(compute) else returning)
    parameters = [each.replace(name=keys.get(name, name)) for name, each in asked.items()]
    called.__signature__ = signature(compute).replace(parameters=parameters)  # type: ignore[attr-defined] # see above
    return called


def resources_of(home: Home) -> dict[str, object]:
    """The resources of an installation, by the keys that assets ask for.

    A project that these are merged into keeps its `io_manager`: every asset here names one of its own.
    """
    return {
        key("home"): dg.ResourceDefinition(lambda _: home, config_schema={}),
        key("ledger"): _ledger(home),
        key("attempt"): _attempt(),
        NOTHING: NoIOManager(),
        POOLS: PoolIOManager(home),
        RECIPES: RecipeIOManager(home),
        SUBSETS: SubsetIOManager(home),
        STATES: StateIOManager(home),
        EVALUATIONS: EvaluationIOManager(home),
    }


def _ledger(home: Home) -> dg.ResourceDefinition:
    @dg.resource(config_schema={}, description="The history and the budgets of all searches.")
    def ledger(_context: dg.InitResourceContext) -> Ledger:
        return Ledger.open(
            home.history_url, lease_s=float(os.environ.get(environment_variables.LEASE_S, LEASE_S))
        )

    return ledger


def _attempt() -> dg.ResourceDefinition:
    @dg.resource(
        config_schema={}, required_resource_keys={key("ledger")}, description="The trial of the run."
    )
    @contextmanager
    def attempt(context: dg.InitResourceContext) -> Iterator[Attempt]:
        assert context.run is not None, "assets run in runs"
        with attempt_for(context.run.tags, getattr(context.resources, key("ledger"))) as held:
            yield held

    return attempt
