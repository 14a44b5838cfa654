"""Verdict on the winner: paired comparisons of fresh runs on test items, with intervals."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from autoselection_core.history.specification import SearchSpec
from autoselection_core.identity import Json
from autoselection_core.progress import percent
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.rendering.table import enumerated
from autoselection_core.score.comparison import (
    Difference,
    Verdict,
    arm_difference,
    single_run_mark,
    single_run_note,
)
from autoselection_core.score.resampling import Run
from autoselection_core.score.score import CLOSED_FORM
from autoselection_core.search.arms import FULL_POOL, PLAIN_FILTER, PROPER_SUBSET, RANDOM, WINNER
from autoselection_core.search.report_evaluations import ArmRun, runs_covered, tests_by_arm
from autoselection_core.solver.candidates.warmup import is_plain

OPPONENTS = {
    RANDOM: "random subsets of equal tokens",
    FULL_POOL: "the full pool",
    PLAIN_FILTER: "the best plain filter",
    PROPER_SUBSET: "the best subset that leaves something out",
}
"""Arms that a winner is compared with, in the order of the report, for people."""


def opponent_text(arm: str) -> str:
    """An arm that the winner is compared with, for people.

    Example:
        >>> opponent_text("full_pool"), opponent_text("stated_recipe_2")
        ('the full pool', 'the stated recipe 2')
    """
    return OPPONENTS.get(arm) or f"the {arm.replace('_', ' ')}"


_WORDS = {Verdict.YES: "better than", Verdict.NO: "no better than", Verdict.UNDECIDED: "undecided against"}


@dataclass(frozen=True)
class Finding:
    """The winner beside one opponent.

    Attributes:
        opponent: `random`, `full_pool`, `plain_filter`, `proper_subset` or a stated recipe.
        difference: Winner minus opponent on test items, with interval and verdict.
        runs: Runs of the winner and of the opponent.
        metric: Meaning of the scores.
        recipe: The opponent's recipe, where it is a plain filter, the best proper subset or a stated one.
        epochs: Times that the runs of the winner and of the opponent read their data, on average, in tokens
            that a training can read; None where nothing was trained.
        choices: Subsets of plain filters that the best one was chosen from; 0 for other opponents.
    """

    opponent: str
    difference: Difference
    runs: tuple[int, int]
    metric: str
    recipe: str = ""
    epochs: tuple[float, float] | None = None
    choices: int = 0

    @property
    def sentence(self) -> str:
        """The finding for people, complete by itself."""
        return f"{self._compared(single_run_note(self.runs))}{self._read}"

    @property
    def short_sentence(self) -> str:
        """The finding for people beside others, without what `finding_sentences` says of several."""
        return self._compared(single_run_mark(self.runs))

    def _compared(self, note: str) -> str:
        found = self.difference
        named = f", {self.recipe}" if self.recipe else ""
        fresh = "1 fresh run" if self.runs[0] == 1 else f"{self.runs[0]} fresh runs"
        is_formula = self.metric == CLOSED_FORM
        judged = ", by the formula (no model was trained)" if is_formula else ""
        items = "Simulated items" if is_formula else "Test items"
        interval = f"{percent(found.confidence)} interval [{found.low:+.4f}, {found.high:+.4f}]"
        return (
            f"Better than {opponent_text(self.opponent)}{named}? {found.verdict.value}{note}{judged}. "
            f"{items}, {self.metric}: {found.value:+.4f}, {interval}, "
            f"{fresh} of the winner against {self.runs[1]}.{self._chosen}"
        )

    @property
    def _chosen(self) -> str:
        """Choice of the best plain filter: another one may have measured better by luck."""
        if self.opponent != PLAIN_FILTER:
            return ""
        if self.choices == 1:
            return " It is the only usual plain filter that the search tried beside the winner."
        of = f" of {self.choices}" if self.choices else ""
        return (
            f" The best plain filter is that with the highest posterior mean{of}, not the highest measured "
            "score."
        )

    def to_json(self) -> dict[str, Json]:
        """The finding as data, for programs."""
        found = self.difference
        return {
            "opponent": self.opponent,
            "verdict": found.verdict.value,
            "value": found.value,
            "low": found.low,
            "high": found.high,
            "confidence": found.confidence,
            "runs": self.runs,
            "metric": self.metric,
        }

    @property
    def _read(self) -> str:
        """Times that either read its data: equal trainings read a small subset more often."""
        if self.epochs is None:
            return ""
        own, other = (f"{epochs:.2g}" for epochs in self.epochs)
        opponent = opponent_text(self.opponent)
        return (
            f" A run of the winner read the readable tokens of its subset {own} times, one of {opponent} "
            f"{other} times."
        )


def finding_sentences(found: Sequence[Finding]) -> list[str]:
    """The findings for people; what holds for several of them is said once, after them."""
    if len(found) < 2:  # noqa: PLR2004 - one has nothing in common with another
        return [one.sentence for one in found]
    return [*(one.short_sentence for one in found), *_single_runs(found), *_readings(found)]


def _single_runs(found: Sequence[Finding]) -> Iterator[str]:
    """Why arms of one run decide nothing, and which those are."""
    arms = [opponent_text(one.opponent) for one in found if one.runs[1] == 1]
    if any(one.runs[0] == 1 for one in found):
        arms = ["the winner", *arms]
    if arms:
        yield (
            "An arm of one run decides nothing, wherever its interval lies, as it says nothing about luck "
            f"between runs: {enumerated(arms)}."
        )


def _readings(found: Sequence[Finding]) -> Iterator[str]:
    """Times that runs of the winner and of its opponents read their data."""
    read = [(opponent_text(one.opponent), *one.epochs) for one in found if one.epochs is not None]
    if read:
        others = ", ".join(f"one of {arm} {epochs:.2g} times" for arm, _, epochs in read)
        yield f"A run of the winner read the readable tokens of its subset {read[0][1]:.2g} times, {others}."


def findings(facts: SearchFacts) -> tuple[Finding, ...]:
    """Comparisons of the winner with its opponents, as far as the runs are there; stated recipes come last.

    Raises:
        NoReportError: The search still runs, or measured nothing.
    """
    runs, tests = facts.compared, tests_by_arm(facts.compared)
    is_formula = facts.workspace.campaign.closed_form is not None
    stated = [run.arm for run in facts.stated]
    compared = (
        compare(tests, opponent, facts.record.spec)
        for opponent in (*OPPONENTS, *stated)
        if not have_same_rows(runs, WINNER, opponent)
    )
    named = {arm: _recipe_of(runs, arm) for arm in (PLAIN_FILTER, PROPER_SUBSET, *stated)}
    return tuple(
        replace(
            finding,
            recipe=named.get(finding.opponent, ""),
            epochs=None if is_formula else _epochs(facts, finding.opponent),
            choices=_plain_tried(facts) if finding.opponent == PLAIN_FILTER else 0,
        )
        for finding in compared
        if finding is not None
    )


def have_same_rows(arms: Sequence[ArmRun], first: str, second: str) -> bool:
    """Whether all runs of two arms trained on one subset: their difference is luck alone."""
    return len({run.trial.subset for run in arms if run.arm in (first, second)}) == 1


def _recipe_of(arms: Sequence[ArmRun], arm: str) -> str:
    labels = (run.trial.recipe.outline for run in arms if run.arm == arm and run.trial.recipe)
    return ", ".join(dict.fromkeys(labels))


def _plain_tried(facts: SearchFacts) -> int:
    """Number of subsets of usual plain filters that the search measured, without the winner's."""
    scores = facts.solver.policy.plain_scores
    tried = {one.subset for one in facts.history.observations if is_plain(one.recipe, scores)}
    return len(tried - {facts.require_best().subset})


