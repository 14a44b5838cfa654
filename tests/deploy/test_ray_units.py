"""The units of Ray, as far as they say who may reach it."""

from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "deploy" / "systemd"


def lines(unit: str) -> list[str]:
    return (UNITS / unit).read_text().splitlines()


@pytest.mark.parametrize("unit", ["autoselection-ray.service", "autoselection-worker.service"])
def test_no_process_of_ray_runs_without_a_token_or_listens_on_every_interface(unit: str) -> None:
    assert "Environment=RAY_AUTH_MODE=token" in lines(unit)
    assert "Environment=RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER=0" in lines(unit)


def test_the_head_listens_on_loopback() -> None:
    (command,) = [line for line in lines("autoselection-ray.service") if line.startswith("ExecStart=")]

    assert "--node-ip-address=127.0.0.1" in command
    assert "--dashboard-host=127.0.0.1" in command


def test_the_environment_that_clients_read_names_the_token() -> None:
    assert {"RAY_AUTH_MODE=token", "RAY_AUTH_TOKEN_PATH=/etc/autoselection.ray-token"} <= set(
        lines("autoselection.env")
    )
