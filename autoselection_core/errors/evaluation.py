"""Why an evaluation has no score. None of these is ever turned into a number."""

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError, did_you_mean


class EvaluationError(AutoSelectionError):
    """An evaluation did not yield a score.

    Attributes:
        is_retryable: Whether the same evaluation may succeed when it is tried again.
    """

    is_retryable = False


class UnknownFidelityError(AutoSelectionError):
    """A trial is to be evaluated at a fidelity that its search has not."""

    def __init__(self, fidelity: str, known: tuple[str, ...]) -> None:
        super().__init__(fidelity, known)
        self.fidelity = fidelity
        self.known = known

    @override
    def __str__(self) -> str:
        names = ", ".join(self.known) or "none"
        return (
            f"no evaluator for the fidelity {self.fidelity!r} (cheaper fidelities: {names}); give the search "
            "the evaluator that its own spec makes"
        )


class TrainingFailedError(EvaluationError):
    """A training run did not yield a model."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(key, reason)
        self.key = key
        self.reason = reason

    @override
    def __str__(self) -> str:
        return f"training {self.key} failed: {self.reason}; no score was recorded"


class NotFiniteLossError(TrainingFailedError):
    """The loss became NaN or infinite."""

    def __init__(self, key: str, step: int) -> None:
        super().__init__(key, f"the loss was not finite at step {step}; lower the learning rate")
        self.args = (key, step)
        self.step = step


class DivergedError(TrainingFailedError):
    """The loss rose far above where it started."""

    def __init__(self, key: str, step: int, loss: float, first: float) -> None:
        rise = f"the loss rose from {first:.3f} to {loss:.3f} nats a token at step {step}"
        super().__init__(key, f"{rise}; lower the learning rate")
        self.args = (key, step, loss, first)
        self.step = step
        self.loss = loss
        self.first = first


class OutOfMemoryError(TrainingFailedError):
    """Not even one sequence at a time fits into memory."""

    is_retryable = True

    def __init__(self, key: str, tokens: int) -> None:
        super().__init__(key, f"a batch of {tokens} tokens does not fit into memory; shorten max_tokens")
        self.args = (key, tokens)
        self.tokens = tokens


class WorkerDiedError(TrainingFailedError):
    """A process of a training on several devices ended without a word."""

    is_retryable = True

    def __init__(self, key: str, rank: int, code: int) -> None:
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        super().__init__(key, f"process {rank} {how}; its last words are in the training's log")
        self.args = (key, rank, code)
        self.rank = rank
        self.code = code


class NothingToTrainError(TrainingFailedError):
    """No selected sample has a response inside the length limit."""

    def __init__(self, key: str, selected: int, max_tokens: int) -> None:
        super().__init__(
            key, f"none of the {selected} selected samples has response tokens within {max_tokens} tokens"
        )
        self.args = (key, selected, max_tokens)
        self.selected = selected
        self.max_tokens = max_tokens


class TrainedSetDiffersError(TrainingFailedError):
    """The optimiser saw other samples than were selected."""

    def __init__(self, key: str, missing: int, unexpected: int) -> None:
        super().__init__(
            key, f"{missing} selected samples were not trained on and {unexpected} others were; report this"
        )
        self.args = (key, missing, unexpected)
        self.missing = missing
        self.unexpected = unexpected


class ScoringFailedError(EvaluationError):
    """A trained model could not be scored on all items."""

    def __init__(self, benchmark: str, scored: int, items: int, reason: str) -> None:
        super().__init__(benchmark, scored, items, reason)
        self.benchmark = benchmark
        self.scored = scored
        self.items = items
        self.reason = reason

    @override
    def __str__(self) -> str:
        return f"benchmark {self.benchmark!r}: {self.scored} of {self.items} items were scored: {self.reason}"


class WeightsGoneError(EvaluationError):
    """An evaluation is finished, and its weights are not there to be asked for more."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    @override
    def __str__(self) -> str:
        return (
            f"evaluation {self.key!r} has its scores and no weights: ask it where it was trained, or move "
            "its folder away to train it again"
        )


class NotEvaluatedError(AutoSelectionError):
    """There is no complete evaluation of that key."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    @override
    def __str__(self) -> str:
        return f"there is no complete evaluation {self.key!r} in this home; evaluate the subset first"


class DamagedEvaluationError(AutoSelectionError):
    """A complete evaluation's files are not what was written."""

    def __init__(self, key: str, file: str) -> None:
        super().__init__(key, file)
        self.key = key
        self.file = file

    @override
    def __str__(self) -> str:
        return (
            f"evaluation {self.key}: {self.file} was changed or lost; "
            "restore it, or delete the folder to train again"
        )


class UnknownTrainingSettingError(AutoSelectionError):
    """A training config names a preset or a setting that does not exist."""

    def __init__(self, kind: str, name: str, known: tuple[str, ...]) -> None:
        super().__init__(kind, name, known)
        self.kind = kind
        self.name = name
        self.known = known

    @override
    def __str__(self) -> str:
        hint = did_you_mean(self.name, self.known)
        return f"training {self.kind} {self.name!r} is unknown (known: {', '.join(self.known)}).{hint}"


class WrongPoolError(AutoSelectionError):
    """A subset is of another pool version than the one at hand."""

    def __init__(self, subset_pool: str, pool: str) -> None:
        super().__init__(subset_pool, pool)
        self.subset_pool = subset_pool
        self.pool = pool

    @override
    def __str__(self) -> str:
        return (
            f"the subset is of pool {self.subset_pool}, not of pool {self.pool}; "
            "open that pool, or realise the recipe again"
        )
