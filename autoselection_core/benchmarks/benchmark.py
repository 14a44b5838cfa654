"""Benchmark: a named set of items with target samples, and the sizes of the two sides of its split."""

import re
from dataclasses import dataclass, field
from functools import cached_property

from autoselection_core.benchmarks.item import HarnessTask, Item
from autoselection_core.benchmarks.metric import Direction, Metric
from autoselection_core.benchmarks.normalisation import QuestionComparison, compare
from autoselection_core.benchmarks.reading.extraction import READING
from autoselection_core.errors.benchmarks import NoItemsError
from autoselection_core.errors.recipe import SettingError
from autoselection_core.identity import Json, fingerprint
from autoselection_core.pool.sample import Sample


@dataclass(frozen=True)
class SplitSizes:
    """The share of dev items and, where scoring all of them costs too much, a limit on either side.

    Attributes:
        dev_share: Share of the questions that the search may look at, in (0, 1).
        dev_items: Maximum number of dev items; None for all.
        test_items: Maximum number of test items; None for all.

    Raises:
        SettingError: A value is out of range.
    """

    dev_share: float = 0.4
    dev_items: int | None = None
    test_items: int | None = None

    def __post_init__(self) -> None:
        """Refuse a split that leaves a side empty by design."""
        if not 0.0 < self.dev_share < 1.0:
            raise SettingError("dev_share", self.dev_share, "a share above 0 and below 1")
        for name, limit in (("dev_items", self.dev_items), ("test_items", self.test_items)):
            if limit is not None and limit < 1:
                raise SettingError(name, limit, "at least 1 item, or nothing for all")

    def as_json(self) -> Json:
        """The values as plain data."""
        return {"dev_share": self.dev_share, "dev_items": self.dev_items, "test_items": self.test_items}


NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
"""It is part of signals' names, and LanceDB reads a dot in the name of a column as something inside it."""


@dataclass(frozen=True)
class Benchmark:
    """Benchmark: items to score, target samples that describe the task, and the metric of its score.

    Attributes:
        name: Its name in reports, columns and configs.
        items: The questions. Never empty.
        targets: Samples of the task that relevance signals and few-shot prompts read. Never scored.
        metric: Metric of an item.
        chance: The score of blind guessing, in the metric's unit; None where there is no such thing.
        confidential: Whether item texts may not leave the process.
        sizes: Sizes of the split into dev and test.
        answer_tokens: Most tokens that a model may write as an answer; read by generative metrics only.
        unread: Fields of passages beside questions that are no part of them, with the number of questions.
        harness: The task of the lm-evaluation-harness that scores it; None where we do.
        target_questions: The bare questions of the targets; None to read them from the user turns.
        target_groups: Task or subject of each target, in their order; None where there is one task.
        left_out: Records that repeat an item with its choices and answer; they are no items of their own.
        too_long: Items with more characters than its settings allow; they are left out.
        bad_items: Records that are no question with a right answer: file, line and fault of each.

    Raises:
        NoItemsError: There are no items.
        SettingError: The name would not do as a file name.
    """

    name: str
    items: tuple[Item, ...] = field(repr=False)
    targets: tuple[Sample, ...] = field(repr=False, default=())
    metric: Metric = Metric.LOG_LIKELIHOOD
    chance: float | None = None
    confidential: bool = False
    sizes: SplitSizes = field(default_factory=SplitSizes)
    answer_tokens: int = 512
    target_questions: tuple[str, ...] | None = field(repr=False, default=None)
    target_groups: tuple[str, ...] | None = field(repr=False, default=None, compare=False)
    left_out: int = field(repr=False, default=0, compare=False)
    too_long: int = field(repr=False, default=0, compare=False)
    bad_items: tuple[str, ...] = field(repr=False, default=(), compare=False)
    unread: tuple[tuple[str, int], ...] = field(repr=False, default=(), compare=False)
    harness: HarnessTask | None = None

    def __post_init__(self) -> None:
        """Refuse a benchmark that could never be scored."""
        if not NAME.fullmatch(self.name):
            raise SettingError("name", self.name, "letters, digits, '_' and '-', as a benchmark's name")
        if not self.items:
            raise NoItemsError(self.name, "the benchmark itself")

    @property
    def unit(self) -> str:
        """The unit of its scores."""
        return self.metric.unit

    @property
    def direction(self) -> Direction:
        """Direction in which its scores improve."""
        return self.metric.direction

    @property
    def answered_anew(self) -> int:
        """Number of items that ask what an earlier one asks, of the same choices, and have another answer."""
        asked = {(item.task, item.question, frozenset(item.choices or ())) for item in self.items}
        return len(self.items) - len(asked)

    @cached_property
    def version(self) -> str:
        """The hash of everything that a score of this benchmark follows from: 32 hexadecimal digits."""
        return fingerprint(
            {
                "name": self.name,
                "items": tuple((item.id, item.prompt_hash, item.target, item.reads) for item in self.items),
                "metric": self.metric.value,
                "sizes": self.sizes.as_json(),
                "answer_tokens": self.answer_tokens,
                "asked_elsewhere": tuple(sorted(self.target_question_texts)),
                **({} if self.harness is None else {"harness": self.harness.identity}),
                **({"choices": "sum"} if self._chooses_by_sum else {}),
                **({"reading": READING} if self._reads_answers else {}),
                **(
                    {"told_apart": tuple(sorted(self.question_comparison.told_apart))}
                    if self.question_comparison.told_apart
                    else {}
                ),
            }
        )

    @property
    def _chooses_by_sum(self) -> bool:
        """Whether choices of unequal lengths are compared by their sums; they were compared per byte."""
        return self.metric is Metric.CHOICE_ACCURACY and any(
            len({len(choice.strip().encode()) for choice in item.choices or ()}) > 1 for item in self.items
        )

    @property
    def _reads_answers(self) -> bool:
        """Whether answers are read from what the model wrote, by this package."""
        return self.metric is Metric.ANSWER_ACCURACY and self.harness is None

    @cached_property
    def question_comparison(self) -> QuestionComparison:
        """Its questions beside those of the target samples."""
        return compare((item.question for item in self.items), self.target_question_texts)

    @property
    def target_question_texts(self) -> tuple[str, ...]:
        """The bare questions of the target samples."""
        if self.target_questions is not None:
            return self.target_questions
        return tuple(_last_user_turn(sample) for sample in self.targets)


def _last_user_turn(sample: Sample) -> str:
    return next((message.content for message in reversed(sample.messages) if message.role == "user"), "")
