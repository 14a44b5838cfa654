"""Jobs that buy one evaluation: of a recipe that a person wrote, or of the winner without a step."""

from collections.abc import Mapping

import dagster as dg
from pydantic import Field, create_model

from autoselection_core.campaign.declaration.campaign import Campaign
from autoselection_core.campaign.declaration.loading import campaign_of
from autoselection_core.campaign.remote.clients import installed_workspace
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import SearchRecord
from autoselection_core.recipe import Recipe
from autoselection_core.report.facts import SearchFacts
from autoselection_core.search.stated_recipes import Pays, enter_ablation, enter_recipe, register_recipe
from autoselection_core.signals.table import SignalTable
from autoselection_core.store.home import Home
from autoselection_core.subset import Subset
from autoselection_dagster.jobs.named_search import (
    SearchName,
    at_least,
    check_minima,
    named_search,
    workspace_of,
)
from autoselection_dagster.jobs.search_config import choice
from autoselection_dagster.resources import HomeResource, LedgerResource, with_prefixed_resources
from autoselection_dagster.values.metadata.rendering import Facts
from autoselection_dagster.values.metadata.tables import narrow


class RecipeEvaluation(dg.Config):
    """A recipe, and what pays for its evaluation."""

    recipe: str = Field(
        description="The recipe as YAML, as the metadata of a recipe or `autoselection show` print it."
    )
    search: str | None = Field(
        default=None,
        description="The search whose pool, signals and benchmarks are used and whose budget pays. Left out: "
        "a search of its own with a budget of one evaluation.",
    )
    pays: Pays = Field(
        default=Pays.report_evaluations,
        description="Which budget of that search pays. budget: it becomes the next trial, and the solver "
        "learns from it; report_evaluations: it is shown beside the arms of the report.",
    )
    campaign: str | None = Field(
        default=None, description="Campaign of a search of its own; may be left out where there is only one."
    )
    name: str | None = Field(default=None, description="Name of a search of its own.")
    report_evaluations: int = at_least(
        0, "Second budget of a search of its own: what the recipe is compared with.", default=0
    )


class StepNumber(SearchName):
    """A step of a search's recommended recipe; the search's second budget pays for one evaluation."""

    step: int = at_least(1, "Number of the step that is left out, from 1.")


def single_evaluation_jobs(campaigns: Mapping[str, Campaign]) -> tuple[dg.JobDefinition, ...]:
    """The jobs `evaluate_recipe` and `verify_step`."""
    return _recipe_job(campaigns), _step_job(campaigns)


def _config(campaigns: Mapping[str, Campaign]) -> type[RecipeEvaluation]:
    """Config with the names of the campaigns."""
    named = (choice("campaign", campaigns) | None, RecipeEvaluation.model_fields["campaign"])
    return create_model("RecipeRequest", __base__=RecipeEvaluation, __module__=__name__, campaign=named)


def _recipe_job(campaigns: Mapping[str, Campaign]) -> dg.JobDefinition:
    asked = _config(campaigns)

    @dg.op(name="evaluate")
    @with_prefixed_resources
    def evaluate(
        context: dg.OpExecutionContext,
        config: asked,  # type: ignore[valid-type] # made from the campaigns
        home: HomeResource,
        ledger: LedgerResource,
    ) -> None:
        """Enter the evaluation; the search sensor starts it."""
        check_minima(config)
        context.add_output_metadata(_entered(context.run_id, config, campaigns, home, ledger))

    @dg.job(executor_def=dg.in_process_executor)
    def evaluate_recipe() -> None:
        """Pay for one evaluation of a recipe that you paste."""
        evaluate()

    return evaluate_recipe


def _step_job(campaigns: Mapping[str, Campaign]) -> dg.JobDefinition:
    @dg.op(name="verify")
    @with_prefixed_resources
    def verify(
        context: dg.OpExecutionContext, config: StepNumber, home: HomeResource, ledger: LedgerResource
    ) -> None:
        """Enter the evaluation of the recommended recipe without the step; the search sensor starts it."""
        check_minima(config)
        record = named_search(ledger, config.search)
        facts = SearchFacts(workspace_of(record, campaigns, home), record)
        recipe = facts.best_recipe  # its steps are numbered as the pages show them
        subset = enter_ablation(ledger, record.search, recipe, config.step, facts.signals)
        context.add_output_metadata(_facts(record.search, subset))

    @dg.job(name="verify_step", executor_def=dg.in_process_executor)
    def without_step() -> None:
        """Pay for one evaluation of the recommended recipe without one of its steps."""
        verify()

    return without_step


def _entered(
    run_id: str, config: RecipeEvaluation, campaigns: Mapping[str, Campaign], home: Home, ledger: Ledger
) -> Facts:
    """Enter the evaluation of a recipe that was asked for; its subset."""
    recipe = Recipe.from_yaml(config.recipe)
    if config.search is None:
        return _facts(*_on_its_own(run_id, config, recipe, campaigns, home, ledger))
    record = named_search(ledger, config.search)
    signals = _signals(record, campaigns, home)
    return _facts(record.search, enter_recipe(ledger, record.search, recipe, signals, config.pays))


def _on_its_own(  # noqa: PLR0917 - what a run has at hand
    run_id: str,
    config: RecipeEvaluation,
    recipe: Recipe,
    campaigns: Mapping[str, Campaign],
    home: Home,
    ledger: Ledger,
) -> tuple[str, Subset]:
    workspace = installed_workspace(campaign_of(campaigns, config.campaign), home)
    spec = workspace.spec(workspace.pool().version, budget=1, report_evaluations=config.report_evaluations)
    name = config.name or f"{workspace.campaign.name}-recipe-{run_id[:8]}"
    signals = workspace.signals(spec.pool_version, spec.signal_versions)
    return name, register_recipe(ledger, spec, name, recipe, signals)


def _signals(record: SearchRecord, campaigns: Mapping[str, Campaign], home: Home) -> SignalTable:
    workspace = workspace_of(record, campaigns, home)
    return workspace.signals(record.spec.pool_version, record.spec.signal_versions)


def _facts(search: str, subset: Subset) -> Facts:
    return {
        "search": search,
        "rows": len(subset),
        "subset": subset.fingerprint,
        "steps": narrow("recipe", subset.recipe.full_label),
    }
