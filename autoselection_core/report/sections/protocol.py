"""Training protocol of a report's models in a sentence, and what its scores do not say by themselves."""

from collections.abc import Mapping, Sequence
from math import exp, log
from statistics import mean

import numpy as np

from autoselection_core.arrays import Rows
from autoselection_core.benchmarks.metric import Metric, form_warning, median_length
from autoselection_core.evaluation.training.settings import Schedule, fine_tuning, plan_of
from autoselection_core.identity import Json
from autoselection_core.pool.sample import Scope
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.rendering.table import Table, cell_text
from autoselection_core.score.score import BenchmarkScore
from autoselection_core.search.arms import WINNER
from autoselection_core.search.report_evaluations import tests_by_arm


def unread_table(runs: Mapping[str, Sequence[Sequence[BenchmarkScore]]]) -> Table | None:
    """The share of unreadable answers of every arm; None where no benchmark has written answers.

    Args:
        runs: The scores of each arm's runs.
    """
    shares = {arm: _shares(scored) for arm, scored in runs.items()}
    names = tuple(dict.fromkeys(name for found in shares.values() for name in found))
    if not names:
        return None
    rows = tuple((arm, *(found.get(name) for name in names)) for arm, found in shares.items() if found)
    return Table("Answers that could not be read, share of test items", ("arm", *names), rows)


def _shares(runs: Sequence[Sequence[BenchmarkScore]]) -> dict[str, float]:
    written = [score for run in runs for score in run if score.metric is Metric.ANSWER_ACCURACY]
    names = dict.fromkeys(score.benchmark for score in written)
    return {
        name: mean(score.parse_failure_share for score in written if score.benchmark == name)
        for name in names
    }


def training_sentence(settings: Mapping[str, Json]) -> str:
    """Preset, changed settings, length, and whether every arm trains on equally many tokens."""
    training = fine_tuning(settings)
    preset = settings.get("preset", "cpu-lora")
    unnamed = ("preset", *plan_of(settings))
    changed = ", ".join(
        f"{name} {_setting_text(value)}" for name, value in settings.items() if name not in unnamed
    )
    length = f"{cell_text(training.amount)} {training.schedule.value}"
    equal = "arms train on as many tokens as their subsets have: compare scores beside tokens"
    if training.schedule is Schedule.TOKENS:
        short = "" if training.fills_exactly else ", some up to a prompt fewer"
        equal = f"every arm trains on equally many tokens{short}"
    return f"Preset `{preset}`{f' with {changed}' if changed else ''}: {length}; {equal}."


def _setting_text(value: Json) -> str:
    """A setting as it was given, with separators in a whole number."""
    return f"{value:,}" if type(value) is int else str(value)


NO_TRAINING = "A formula stood in for trainings: no model was trained, and its items are simulated values."

_SAMPLED = 500
"""Answers that a median length is of, evenly spaced."""


def form_warnings(facts: SearchFacts) -> list[str]:
    """Warnings of benchmarks whose answers are of another form than those of the pool; see `form_warning`.

    What follows from it, and what to do, is said once.
    """
    if facts.best_subset is None or not facts.workspace.campaign.trains_here:
        return []
    lengths = [_median_answer(facts, rows) for rows in (np.arange(len(facts.pool)), facts.best_subset.rows)]
    warnings = (
        form_warning(one.name, one.metric, median_length([item.reference for item in one.items]), *lengths)
        for one in facts.workspace.benchmarks_of(facts.record.spec)
        if one.harness is None
    )
    return said_once([warning for warning in warnings if warning])


def said_once(warnings: Sequence[str]) -> list[str]:
    """Warnings whose sentences after the first are left out where an earlier one ends with them, too.

    Example:
        >>> said_once(["sums: short. Do this.", "words: long. Do this.", "songs: odd. Do that."])
        ['sums: short. Do this.', 'words: long. The same holds.', 'songs: odd. Do that.']
    """
    ends: set[str] = set()
    told = []
    for warning in warnings:
        first, _, end = warning.partition(". ")
        told.append(f"{first}. The same holds." if end in ends else warning)
        ends.add(end)
    return told


def _median_answer(facts: SearchFacts, rows: Rows) -> int:
    places = np.unique(np.linspace(0, len(rows) - 1, _SAMPLED).astype(np.int64))
    return median_length(facts.pool.texts(Scope.RESPONSE, rows[places]))


def level_sentences(facts: SearchFacts) -> list[str]:
    """Likelihoods of the winner as perplexities, beside an even guess among the tokens of the answers."""
    winners = tests_by_arm(facts.compared)[WINNER]
    scored = [score for run in winners for score in run if score.metric is Metric.LOG_LIKELIHOOD]
    known = facts.answer_tokens if scored else {}
    names = [name for name in dict.fromkeys(score.benchmark for score in scored) if known.get(name)]
    values = [mean(score.mean for score in scored if score.benchmark == name) for name in names]
    return levels_in_words(names, values, [known[name] for name in names])


def _perplexity(nats: float) -> str:
    """Perplexity of a level in nats a token, without an exponent as far as people read one."""
    value = exp(-nats)
    return f"{value:,.0f}" if _FRACTIONS <= value < _EXPONENTS else f"{value:.3g}"


_FRACTIONS, _EXPONENTS = 1e3, 1e7
"""Perplexity from which it has no fractions, and from which it has an exponent."""


def levels_in_words(names: Sequence[str], values: Sequence[float], tokens: Sequence[int]) -> list[str]:
    """Levels of the winner's runs on benchmarks, with what an even guess scores; several are told together.

    Args:
        names: Names of the benchmarks.
        values: Mean score of the runs on each, in nats a token.
        tokens: Number of different tokens of the right answers of each.

    Example:
        >>> first, second = levels_in_words(["sums", "words"], [-1.0, -8.0], [8, 12])
        >>> first
        'Levels in nats a token: sums -1, a perplexity of 2.72; words -8, a perplexity of 2,981.'
        >>> second.partition(": ")[2]
        'on average, runs of the winner score higher on sums and lower on words.'
    """
    guesses = [-log(count) for count in tokens]
    sides = ["higher" if value > guess else "lower" for value, guess in zip(values, guesses, strict=True)]
    if len(names) == 1:
        level = f"{values[0]:.4g} nats a token is a perplexity of {_perplexity(values[0])}"
        guess = f"An even guess among the {tokens[0]:,} different tokens of its right answers scores"
        side = f"runs of the winner score {sides[0]} than that on average"
        return [f"Level on {names[0]}: {level}. {guess} {guesses[0]:.3g}: {side}."]
    if not names:
        return []
    told = [
        f"{name} {value:.4g}, a perplexity of {_perplexity(value)}"
        for name, value in zip(names, values, strict=True)
    ]
    guessed = [f"{guess:.3g} ({name})" for name, guess in zip(names, guesses, strict=True)]
    places = [
        f"{side} on {', '.join(name for name, own in zip(names, sides, strict=True) if own == side)}"
        for side in dict.fromkeys(sides)
    ]
    compared = f"{sides[0]} on each" if len(places) == 1 else " and ".join(places)
    even = f"Even guesses among the different tokens of their right answers score {', '.join(guessed)}"
    return [
        f"Levels in nats a token: {'; '.join(told)}.",
        f"{even}: on average, runs of the winner score {compared}.",
    ]
