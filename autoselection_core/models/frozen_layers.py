"""Layers below the adapters: no training changes them, so a process computes their states of a text once."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from hashlib import blake2b
from logging import getLogger
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from typing_extensions import override

from autoselection_core.models.forward import decoder

if TYPE_CHECKING:
    import torch

_LOG = getLogger(__name__)

MAX_BYTES = 1 << 29
"""Maximum size of the states that a process remembers; what comes later is computed each time."""

_TRIED_TOKENS = 24
"""Length of the text that a model is tried with."""


@dataclass(frozen=True, eq=False)
class FrozenLayers:
    """Lowest layers of a model on the processor, below all of its adapters.

    What they make of a text is the same before, during and after every training of the same base model, so a
    pass through them is remembered, and the model goes on from it in the layer above. The embeddings, masks
    and positions are computed as always. A text is read alone, so its states do not depend on what was
    remembered before: results differ from those of a whole pass by rounding at most.

    Attributes:
        model: A causal language model with adapters.
        count: Number of layers that have none, from the input up; at least 1.
        base: Name of the base model and its number type, as states are remembered under it.
    """

    model: Any
    count: int
    base: str

    @classmethod
    def of(cls, model: Any, base: str) -> "FrozenLayers | None":  # noqa: ANN401 transformers has no types
        """The layers below a model's adapters; None where there are none, or where skipping them is no gain.

        On an accelerator a pass through them costs less than moving their states there. A model whose layers
        give anything but states, or differ from pass to pass while it trains, is read as a whole.

        Args:
            model: A causal language model, with or without adapters.
            base: Names its base model and number type.
        """
        if model.device.type != "cpu" or not (count := _layers_below_adapters(model)):
            return None
        found = cls(model, count, base)
        kind = (base, count, type(decoder(model)).__name__)
        if kind not in REMEMBERED.faithful:
            fault = found.fault()
            REMEMBERED.faithful[kind] = fault is None
            if fault is not None:
                _LOG.warning("%s is read through all of its layers every time: %s", kind[-1], fault)
        return found if REMEMBERED.faithful[kind] else None

    def states(self, text: str, inputs: "Mapping[str, torch.Tensor | None]") -> "torch.Tensor":
        """What the layers make of a text, as it was computed first. Shape (1, t, hidden).

        Args:
            text: Name of the inputs, see `name_of`.
            inputs: Arguments of the decoder.
        """
        known = (self.base, self.count, text)
        states = REMEMBERED.states.get(known)
        if states is None:
            states = self._read(inputs)
            REMEMBERED.add(known, states)
        return states

    @contextmanager
    def recalling(self, states: "torch.Tensor") -> Iterator[None]:
        """Within the block a pass of the model begins above the layers, with these states."""
        layers = decoder(self.model).layers
        originals = list(layers[: self.count])
        try:
            for number, stand_in in enumerate(self._stand_ins):
                layers[number] = stand_in
            self._stand_ins[0].states = states
            yield
        finally:
            self._stand_ins[0].states = None
            for number, layer in enumerate(originals):
                layers[number] = layer

    def fault(self) -> str | None:
        """Why a pass that recalls the layers' states is not what one through them is; None where it is."""
        import torch

        vocabulary = self.model.get_input_embeddings().weight.shape[0]
        ids = torch.from_numpy(np.random.default_rng(0).integers(vocabulary, size=(1, _TRIED_TOKENS)))
        inputs: Mapping[str, torch.Tensor | None] = {"input_ids": ids}
        was_training = self.model.training
        try:
            with torch.no_grad():
                self.model.eval()
                states, whole = self._read(inputs), _last_states(self.model, inputs)
                with self.recalling(states):
                    recalled = _last_states(self.model, inputs)
                self.model.train()
                again = self._read(inputs)
        except (TypeError, ValueError, AttributeError, AssertionError) as error:
            return f"{type(error).__name__}: {error}"
        finally:
            self.model.train(was_training)
        if not torch.equal(states, again):
            return "its layers give other states while it trains"
        return None if torch.equal(whole, recalled) else "a pass from recalled states ends elsewhere"

    def _read(self, inputs: "Mapping[str, torch.Tensor | None]") -> "torch.Tensor":
        """A pass through the layers that ends where the next one begins."""
        import torch

        found: list[torch.Tensor] = []

        def stop(_layer: object, given: tuple[Any, ...], named: dict[str, Any]) -> None:
            found.append(given[0] if given else named["hidden_states"])
            raise _ReachedError

        handle = decoder(self.model).layers[self.count].register_forward_pre_hook(stop, with_kwargs=True)
        try:
            # Scores are made in inference mode, whose tensors no later training could use.
            with torch.inference_mode(mode=False), torch.no_grad():
                _last_states(self.model, inputs)
        except _ReachedError:
            pass
        finally:
            handle.remove()
        (states,) = found
        return states

    @cached_property
    def _stand_ins(self) -> tuple[Any, ...]:
        return tuple(_stand_in()(layer) for layer in decoder(self.model).layers[: self.count])


