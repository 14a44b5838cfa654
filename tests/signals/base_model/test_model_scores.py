"""IFD, varentropy, entropy and response loss against definitions written in plain numpy."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from transformers import LlamaForCausalLM

from autoselection_core.models.base_model import BaseModel
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sample import Message, Role, Sample
from autoselection_core.signals.base import REASON
from autoselection_core.signals.definitions.base_model.model_scores import ModelScores, score_answers
from autoselection_core.signals.definitions.wording.text import TokenCounts
from autoselection_core.testing.signals import pool_of, question_and_answer

NAMES = ("ifd", "varentropy", "entropy", "response_loss")
LONG = Sample(
    (
        Message(Role.SYSTEM, "Be brief."),
        Message(Role.USER, "Why does Anna buy apples?"),
        Message(Role.ASSISTANT, "For the market."),
        Message(Role.TOOL, "12 apples"),
        Message(Role.ASSISTANT, "She buys 12 apples on Monday."),
    )
)
SAMPLES = [
    question_and_answer("Tom counts numbers?", "Tom counts two red bicycles before dinner."),
    question_and_answer("12 + 30", "12 + 30 = 42. The answer is 42."),
    question_and_answer("Explain how the teacher paints. " * 20, "True"),
    LONG,
]
POOL = pool_of(SAMPLES)


def predictions(model: Any, text: str, tokenizer: Any) -> tuple[npt.NDArray[np.float64], list[int]]:
    """Log-probabilities of every next token, and the tokens."""
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    with torch.inference_mode():
        logits = model(torch.tensor([ids])).logits[0].double().numpy()
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)), ids


def by_definition(sample: Sample, base: BaseModel) -> dict[str, float]:
    """Re-tokenises text by hand: ChatML headers, answers cut out by counting tokens."""
    model, tokenizer = base.model, base.tokenizer
    length = {True: [0.0, 0.0], False: [0.0, 0.0]}
    entropies, varentropies = [], []
    before = ""
    for message in sample.messages:
        header = f"<|im_start|>{message.role}\n"
        if message.role is Role.ASSISTANT:
            for conditioned in (True, False):
                opening = (before if conditioned else "") + header
                start = len(tokenizer(opening, add_special_tokens=False)["input_ids"])
                log_p, ids = predictions(model, opening + message.content, tokenizer)
                for place in range(start, len(ids)):
                    length[conditioned][0] += -log_p[place - 1, ids[place]]
                    length[conditioned][1] += 1
                    if conditioned:
                        p = np.exp(log_p[place - 1])
                        h = -(p * log_p[place - 1]).sum()
                        entropies.append(h)
                        varentropies.append((p * (log_p[place - 1] + h) ** 2).sum())
        before += f"{header}{message.content}<|im_end|>\n"
    loss = length[True][0] / length[True][1]
    return {
        "ifd": loss / (length[False][0] / length[False][1]),
        "varentropy": float(np.mean(varentropies)),
        "entropy": float(np.mean(entropies)),
        "response_loss": loss,
    }


def scores(base: BaseModel, pool: Pool, *, max_tokens: int = 512, budget: int = 4_096) -> dict[str, Any]:
    return dict(score_answers(base, pool, max_tokens, budget))


@pytest.mark.parametrize("sample", SAMPLES, ids=["words", "sum", "long question", "several turns"])
def test_scores_equal_their_definitions(base_model: BaseModel, sample: Sample) -> None:
    row = POOL.row_of(sample.id)
    values = scores(base_model, POOL)

    for name, expected in by_definition(sample, base_model).items():
        assert values[name][row] == pytest.approx(expected, abs=1e-5, rel=1e-5)


@pytest.mark.parametrize("budget", [1, 70, 100_000])
def test_a_sample_scores_the_same_alone_and_in_any_batch(base_model: BaseModel, budget: int) -> None:
    together = scores(base_model, POOL, budget=budget)

    for row, sample in enumerate(POOL.samples()):
        alone = scores(base_model, pool_of([sample]))
        for name in NAMES:
            assert abs(together[name][row] - alone[name][0]) < 1e-5


def test_an_answer_beyond_the_token_limit_has_no_score_and_a_reason(base_model: BaseModel) -> None:
    values = scores(base_model, POOL, max_tokens=100)
    row = POOL.row_of(SAMPLES[2].id)

    assert all(np.isnan(values[name][row]) for name in NAMES)
    assert ModelScores.reasons[values[REASON][row]] == "no answer within the token limit"
    assert (values[REASON] == 0).sum() == len(POOL) - 1


def test_a_sample_that_the_template_refuses_has_no_score_and_a_reason(tiny: Path) -> None:
    strict = BaseModel.load(tiny, dtype="float32")
    refusal = "{% if m['role'] == 'tool' %}{{ raise_exception('no tools') }}{% endif %}"
    strict.tokenizer.chat_template = strict.tokenizer.chat_template.replace(
        "{% for message in messages %}", "{% for message in messages %}" + refusal.replace("m[", "message[")
    )

    values = scores(strict, POOL)

    row = POOL.row_of(LONG.id)
    assert np.isnan(values["ifd"][row])
    assert ModelScores.reasons[values[REASON][row]] == "the chat template refuses it"
    assert np.isfinite(values["ifd"]).sum() == len(POOL) - 1


def test_an_answer_of_one_token_behind_no_header_has_no_ifd_and_a_reason(tiny: Path) -> None:
    bare = BaseModel.load(tiny, dtype="float32")
    bare.tokenizer.chat_template = "{% for m in messages %}{{ m['content'] }}\n{% endfor %}"
    short = question_and_answer("Is it so?", "True")
    assert len(bare.tokenizer("True", add_special_tokens=False)["input_ids"]) == 1
    pool = pool_of([short, SAMPLES[1]])

    values = scores(bare, pool)

    row = pool.row_of(short.id)
    assert np.isnan(values["ifd"]).nonzero()[0].tolist() == [row]
    assert np.isfinite(values["response_loss"]).all()
    assert ModelScores.reasons[values[REASON][row]] == "its answer alone has no loss"
    assert (values[REASON] == 0).sum() == 1


class Cramped(LlamaForCausalLM):  # type: ignore[misc] # transformers has no types
    """A model on a device that holds few tokens at once."""

    def get_decoder(self) -> Any:
        decoder = super().get_decoder()

        def within_memory(**arguments: Any) -> Any:
            if arguments["input_ids"].numel() > 100:
                raise torch.OutOfMemoryError
            return decoder(**arguments)

        return within_memory


def test_out_of_memory_halves_the_batch_and_only_what_never_fits_has_no_score(base_model: BaseModel) -> None:
    cramped = BaseModel(
        path=base_model.path,
        model=Cramped.from_pretrained(base_model.path, dtype=torch.float32).eval(),
        tokenizer=base_model.tokenizer,
        fingerprint=base_model.fingerprint,
        device="cpu",
        dtype="float32",
    )

    values = scores(cramped, POOL, budget=100_000)
    expected = scores(base_model, POOL)

    too_long = POOL.row_of(SAMPLES[2].id)
    assert ModelScores.reasons[values[REASON][too_long]] == "out of memory"
    others = np.arange(len(POOL)) != too_long
    for name in NAMES:
        assert np.isnan(values[name][too_long])
        assert np.abs(values[name] - expected[name])[others].max() < 1e-5


LIMITED = """
import resource, sys
import numpy as np
from autoselection_core.models.base_model import BaseModel
from autoselection_core.models.forward import token_statistics
from autoselection_core.models.chat.spans import encode
from autoselection_core.signals.definitions.base_model.model_scores import score_answers
from autoselection_core.testing.signals import pool_of, question_and_answer
base = BaseModel.load(sys.argv[1], dtype="float32")
samples = [question_and_answer("Say it.", f"{n} " * 120) for n in range(96)]
expected = score_answers(base, pool_of(samples), 512, 512)["ifd"]
held = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + int(sys.argv[2]), resource.RLIM_INFINITY))
encoded = [encode(sample, base.tokenizer, 512) for sample in samples]
try:
    token_statistics(base.model, [e.input_ids for e in encoded], [e.response_mask for e in encoded])
    sys.exit("the whole batch fits, so nothing is halved")
