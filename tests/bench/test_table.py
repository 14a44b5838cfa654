"""Tables of trainings: packed, read back, and searched."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from autoselection_core.recipe import Recipe
from autoselection_core.subset import Subset
from bench.solver.table.findings import forecasts, makeup, orderings, rank_correlations
from bench.solver.table.play import ACQUISITIONS, Posterior, gaps, held_by, players
from bench.solver.table.recipes import KINDS, next_recipe
from bench.solver.table.record import lines_of
from bench.solver.table.table import TrainingTable, load, pack, packed_lines
from tests.solver.test_version_two import with_topics

COUNT = 40


def line(subset: Subset, kind: str, number: int, utility: float) -> dict[str, Any]:
    """A line as the recorder writes it, with two items of one benchmark a side."""
    rng = np.random.default_rng(number)
    runs = [
        {
            "replicate": replicate,
            **{side: {"desk": (utility + 0.05 * rng.normal(size=4)).tolist()} for side in ("dev", "test")},
        }
        for replicate in range(2)
    ]
    return {
        "recipe": json.loads(subset.recipe.to_json()),
        "kind": kind,
        "subset": subset.fingerprint,
        "rows": len(subset),
        "runs": runs,
        "short": [{"dev": {"desk": [utility] * 4}}] if number % 3 == 0 else [],
        "failed": "",
    }


def recorded() -> tuple[Any, list[dict[str, Any]]]:
    signals, lines = with_topics(), list[dict[str, Any]]()
    for number in range(COUNT):
        drawn = next_recipe(signals, lines)
        utility = float(signals.label("source")[drawn.subset.rows].mean())
        lines.append(line(drawn.subset, drawn.kind, number, utility))
    return signals, lines


def table(tmp_path: Path) -> TrainingTable:
    signals, lines = recorded()
    return load(pack("made", signals, lines, tmp_path))


def test_a_packed_table_is_read_back_with_its_subsets_and_scores(tmp_path: Path) -> None:
    signals, lines = recorded()
    found = load(pack("made", signals, lines, tmp_path))

    assert [subset.fingerprint for subset in found.subsets] == [line["subset"] for line in lines]
    assert found.dev.shape == found.test.shape == (COUNT, 2)
    assert np.isfinite(found.short).sum() == -(-COUNT // 3)
    assert found.dev[0, 0] == np.mean(lines[0]["runs"][0]["dev"]["desk"])


def test_recipes_of_a_table_have_subsets_of_their_own_and_every_kind() -> None:
    _, lines = recorded()

    assert len({line["subset"] for line in lines}) == COUNT
    assert {line["kind"] for line in lines} >= set(KINDS) - {"edit", "plain"}
    assert all(Recipe.from_json(json.dumps(line["recipe"])) for line in lines)


def test_a_line_that_was_cut_short_is_recorded_again(tmp_path: Path) -> None:
    file = tmp_path / "lines.jsonl"
    file.write_text('{"rows": 1}\n{"rows": 2')

    assert lines_of(file) == [{"rows": 1}]
    assert file.read_text() == '{"rows": 1}\n'


def test_a_surrogate_of_source_shares_finds_what_sources_decide(tmp_path: Path) -> None:
    made = table(tmp_path)
    by_source = players(made, ["groups:source"])["groups:source"]

    (mine, covered), (random, _) = (
        gaps(made, player, seeds=20, budget=8) for player in (by_source, "random")
    )

    assert mine.mean() < random.mean()
    assert 0 <= covered["50"] <= covered["90"] <= 1
    assert rank_correlations(made)["a quarter of the tokens"] > 0.5
    assert orderings(made, {"source": by_source}, 5)["source"]["10"] > 0.5
    few, many = (forecasts(made, {"source": by_source}, 5)["source"][count] for count in ("5", "20"))
    assert many[0] > few[0]
    assert all(0 <= half <= most <= 1 for _, half, most in (few, many))


@pytest.mark.parametrize("acquisition", ACQUISITIONS)
def test_every_acquisition_plays_from_plain_filters_and_from_random_recipes(
    acquisition: str, tmp_path: Path
) -> None:
    made = table(tmp_path)
    names = [f"default/{acquisition}", f"composition/{acquisition}/plain", f"third-default/{acquisition}"]

    found = players(made, names)

    for player in found.values():
        values, _ = gaps(made, player, seeds=2, budget=7)
        assert np.isfinite(values).all()


def test_a_part_that_utility_depends_on_leads_the_correlations(tmp_path: Path) -> None:
    signals, lines = recorded()
    made = load(pack("made", replace(signals, label_names={"source": ("first", "second")}), lines, tmp_path))

    assert next(iter(makeup(made))).startswith("share of source")


def test_a_packed_table_gives_back_its_lines_for_its_own_pool_alone(tmp_path: Path) -> None:
    signals, lines = recorded()
    packed = pack("made", signals, lines, tmp_path)

    assert packed_lines(packed, signals.pool_version) == lines
    with pytest.raises(AssertionError, match="another pool"):
        packed_lines(packed, "another pool")


def test_the_third_version_of_the_policy_plays_with_its_own_priors(tmp_path: Path) -> None:
    made = table(tmp_path)
    first, third = players(made, ["default", "third-default"]).values()

    assert not np.array_equal(first.covariances, third.covariances)
    assert np.median(third.noises) > np.median(first.noises)


def test_a_mixture_is_predicted_by_its_own_distribution() -> None:
    two = Posterior(
        np.array([0.5, 0.5]),
        np.array([[0.0], [4.0]]),
        np.full((2, 1), 0.6),
        np.full(2, 0.8),
        np.zeros((2, 1)),
    )

    reached, density = two.predicts([0, 0], np.array([0.0, 2.0]))

    ones = norm(0, 1), norm(4, 1)
    np.testing.assert_allclose(reached, [np.mean([one.cdf(x) for one in ones]) for x in (0, 2)])
    np.testing.assert_allclose(density, [np.mean([one.pdf(x) for one in ones]) for x in (0, 2)])
    assert [bool(held[1]) for held in held_by(reached)] == [True, True]