@cache
def _stand_in() -> Any:  # noqa: ANN401 a class, made late
    """Class of what stands in for a layer."""
    from torch.nn import Module

    class StandIn(Module):
        """Gives states in place of a layer, or passes on what the one before gives."""

        def __init__(self, layer: Module) -> None:
            super().__init__()
            self.states: torch.Tensor | None = None
            # Beside the modules: its weights are no weights of this one.
            self.__dict__["layer"] = layer

        def __getattr__(self, name: str) -> Any:  # noqa: ANN401 of any type
            """What a model asks of a layer beside the pass, such as its kind of attention."""
            return getattr(self.__dict__["layer"], name)

        @override
        def forward(self, hidden_states: "torch.Tensor", *_: Any, **__: Any) -> "torch.Tensor":
            return hidden_states if self.states is None else self.states

    return StandIn


def name_of(*arrays: "np.ndarray[Any, Any] | None") -> str:
    """Name of inputs by their content.

    Args:
        arrays: Token ids, positions, a mask; None for one that is left out.
    """
    digest = blake2b(digest_size=16)
    for array in arrays:
        whole = np.zeros(0) if array is None else np.ascontiguousarray(array)
        digest.update(f"{whole.dtype.str} {whole.shape};".encode() + whole.tobytes())
    return digest.hexdigest()


@dataclass
class _Memory:
    """What a process remembers of lower layers.

    Attributes:
        states: By base model, number of layers and name of the text.
        held_bytes: Their size.
        faithful: Whether states can be recalled, by base model, number of layers and kind of model.
    """

    states: "dict[tuple[str, int, str], torch.Tensor]" = field(default_factory=dict)
    held_bytes: int = 0
    faithful: dict[tuple[str, int, str], bool] = field(default_factory=dict)

    def add(self, known: tuple[str, int, str], states: "torch.Tensor") -> None:
        """Remember states, unless there is no room."""
        if self.held_bytes + states.nbytes <= MAX_BYTES:
            self.states[known] = states
            self.held_bytes += states.nbytes


REMEMBERED = _Memory()
"""What this process has computed and tried."""


class _ReachedError(Exception):
    """The pass has reached the layer that it was wanted up to."""


def _last_states(model: Any, inputs: "Mapping[str, torch.Tensor | None]") -> "torch.Tensor":  # noqa: ANN401
    return cast("torch.Tensor", decoder(model)(**inputs, use_cache=False).last_hidden_state)


def _layers_below_adapters(model: Any) -> int:  # noqa: ANN401 transformers has no types
    """Number of the lowest layers without adapters; 0 without adapters, or for a model of another build."""
    if not hasattr(model, "peft_config"):
        return 0
    from peft.tuners.tuners_utils import BaseTunerLayer
    from torch.nn import ModuleList

    layers = getattr(decoder(model), "layers", None)
    if not isinstance(layers, ModuleList):
        return 0
    adapted = [sum(isinstance(each, BaseTunerLayer) for each in layer.modules()) for layer in layers]
    if sum(adapted) < sum(isinstance(each, BaseTunerLayer) for each in model.modules()):
        return 0  # the embeddings may be among those elsewhere
    return next((number for number, count in enumerate(adapted) if count), 0)
