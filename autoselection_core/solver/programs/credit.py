"""Credit of operators, and of pairs of them, from utilities of children over those of their parents.

For a child and its parent with utility difference d, every operator that the child added or retuned gets d/n,
every operator that it removed gets -d/n, n being the number of changed operators, and every pair of added or
retuned operators gets d over the number of such pairs. Steps are told apart by label, so that the same
operator on two signals earns two credits.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

from autoselection_core.recipe import Recipe, Step


@dataclass(frozen=True)
class Credit:
    """Credits in units of utility.

    Attributes:
        operators: By label.
        pairs: By two labels in ascending order.
    """

    operators: Mapping[str, float]
    pairs: Mapping[tuple[str, str], float]


def credit_of(families: Iterable[tuple[Recipe, Recipe, float]]) -> Credit:
    """Credits of all children.

    Args:
        families: Parent, child, and the utility of the child minus that of the parent.
    """
    operators: dict[str, float] = defaultdict(float)
    pairs: dict[tuple[str, str], float] = defaultdict(float)
    for parent, child, difference in families:
        gained, lost = changes(parent, child)
        for label in gained:
            operators[label] += difference / (len(gained) + len(lost))
        for label in lost:
            operators[label] -= difference / (len(gained) + len(lost))
        couples = list(combinations(sorted(gained), 2))
        for couple in couples:
            pairs[couple] += difference / len(couples)
    return Credit(dict(operators), dict(pairs))


def changes(parent: Recipe, child: Recipe) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Labels that a child added or retuned, and labels that it removed, each once and in ascending order."""
    before, after = Counter(parent.steps), Counter(child.steps)
    gained = _labels(after - before)
    return gained, tuple(label for label in _labels(before - after) if label not in gained)


def _labels(steps: "Counter[Step]") -> tuple[str, ...]:
    return tuple(sorted({step.label for step in steps}))
