"""How the threads of numerical libraries wait."""

import os
import subprocess
import sys
from collections.abc import Mapping

_VARIABLES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")


def spins(environment: Mapping[str, str]) -> str:
    """GOMP_SPINCOUNT in a fresh process that imported the core; empty where it is not set."""
    kept = {name: value for name, value in os.environ.items() if name not in _VARIABLES}
    program = "import os, autoselection_core; print(os.environ.get('GOMP_SPINCOUNT', ''))"
    command = [sys.executable, "-c", program]
    return subprocess.check_output(command, env={**kept, **environment}, text=True).strip()


def test_idle_threads_leave_the_processor_to_others_soon() -> None:
    assert spins({}) == "1000"


def test_what_the_user_says_of_idle_threads_stays() -> None:
    assert not spins({"OMP_WAIT_POLICY": "ACTIVE"})
    assert spins({"GOMP_SPINCOUNT": "7"}) == "7"
