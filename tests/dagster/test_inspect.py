"""What the UI can be asked for that costs nothing."""

from pathlib import Path

import pytest

from autoselection_core.errors.base import AutoSelectionError
from autoselection_core.export.checking import verify_export
from tests.dagster.driver import Driver


def test_the_recommended_subset_is_exported_and_verifies(searched: Driver) -> None:
    searched.run("export_subset", run_config={"ops": {"export": {"config": {"search": "first"}}}})

    (folder,) = (searched.installation.home / "exports").iterdir()
    assert verify_export(folder).problems == ()


def test_an_export_stays_below_the_home_folder(searched: Driver, tmp_path: Path) -> None:
    config = {"search": "first", "folder": f"../../{tmp_path.name}"}

    with pytest.raises(AutoSelectionError):
        searched.run("export_subset", run_config={"ops": {"export": {"config": config}}})


def test_two_trials_are_compared(searched: Driver) -> None:
    config = {"search": "first", "first": 1, "second": 2}

    result = searched.run("compare_subsets", run_config={"ops": {"compare": {"config": config}}})

    (output,) = [event for event in result.all_node_events if event.is_successful_output]
    told = {name: value.value for name, value in output.step_output_data.metadata.items()}
    assert "only in trial 1" in str(told["shared"])
    assert "generated" in str(told["by_source"])
    assert "utility" in str(told["models"])
