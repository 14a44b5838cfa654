"""Scores of the lm-evaluation-harness, through its Python API."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.harness.benchmark import load_task
from autoselection_core.benchmarks.item import HarnessItem, HarnessTask, Item
from autoselection_core.errors.evaluation import ScoringFailedError
from autoselection_core.errors.models import SystemLineError
from autoselection_core.models.base_model import BaseModel
from autoselection_core.models.chat.chat_settings import ChatSettings
from autoselection_core.pool.sample import Message, Role
from autoselection_core.score.score import ItemScore

_BATCH = {"cpu": 8, "cuda": 64}


def harness_scores(
    model: BaseModel, benchmark: Benchmark, items: Sequence[Item]
) -> tuple[list[ItemScore], int]:
    """Harness scores of some items of one of its tasks.

    Prompts are put in the model's chat template where it has one, with its chat settings, as everywhere here.

    Returns:
        One score an item, in order, and how many tokens the requests have.

    Raises:
        NoHarnessError: The harness is not installed.
        ScoringFailedError: It left items out, or gave them no value; there is no partial score.
        SystemLineError: The template refuses the task's system line, or leaves it out.
    """
    how = benchmark.harness
    assert how is not None, "only benchmarks of the harness come here"
    task = load_task(how.file or how.task, how.folder)
    with running_in_harness(model, how) as running:
        from lm_eval import simple_evaluate
        from lm_eval.tasks import TaskManager

        results = simple_evaluate(
            model=running,
            tasks=[task],
            task_manager=TaskManager(include_defaults=False),
            num_fewshot=how.shots,
            samples={how.task: [_document(item) for item in items]},
            apply_chat_template=bool(model.tokenizer.chat_template),
            bootstrap_iters=0,
            log_samples=True,
        )
    records = _by_document(results["samples"][how.task], how.measure)
    scored = [
        _score(item, records[at], model, benchmark) for item in items if (at := _document(item)) in records
    ]
    if len(scored) < len(items):
        reason = f"the harness gave the others no {how.measure!r}"
        raise ScoringFailedError(benchmark.name, len(scored), len(items), reason)
    return scored, sum(score.tokens for score in scored)


def _document(item: Item) -> int:
    assert isinstance(item, HarnessItem), "the items of a harness benchmark know their document"
    return item.document


def _by_document(samples: Sequence[Mapping[str, Any]], measure: str) -> dict[int, Mapping[str, Any]]:
    """One record a document; where the task reads an answer in several ways, the first way."""
    found: dict[int, Mapping[str, Any]] = {}
    for sample in samples:
        if isinstance(sample.get(measure), int | float):
            found.setdefault(int(sample["doc_id"]), sample)
    return found


def _score(item: Item, record: Mapping[str, Any], model: BaseModel, benchmark: Benchmark) -> ItemScore:
    value = float(record[str(benchmark.harness and benchmark.harness.measure)])
    answers = [answer[0] for answer in record["resps"]]
    has_choices = item.choices is not None
    if has_choices and np.isnan([float(answer[0]) for answer in answers]).any():
        value = np.nan  # the harness takes one of them for the likeliest
    written = None if has_choices or benchmark.confidential else str(answers[0])
    requests = [
        "".join(map(str, request[:2] if has_choices else request[:1])) for request in record["arguments"]
    ]
    return ItemScore(
        item.id,
        value,
        str(record["prompt_hash"])[:32],
        sum(len(ids) for ids in model.tokenizer(requests, add_special_tokens=False)["input_ids"]),
        output=written,
        choice_log_likelihoods=tuple(float(answer[0]) for answer in answers) if has_choices else None,
    )


@contextmanager
def running_in_harness(model: BaseModel, how: HarnessTask) -> Iterator[Any]:
    """The model in the class that the harness runs."""
    if how.backend == "vllm":
        with TemporaryDirectory() as folder:
            yield _vllm(model, Path(folder))
        return
    yield _class_with_chat_settings()(
        pretrained=model.model,
        tokenizer=model.tokenizer,
        batch_size=_BATCH[model.device],
        device=model.device,
    )


def _class_with_chat_settings() -> Any:  # noqa: ANN401 no types
    """The class that the harness runs, with system lines and reasoning treated as in training."""
    from lm_eval.models.huggingface import HFLM

    from autoselection_core.models.chat.template_sandbox import rendered

    class HuggingFaceModel(HFLM):  # type: ignore[misc] # no types
        def apply_chat_template(
            self, chat_history: Sequence[Mapping[str, str]], *arguments: bool, **named: bool
        ) -> str:
            turns = _as_set(chat_history, ChatSettings.of_tokenizer(self.tokenizer))
            inherited = partial(super().apply_chat_template, turns, *arguments, **named)
            written = rendered(str(self.tokenizer.chat_template), turns, inherited, "of the task")
            # The harness leaves a line out that the template refuses, and goes on.
            for turn in turns:
                if turn["role"] == Role.SYSTEM and turn["content"].strip() not in written:
                    raise SystemLineError(turn["content"])
            return written

    return HuggingFaceModel


def _as_set(turns: Sequence[Mapping[str, str]], settings: ChatSettings) -> list[dict[str, str]]:
    messages, _ = settings.apply([Message(Role(turn["role"]), turn["content"]) for turn in turns])
    return [{"role": str(message.role), "content": message.content} for message in messages]


def _vllm(model: BaseModel, folder: Path) -> Any:  # noqa: ANN401 no types
    """Backend of vLLM, written without a machine to run it on; see docs/explanation/untested.md."""
    from lm_eval.models.vllm_causallms import VLLM

    merged = model.model.merge_and_unload() if hasattr(model.model, "peft_config") else model.model
    merged.save_pretrained(folder)
    model.tokenizer.save_pretrained(folder)
    return VLLM(pretrained=str(folder), dtype=str(model.dtype), batch_size="auto")
