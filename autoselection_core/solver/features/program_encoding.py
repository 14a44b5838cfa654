"""Encoding of a program as numbers: which operators, with which parameters, at which place.

Every template owns a block of columns: whether it occurs (0 or 1), the mean place of its steps in the program
(0 first, 1 last), and the mean of each encoded parameter. So the linear part of the covariance is additive
over operators and still sees order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate, pairwise

import numpy as np

from autoselection_core.operators.base import Operator
from autoselection_core.operators.catalogue import Template
from autoselection_core.recipe import Recipe, Step, Union
from autoselection_core.solver.feature_layout import Features

_FIXED = 2
"""Columns of a template before its parameters: occurrence and place."""


@dataclass(frozen=True, eq=False)
class ProgramEncoder:
    """Encoding of programs over one catalogue; the last block of columns belongs to unions.

    Attributes:
        templates: The catalogue.
    """

    templates: tuple[Template, ...]
    _known: dict[Step, tuple[int, tuple[float, ...]]] = field(default_factory=dict, repr=False)

    @property
    def size(self) -> int:
        """Length of an encoded program."""
        return sum(_FIXED + len(template.axes) for template in self.templates) + _FIXED

    def encode(self, recipes: Sequence[Recipe]) -> Features:
        """Encode programs. Shape (m, size)."""
        widths = [_FIXED + len(template.axes) for template in self.templates] + [_FIXED]
        places = [slice(start, stop) for start, stop in pairwise(accumulate(widths, initial=0))]
        encoded = np.zeros((len(recipes), self.size))
        for row, recipe in zip(encoded, recipes, strict=True):
            self._add(row, recipe, places)
        occurrences = encoded[:, [place.start for place in places]]
        return np.asarray(encoded / np.repeat(np.maximum(occurrences, 1.0), widths, axis=1))

    def _add(self, row: Features, recipe: Recipe, places: Sequence[slice]) -> None:
        """Add the numbers of each step to the block of its template."""
        last = max(len(recipe) - 1, 1)
        for number, step in enumerate(recipe.steps):
            template, parameters = self._read(step)
            if template is not None:
                row[places[template]] += [1.0, number / last, *parameters]

    def _read(self, step: Step) -> tuple[int | None, tuple[float, ...]]:
        """Number of the step's template and its encoded parameters; None outside the catalogue."""
        if isinstance(step, Union):
            return len(self.templates), ()
        if step not in self._known:
            number = self._template_of(step)
            if number is None:
                return None, ()
            self._known[step] = number, tuple(self.templates[number].encode(step))
        return self._known[step]

    def _template_of(self, step: Operator) -> int | None:
        """Number of the first template that could have made a step; None where there is none."""
        numbers = self._of_operator.get(type(step), ())
        return next((number for number in numbers if self.templates[number].matches(step)), None)

    @cached_property
    def _of_operator(self) -> Mapping[type[Operator], Sequence[int]]:
        """Numbers of the templates of each operator: matching all of them takes most of an encoding."""
        found: dict[type[Operator], list[int]] = {}
        for number, template in enumerate(self.templates):
            found.setdefault(template.operator, []).append(number)
        return found
