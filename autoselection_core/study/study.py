"""Declaration of a study as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from autoselection_core.campaign.declaration.campaign import Campaign, DeclaredBenchmark
from autoselection_core.history.search_settings import SearchSettings
from autoselection_core.identity import Json
from autoselection_core.recipe import Recipe


@dataclass(frozen=True)
class SearchArm:
    """One way to search, repeated over the study's seeds.

    An ablation is a search with a part of the policy switched off, or with fewer operators.

    Attributes:
        name: Name in the report.
        budget: Full trainings of each of its searches.
        policy: Policy of the solver.
        settings: Settings of the policy that differ from the campaign's.
        operators: Names of the operators that it may use; empty means those of the campaign.
    """

    name: str
    budget: int
    policy: str = SearchSettings.policy
    settings: Mapping[str, Json] = field(default_factory=dict, hash=False)
    operators: tuple[str, ...] = ()


@dataclass(frozen=True)
class RecipeArm:
    """A recipe that nobody searched for, for instance one operator at one operating point.

    Attributes:
        name: Name in the report.
        recipe: The program.
    """

    name: str
    recipe: Recipe


@dataclass(frozen=True)
class Candidates:
    """The A/A mode: candidates that are random subsets of equal tokens, so that no choice is worth anything.

    Attributes:
        count: Number of candidates for each seed.
        share: Their size as a share of the pool's tokens.
    """

    count: int
    share: float


@dataclass(frozen=True)
class Transfer:
    """Another base model that the arms' recipes are evaluated on, once each.

    Attributes:
        base_model: Folder or hub name.
        training: Preset and settings of its fine-tuning; empty for those of the campaign.
    """

    base_model: str
    training: Mapping[str, Json] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class FurtherItems:
    """Test items beyond those of the report, for the arms that lead.

    Attributes:
        items: Number of items that are drawn.
        leading: Number of arms that are scored on them, at least two.
    """

    items: int
    leading: int = 3


@dataclass(frozen=True)
class Study:
    """Searches and baselines on one campaign under one budget.

    Attributes:
        name: Names its entries in the ledger and its report.
        campaign: Pool, base model, benchmarks, signals, training.
        budget: Full trainings that everything together may pay for.
        seeds: Seeds of each search.
        full_pool: Runs of the full pool.
        recipes: Recipes that nobody searched for.
        recipe_runs: Runs of each of them.
        searches: Ways to search.
        winner: Fresh runs of each search's recommendation.
        random: Draws of random subsets beside each recommendation, of as many tokens.
        same: The A/A mode; None for a study that selects.
        held_out_benchmarks: Benchmarks that are scored without having selected anything.
        transfer: Another base model; None for none.
        further_items: Further test items for the leading arms; None for none.
    """

    name: str
    campaign: Campaign
    budget: int
    seeds: tuple[int, ...] = (0,)
    full_pool: int = 2
    recipes: tuple[RecipeArm, ...] = ()
    recipe_runs: int = 2
    searches: tuple[SearchArm, ...] = ()
    winner: int = 2
    random: int = 3
    same: Candidates | None = None
    held_out_benchmarks: tuple[DeclaredBenchmark, ...] = ()
    transfer: Transfer | None = None
    further_items: FurtherItems | None = None

    @property
    def contests(self) -> int:
        """Number of winners that will be recommended."""
        return (len(self.searches) + (self.same is not None)) * len(self.seeds)

    @property
    def search_trainings(self) -> int:
        """Full trainings that its searches may pay for."""
        return sum(arm.budget for arm in self.searches) * len(self.seeds)

    @property
    def arm_evaluations(self) -> int:
        """Evaluations of its arms, on the campaign's base model."""
        candidates = self.same.count * len(self.seeds) if self.same is not None else 0
        fixed = self.full_pool + len(self.recipes) * self.recipe_runs
        return fixed + candidates + self.contests * (self.winner + self.random)

    @property
    def transfer_evaluations(self) -> int:
        """Evaluations on the other base model: one for each thing that is compared."""
        if self.transfer is None:
            return 0
        per_contest = min(self.winner, 1) + min(self.random, 1)
        candidates = self.same.count * len(self.seeds) if self.same is not None else 0
        return min(self.full_pool, 1) + len(self.recipes) + candidates + self.contests * per_contest

    @property
    def total_trainings(self) -> int:
        """Full trainings at most; evaluations that are found finished cost nothing."""
        return self.search_trainings + self.arm_evaluations + self.transfer_evaluations
