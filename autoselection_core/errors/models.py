"""Errors of base models, their tokenizers, chat templates and autoencoders."""

from autoselection_core.errors.base import AutoSelectionError


class ModelError(AutoSelectionError):
    """A base model, its tokenizer, chat template or autoencoder cannot be used."""


class ModelLoadError(ModelError):
    """A base model cannot be loaded."""

    path: str
    reason: str

    sentence = (
        "the base model {path!r} cannot be loaded: {reason}. Name a folder or a hub model with "
        "config.json, weights and a fast tokenizer that transformers can load."
    )


class ChatTemplateError(ModelError):
    """A conversation cannot be written in the chat template of the base model."""

    sample_id: str
    reason: str

    sentence = (
        "sample {sample_id} cannot be written in the chat template: {reason}. Give the base model a "
        "chat_template that accepts these roles, or leave such samples out of the pool."
    )


class UnfaithfulHeadError(ModelError):
    """The statistics of a model would not be those of its own logits."""

    model: str
    difference: float

    sentence = (
        "{model} does something between its last hidden state and its logits that is not read here "
        "(log-likelihoods differ by {difference:.3g} nats). Use another base model, or teach "
        "autoselection_core.models.head its scaling."
    )


class UnreadableSaeError(ModelError):
    """A folder holds no sparse autoencoder that can be read."""

    path: str
    reason: str

    sentence = (
        "the sparse autoencoder {path!r} cannot be read: {reason}. Name a folder in the format of "
        "sparsify: cfg.json and sae.safetensors, called layers.N or with a hookpoint in cfg.json."
    )


class SaeMismatchError(ModelError):
    """A sparse autoencoder was made for other hidden states than those of the base model."""

    hook: str
    expected: str
    found: str

    sentence = (
        "the sparse autoencoder at {hook} does not fit the base model: it expects {expected}, the model "
        "has {found}. Use one that was trained on this model, or train one."
    )
