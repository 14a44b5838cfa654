"""Solver of a search, made from what the search pins and what the campaign says now."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from autoselection_core.arrays import Values
from autoselection_core.benchmarks.metric import Metric
from autoselection_core.campaign.declaration.campaign import Campaign
from autoselection_core.evaluation.training.settings import FineTuning, fine_tuning, size_sentence
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.specification import SearchSpec
from autoselection_core.operators.base import Operator
from autoselection_core.operators.catalogue import Template, catalogue, installed_operators, with_weights
from autoselection_core.operators.definitions.weighted_mix import MixTopics
from autoselection_core.search.propose import tokens_of
from autoselection_core.search.warm_start import all_earlier_of
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver.advice.consultation import Adviser
from autoselection_core.solver.advice.endpoint import Endpoint
from autoselection_core.solver.advice.exchange import Silent
from autoselection_core.solver.advice.settings import AdviserSettings
from autoselection_core.solver.policy import Policy
from autoselection_core.solver.solver import Solver
from autoselection_core.store.home import Home
from autoselection_core.subset import Subset

_WHOLE_CATALOGUE = 2
"""Version of the policy up to which steps are all of the catalogue's, and weights of its own variants."""


def make_solver(
    spec: SearchSpec, signals: SignalTable, campaign: Campaign, ledger: Ledger, home: Home
) -> Solver:
    """Solver that chooses the candidates of a search.

    Args:
        spec: The search.
        signals: Those that it pins, for the pool that it pins.
        campaign: The campaign now, which says how the search's language model is reached.
        ledger: Ledger of the earlier searches, if it starts from any.
        home: Home folder of the subsets.

    Raises:
        UnknownSearchError: A search that it starts from does not exist.
    """
    chosen = [each for each in installed_operators() if not spec.operators or each.name in spec.operators]
    policy = Policy.of_search(spec.policy, spec.policy_settings, spec.max_steps)
    return Solver(
        signals,
        templates_of(signals, chosen, policy),
        policy,
        all_earlier_of(ledger, spec, signals, home),
        _adviser(spec, campaign.adviser),
        spec.prices,
        max_tokens_of(campaign, spec.training),
        train_tokens_of(campaign, spec.training),
    )


def templates_of(
    signals: SignalTable, operators: Sequence[type[Operator]], policy: Policy
) -> tuple[Template, ...]:
    """Templates of a search's steps.

    From version 3 of the policy on with weights of all named groups, and without steps over a signal that
    has one value in the whole pool: they would choose rows by their number.
    """
    plain = catalogue(signals, operators)
    if policy.version <= _WHOLE_CATALOGUE:
        return plain
    constant = {name for name, column in signals.columns.items() if _is_constant(column)}
    varied = tuple(each for each in plain if dict(each.fixed).get("signal") not in constant)
    return with_weights(varied, signals) if MixTopics in operators else varied


def _is_constant(column: Values) -> bool:
    """Whether every row has the same value, or none has a known one."""
    return bool((column == column[:1]).all() or np.isnan(column).all())


def max_tokens_of(campaign: Campaign, training: Mapping[str, Any] | None = None) -> int | None:
    """Length limit of a campaign's trainings, in tokens; None where it trains nothing itself.

    Args:
        campaign: The campaign now.
        training: Settings of the training that a search pins; those of the campaign where it pins none.
    """
    trained = _trained_by(campaign, training)
    return None if trained is None else trained.max_tokens


def train_tokens_of(campaign: Campaign, training: Mapping[str, Any] | None = None) -> float | None:
    """Tokens of one training of a campaign, whatever the subset; None where they follow from the subset.

    Args:
        campaign: The campaign now.
        training: As for `max_tokens_of`.
    """
    trained = _trained_by(campaign, training)
    return None if trained is None else trained.tokens


def size_warning(campaign: Campaign, spec: SearchSpec, subset: Subset, signals: SignalTable) -> str:
    """Warning of a search's subset that is small for a real training; empty where it is not.

    The whole pool is never too small: there is nothing larger.
    """
    if len(subset) == len(signals):
        return ""
    trained, max_tokens = train_tokens_of(campaign, spec.training), max_tokens_of(campaign, spec.training)
    tokens = tokens_of(subset, signals, max_tokens) if "tokens" in signals.columns else 0
    return size_sentence(len(subset), trained / tokens if trained and tokens else None)


def _trained_by(campaign: Campaign, training: Mapping[str, Any] | None) -> FineTuning | None:
    if campaign.closed_form is not None or campaign.judge is not None:
        return None
    return fine_tuning(training or campaign.training)


def _adviser(spec: SearchSpec, declared: AdviserSettings | None) -> Adviser | None:
    """Language model of a search, reached as the campaign says now."""
    if not spec.adviser:
        return None
    settings = AdviserSettings.of_search(spec.adviser)
    if declared is None:
        return Adviser(settings, Silent("the campaign declares no `adviser` any more"), _unit(spec))
    return Adviser(settings, Endpoint(declared.url, declared.timeout_s), _unit(spec))


def _unit(spec: SearchSpec) -> str:
    """Unit of the search's utility, for people and models."""
    metrics = [Metric(name) for name in spec.metric.split(" + ") if name in tuple(Metric)]
    return ", ".join(f"{metric.value} in {metric.unit}" for metric in metrics) or spec.metric
