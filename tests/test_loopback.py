"""Ports for servers on loopback."""

import socket
from pathlib import Path

import pytest

from autoselection_core.loopback import free_port
from autoselection_dagster.errors import PortTakenError
from autoselection_dagster.installation import Installation
from autoselection_dagster.serving.services import known_reports_port, reports_port, serving


def test_no_outgoing_connection_can_take_a_free_port_before_it_is_bound() -> None:
    first_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])

    assert first_outgoing > 20_000, "this machine leaves no room below the ports of outgoing connections"
    assert all(1_024 < free_port() < first_outgoing for _ in range(100))


def test_a_free_port_can_be_listened_on() -> None:
    servers = [socket.create_server(("127.0.0.1", free_port())) for _ in range(20)]
    for server in servers:
        server.close()


def test_links_to_reports_outlive_a_ui_on_another_port(tmp_path: Path) -> None:
    installed = Installation(tmp_path / "home", tmp_path / "autoselection.yaml")

    first = reports_port(installed, free_port())

    assert first == reports_port(installed, free_port()) == known_reports_port(installed)


def test_serving_on_a_port_that_another_program_has_says_so_and_starts_nothing(tmp_path: Path) -> None:
    installed = Installation(tmp_path / "home", tmp_path / "autoselection.yaml")
    port = free_port()

    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(PortTakenError, match=rf"127.0.0.1:{port} already.*--port PORT"),
        serving(installed, port),
    ):
        pytest.fail("it serves")

    assert not list(installed.instance.glob("*.log"))


def test_reports_move_from_a_port_that_another_program_has_or_that_the_ui_wants(tmp_path: Path) -> None:
    installed = Installation(tmp_path / "home", tmp_path / "autoselection.yaml")
    first = reports_port(installed, free_port())

    with socket.create_server(("127.0.0.1", first)):
        second = reports_port(installed, free_port())

    assert second != first
    assert reports_port(installed, second) not in (first, second)