def _epochs(facts: SearchFacts, opponent: str) -> tuple[float, float] | None:
    """Tokens that the runs of winner and opponent were trained on, as multiples of what is to be read."""
    means = []
    for arm in (WINNER, opponent):
        runs = [run for run in facts.compared if run.arm == arm and run.training_tokens]
        sizes = [facts.readable_tokens(run.trial.recipe) or run.trial.tokens for run in runs]
        read = [
            run.training_tokens / size
            for run, size in zip(runs, sizes, strict=True)
            if run.training_tokens and size
        ]
        if not read:
            return None
        means.append(sum(read) / len(read))
    return means[0], means[1]


def compare(tests: Mapping[str, Sequence[Run]], opponent: str, spec: SearchSpec) -> Finding | None:
    """The winner beside one opponent; None where either has no run.

    Beside random subsets the runs of the full pool also show how much runs of this trainer vary: if anything
    more than the others do, as each may read another part of the pool. For the same reason those of small
    subsets say nothing about the full pool (`python -m bench.verdicts`).

    Args:
        tests: Test scores of each arm's runs.
        opponent: The arm to beat.
        spec: With seed, weights and metric.
    """
    winners, others = tests[WINNER], tests[opponent]
    if not winners or not others:
        return None
    beside = [tests[FULL_POOL]] if opponent == RANDOM and tests[FULL_POOL] else []
    difference = arm_difference(
        winners,
        others,
        seed=spec.seed,
        weights=spec.score_weights,
        beside=beside,
    )
    return Finding(opponent, difference, (len(winners), len(others)), spec.metric)


