"""Job `start_search`: enters a search in the ledger, or runs it whole."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from autoselection_core.campaign.declaration.campaign import Campaign
from autoselection_core.errors.recipe import SettingError
from autoselection_core.report.lineage.beginning import start_sentence
from autoselection_core.search.status import SearchStatus
from autoselection_core.store.home import Home
from autoselection_dagster.assets.progress import show_progress
from autoselection_dagster.jobs.cost_estimate import cost_facts
from autoselection_dagster.jobs.search_config import FurtherConfig, search_config, settings_of
from autoselection_dagster.jobs.whole_search import claim, search_in_one_run
from autoselection_dagster.place import Place
from autoselection_dagster.resources import HomeResource, with_prefixed_resources
from autoselection_dagster.values.metadata.rendering import logged_link

_ASKED_BEFORE = (
    "search %s asks for the same already, and nothing was started: %s. The job raise_budget lets it pay for "
    "more; another seed, or a name, starts another."
)
_APART = {"campaign", "name", "in_one_run", "constraints", "policy_settings"}


def start_search_job(places: Mapping[str, Place]) -> dg.JobDefinition:
    """The job `start_search`; its usual campaign is the first of the installation."""
    request = search_config({name: place.campaign for name, place in places.items()})

    @dg.op
    @with_prefixed_resources
    def search(context: dg.OpExecutionContext, config: request, home: HomeResource) -> None:  # type: ignore[valid-type] # made from the core's own
        """Pin pool, signals and evaluator, and enter the search in the ledger."""
        _start(context, config, places, home)

    @dg.job(name="start_search", executor_def=dg.in_process_executor)
    def start() -> None:
        """Start a search. The search sensor launches its trials, and its report at the end."""
        search()

    return start


def _start(
    context: dg.OpExecutionContext, config: FurtherConfig, places: Mapping[str, Place], home: Home
) -> None:
    place = places[str(config.model_dump(mode="json")["campaign"])]
    workspace = place.workspace(home)
    asked = _asked(config)
    workspace.outline(**asked)  # a mistake shows before anything is read
    known = workspace.known_spec(config.name, **asked)
    spec = workspace.requested_spec(workspace.pool().version, **asked) if known is None else known
    name = config.name or spec.usual_name
    is_known = workspace.ledger.find_search(name) is not None
    if not is_known:
        workspace.require_askable(spec)
    if config.in_one_run:
        _require_cheap(place.campaign)
        claim(context, name)
    entered = workspace.ledger.register(spec, name)
    show_progress(context.instance, place, SearchStatus.of(workspace.ledger, entered, home))
    ledger = workspace.ledger
    start = "" if is_known else start_sentence(ledger.search(entered), ledger.searches())
    context.add_output_metadata(
        {
            "search": entered,
            "asked_before": is_known,
            **({"starts": start} if start else {}),
            **cost_facts(workspace, spec, context.instance),
            "pool_version": spec.pool_version,
            "evaluator": spec.evaluator,
            "report": logged_link(place.key("search_report"), entered),
        }
    )
    if config.in_one_run:
        search_in_one_run(context, place, workspace, entered)
    elif is_known:
        context.log.warning(_ASKED_BEFORE, entered, workspace.ledger.why_idle(entered))
    else:
        context.log.info("search %s is registered; the search sensor starts its first trial", entered)


def _asked(config: FurtherConfig) -> dict[str, Any]:
    """Settings of the search itself in the config, by names of `Workspace.spec`."""
    asked = config.model_dump(exclude=_APART, mode="json")
    return {**asked, "policy_settings": settings_of(config.constraints, config.policy_settings)}


def _require_cheap(campaign: Campaign) -> None:
    if campaign.closed_form is None:
        raise SettingError("in_one_run", True, "false: trainings need a run each, so that devices are shared")
