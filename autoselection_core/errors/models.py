"""Errors of models, and of the cluster that runs them."""

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError


class ClusterError(AutoSelectionError):
    """A cluster is unusable, or its work failed."""


class RayNotInstalledError(ClusterError):
    """A Ray cluster is named, but Ray is not installed."""

    variable: str

    sentence = (
        "{variable} names a Ray cluster, but Ray is not installed. pip install 'autoselection[ray]', or "
        "unset {variable}."
    )


class ClusterUnreachableError(ClusterError):
    """The named cluster does not answer."""

    address: str
    reason: str

    @override
    def __str__(self) -> str:
        return (
            f"no Ray cluster answers at {self.address}: {self.reason.rstrip('.')}. "
            "Start its head, correct AUTOSELECTION_RAY_ADDRESS (host:port), or name the file of its token in "
            "RAY_AUTH_TOKEN_PATH, with RAY_AUTH_MODE=token."
        )


class HeadLostError(ClusterError):
    """A cluster that worked does not answer any more."""

    address: str

    sentence = (
        "the Ray cluster at {address} has stopped answering. What its workers had finished is kept: start "
        "its head again, and run the same again."
    )


class WorkerLostError(ClusterError):
    """Processes of the cluster died under one piece of work until it was given up."""

    work: str
    reason: str

    sentence = (
        "the cluster's workers died again and again at {work}: {reason} Look into their logs, most often "
        "for memory; what was finished is kept, so run the same again."
    )


class DifferentWorkerError(ClusterError):
    """A worker of the cluster would compute something else than what it was asked for."""

    host: str
    what: str
    version: str
    asked: str

    sentence = (
        "the worker on {host} has {what} in version {version}, and {asked} was asked for. Give all machines "
        "the same release, base model and benchmark files."
    )


class UnsharedHomeError(ClusterError):
    """What one process of a cluster wrote cannot be seen by another."""

    key: str
    home: str

    sentence = (
        "what a process of the cluster wrote of {key} is not in {home} as another one sees it. Mount one "
        "shared home folder at the same path on every machine."
    )


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


class SystemLineError(ModelError):
    """The chat template of the base model refuses a benchmark's system line, or leaves it out."""

    line: str

    sentence = (
        "the chat template does not take the system line {line!r} of the benchmark. Set `system: fold` or "
        "`system: drop` under `base_model`."
    )


class UnfaithfulHeadError(ModelError):
    """The statistics of a model would not be those of its own logits."""

    model: str
    difference: float

    sentence = (
        "{model} does something between its last hidden state and its logits that is not read here "
        "(log-likelihoods differ by {difference:.3g} nats). Use another base model: the signals "
        "need one whose logits follow from its last hidden state by its output layer."
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


class UnreadableAdapterError(ModelError):
    """A folder holds no warmed-up adapter that LESS can read."""

    path: str
    reason: str

    sentence = (
        "the warmed-up adapter {path!r} cannot be read: {reason}. Let `warmed` name a folder that does not "
        "exist yet, in which one is made, or one that was made for this base model."
    )
