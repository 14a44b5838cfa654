"""Feature vectors of candidates, on scales taken from fresh programs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autoselection_core.recipe import Recipe
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver.feature_layout import Features, Layout
from autoselection_core.solver.features.composition import Composition
from autoselection_core.solver.features.program_encoding import ProgramEncoder
from autoselection_core.solver.features.state_axes import Blocks, Description, blocks_of, describe
from autoselection_core.solver.programs.realise import Realised
from autoselection_core.subset import Subset

_FLAT = 1e-9
"""An axis with less spread than this over fresh programs has no information and is set to zero."""

_BEND = 2.0
"""Spreads over fresh programs beyond which a state axis goes on as a logarithm. Fifty copies of one sample
have thirty spreads of redundancy; a slope along such an axis would predict anything for them."""


@dataclass(frozen=True, eq=False)
class Describer:
    """Describer of candidates as feature vectors, on scales taken from fresh programs.

    Attributes:
        blocks: The pool's bins.
        encoder: The program encoding.
        center: Mean of each state axis over fresh programs. Shape (a,).
        spread: Standard deviation of each state axis; infinite where it is flat. Shape (a,).
        median: Median distance between the cumulative histograms of fresh programs.
        length: Root mean square length of an encoded fresh program.
        composition: Composition groups; None for policies that do not look at them.
    """

    blocks: Blocks
    encoder: ProgramEncoder
    center: Features
    spread: Features
    median: float
    length: float
    composition: Composition | None = None

    @classmethod
    def of(
        cls,
        signals: SignalTable,
        encoder: ProgramEncoder,
        fresh: Realised,
        composition: Composition | None = None,
    ) -> "Describer":
        """Take the scales from realised fresh programs, of which there must be at least one."""
        blocks = blocks_of(signals)
        raw = describe([subset.rows for subset in fresh.subsets], blocks)
        spread = raw.axes.std(axis=0)
        program = encoder.encode([draft.recipe for draft in fresh.drafts])
        return cls(
            blocks,
            encoder,
            raw.axes.mean(axis=0),
            np.where(spread > _FLAT, spread, np.inf),
            _median_distance(raw),
            max(float(np.sqrt((program**2).sum(axis=1).mean())), _FLAT),
            None if composition is None else composition.rescale([one.rows for one in fresh.subsets]),
        )

    @property
    def layout(self) -> Layout:
        """Columns of a feature vector."""
        marginals = sum(place.stop - place.start - 1 for place in self.blocks.columns)
        marginals += sum(place.stop - place.start for place in self.blocks.groups)
        groups = () if self.composition is None else self.composition.sizes
        return Layout(len(self.center), marginals, self.encoder.size, groups=groups)

    def features(self, recipes: Sequence[Recipe], subsets: Sequence[Subset]) -> Features:
        """Describe candidates. Shape (m, layout.size)."""
        if not subsets:
            return np.zeros((0, self.layout.size))
        raw = describe([subset.rows for subset in subsets], self.blocks)
        axes = bend((raw.axes - self.center) / self.spread)
        program = self.encoder.encode(recipes) / self.length
        parts = [axes, raw.marginals / self.median, program]
        if self.composition is not None:
            parts.append(self.composition.features([subset.rows for subset in subsets]))
        return np.concatenate(parts, axis=1)


def bend(axes: Features) -> Features:
    """Standardised axes that go on as logarithms beyond the bend; order and sign stay."""
    size, beyond = np.abs(axes), np.maximum(np.abs(axes) - _BEND, 0)
    return np.asarray(np.sign(axes) * np.where(beyond > 0, _BEND + np.log1p(beyond), size))


def distances(left: Features, right: Features, layout: Layout) -> Features:
    """Subset distances, in median distances between fresh programs. Shape (m, n)."""
    from scipy.spatial.distance import cdist

    columns = layout.marginal_columns
    return np.asarray(cdist(left[:, columns], right[:, columns]))


def _median_distance(raw: Description) -> float:
    from scipy.spatial.distance import pdist

    distances = pdist(raw.marginals[:500]) if len(raw.marginals) > 1 else np.zeros(1)
    return max(float(np.median(distances)), _FLAT)
