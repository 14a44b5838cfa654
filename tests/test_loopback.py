"""Ports for servers on loopback."""

import socket
from pathlib import Path

from autoselection_core.loopback import free_port


def test_no_outgoing_connection_can_take_a_free_port_before_it_is_bound() -> None:
    first_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])

    assert first_outgoing > 20_000, "this machine leaves no room below the ports of outgoing connections"
    assert all(1_024 < free_port() < first_outgoing for _ in range(100))


def test_a_free_port_can_be_listened_on() -> None:
    servers = [socket.create_server(("127.0.0.1", free_port())) for _ in range(20)]
    for server in servers:
        server.close()
