"""Hook points: layers whose hidden states are read."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autoselection_core.errors.models import SaeMismatchError
from autoselection_core.models.chat.spans import Tokens
from autoselection_core.models.forward import decoder

if TYPE_CHECKING:
    import torch

_NAME = re.compile(r"layers\.(\d+)")


@dataclass(frozen=True)
class HookPoint:
    """The output of one layer of a base model, as sparsify names it.

    Attributes:
        layer: Number of the layer, from 0.
    """

    layer: int

    @classmethod
    def parse(cls, name: str) -> "HookPoint | None":
        """Read a name such as "layers.20"; None for any other name."""
        match = _NAME.fullmatch(name)
        return None if match is None else cls(int(match[1]))

    @classmethod
    def default(cls, layers: int) -> "HookPoint":
        """The layer at two thirds of the depth.

        Example:
            >>> HookPoint.default(30)
            HookPoint(layer=19)
        """
        return cls(max(0, round(layers * 2 / 3) - 1))

    def __str__(self) -> str:
        return f"layers.{self.layer}"

    def check(self, model: Any) -> None:  # noqa: ANN401 transformers has no types
        """Refuse a model that has no such layer.

        Raises:
            SaeMismatchError: It has fewer layers.
        """
        depth = len(decoder(model).layers)
        if self.layer >= depth:
            raise SaeMismatchError(str(self), f"at least {self.layer + 1} layers", f"{depth} layers")

    def states(self, model: Any, sequences: Sequence[Tokens]) -> "tuple[torch.Tensor, torch.Tensor]":  # noqa: ANN401
        """Hidden states after the layer; the layers above it do not run.

        Returns:
            States of shape (b, longest, hidden), and which of them are real tokens, shape (b, longest).
        """
        import torch

        from autoselection_core.models.forward import pad

        batch = pad(sequences, model.device)
        found: list[torch.Tensor] = []

        def stop(_module: object, _inputs: object, output: Any) -> None:  # noqa: ANN401 a tensor or a tuple
            found.append(_first(output))
            raise _ReachedError

        handle = decoder(model).layers[self.layer].register_forward_hook(stop)
        try:
            with torch.inference_mode():
                decoder(model)(
                    input_ids=batch.input_ids,
                    attention_mask=batch.attention_mask,
                    position_ids=batch.position_ids,
                    use_cache=False,
                )
        except _ReachedError:
            pass
        finally:
            handle.remove()
        return found[0], batch.attention_mask.bool()

    @contextmanager
    def recording(self, model: Any) -> Iterator[list[Any]]:  # noqa: ANN401 transformers has no types
        """States after the layer of every pass within the block, each of shape (b, longest, hidden)."""
        found: list[Any] = []
        handle = (
            decoder(model)
            .layers[self.layer]
            .register_forward_hook(lambda *heard: found.append(_first(heard[2])))
        )
        try:
            yield found
        finally:
            handle.remove()


def _first(output: Any) -> Any:  # noqa: ANN401 a layer gives a tensor, or a tuple that starts with it
    return output[0] if isinstance(output, tuple) else output


class _ReachedError(Exception):
    """Signal that the states were recorded: the rest of the pass is not needed."""
