"""Settings of a policy, as data."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import ceil, inf, isfinite
from typing import Annotated, Any

from autoselection_core.errors.recipe import SettingError
from autoselection_core.history.search_settings import DEFAULT, POLICIES, policy_now, settings_now
from autoselection_core.operators.selection.ranking import HIGHEST, LOWEST
from autoselection_core.space import Choice, Count, Interval, check_settings, is_finite

LATEST = 5
"""Highest version of the default policy, which new searches have. A registered search without a version has
the first."""

_USUAL_FILTERS = 4
"""Version from which filters that a person would try come before others, alone and in pairs, and the
surrogate sees the composition of subsets."""

_TILTED_MIXTURES = 5
"""Version from which weights of sources and topics follow the slopes of the surrogate."""

_ROUNDS_UP = 5
"""Version from which no candidate is below the least share, not even by half a row."""

GROUPS_ONLY = 2
"""Composition without distributions of signals: the subset distance has these already."""

SURROGATES = ("gp", "bkb", "student_t")
"""Surrogates that a policy may fit."""

_MIN_SHARE = 0.01
_BOUNDS = "a least and a largest share from 0 to 1, as [0.1, 0.5]"

EITHER = "either"
"""Better end of a score of which nothing says whether high or low values are good."""

_ENDS = (HIGHEST, LOWEST, EITHER)

_ABOVE_ZERO = ("noise_prior", "max_tokens", "trust_radius", "stop_gain")


@dataclass(frozen=True)
class Policy:
    """The settings of a search's choices.

    Attributes:
        name: Name of the policy.
        version: Version of the default policy; a search keeps the one that it was registered with, and one
            that was registered without a version has the first.
        full_pool: 1 if the first trial of the default policy is the full pool, 0 if not.
        warmup: Probes before the surrogate chooses. Version 1 has programs by realised retention (low,
            middle, high, low, ...), version 2 plain filters far apart in what they select, version 3 one
            plain filter and then programs; that of version 4 is the highest quarter by relevance or IFD, or
            one for each of `plain_scores`.
        plain_scores: Scores of one's own that are plain filters, from version 2 on, and tried before others:
            a mapping from column to the end that is better, `highest`, `lowest` or `either`. A new search
            pins those of its campaign, as `either`, whose highest quarter comes first.
        finals: Last evaluations, which go to the two best subsets again, from a budget of 8 on; version 1 has
            none.
        composition: A part of the surrogate over what subsets are made of. 1: shares of sources and topics,
            mean embedding, distributions of signals; 2: the same without the distributions; 0: no such part.
            None is 2 from version 4 on.
        max_steps: Longest program that is sampled or edited into being.
        fresh: Latin hypercube programs that every round may choose from.
        edits: Edits that a round adds to them.
        generations: Generations that the edits come in; each but the first edits what the acquisition likes.
        anchors: Evaluated recipes, best posterior mean first, that edits start from.
        patience: Evaluations without improvement of the posterior best before a new anchor is drawn.
        noise_prior: Expected run-to-run standard deviation in units of utility; None takes a third of the
            spread of the utilities seen.
        noise_spread: Standard deviation of the log of the noise around its prior.
        tail_threshold: Utilities below the median by more than this many spreads of the better half are
            compressed by a logarithm before the surrogate learns: how bad the worst ones are says nothing of
            the best.
        tolerance: The mini-META factor C: a trusted incumbent is repeated while its posterior deviation
            falls by at most this factor. 1 never repeats.
        surrogate: `gp`: a Gaussian process, sparse beyond a thousand observations; `bkb`: sparse from the
            start; `student_t`: for evaluators some of whose scores are far off.
        draws: Hyper-parameter vectors that the surrogate averages over; 1 takes the most probable one.
        max_sampled: Observations that hyper-parameters are learned from at most; predictions use all.
        min_share: Candidates below this share of the pool's rows are screened out; None is 0.01. Where a
            training has a length in tokens, None leaves out what it would read more than four times instead,
            from version 3 on.
        max_share: Candidates above this share of the pool's rows are screened out, the full pool, too.
        max_tokens: Candidates with more tokens of the base model are screened out; None sets no limit.
        trust_radius: Candidates farther than this from everything tried are clipped by a union with the
            nearest tried subset, or left out, in median distances between fresh programs; None sets no limit.
        floors: The least score of a benchmark whose metric grows with quality, in its unit. Candidates that
            are unlikely to reach it are wanted less, and not recommended. A mapping, or pairs.
        shares: Least and largest share of a group among the rows of a candidate: a mapping from
            grouping/group, such as `source/wiki`, to two numbers from 0 to 1. Other candidates are screened
            out.
        stop_gain: A search stops once no candidate is expected to gain this much a full training, in units
            of utility; None spends the budget.
        sample_rows: Rows that candidates are compared on in a pool of more than twice as many; the chosen one
            is realised on all.
        round_size: Candidates of a round of the published policy.
        exploration: Upper confidence bound factor of the published policy.
    """

    name: Annotated[str, Choice(POLICIES)] = DEFAULT
    version: Annotated[int, Count(1, LATEST)] = LATEST
    full_pool: Annotated[int, Count(0, 1)] = 1
    warmup: Annotated[int, Count(0, 100)] = 3
    plain_scores: tuple[tuple[str, str], ...] = ()
    finals: Annotated[int, Count(0, 100)] = 1
    composition: int | None = None
    max_steps: Annotated[int, Count(1, 6)] = 6
    fresh: Annotated[int, Count(8, 100_000)] = 400
    edits: Annotated[int, Count(0, 100_000)] = 1500
    generations: Annotated[int, Count(1, 100)] = 5
    anchors: Annotated[int, Count(1, 100)] = 3
    patience: Annotated[int, Count(1, 1000)] = 4
    noise_prior: float | None = None
    noise_spread: Annotated[float, Interval(0.01, 3.0)] = 0.5
    tail_threshold: Annotated[float, Interval(0.1, 1e6)] = 3.0
    tolerance: Annotated[float, Interval(1.0, 10.0)] = 1.4
    surrogate: Annotated[str, Choice(SURROGATES)] = "gp"
    draws: Annotated[int, Count(1, 256)] = 16
    max_sampled: Annotated[int, Count(2, 1000)] = 100
    min_share: float | None = None
    max_share: Annotated[float, Interval(0.0, 1.0)] = 1.0
    max_tokens: int | None = None
    trust_radius: float | None = None
    floors: tuple[tuple[str, float], ...] = ()
    shares: tuple[tuple[str, float, float], ...] = ()
    stop_gain: float | None = None
    sample_rows: Annotated[int, Count(64, 10_000_000)] = 50_000
    round_size: Annotated[int, Count(1, 1000)] = 5
    exploration: Annotated[float, Interval(0.0, 100.0)] = 2.0

    def __post_init__(self) -> None:
        """Refuse settings outside their ranges.

        Raises:
            SettingError: A setting is unknown or out of range.
        """
        object.__setattr__(self, "name", policy_now(self.name))
        check_settings(self)
        for name in _ABOVE_ZERO:
            value = getattr(self, name)
            if value is not None and not (is_finite(value) and value > 0):
                raise SettingError(name, value, "a finite number above 0, or empty")
        if self.min_share is not None:
            Interval(0.0, 1.0).check(self.min_share, "min_share")
        if self.composition is not None:
            Count(0, GROUPS_ONLY).check(self.composition, "composition")
        object.__setattr__(self, "shares", _shares(self.shares))
        object.__setattr__(self, "plain_scores", _plain_scores(self.plain_scores))
        object.__setattr__(self, "floors", _floors(self.floors))

    @property
    def plain_probes(self) -> float:
        """Number of probes that are plain filters, the first ones: none, all, or one, by version.

        From version 4 on one for each score of the user's own, as far as there are probes.
        """
        own = min(len(self.plain_scores), self.warmup) if self.tries_usual_filters else 1
        return {1: 0, 2: inf}.get(self.version, max(own, 1))

    @property
    def before_zones(self) -> int:
        """Number of probes before those by realised retention."""
        return int(self.plain_probes) if isfinite(self.plain_probes) else 0

    @property
    def composition_seen(self) -> int:
        """The part of the surrogate over what subsets are made of, as `composition` numbers them."""
        if self.composition is not None:
            return self.composition
        return GROUPS_ONLY if self.version >= _USUAL_FILTERS else 0

    @property
    def recommends_plain_filter(self) -> bool:
        """Whether a recommendation names the best plain filter, too: from version 2 on, which tries some."""
        return self.version > 1

    @property
    def tries_usual_filters(self) -> bool:
        """Whether quarters and intersections that a person would try come before other filters."""
        return self.version >= _USUAL_FILTERS

    @property
    def tilts_mixtures(self) -> bool:
        """Whether mixtures that follow the surrogate's slopes along groups are candidates."""
        return self.version >= _TILTED_MIXTURES

    def min_rows(self, rows: int) -> int:
        """Rows that a candidate has at least in a pool of so many; rounded up from version 5 on.

        Before, to the nearest number, so that a candidate may be below the share by half a row.
        """
        share = _MIN_SHARE if self.min_share is None else self.min_share
        # Nine digits: 0.07 of 100 rows are 7, and no rounding error makes them 8.
        return max(1, ceil(round(share * rows, 9)) if self.version >= _ROUNDS_UP else round(share * rows))

    @classmethod
    def of_search(cls, name: str, settings: Mapping[str, Any], max_steps: int) -> "Policy":
        """Policy that a search pinned; settings without a version precede versions, and have the first."""
        return cls(name, max_steps=max_steps).with_settings(**{"version": 1, **settings})

    def with_settings(self, **settings: Any) -> "Policy":  # noqa: ANN401 - the settings differ in type
        """A copy with other settings, under today's names or their first ones; an unknown name is refused."""
        changed: dict[str, Any] = settings_now(settings)
        return replace(self, **changed)


