"""Specification of a search: its settings, and the pool, signals, evaluator and metric that it pins."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from autoselection_core.errors.history import SpecError
from autoselection_core.history.search_settings import SearchSettings, first_spelling
from autoselection_core.identity import Json, canonical_json, fingerprint
from autoselection_core.score.score import CLOSED_FORM
from autoselection_core.signals.table import first_name
from autoselection_core.space import Count, axes

_ADJUSTABLE = ("budget", "slots", "report_evaluations")
_LISTS = ("benchmarks", "operators", "warm_also")
_LATER = ("warm_from", "warm_also", "adviser", "fidelities")


@dataclass(frozen=True, kw_only=True)
class SearchSpec(SearchSettings):
    """Specification of a search, with all that it pins: two equal specs are one search.

    Attributes:
        campaign: Name of the campaign: pool, base model and benchmarks.
        metric: Metric of the benchmarks' scores, for instance `log_likelihood`.
        pool_version: The pool that every trial selects from.
        signal_versions: The version of every signal that a recipe may read.
        evaluator: Fingerprint of base model, training and benchmarks.
        benchmarks: Names of the benchmarks; the weights below are theirs.
        weights: Weight of each benchmark in the utility; empty means equal.
        operators: Names of the operators that recipes may use; empty means all that are installed.
        policy_settings: Settings of the policy that differ from its defaults.
        warm_from: An earlier search whose observations the solver starts from; None starts cold.
        warm_also: Further earlier searches whose observations it starts from, weighed by how far each is
            trusted; empty in a search that starts from one or cold.
        training: Preset and settings of the fine-tuning; empty means as the campaign declares it.
        adviser: The language model that advises it, and in which roles; empty means none.
        fidelities: Cheaper evaluations by name: `cost` in full trainings, what is cheaper, and the
            `evaluator`'s fingerprint; empty means that every trial is a full training.
    """

    campaign: str
    metric: str = "log_likelihood"
    pool_version: str = ""
    signal_versions: Mapping[str, str] = field(default_factory=dict, hash=False)
    evaluator: str = ""
    benchmarks: tuple[str, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict, hash=False)
    operators: tuple[str, ...] = ()
    policy_settings: Mapping[str, Json] = field(default_factory=dict, hash=False)
    warm_from: str | None = None
    warm_also: tuple[str, ...] = ()
    training: Mapping[str, Json] = field(default_factory=dict, hash=False)
    adviser: Mapping[str, Json] = field(default_factory=dict, hash=False)
    fidelities: Mapping[str, Mapping[str, Json]] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        """Refuse what no search can do; a stored search may be larger than what is asked for now.

        Raises:
            SpecError: A count is below its minimum.
        """
        for axis in axes(SearchSettings):
            assert isinstance(axis.space, Count), "the settings with a range are counts"
            if getattr(self, axis.name) < axis.space.low:
                raise SpecError(axis.name, getattr(self, axis.name), axis.space.low)

    @property
    def identity(self) -> str:
        """Identity hash of the search, without its budgets and slots.

        What was renamed counts under its first name, so that a search of an earlier version is found again.
        """
        versions = {first_name(name): version for name, version in self.signal_versions.items()}
        policy = first_spelling(self.policy, self.policy_settings)
        values = {**self.to_json(), **policy, "signal_versions": versions}
        return fingerprint({name: value for name, value in values.items() if name not in _ADJUSTABLE})

    @property
    def objective(self) -> str:
        """Fingerprint of the objective that a utility is of: the evaluator, and the benchmarks' weights."""
        return fingerprint(
            {"evaluator": self.evaluator, "weights": dict(self.weights), "metric": self.metric}
        )

    @property
    def is_formula(self) -> bool:
        """Whether a closed form evaluates, so that no model is trained."""
        return self.metric == CLOSED_FORM

    @property
    def size_unit(self) -> str:
        """Unit of subset sizes: tokens of the base model; rows where no signal `tokens` is declared."""
        return "tokens" if "tokens" in self.signal_versions else "rows"

    @property
    def score_weights(self) -> dict[str, float] | None:
        """Weight of each benchmark in the utility of a score; None for equal weights.

        A formula's score is no benchmark's, whatever benchmarks the campaign declares for its signals.
        """
        return None if self.metric == CLOSED_FORM else dict(self.weights) or None

    @property
    def prices(self) -> dict[str, float]:
        """Price of an evaluation at each cheaper fidelity, in full trainings."""
        return {name: float(str(each["cost"])) for name, each in self.fidelities.items()}

    @property
    def usual_name(self) -> str:
        """Name of the search unless a person gives one: the same question has the same name."""
        return f"{self.campaign}-{self.identity[:8]}"

    def to_json(self) -> dict[str, Any]:
        """The spec as JSON values; what came later is left out where it is empty."""
        values = {**asdict(self), **{name: list(getattr(self, name)) for name in _LISTS}}
        return {name: value for name, value in values.items() if name not in _LATER or value}

    def to_text(self) -> str:
        """The spec's one spelling as JSON text."""
        return canonical_json(self.to_json())

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read a spec back; a field that this version does not know is refused by the constructor."""
        lists = {name: tuple(value.get(name, ())) for name in _LISTS}
        return cls(**{**value, **lists})
