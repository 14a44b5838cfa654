"""Hidden states that a sparse autoencoder is trained on."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from autoselection_core.models.autoencoder.hook import HookPoint
from autoselection_core.models.base_model import BaseModel
from autoselection_core.models.batching import TOKEN_BUDGET, Positions, batches_by_length, run_halving
from autoselection_core.models.chat.spans import Encoded, Tokens, encode_each
from autoselection_core.models.forward import MAX_TOKENS
from autoselection_core.pool.sample import Sample
from autoselection_core.store.atomic import atomic_file

if TYPE_CHECKING:
    import torch

_SAMPLES_AT_ONCE = 256
_COLUMNS_AT_ONCE = 32
_STATES = "states"


def token_states(
    base: BaseModel,
    samples: Iterable[Sample],
    hook: HookPoint,
    *,
    tokens: int,
    max_tokens: int = MAX_TOKENS,
    seed: int = 0,
    kept: Path | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> "torch.Tensor":
    """States of real tokens, special ones left out, in random order.

    A pool's samples come in the order of their ids, which are hashes: its first ones are a random sample.

    Args:
        base: The model.
        samples: Read until there are enough tokens.
        hook: Where states are read.
        tokens: How many states; fewer where the samples have fewer.
        max_tokens: Longer conversations are cut.
        seed: Decides the order.
        kept: Folder where the states of every 256 samples are left, and found again after a kill. It must be
            of these samples and this model.
        progress: Called with how many states are there.

    Returns:
        In the number type of the model. Shape (at most tokens, hidden).
    """
    import torch

    hook.check(base.model)
    width = base.hidden_size
    # Memory that is not written to is not taken: a small pool costs what it fills.
    room = torch.empty(tokens, width, dtype=base.model.dtype)
    count, number, waiting = 0, 0, iter(samples)
    while count < tokens and (block := list(islice(waiting, _SAMPLES_AT_ONCE))):
        encoded = encode_each(block, base.tokenizer, max_tokens)
        sequences = [one.input_ids for one in encoded if isinstance(one, Encoded)]
        file, number = None if kept is None else kept / f"{number}.safetensors", number + 1
        part = _kept_states(file, partial(_states, base, hook, sequences))[: tokens - count]
        room[count : count + len(part)] = part
        count += len(part)
        if progress is not None:
            progress("reading hidden states", count, tokens)
    return _shuffle(room[:count], seed)


def _kept_states(file: Path | None, read: "Callable[[], torch.Tensor]") -> "torch.Tensor":
    """States of a file; where the file is missing they are read from the model and written.

    The file may go at any moment: the first process to finish the autoencoder removes it.
    """
    if file is None:
        return read()
    from safetensors.torch import load_file, save_file

    with suppress(FileNotFoundError):
        known: torch.Tensor = load_file(file)[_STATES]
        return known
    states = read()
    with suppress(FileNotFoundError), atomic_file(file) as unfinished:
        save_file({_STATES: states}, unfinished)
    return states


def _shuffle(states: "torch.Tensor", seed: int) -> "torch.Tensor":
    """The same rows in another order, some columns at a time: there is no room for all of them twice."""
    import torch

    order = torch.randperm(len(states), generator=torch.Generator().manual_seed(seed))
    for columns in torch.split(states, _COLUMNS_AT_ONCE, dim=1):
        columns.copy_(columns[order])
    return states


def _states(base: BaseModel, hook: HookPoint, sequences: list[Tokens]) -> "torch.Tensor":
    """States of the real tokens of some sequences, in their order. Shape (tokens, hidden)."""
    import torch

    special = np.array(base.tokenizer.all_special_ids)
    parts: dict[int, torch.Tensor] = {}

    def work(batch: Positions) -> dict[int, torch.Tensor]:
        states, _ = hook.states(base.model, [sequences[place] for place in batch])
        kept = [torch.as_tensor(~np.isin(sequences[place], special)) for place in batch]
        return {
            int(place): states[row, : len(mask)][mask].cpu()
            for row, (place, mask) in enumerate(zip(batch, kept, strict=True))
        }

    batches = batches_by_length([len(each) for each in sequences], TOKEN_BUDGET[base.device])
    for _, found in run_halving(batches, work):
        parts |= found or {}
    none = torch.zeros(0, base.hidden_size, dtype=base.model.dtype)
    return torch.cat([none, *(parts[place] for place in sorted(parts))])
