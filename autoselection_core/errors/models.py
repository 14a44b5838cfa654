"""What can go wrong with a base model, its tokenizer and its chat template."""

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError


class ModelLoadError(AutoSelectionError):
    """A base model cannot be loaded."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    @override
    def __str__(self) -> str:
        return (
            f"the base model {self.path!r} cannot be loaded: {self.reason}. Name a folder or a hub model with"
            " config.json, weights and a fast tokenizer that transformers can load."
        )


class ChatTemplateError(AutoSelectionError):
    """A conversation cannot be written in the chat template of the base model."""

    def __init__(self, sample_id: str, reason: str) -> None:
        super().__init__(sample_id, reason)
        self.sample_id = sample_id
        self.reason = reason

    @override
    def __str__(self) -> str:
        return (
            f"sample {self.sample_id} cannot be written in the chat template: {self.reason}. Give the base"
            " model a chat_template that accepts these roles, or leave such samples out of the pool."
        )


class UnfaithfulHeadError(AutoSelectionError):
    """The statistics of a model would not be those of its own logits."""

    def __init__(self, model: str, difference: float) -> None:
        super().__init__(model, difference)
        self.model = model
        self.difference = difference

    @override
    def __str__(self) -> str:
        return (
            f"{self.model} does something between its last hidden state and its logits that is not read here"
            f" (log-likelihoods differ by {self.difference:.3g} nats). Use another base model, or teach"
            " autoselection_core.models.head its scaling."
        )


class UnreadableSaeError(AutoSelectionError):
    """A folder holds no sparse autoencoder that can be read."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    @override
    def __str__(self) -> str:
        return (
            f"the sparse autoencoder {self.path!r} cannot be read: {self.reason}. Name a folder in the format"
            " of sparsify: cfg.json and sae.safetensors, called layers.N or with a hookpoint in cfg.json."
        )


class SaeMismatchError(AutoSelectionError):
    """A sparse autoencoder was made for other hidden states than those of the base model."""

    def __init__(self, hook: str, expected: str, found: str) -> None:
        super().__init__(hook, expected, found)
        self.hook = hook
        self.expected = expected
        self.found = found

    @override
    def __str__(self) -> str:
        return (
            f"the sparse autoencoder at {self.hook} does not fit the base model: it expects {self.expected},"
            f" the model has {self.found}. Use one that was trained on this model, or train one."
        )
