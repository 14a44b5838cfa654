"""First plan of a campaign: benchmarks and lengths of a first search that fit into some minutes here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.metric import Metric, form_warning
from autoselection_core.evaluation.training.settings import SMALL_SHARE, fine_tuning
from autoselection_core.models.speed import COUNTED_PASSES, LOADING_S, STARTING_S, StepPasses
from autoselection_core.progress import duration_text
from autoselection_core.score.rank_agreement import FEW_DEV_ITEMS
from autoselection_core.search.time_left import models_tested
from autoselection_core.strict_yaml import yaml_text

TRAINING_BUDGET, REPORT_EVALUATIONS = 6, 8
"""Trainings of a first search, and of its report."""

_TRAININGS = TRAINING_BUDGET + REPORT_EVALUATIONS

DEFAULT_MINUTES = 10.0
"""Minutes from raw files to the verdict of a first search: with the installation a quarter of an hour."""

_PREPARING_S = 30.0
"""Seconds of reading, of signals without the base model and of the report's pages."""

_MIN_AMOUNT, _AMOUNT_STEP = 3_000, 500
"""Tokens of a training at least, and what its amount is a multiple of."""

_MIN_ITEMS = (FEW_DEV_ITEMS, 60)
"""Dev and test items of a benchmark that are kept where scoring them is dear: fewer decide little."""

_TARGET_SHARE, _TARGETS = 0.2, (20, 50)
"""Share of a benchmark's questions that a draft makes targets, and their least and largest number."""

_UPPER_QUARTER = 0.25

_KEPT_OF_SCORE = 0.5
"""Part of the share of layers below the adapters that later scores of an item save: the output matrix stays.

In the demo on AVX2, with three quarters of the layers below, scores of 1,354 tokens took 2.2 s by the probe,
and 1.4 s from the second model on.
"""


@dataclass(frozen=True)
class DraftBenchmark:
    """Benchmark of a draft.

    Attributes:
        name: Name in the campaign.
        path: Folder or YAML file, as the campaign file names it.
        items: File of the questions below the folder, where no `benchmark.yaml` names it.
        has_targets: Whether it has target samples, to which samples can be near.
        target_items: Number of its questions that the draft makes targets; 0 for none.
        counts: Numbers of its dev and of its test items.
        tokens: Tokens of one model's scores of them; 0 where they were not counted.
        limits: Maximum numbers of dev and of test items; None for all.
        metric: Metric of its items; None where it is not known.
        answer_characters: Median length of its right answers; 0 where it is not known.
        answer_tokens: Maximum length of a written answer.
    """

    name: str
    path: str
    items: str | None = None
    has_targets: bool = False
    target_items: int = 0
    counts: tuple[int, int] = (0, 0)
    tokens: tuple[int, int] = (0, 0)
    limits: tuple[int, int] | None = None
    metric: Metric | None = None
    answer_characters: int = 0
    answer_tokens: int = Benchmark.answer_tokens

    def metric_sentence(self, writing_s: float | None = None) -> str:
        """Metric with its reason and the alternative; empty for metrics that the user's own file names.

        Args:
            writing_s: What written answers add to search and report, in seconds; None where it is not known.
        """
        if self.items is not None and self.metric is Metric.CHOICE_ACCURACY:
            return (
                f"{self.name}: metric choice_accuracy, whether the right one of an item's choices is the "
                "likeliest. `metric: log_likelihood` in its entry moves before a small model chooses "
                "rightly, but follows the form of an answer, too."
            )
        if self.metric is not Metric.LOG_LIKELIHOOD:
            return ""
        items = f"{sum(self.counts):,} items" if sum(self.counts) else "items"
        longer = (
            "which takes much longer"
            if writing_s is None
            else f"at least {duration_text(writing_s)} more in all where answers are that long"
        )
        return (
            f"{self.name}: metric log_likelihood, that of the right answer in nats a token, as its questions "
            "have no choices. `metric: answer_accuracy` in its entry lets the model write, and counts right "
            f"answers: up to {self.answer_tokens:,} tokens for each of its {items}, {longer}."
        )

    def unlike_sentence(self, characters: int) -> str:
        """Warning that answers of the samples are of another length; empty where they are not.

        Args:
            characters: Median length of the answers of the samples; 0 where it is not known.
        """
        return form_warning(self.name, self.metric, self.answer_characters, characters)

    def in_short(self, characters: int) -> str:
        """Metric with its reason, and the warning, in a line; empty where there is nothing to say.

        Args:
            characters: As of `unlike_sentence`.
        """
        parts = []
        if self.metric_sentence():
            reason = "as its questions have no choices"
            if self.metric is Metric.CHOICE_ACCURACY:
                reason = "as each of its items has choices"
            parts.append(f"metric {self.metric}, {reason}")
        if self.unlike_sentence(characters):
            lengths = f"{self.answer_characters:,} characters, those of the samples {characters:,}"
            parts.append(f"its answers have {lengths}: a better score may be one of form alone")
        return f"{self.name}: {'; '.join(parts)}" if parts else ""

    @property
    def entry(self) -> str:
        """Its entry below `benchmarks:`."""
        items = "" if self.items is None else f", items: {yaml_text(self.items)}"
        limits = (
            ""
            if self.limits is None
            else "".join(
                f", {side}_items: {limit}"
                for side, limit in zip(("dev", "test"), self.limits, strict=True)
                if limit  # a side without items needs none, and a campaign refuses 0
            )
        )
        chosen = self.items is not None and self.metric is not None and self.metric is not Benchmark.metric
        metric = f", metric: {self.metric}" if chosen else ""
        targets = f", target_items: {self.target_items}" if self.target_items else ""
        return f"{self.name}: {{path: {yaml_text(self.path)}{items}{targets}{metric}{limits}}}"

    def limited(self, share: float) -> "DraftBenchmark":
        """With a share of its items, but enough for a verdict; as it is where its own file says how many.

        Args:
            share: Share of the scoring that there is time for.
        """
        sides = list(zip(self.counts, self.tokens, _MIN_ITEMS, strict=True))
        kept = [min(count, max(least, int(share * count))) for count, _, least in sides]
        if self.items is None or kept == list(self.counts):
            return self
        tokens = [
            round(all_ * left / max(1, count)) for left, (count, all_, _) in zip(kept, sides, strict=True)
        ]
        return replace(self, limits=(kept[0], kept[1]), tokens=(tokens[0], tokens[1]))


