"""Slots and devices, with devices that are pretended."""

from pathlib import Path

import pytest

from autoselection_dagster.trials.device_lease import devices, leased_device


def test_each_worker_sees_one_device_and_another_worker_another(tmp_path: Path) -> None:
    first: dict[str, str] = {}
    second: dict[str, str] = {}
    with leased_device(tmp_path, ("0", "1"), first), leased_device(tmp_path, ("0", "1"), second):
        assert (first["CUDA_VISIBLE_DEVICES"], second["CUDA_VISIBLE_DEVICES"]) == ("0", "1")


def test_a_device_is_free_again_when_its_worker_has_ended(tmp_path: Path) -> None:
    for _ in range(3):
        with leased_device(tmp_path, ("0", "1"), {}) as taken:
            assert taken == "0"


def test_a_worker_without_a_free_device_shares_all(tmp_path: Path) -> None:
    third: dict[str, str] = {}
    names = ("0", "1")
    with (
        leased_device(tmp_path, names, {}),
        leased_device(tmp_path, names, {}),
        leased_device(tmp_path, names, third) as taken,
    ):
        assert (taken, third) == (None, {})


def test_one_device_is_not_divided_and_the_variable_stays(tmp_path: Path) -> None:
    environ = {"CUDA_VISIBLE_DEVICES": "3"}
    with leased_device(tmp_path, devices(environ), environ) as taken:
        assert (taken, environ["CUDA_VISIBLE_DEVICES"]) == (None, "3")


@pytest.mark.parametrize(
    ("environ", "nodes", "found"),
    [
        ({"CUDA_VISIBLE_DEVICES": "2, 5"}, [], ("2", "5")),
        ({"CUDA_VISIBLE_DEVICES": ""}, ["nvidia0"], ()),
        ({}, ["nvidia0", "nvidia10", "nvidia2", "nvidiactl", "nvidia-uvm", "null"], ("0", "2", "10")),
    ],
)
def test_devices_are_those_that_the_environment_or_the_machine_names(
    tmp_path: Path, environ: dict[str, str], nodes: list[str], found: tuple[str, ...]
) -> None:
    for name in nodes:
        (tmp_path / name).touch()

    assert devices(environ, tmp_path) == found