def is_better(found: Sequence[Finding]) -> Verdict:
    """Whether the winner beats random subsets of equal tokens; undecided where that was not measured.

    A winner that is the whole pool has the best proper subset to beat.
    """
    decisive = decisive_of(found)
    return Verdict.UNDECIDED if decisive is None else decisive.difference.verdict


def in_words(found: Sequence[Finding]) -> str:
    """The verdict in a few words, with every opponent, for a list of searches.

    Example:
        >>> in_words([])
        'not compared with random subsets'
    """
    decisive = decisive_of(found)
    if decisive is None:
        return "not compared with random subsets"
    judged = ", by the formula" if decisive.metric == CLOSED_FORM else ""
    first = f"{_WORDS[decisive.difference.verdict]} {opponent_text(decisive.opponent)}"
    return f"{first}{beside_words(found)}{judged}"


def beside_words(found: Sequence[Finding], alike: str = "") -> str:
    """The verdicts on the opponents beside the decisive one, to follow a sentence; empty without any.

    Args:
        found: The comparisons.
        alike: Words before those with the verdict of the decisive one; empty to name the verdict again.
    """
    decisive = decisive_of(found)
    parts = []
    for verdict, words in _WORDS.items():
        beside = [one for one in found if one is not decisive and one.difference.verdict is verdict]
        if beside:
            is_alike = decisive is not None and verdict is decisive.difference.verdict
            before = alike if alike and is_alike else f"; {words}"
            parts.append(f"{before} {' and '.join(opponent_text(one.opponent) for one in beside)}")
    return "".join(parts)


def decisive_of(found: Sequence[Finding]) -> Finding | None:
    """The comparison that the verdict rests on; None where it was not measured."""
    return next((finding for finding in found if finding.opponent in (RANDOM, PROPER_SUBSET)), None)


def verdict_sentence(report_evaluations: int, plain_filter: int = 0) -> str:
    """Report evaluations that the second budget pays for, and which of the questions they can decide.

    Two fresh runs of the winner and two of its opponent are needed: random subsets, the full pool, or the
    best plain filter. One run says nothing about luck between runs.

    Args:
        report_evaluations: The second budget.
        plain_filter: Runs of the best plain filter that the report plans.
    """
    runs = runs_covered(report_evaluations, plain_filter)
    paid = {arm: count - (arm == FULL_POOL) for arm, count in runs.items()}
    ordered = sorted(paid, key=lambda arm: arm == FULL_POOL)
    bought = ", ".join(f"{paid[arm]} of {_RUN_OF[arm]}" for arm in ordered if paid[arm]) or "nothing"
    usual = [arm for arm in OPPONENTS if arm != PROPER_SUBSET]
    asked = [arm for arm in usual if arm != PLAIN_FILTER or plain_filter]
    questions = {arm: min(runs.get(WINNER, 0), runs.get(arm, 0)) > 1 for arm in asked}
    decided = [_asked(arm) for arm, can in questions.items() if can]
    open_ = [_asked(arm) for arm, can in questions.items() if not can]
    own = ", beside the search's own run of the full pool" if report_evaluations else ""
    parts = [f"the second budget pays for {report_evaluations} runs ({bought}){own}"]
    if decided:
        parts.append(
            f"it can decide whether the winner beats {' and '.join(decided)} where they differ clearly; "
            "small differences stay undecided, and how small is known once there are runs"
        )
    if open_:
        parts.append(f"it can only be undecided beside {' and '.join(open_)}; raise report_evaluations")
    return "; ".join(parts)


_RUN_OF = {**OPPONENTS, WINNER: "the winner"}


def _asked(arm: str) -> str:
    """An opponent before the winner is known, which may be a plain filter itself."""
    return f"{OPPONENTS[arm]} (unless it is the winner)" if arm == PLAIN_FILTER else OPPONENTS[arm]
