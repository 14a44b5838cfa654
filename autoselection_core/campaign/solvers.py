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
from autoselection_core.operators.definitions.score import KeepBand, KeepTop
from autoselection_core.operators.definitions.weighted_mix import MixTopics
from autoselection_core.search.propose import tokens_of
from autoselection_core.search.warm_start import all_earlier_of
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver.advice.consultation import Adviser
from autoselection_core.solver.advice.endpoint import Endpoint
from autoselection_core.solver.advice.exchange import Silent
from autoselection_core.solver.advice.settings import AdviserSettings
from autoselection_core.solver.policy import Policy
from autoselection_core.solver.programs.limits import read_tokens
from autoselection_core.solver.solver import Solver
from autoselection_core.store.home import Home
from autoselection_core.subset import Subset

_WHOLE_CATALOGUE = 2
"""Version of the policy up to which steps are all of the catalogue's, and weights of its own variants."""

_TIES_RANKED = 4
"""Version of the policy up to which rows are ranked by columns whose values are mostly equal, too."""


def policy_of(spec: SearchSpec) -> Policy:
    """Policy of a search, with its settings."""
    return Policy.of_search(spec.policy, spec.policy_settings, spec.max_steps)


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
    policy = policy_of(spec)
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
    has one value in the whole pool: they would choose rows by their number. From version 5 on a column most
    of whose known values are equal is cut beside that value in place of being ranked, for the same reason.
    """
    plain = catalogue(signals, operators)
    if policy.version <= _WHOLE_CATALOGUE:
        return plain
    constant = {name for name, column in signals.columns.items() if _is_constant(column)}
    varied = tuple(each for each in plain if dict(each.fixed).get("signal") not in constant)
    if policy.version > _TIES_RANKED and KeepBand in operators:
        varied = _cut_where_tied(varied, signals)
    return with_weights(varied, signals) if MixTopics in operators else varied


def _cut_where_tied(templates: Sequence[Template], signals: SignalTable) -> tuple[Template, ...]:
    """Templates without rankings of mostly equal values, and with the bands that end beside such a value."""
    ranked = dict.fromkeys(str(dict(each.fixed)["signal"]) for each in templates if _is_ranking(each))
    cuts = {name: found for name in ranked if (found := tied_cuts(signals.columns[name]))}
    kept = (each for each in templates if not (_is_ranking(each) and dict(each.fixed)["signal"] in cuts))
    bands = (Template(KeepBand, (("signal", name), cut), ()) for name, found in cuts.items() for cut in found)
    return (*kept, *bands)


def _is_ranking(template: Template) -> bool:
    return template.operator is KeepTop


def tied_cuts(column: Values) -> tuple[tuple[str, float], ...]:
    """Ends of bands that part a column beside its most common value; none where no value has a majority.

    More than half of the known values are equal only if they are equal to the median.

    Args:
        column: Values of a signal, NaN for unknown. Shape (rows,).

    Returns:
        `low` or `high` with the value that the band ends at. A band has some rows and not all.

    Example:
        >>> tied_cuts(np.array([0, 0, 0, 1], np.float32)), tied_cuts(np.arange(4, dtype=np.float32))
        ((('low', 1.0), ('high', 0.0)), ())
    """
    known = column[np.isfinite(column)]
    common = float(np.median(known)) if len(known) else 0.0
    if 2 * np.count_nonzero(known == common) <= len(known):
        return ()
    above, below = known[known > common], known[known < common]
    lows = [*([float(above.min())] if len(above) else []), common]
    highs = [common, *([float(below.max())] if len(below) else [])]
    cuts = [
        *(("low", end, np.count_nonzero(known >= end)) for end in lows),
        *(("high", end, np.count_nonzero(known <= end)) for end in highs),
    ]
    return tuple((name, end) for name, end, rows in cuts if rows < len(column))


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


def epoch_tokens(signals: SignalTable, max_tokens: int | None) -> float:
    """Tokens that a training can read in an epoch of a pool; see `read_tokens`.

    Args:
        signals: The pool, with counted tokens.
        max_tokens: Length at which the training cuts samples; None cuts nothing.
    """
    if max_tokens is None:
        return float(np.nansum(signals["tokens"], dtype=np.float64))
    return float(read_tokens(signals, max_tokens).sum())


def size_warning(campaign: Campaign, spec: SearchSpec, subset: Subset, signals: SignalTable) -> str:
    """Warning of a search's subset that is small for a real training; empty where it is not.

    The whole pool is never too small: there is nothing larger.
    """
    if len(subset) == len(signals):
        return ""
    trained, max_tokens = train_tokens_of(campaign, spec.training), max_tokens_of(campaign, spec.training)
    tokens = tokens_of(subset, signals, max_tokens) if "tokens" in signals.columns else 0
    reads = trained / tokens if trained and tokens else None
    return size_sentence(len(subset), reads, len(signals))


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
