"""The job that starts a search, with its config for the Launchpad."""

from collections.abc import Mapping
from enum import StrEnum

import dagster as dg
from pydantic import Field

from autoselection_core.benchmarks.metric import Metric
from autoselection_core.campaign.declaration.campaign import Campaign
from autoselection_core.errors.space import SettingError
from autoselection_core.evaluation.training.sft import PRESETS
from autoselection_core.identity import fingerprint
from autoselection_core.recipe.program import MAX_STEPS
from autoselection_dagster.jobs.policy_config import Constraints, PolicySettings, settings_of
from autoselection_dagster.jobs.whole_search import claim, search_in_one_run
from autoselection_dagster.place import Place
from autoselection_dagster.resources import HomeResource


class PolicyName(StrEnum):
    """How a search chooses: by surrogate, at random, or as published."""

    default = "default"
    random = "random"
    autoselection = "autoselection"


MetricName = StrEnum("MetricName", [(metric.value, metric.value) for metric in Metric])  # type: ignore[misc] # the core's own, as Dagster reads enums
PresetName = StrEnum("PresetName", [(name, name) for name in PRESETS])  # type: ignore[misc] # the core's own


_ASKED_BEFORE = (
    "search %s asks for the same already, and nothing was started: %s. The job raise_budget lets it pay for "
    "more; another seed, or a name, starts another."
)


def start_search_job(places: Mapping[str, Place]) -> dg.JobDefinition:
    """The job `start_search`; its defaults are those of the first campaign of the installation."""
    campaigns = {name: place.campaign for name, place in places.items()}
    # Dagster keeps config types of one process by name: another installation's must have another one.
    kind = f"CampaignName_{fingerprint(list(campaigns))[:8]}"
    names = StrEnum(kind, [(name, name) for name in campaigns])  # type: ignore[misc] # run time
    first = next(iter(campaigns.values()))
    usual = first.search

    class SearchRequest(dg.Config):
        """A search: how much it may spend, and how it chooses."""

        campaign: names = Field(
            default=names(first.name), description="Which pool, base model and benchmarks."
        )
        budget: int = Field(
            default=usual.budget,
            ge=1,
            description="Full trainings that the search may pay for; a reused evaluation costs nothing.",
        )
        report_evaluations: int = Field(
            default=usual.report_evaluations,
            ge=0,
            description="Second budget: trainings of the full pool (one), of random subsets of equal tokens "
            "(three) and of the winner again (two).",
        )
        slots: int = Field(default=usual.slots, ge=1, description="Trials that may run at the same time.")
        seed: int = Field(default=usual.seed, ge=0, description="Seed of every random choice of the search.")
        policy: PolicyName = Field(
            default=PolicyName(usual.policy),
            description="How it chooses. default: a surrogate ranks realised candidates; random: it draws; "
            "autoselection: as published.",
        )
        max_steps: int = Field(
            default=usual.max_steps, ge=1, le=MAX_STEPS, description="The longest recipe, in steps."
        )
        benchmarks: list[str] = Field(
            default=[],
            description="Names of the benchmarks that drive the search; empty: all of the campaign.",
        )
        metric: MetricName | None = Field(
            default=None, description="What is measured on them; by default what each benchmark declares."
        )
        training: PresetName | None = Field(
            default=None,
            description="Preset of the fine-tuning; by default the campaign's. Fields that the campaign sets "
            "beside its preset stay.",
        )
        operators: list[str] = Field(
            default=[], description="Operators that recipes may use; empty: all of the campaign."
        )
        constraints: Constraints = Field(  # type: ignore[valid-type] # made from the core's own
            default=Constraints(),
            description="Limits of share, tokens and distance, floors under benchmarks, and when the search "
            "ends early; what is left out is as the campaign declares it.",
        )
        policy_settings: PolicySettings = Field(  # type: ignore[valid-type] # made from the core's own
            default=PolicySettings(),
            description="How the policy chooses, in detail; what is left out is as the campaign declares it.",
        )
        warm_from: str | None = Field(
            default=None,
            description="An earlier search of the campaign whose measurements this one starts from; its "
            "recipes are realised on the pool of now.",
        )
        name: str | None = Field(
            default=None,
            description="Name of the search; by default it follows from its content, so that the same "
            "question asked again finds its search and pays for nothing twice.",
        )
        in_one_run: bool = Field(
            default=False,
            description="Run the whole search inside this run: for campaigns that a formula judges, where "
            "starting a run takes longer than a trial. History and lineage are the same.",
        )

    @dg.op
    def search(context: dg.OpExecutionContext, config: SearchRequest, home: HomeResource) -> None:
        """Pin pool, signals and evaluator, and enter the search in the ledger."""
        campaign = campaigns[str(config.campaign)]
        workspace = places[campaign.name].workspace(home)
        apart = {"campaign", "name", "in_one_run", "constraints", "policy_settings"}
        asked = config.model_dump(exclude=apart, mode="json")
        asked["policy_settings"] = settings_of(config.constraints, config.policy_settings)
        spec = workspace.spec(workspace.pool().version, **asked)
        name = config.name or spec.usual_name
        is_known = name in [known.search for known in workspace.ledger.searches()]
        if config.in_one_run:
            _require_cheap(campaign)
            claim(context, name)
        entered = workspace.ledger.register(spec, name)
        context.add_output_metadata(
            {
                "search": entered,
                "asked_before": is_known,
                "pool_version": spec.pool_version,
                "evaluator": spec.evaluator,
                "report": dg.MetadataValue.asset(dg.AssetKey([campaign.name, "search_report"])),
            }
        )
        if config.in_one_run:
            search_in_one_run(context, places[campaign.name], workspace, entered)
        elif is_known:
            context.log.warning(_ASKED_BEFORE, entered, workspace.ledger.why_idle(entered))
        else:
            context.log.info("search %s is registered; the search sensor starts its first trial", entered)

    @dg.job(name="start_search", executor_def=dg.in_process_executor)
    def start() -> None:
        """Start a search. The search sensor launches its trials, and its report at the end."""
        search()

    return start


def _require_cheap(campaign: Campaign) -> None:
    if campaign.closed_form is None:
        raise SettingError("in_one_run", True, "false: trainings need a run each, so that devices are shared")