def _shares(given: Any) -> tuple[tuple[str, float, float], ...]:  # noqa: ANN401 - as YAML or a policy has it
    """Bounds of the shares of groups, by name.

    Raises:
        SettingError: A group has no two bounds from 0 to 1, the smaller one first.
    """
    is_rows = isinstance(given, list | tuple) and all(isinstance(row, list | tuple) and row for row in given)
    pairs = [(name, bounds) for name, *bounds in given] if is_rows else given
    entries = _entries("shares", pairs, f"a mapping from a group to {_BOUNDS}")
    return tuple(sorted((name, *_bounds(name, bounds)) for name, bounds in entries))


def _floors(given: Any) -> tuple[tuple[str, float], ...]:  # noqa: ANN401 - as YAML or a policy has it
    """Least score of each benchmark, by name.

    Raises:
        SettingError: A score is no finite number.
    """
    wanted = "a mapping from a benchmark to its least score, a finite number"
    return tuple(sorted((name, _least(name, least)) for name, least in _entries("floors", given, wanted)))


def _least(name: str, score: Any) -> float:  # noqa: ANN401
    refused = SettingError("floors", {name: score}, "a finite number for each benchmark")
    try:
        least = float(score)  # a registered search may have a number in quotes
    except (TypeError, ValueError) as error:
        raise refused from error
    if isinstance(score, bool) or not isfinite(least):
        raise refused
    return least


