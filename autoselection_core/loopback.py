"""Free ports of the loopback interface."""

import random
import socket
from pathlib import Path

UI_PORT = 3000
"""Port of the UI unless another one is asked for, as Dagster's own."""

_LOWEST = 20_000
_KERNELS_OWN = Path("/proc/sys/net/ipv4/ip_local_port_range")
_TRIES = 100


def free_port() -> int:
    """A free port of 127.0.0.1, for a program that binds it some time later.

    The port lies below those that the kernel gives to outgoing connections: one of these would be lost to
    any program that connects somewhere before the port is bound. Where the kernel does not say which they
    are, or leaves no room below them, it chooses the port itself.

    Raises:
        OSError: No port is free.
    """
    first = _first_outgoing()
    if first > _LOWEST:
        drawn = random.SystemRandom().sample(range(_LOWEST, first), min(_TRIES, first - _LOWEST))
        for port in drawn:
            if _is_free(port):
                return port
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        return int(chosen.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _first_outgoing() -> int:
    """The lowest port of an outgoing connection; 0 where the kernel does not say."""
    try:
        return int(_KERNELS_OWN.read_text("ascii").split()[0])
    except OSError:
        return 0
