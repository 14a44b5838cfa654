"""Request for one search: what a person sets in place of what the campaign declares."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Self

from autoselection_core.benchmarks.metric import Metric
from autoselection_core.campaign.declaration.campaign import Campaign
from autoselection_core.campaign.declaration.signals import own_scores
from autoselection_core.errors.base import did_you_mean
from autoselection_core.errors.recipe import SettingError
from autoselection_core.evaluation.training.settings import with_latest_plan
from autoselection_core.history.search_settings import DEFAULT, RANDOM, SearchSettings, merge_settings
from autoselection_core.history.specification import SearchSpec
from autoselection_core.identity import Json
from autoselection_core.operators.catalogue import installed_operators
from autoselection_core.score.score import CLOSED_FORM
from autoselection_core.solver.policy import EITHER, Policy
from autoselection_core.space import check_settings

_VERSION, _PLAIN_SCORES = "version", "plain_scores"
_PINNED = (_VERSION, _PLAIN_SCORES)
"""Settings of the policy that a registered search keeps as it has them."""

SETTINGS = tuple(each.name for each in fields(SearchSettings))
"""Names of the settings that every search has."""


@dataclass(frozen=True)
class SearchRequest:
    """A search as a person asks for it; what is left out is as the campaign declares it.

    Attributes:
        settings: Fields of `SearchSettings` that go before the campaign's.
        benchmarks: Benchmarks of the campaign that drive it; empty means all.
        metric: Metric of every benchmark.
        training: Preset of the fine-tuning; fields that the campaign sets stay as they are.
        operators: Operators that recipes may use.
        policy_settings: Fields of `Policy` that go before the campaign's: limits and how it chooses.
        warm_from: An earlier search whose observations the solver starts from.
        warm_also: Further earlier searches that it learns from; the first takes the place of a missing
            `warm_from`.
    """

    settings: Mapping[str, Json] = field(default_factory=dict)
    benchmarks: Sequence[str] = ()
    metric: str | None = None
    training: str | None = None
    operators: Sequence[str] = ()
    policy_settings: Mapping[str, Json] = field(default_factory=dict)
    warm_from: str | None = None
    warm_also: Sequence[str] = ()

    @classmethod
    def of(cls, **asked: Any) -> Self:  # noqa: ANN401 - the fields differ in type
        """A request by names of `SearchSettings` and of the fields above; None means as declared."""
        settings = {name: asked.pop(name) for name in SETTINGS if name in asked}
        return cls({name: value for name, value in settings.items() if value is not None}, **asked)

    def outline(self, campaign: Campaign) -> SearchSpec:
        """The search before there is a pool, so that mistakes show at once.

        Raises:
            SpecError: A count is too small.
            SettingError: A field names what the campaign has not, or what a policy cannot do.
            UnknownTrainingSettingError: The preset is unknown.
        """
        earlier = tuple(dict.fromkeys(filter(None, (self.warm_from, *self.warm_also))))
        asked = replace(campaign.search, **self.settings)  # type: ignore[arg-type] # checked below
        spec = SearchSpec(
            campaign=campaign.name,
            **vars(asked),
            benchmarks=tuple(self._weights(campaign)),
            weights=self._weights(campaign),
            metric=self._metric(campaign),
            training=self._training(campaign),
            operators=self._operators(campaign),
            policy_settings=_with_plain_scores(
                campaign,
                asked.policy,
                _with_version(asked.policy, merge_settings(campaign.policy, self.policy_settings)),
            ),
            warm_from=next(iter(earlier), None),
            warm_also=earlier[1:],
            adviser=_adviser(campaign, asked.policy),
            fidelities=_fidelities(campaign, asked.policy),
        )
        check_settings(asked)
        policy = Policy.of_search(spec.policy, spec.policy_settings, spec.max_steps)
        if policy.min_share is not None and policy.min_share > policy.max_share:
            raise SettingError("min_share", policy.min_share, f"at most max_share, {policy.max_share:g}")
        _require_known(
            "plain_scores", [name for name, _ in policy.plain_scores], own_scores(campaign.signals)
        )
        scored = tuple(spec.benchmarks) if campaign.closed_form is None else (CLOSED_FORM,)
        if campaign.judge is None:  # only its first scores say what a judge calls its benchmarks
            _require_known("floors", [name for name, _ in policy.floors], scored)
        return spec

    def _weights(self, campaign: Campaign) -> dict[str, float]:
        _require_known("benchmarks", self.benchmarks, tuple(campaign.weights))
        return {name: campaign.weights[name] for name in self.benchmarks or campaign.weights}

    def _metric(self, campaign: Campaign) -> str:
        if self.metric is None:
            return ""
        _require_trained(campaign, "metric", self.metric)
        _require_known("metric", [self.metric], tuple(Metric))
        return self.metric

    def _training(self, campaign: Campaign) -> Mapping[str, Json]:
        if self.training is not None:
            _require_trained(campaign, "training", self.training)
        preset = {} if self.training is None else {"preset": self.training}
        asked = {**campaign.training, **preset}
        return with_latest_plan(asked) if campaign.trains_here else asked

    def _operators(self, campaign: Campaign) -> tuple[str, ...]:
        known = campaign.operators or tuple(operator.name for operator in installed_operators())
        _require_known("operators", self.operators, known)
        return tuple(self.operators) or campaign.operators


def _with_version(policy: str, settings: Mapping[str, Json]) -> dict[str, Json]:
    """Settings with the version of the default policy of a new search; other policies have none."""
    return {_VERSION: Policy.version, **settings} if policy == DEFAULT else dict(settings)


def _with_plain_scores(campaign: Campaign, policy: str, settings: Mapping[str, Json]) -> dict[str, Json]:
    """Settings with the scores that a campaign brings, where its policy tries plain filters.

    A new search pins them: those that were registered before go on as they began.
    """
    own = own_scores(campaign.signals)
    tries_plain = policy == DEFAULT and settings.get(_VERSION, Policy.version) != 1
    is_asked = bool(own) and tries_plain and _PLAIN_SCORES not in settings
    return {**settings, _PLAIN_SCORES: dict.fromkeys(own, EITHER)} if is_asked else dict(settings)


def with_version_of(known: Mapping[str, Json], settings: Mapping[str, Json]) -> dict[str, Json]:
    """Settings with version and plain filters of a registered search, or without those that it does not say.

    Example:
        >>> with_version_of({}, {"version": 2, "finals": 1}), with_version_of({"version": 1}, {"version": 2})
        ({'finals': 1}, {'version': 1})
    """
    kept = {name: value for name, value in settings.items() if name not in _PINNED}
    return kept | {name: value for name, value in known.items() if name in _PINNED}


def _fidelities(campaign: Campaign, policy: str) -> Mapping[str, Mapping[str, Json]]:
    """Cheaper evaluations that a search pins; the default policy alone chooses among them."""
    return {name: asdict(each) for name, each in campaign.fidelities.items()} if policy == Policy.name else {}


def _adviser(campaign: Campaign, policy: str) -> Mapping[str, Json]:
    """Adviser that a search pins; a random search asks nobody."""
    return {} if campaign.adviser is None or policy == RANDOM else campaign.adviser.identity


def _require_known(field: str, names: Sequence[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            choice = f"among {', '.join(known)}" if known else "empty: the campaign has none"
            raise SettingError(field, name, f"{choice}.{did_you_mean(name, tuple(known))}".rstrip("."))


def _require_trained(campaign: Campaign, field: str, value: str) -> None:
    if campaign.closed_form is not None:
        raise SettingError(field, value, "empty: a closed form evaluates this campaign")
    if campaign.judge is not None:
        raise SettingError(field, value, "empty: a judge evaluates this campaign")
