"""Comparison of surrogates, each on a problem that it is made for: `python -m bench.solver.surrogates`.

Outliers: of forty evaluations of a smooth utility, one in ten is off by ten points. Many: five thousand
evaluations, learned by BKB and, with as many hyper-parameter vectors, by the exact process. Uneven: a utility
that is wild on one side and flat on the other, learned by the default and by a network of infinite width,
which is not part of the product.
"""

import argparse
from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np

from autoselection_core.identity import Json
from autoselection_core.solver.feature_layout import Features, Layout
from autoselection_core.solver.surrogate import gp
from autoselection_core.solver.surrogate.gp import Fitting, Numbers, fit
from bench.result import measure, write_result

_LAYOUT = Layout(4, 0, 0)
_NOISE, _OFF, _SPOILT = 0.3, 10.0, 0.1
_MANY, _DRAWS = 5000, 4


def utility(points: Features) -> Numbers:
    """A smooth utility with a bend, a slope and an interaction; its spread is about one."""
    return np.asarray(
        np.sin(1.5 * points[:, 0]) + 0.6 * points[:, 1] + 0.4 * points[:, 0] * points[:, 2], np.float64
    )


def outliers(seed: int, share: float, count: int = 40) -> Mapping[str, tuple[float, float]]:
    """Error of the mean, and log density of the truth, by surrogate, on 500 unseen points."""
    rng = np.random.default_rng(seed)
    points, asked = rng.normal(size=(count, 4)), rng.normal(size=(500, 4))
    seen = utility(points) + _NOISE * rng.normal(size=count)
    spoilt = rng.choice(count, round(share * count), replace=False)
    seen[spoilt] += _OFF * rng.choice([-1.0, 1.0], len(spoilt))
    found = {}
    for name in ("gp", "student_t"):
        mean, deviation = fit(points, seen, _LAYOUT, Fitting(8, seed=seed, surrogate=name)).posterior(asked)
        error = utility(asked) - mean
        density = -0.5 * (error / deviation) ** 2 - np.log(deviation) - 0.5 * np.log(2 * np.pi)
        found[name] = float(np.sqrt((error**2).mean())), float(density.mean())
    return found


def many(surrogate: str) -> dict[str, Json]:
    """Seconds to learn from five thousand evaluations and to judge two thousand candidates, and the error."""
    rng = np.random.default_rng(0)
    points, asked = rng.normal(size=(_MANY, 4)), rng.normal(size=(2000, 4))
    seen = utility(points) + _NOISE * rng.normal(size=_MANY)

    def work() -> Numbers:
        return fit(points, seen, _LAYOUT, Fitting(_DRAWS, surrogate=surrogate)).posterior(asked)[0]

    worked = measure(work)
    return {**worked.cost, "error": round(float(np.sqrt(((worked.value - utility(asked)) ** 2).mean())), 4)}


def uneven(seed: int, count: int = 40) -> Mapping[str, tuple[float, float]]:
    """Error of the mean, and log density of the truth, where roughness differs from place to place."""
    rng = np.random.default_rng(seed)
    points, asked = rng.normal(size=(count, 4)), rng.normal(size=(500, 4))
    seen = _wild(points) + _NOISE * rng.normal(size=count)
    default = fit(points, seen, _LAYOUT, Fitting(8, seed=seed)).posterior(asked)
    found = {}
    for name, (mean, deviation) in (("gp", default), ("infinite_width", infinite_width(points, seen, asked))):
        error = _wild(asked) - mean
        density = -0.5 * (error / deviation) ** 2 - np.log(deviation) - 0.5 * np.log(2 * np.pi)
        found[name] = float(np.sqrt((error**2).mean())), float(density.mean())
    return found


def _wild(points: Features) -> Numbers:
    left = np.where(points[:, 0] < 0, np.sin(6 * points[:, 0]), 0.0)
    return np.asarray(left + 0.6 * points[:, 1], np.float64)


def infinite_width(points: Features, seen: Numbers, asked: Features) -> tuple[Numbers, Numbers]:
    """Mean and deviation under a deep network of infinite width (Cho & Saul 2009; Lee et al. 2018).

    Weights of the layers' variances, depth and noise are averaged over a grid by their evidence.
    """
    center, spread = seen.mean(), seen.std()
    targets, everything = (seen - center) / spread, np.concatenate([points, asked])
    parts = []
    for depth, bias, noise in product((1, 2, 3), (0.1, 0.5, 1.5), (0.1, 0.3, 0.6)):
        full = _arc_cosine(everything, depth, bias)
        known, cross = full[: len(seen), : len(seen)], full[len(seen) :, : len(seen)]
        root = np.linalg.cholesky(known + noise**2 * np.eye(len(seen)))
        white, explained = np.linalg.solve(root, targets), np.linalg.solve(root, cross.T)
        evidence = -0.5 * white @ white - np.log(np.diag(root)).sum()
        left = np.diag(full)[len(seen) :] - (explained**2).sum(axis=0)
        parts.append((evidence, explained.T @ white, left))
    weights = np.exp([part[0] - max(one[0] for one in parts) for part in parts])
    weights /= weights.sum()
    means, variances = np.array([part[1] for part in parts]), np.array([part[2] for part in parts])
    mean = weights @ means
    variance = weights @ (np.maximum(variances, 1e-8) + (means - mean) ** 2)
    return mean * spread + center, np.sqrt(variance) * spread


def _arc_cosine(points: Features, depth: int, bias: float) -> Features:
    """Covariances of a network with rectified units, scaled to a mean variance of one. Shape (n, n)."""
    kernel = bias**2 + points @ points.T / points.shape[1]
    for _ in range(depth):
        size = np.sqrt(np.diag(kernel))
        sizes = size[:, None] * size[None, :]
        angle = np.arccos(np.clip(kernel / sizes, -1, 1))
        kernel = bias**2 + sizes / np.pi * (np.sin(angle) + (np.pi - angle) * np.cos(angle))
    return np.asarray(kernel / np.diag(kernel).mean())


def main() -> None:
    """Run both, and write the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument(
        "--exact", action="store_true", help="learn from all evaluations exactly, too: minutes"
    )
    options = parser.parse_args()
    figures: dict[str, Json] = {f"{_MANY} evaluations, {_DRAWS} draws, bkb": many("bkb")}
    if options.exact:
        gp.MAX_EXACT = _MANY
        figures[f"{_MANY} evaluations, {_DRAWS} draws, exact"] = many("gp")
    for share in (0.0, _SPOILT):
        runs = [outliers(seed, share) for seed in range(options.seeds)]
        for name in ("gp", "student_t"):
            figures[f"{share:.0%} outliers, {name}"] = _summary(runs, name)
    runs = [uneven(seed) for seed in range(options.seeds)]
    for name in ("gp", "infinite_width"):
        figures[f"uneven, {name}"] = _summary(runs, name)
    print(write_result("solver/surrogates", figures, "other processes shared the core; see the load"))


def _summary(runs: Sequence[Mapping[str, tuple[float, float]]], name: str) -> dict[str, Json]:
    error, density = np.mean([run[name] for run in runs], axis=0)
    better = np.mean([run[name][0] < run["gp"][0] for run in runs])
    return {
        "searches": len(runs),
        "error": round(float(error), 4),
        "log_density": round(float(density), 4),
        "smaller_error_than_gp": round(float(better), 3),
    }


if __name__ == "__main__":
    main()