except (RuntimeError, MemoryError):
    pass
values = score_answers(base, pool_of(samples), 512, 1_000_000)
assert np.abs(values["ifd"] - expected).max() < 1e-5, values["ifd"]
"""


def test_a_memory_limit_halves_the_batch_too(tiny: Path) -> None:
    finished = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tiny), str(24 << 20)], capture_output=True, text=True, check=False
    )

    assert finished.returncode == 0, finished.stderr


def test_progress_is_told_within_a_chunk_and_ends_at_the_end(base_model: BaseModel) -> None:
    told: list[tuple[int, int]] = []

    score_answers(base_model, POOL, 512, 100, lambda _, done, total: told.append((done, total)))

    assert len(told) > 2
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1]


def test_token_counts_are_those_of_the_chat_template(tiny: Path, base_model: BaseModel) -> None:
    counts = TokenCounts(str(tiny)).compute(POOL, {})
    row = POOL.row_of(SAMPLES[1].id)
    text = base_model.tokenizer.apply_chat_template(
        [{"role": m.role.value, "content": m.content} for m in SAMPLES[1].messages], tokenize=False
    )

    whole, answer = (
        len(base_model.tokenizer(t, add_special_tokens=False)["input_ids"])
        for t in (text, SAMPLES[1].messages[1].content)
    )
    assert (counts["tokens"][row], counts["response_tokens"][row]) == (whole, answer)  # type: ignore[index]


def test_where_a_model_lies_and_how_it_is_batched_changes_no_version(tiny: Path) -> None:
    signal = ModelScores(str(tiny))

    assert signal.code_version == ModelScores("elsewhere", dtype="bfloat16", token_budget=7).code_version
    assert signal.code_version != ModelScores(str(tiny), max_tokens=7).code_version
