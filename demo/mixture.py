"""Mixture of the demo pool: numbers of samples of each kind, drawn from the generators by one seed."""

from dataclasses import dataclass
from itertools import islice
from random import Random

from demo.off_topic import garble, off_topic
from demo.tasks import TASKS, Parts, QuestionAnswer, Task


@dataclass(frozen=True)
class Mixture:
    """Counts of the demo pool and of its benchmarks.

    Attributes:
        clean: Right samples of each task.
        wrong: Samples of each task that ignore its convention.
        off_topic: Everyday samples.
        garbled: Samples with answers that no language model expects and nobody wants.
        near_duplicates: Copies of pool samples with a few words changed.
        exact_duplicates: Copies of pool samples that differ in case and spacing only.
        targets: Samples that describe each task to relevance signals. Not in the pool.
        items: Questions that score each task. Not in the pool.
    """

    clean: int = 20
    wrong: int = 12
    off_topic: int = 45
    garbled: int = 12
    near_duplicates: int = 18
    exact_duplicates: int = 10
    targets: int = 8
    items: int = 34


@dataclass(frozen=True)
class TaskData:
    """Contribution of one task; no question is in two of its parts.

    Attributes:
        task: The task.
        pool: Samples for training, clean and wrong.
        targets: Samples that describe the task.
        items: Questions with reference answers.
    """

    task: Task
    pool: tuple[QuestionAnswer, ...]
    targets: tuple[QuestionAnswer, ...]
    items: tuple[QuestionAnswer, ...]


def task_data(mixture: Mixture, seed: int) -> tuple[TaskData, ...]:
    """Deal the shuffled questions of every task to pool, targets and items."""
    return tuple(_dealt(task, mixture, draws(seed, task.name)) for task in TASKS)


def pool_samples(mixture: Mixture, seed: int) -> tuple[QuestionAnswer, ...]:
    """Every sample of the pool, shuffled, with its ground truth."""
    random = draws(seed, "pool")
    wanted = [exchange for data in task_data(mixture, seed) for exchange in data.pool]
    noise = [*off_topic(random)[: mixture.off_topic], *garble(mixture.garbled, random)]
    singles = wanted + noise
    copied = random.sample(singles, mixture.near_duplicates + mixture.exact_duplicates)
    near = [_nearly(exchange, random) for exchange in copied[: mixture.near_duplicates]]
    exact = [_respelt(exchange, random) for exchange in copied[mixture.near_duplicates :]]
    return tuple(random.sample(singles + near + exact, len(singles) + len(near) + len(exact)))


def draws(seed: int, purpose: str) -> Random:
    """Random draws for one purpose: drawing more for one thing leaves all others as they are."""
    return Random(f"{seed}/{purpose}")  # noqa: S311 - the demo draws sentences, not secrets


def _dealt(task: Task, mixture: Mixture, random: Random) -> TaskData:
    questions = iter(task.shuffled(random))
    right = [_right(task, parts) for parts in islice(questions, mixture.clean)]
    wrong = [_wrong(task, parts, random) for parts in islice(questions, mixture.wrong)]
    return TaskData(
        task=task,
        pool=(*right, *wrong),
        targets=tuple(_right(task, parts) for parts in islice(questions, mixture.targets)),
        items=tuple(_right(task, parts) for parts in islice(questions, mixture.items)),
    )


def _right(task: Task, parts: Parts) -> QuestionAnswer:
    return QuestionAnswer(task.ask.format(**parts), task.right(parts), "clean", task.name)


def _wrong(task: Task, parts: Parts, random: Random) -> QuestionAnswer:
    answer = random.choice(task.wrong).format(**parts)
    return QuestionAnswer(task.ask.format(**parts), answer, "wrong", task.name)


_OPENINGS = ("Please help:", "Quick question.", "Hello!")


def _nearly(exchange: QuestionAnswer, random: Random) -> QuestionAnswer:
    """The same exchange with an opening put before it, as forwarded messages have."""
    prompt = f"{random.choice(_OPENINGS)} {exchange.prompt}"
    return QuestionAnswer(prompt, exchange.answer, f"near duplicate of {exchange.kind}", exchange.topic)


def _respelt(exchange: QuestionAnswer, random: Random) -> QuestionAnswer:
    """The same words in another case or spacing."""
    respell = random.choice((str.upper, str.lower, lambda text: text.replace(" ", "  ")))
    return QuestionAnswer(
        respell(exchange.prompt), exchange.answer, f"exact duplicate of {exchange.kind}", exchange.topic
    )
