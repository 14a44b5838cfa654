"""Campaigns in a project that has assets, resources and an IO manager of its own."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest
from pydantic import BaseModel
from typing_extensions import override

import autoselection_dagster
from autoselection_dagster.component import CampaignComponent, CampaignScaffolder
from tests.dagster.installations import installation

# Dagster copies each sensor with its owners, and warns itself that they are beta.
pytestmark = pytest.mark.filterwarnings("ignore:Parameter `owners`:Warning")

_DEFS = """
type: autoselection_dagster.CampaignComponent
attributes:
  campaigns: {campaigns}
  home: {home}
"""


class NoSettings(BaseModel):
    """Parameters of `dg scaffold` where nobody sets anything."""


class Shelf(dg.IOManager):
    """Keeps values in memory: the IO manager of the project, which is nobody else's."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    @override
    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        self.kept[context.asset_key.to_user_string()] = obj

    @override
    def load_input(self, context: dg.InputContext) -> object:
        return self.kept[context.asset_key.to_user_string()]


@dg.asset
def orders() -> int:
    """An asset of the project."""
    return 7


@pytest.fixture
def project(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of `dg` whose folder of definitions has one component."""
    made = installation(tmp_path / "installation", model)
    # Python keeps a module that it has imported, so each project has a name of its own.
    name = f"shop_{uuid4().hex}"
    folder = tmp_path / name
    (folder / name / "defs" / "campaigns").mkdir(parents=True)
    for package in ("", "defs"):
        (folder / name / package / "__init__.py").touch()
    (folder / "pyproject.toml").write_text(
        f'[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "{name}"\n'
    )
    (folder / name / "defs" / "campaigns" / "defs.yaml").write_text(
        _DEFS.format(campaigns=made.campaigns, home=made.home)
    )
    monkeypatch.syspath_prepend(str(folder))
    return folder


def test_campaigns_join_a_project_and_leave_its_io_manager_and_resources_alone(project: Path) -> None:
    shelf = Shelf()
    own = dg.Definitions(
        assets=[orders],
        resources={"io_manager": shelf, "home": "the project's own", "ledger": "the project's own"},
        executor=dg.in_process_executor,
    )

    merged = dg.Definitions.merge(own, dg.load_from_defs_folder(path_within_project=project))
    with dg.DagsterInstance.ephemeral() as instance:
        prepared = merged.resolve_job_def("demo_prepare").execute_in_process(instance=instance)
        made = merged.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance, asset_selection=[orders.key, dg.AssetKey(["demo", "pool"])]
        )

    assert prepared.success
    assert made.success
    assert shelf.kept == {"orders": 7}
    theirs = set(merged.resources or {}) - set(own.resources or {})
    assert all(key.startswith("autoselection_") for key in theirs)


def test_a_scaffolded_component_loads_as_it_stands(project: Path) -> None:
    target = project / project.name / "defs" / "first"
    request = dg.ScaffoldRequest[BaseModel](
        type_name="autoselection_dagster.CampaignComponent",
        target_path=target,
        scaffold_format="yaml",
        project_root=project,
        params=NoSettings(),
    )

    CampaignScaffolder().scaffold(request)
    (project / project.name / "defs" / "campaigns" / "defs.yaml").unlink()
    definitions = dg.load_from_defs_folder(path_within_project=project)

    assert "first_prepare" in {job.name for job in definitions.jobs or ()}


def test_dg_finds_the_component_by_its_public_name() -> None:
    assert "CampaignComponent" in dir(autoselection_dagster)
    assert autoselection_dagster.CampaignComponent is CampaignComponent