def _entries(name: str, given: Any, wanted: str) -> Iterable[tuple[str, Any]]:  # noqa: ANN401
    """Names with their values, of a mapping or of pairs.

    Raises:
        SettingError: It is neither.
    """
    entries = list(given.items()) if isinstance(given, Mapping) else given
    if not isinstance(entries, list | tuple) or not all(map(_is_entry, entries)):
        raise SettingError(name, given, wanted)
    return entries


def _is_entry(given: object) -> bool:
    is_pair = isinstance(given, list | tuple) and len(given) == len(("name", "value"))
    return is_pair and isinstance(given[0], str)  # type: ignore[index] # is_pair narrows it


def _plain_scores(given: Any) -> tuple[tuple[str, str], ...]:  # noqa: ANN401 - as YAML or a policy has it
    """Better end of each score, by name.

    Raises:
        SettingError: An end is unknown.
    """
    wanted = f"one of {', '.join(_ENDS)} for each column"
    found = _entries("plain_scores", given, wanted)
    for name, end in found:
        if end not in _ENDS:
            raise SettingError("plain_scores", {name: end}, wanted)
    return tuple(sorted((name, end) for name, end in found))


def _bounds(name: str, bounds: Any) -> tuple[float, float]:  # noqa: ANN401
    is_pair = isinstance(bounds, list | tuple) and len(bounds) == len(("least", "largest"))
    if is_pair and all(map(is_finite, bounds)) and 0 <= bounds[0] <= bounds[1] <= 1:
        return float(bounds[0]), float(bounds[1])
    raise SettingError("shares", {name: bounds}, _BOUNDS)
