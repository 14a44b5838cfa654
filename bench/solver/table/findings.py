"""Findings on a table without a search: what ranks recipes, how well, and what their subsets are made of."""

from collections.abc import Iterator, Mapping

import numpy as np
from scipy.stats import spearmanr

from autoselection_core.solver.determinism import one_thread
from autoselection_core.solver.features.state_axes import blocks_of, describe
from bench.solver.table.play import Numbers, Player, held_by
from bench.solver.table.table import TrainingTable

_KNOWN = (10, 20, 50, 100)
"""Numbers of random observations that the other recipes are ordered from."""

_FORECAST_FROM = (5, 10, 20)
_MIN_DENSITY = 1e-12
_MIN_LEFT = 20
_SHOWN = 12
_MIN_SPREAD = 1e-9


def rank_correlations(table: TrainingTable) -> dict[str, float]:
    """Spearman correlation of each kind of observation with the dev utility of a second full training."""
    full = table.dev[:, 1]
    pairs: Mapping[str, Numbers] = {
        "two full trainings": table.dev[:, 0],
        "a quarter of the tokens": table.short,
        "a third of the items": table.part,
        "test of the same training": table.test[:, 1],
        "rows": np.log([len(subset) for subset in table.subsets]),
    }
    found = {}
    for name, values in pairs.items():
        known = np.isfinite(values)
        if known.sum() > 2:
            found[name] = round(float(spearmanr(values[known], full[known]).statistic), 3)
    known = np.isfinite(table.short)
    if known.sum() > 2:
        found["two full trainings, recipes with a quarter"] = round(
            float(spearmanr(table.dev[known, 0], full[known]).statistic), 3
        )
    return found


def makeup(table: TrainingTable) -> dict[str, float]:
    """Spearman correlations of the mean dev utility with what subsets are made of, the strongest first.

    Mean of each signal over a subset, share of each source and topic, numbers of rows and tokens, and the
    state axes that no signal has: evenness of groups and redundancy by pairs.
    """
    utility = table.dev.mean(axis=1)
    found = {
        name: round(float(spearmanr(values, utility).statistic), 3)
        for name, values in _parts(table)
        if np.std(values) > _MIN_SPREAD
    }
    return dict(sorted(found.items(), key=lambda one: -abs(one[1]))[:_SHOWN])


def _parts(table: TrainingTable) -> Iterator[tuple[str, Numbers]]:
    rows = [subset.rows for subset in table.subsets]
    yield "rows", np.array([len(one) for one in rows], np.float64)
    for name, values in sorted(table.signals.columns.items()):
        filled = np.where(np.isfinite(values), values, np.nanmedian(values)).astype(np.float64)
        yield f"mean of {name}", np.array([filled[one].mean() for one in rows])
    if "tokens" in table.signals.columns:
        tokens = np.nan_to_num(table.signals["tokens"].astype(np.float64))
        yield "tokens", np.array([tokens[one].sum() for one in rows])
    for name, labels in sorted(table.signals.labels.items()):
        names = table.signals.label_names.get(name, ())
        if len(labels) and int(labels.max()) < len(names):
            for group, title in enumerate(names):
                yield f"share of {name} {title}", np.array([(labels[one] == group).mean() for one in rows])
    axes, columns = describe(rows, blocks_of(table.signals)).axes, len(table.signals.columns)
    for place in range(1 + columns, axes.shape[1]):
        yield f"evenness or redundancy, axis {place}", axes[:, place]


def forecasts(
    table: TrainingTable, made: Mapping[str, Player], seeds: int
) -> dict[str, dict[str, tuple[float, ...]]]:
    """Predictions of the second training of recipes that were not observed, after some random observations.

    For each surrogate and number of observations the mean logarithm of the predictive density, in units of
    the deviation of all trainings, and the shares within the central 50 and 90 %.
    """
    with one_thread():
        return {
            name: {str(count): _forecast(table, player, count, seeds) for count in _FORECAST_FROM}
            for name, player in made.items()
            if player.acquisition == "ei" and not player.first
        }


def _forecast(table: TrainingTable, player: Player, count: int, seeds: int) -> tuple[float, ...]:
    found = []
    for seed in range(seeds):
        order = np.random.default_rng((seed, 23)).permutation(len(table))
        seen, left = order[:count].tolist(), order[count:].tolist()
        observed = table.dev[seen, 0]
        scale = float(observed.std(ddof=1))
        standard = (table.dev[left, 1] - observed.mean()) / scale
        reached, density = player.posterior(seen, observed).predicts(left, standard)
        logs = np.log(np.maximum(density, _MIN_DENSITY) / scale * table.dev.std())
        found.append([float(np.mean(each)) for each in (logs, *held_by(reached))])
    return tuple(round(float(value), 3) for value in np.mean(found, axis=0))


def orderings(table: TrainingTable, made: Mapping[str, Player], seeds: int) -> dict[str, dict[str, float]]:
    """Mean Spearman correlation of posterior means with the mean utility of the recipes not observed."""
    utility, found = table.dev.mean(axis=1), dict[str, dict[str, float]]()
    counts = [count for count in _KNOWN if count + _MIN_LEFT <= len(table)]
    with one_thread():
        for name, player in made.items():
            if player.acquisition == "ei" and not player.first:
                found[name] = {
                    str(count): _ordering(table, player, utility, count, seeds) for count in counts
                }
    return found


def _ordering(table: TrainingTable, player: Player, utility: Numbers, count: int, seeds: int) -> float:
    values = []
    for seed in range(seeds):
        order = np.random.default_rng((seed, 22)).permutation(len(table))
        seen, left = order[:count].tolist(), order[count:]
        means = player.posterior(seen, table.dev[seen, 0]).mean
        values.append(float(spearmanr(means[left], utility[left]).statistic))
    return round(float(np.mean(values)), 3)