_TOLERATED = 1.1
"""Part of the minutes asked for that a plan may take and still counts as fitting."""


@dataclass(frozen=True)
class FirstPlan:
    """First search that fits into some minutes on the processor of this machine.

    Attributes:
        minutes: Minutes that were asked for.
        tokens_s: Tokens a second of the base model's forward pass, by a probe.
        scoring_s: Seconds of the signals of the pool that take long; 0 where they are left out.
        benchmarks: The benchmarks, with fewer items where scoring all of them is dear.
        amount: Tokens of a training.
        adapted_share: Share of the layers that have adapters; the others need no backward pass.
        passes: Cost of a training step, in forward passes.
        pool_tokens: Tokens of the pool as a training reads them.
        kept_share: Share of the pool's texts that later trainings of the process do not read again through
            the layers below the adapters; see `FrozenLayers`.
        busy: Sentence on other processes that the probe shared the machine with; empty for none.
    """

    minutes: float
    tokens_s: float
    scoring_s: float
    benchmarks: tuple[DraftBenchmark, ...]
    amount: int = _MIN_AMOUNT
    adapted_share: float = 1.0
    passes: StepPasses = COUNTED_PASSES
    pool_tokens: int = 0
    kept_share: float = 0.0
    busy: str = ""

    @classmethod
    def fitting(
        cls,
        minutes: float,
        tokens_s: float,
        *,
        pool_tokens: int,
        scoring_s: float,
        benchmarks: Sequence[DraftBenchmark],
        passes: StepPasses = COUNTED_PASSES,
        kept_share: float = 0.0,
    ) -> "FirstPlan":
        """The longest trainings that fit; adapters in all layers only where a tenth of the pool still fits.

        Signals that take long have a third of the time at most, else they are left out, and items
        of benchmarks take half of what is left.

        Args:
            minutes: From raw files to the verdict.
            tokens_s: Tokens a second of a forward pass.
            pool_tokens: Tokens of the pool as a training reads them.
            scoring_s: Seconds of the signals of the pool that take long.
            benchmarks: The benchmarks.
            passes: Cost of a training step, in forward passes.
            kept_share: As of the plan.
        """
        scored = scoring_s if scoring_s <= max_scoring_s(minutes) else 0.0
        plan = cls(
            minutes,
            tokens_s,
            scored,
            tuple(benchmarks),
            passes=passes,
            pool_tokens=pool_tokens,
            kept_share=kept_share,
        )
        left = (
            60 * minutes
            - plan.preparing_s
            - _TRAININGS * STARTING_S
            - models_tested(REPORT_EVALUATIONS) * LOADING_S
        )
        if plan.testing_s > (room := max(0.0, left / 2)):
            share = room / plan.testing_s
            plan = replace(plan, benchmarks=tuple(each.limited(share) for each in benchmarks))
        wanted = max(fine_tuning({}).amount, SMALL_SHARE * pool_tokens)
        if _rounded(plan.affordable_tokens(left)) < wanted:
            plan = replace(plan, adapted_share=_UPPER_QUARTER)
        longest = max(fine_tuning({}).amount, pool_tokens)
        amount = max(_MIN_AMOUNT, min(_rounded(plan.affordable_tokens(left)), _rounded(longest)))
        return replace(plan, amount=amount)

    def affordable_tokens(self, seconds: float) -> float:
        """Tokens of a training with which all trainings and scores take so many seconds."""
        passes = max(0.0, seconds - self.testing_s) * self.tokens_s
        each = passes / self.passes.of_step(self.adapted_share) / _TRAININGS
        if _TRAININGS * each <= self.pool_tokens:
            return each
        kept = self._kept_passes
        return (
            (passes - kept * self.pool_tokens) / (self.passes.of_step(self.adapted_share) - kept) / _TRAININGS
        )

    @property
    def _kept_passes(self) -> float:
        """Part of a training step that a text costs only once, in forward passes."""
        return self.kept_share * self.passes.forward * (1 - self.adapted_share)

    @property
    def preparing_s(self) -> float:
        """Seconds of everything before the first training, and of the report's pages."""
        return _PREPARING_S + self.scoring_s

    @property
    def testing_s(self) -> float:
        """Seconds of all scores of benchmark items, dev and test."""
        dev, test = (sum(each.tokens[side] for each in self.benchmarks) for side in (0, 1))
        later = 1.0 - _KEPT_OF_SCORE * (1 - self.adapted_share) if self.kept_share else 1.0
        tested = models_tested(REPORT_EVALUATIONS)
        # The untrained model has no adapters and is read through all of its layers.
        passes = dev * (1 + (_TRAININGS - 1) * later) + test * (2 + (tested - 2) * later)
        return passes / self.tokens_s

    def writing_s(self, name: str) -> float | None:
        """Seconds that written answers of a benchmark add at most; None where its items were not counted."""
        for each in self.benchmarks:
            dev, test = each.counts if each.limits is None else each.limits
            if each.name == name and dev + test:
                items = _TRAININGS * dev + models_tested(REPORT_EVALUATIONS) * test
                return items * each.answer_tokens / self.tokens_s
        return None

    def searching_s(self, amount: float) -> float:
        """Seconds of search and report with trainings on so many tokens."""
        tokens = _TRAININGS * amount
        again = max(0.0, tokens - self.pool_tokens)
        passes = tokens * self.passes.of_step(self.adapted_share) - again * self._kept_passes
        starting_s = models_tested(REPORT_EVALUATIONS) * LOADING_S + _TRAININGS * STARTING_S
        return self.testing_s + starting_s + passes / self.tokens_s

    @property
    def sentence(self) -> str:
        """The plan in a sentence."""
        layers = "all layers" if self.adapted_share == 1.0 else "the upper quarter of the layers"
        searching = duration_text(self.searching_s(self.amount))
        return (
            f"on this machine about {duration_text(self.preparing_s)} for ingest and {searching} for search "
            f"and report: {_TRAININGS} trainings of {self.amount:,} tokens, with adapters in {layers}"
        )

    @property
    def total_s(self) -> float:
        """Seconds from raw files to the verdict."""
        return self.preparing_s + self.searching_s(self.amount)

    @property
    def fit(self) -> str:
        """Whether the plan takes the minutes that were asked for, in words."""
        asked = f"{self.minutes:g} minute{'' if self.minutes == 1 else 's'}"
        if self.total_s <= _TOLERATED * 60 * self.minutes:
            return f"Fitted to {asked}"
        return f"No search with trainings fits into {asked} here, and this is the shortest that is proposed"

    def longer(self, pool_tokens: int) -> str:
        """Time that more tokens a training would take, in a sentence.

        Args:
            pool_tokens: Tokens of the pool as a training reads them.
        """
        amount = max(2 * self.amount, round(SMALL_SHARE * pool_tokens))
        total = duration_text(self.preparing_s + self.searching_s(amount))
        return f"More tokens a training take longer: `amount: {amount}` makes it about {total} in all."

    @property
    def training(self) -> str:
        """Entry of `training:`."""
        share = "" if self.adapted_share == 1.0 else f", adapted_share: {self.adapted_share:g}"
        return f"{{preset: cpu-lora, amount: {self.amount}{share}}}"


def target_items(items: int) -> int:
    """Number of a benchmark's questions that may be its targets; 0 where too few would be left to score."""
    least, most = _TARGETS
    wanted = min(most, int(_TARGET_SHARE * items))
    return wanted if wanted >= least and items - wanted >= sum(_MIN_ITEMS) else 0


def max_scoring_s(minutes: float) -> float:
    """Seconds of scoring the pool with the base model that a plan of some minutes has room for."""
    return 60 * minutes / 3


def _rounded(amount: float) -> int:
    return int(amount // _AMOUNT_STEP) * _AMOUNT_STEP
