"""How the threads of numerical libraries wait."""

import os
import subprocess
import sys
from collections.abc import Mapping


def policy(environment: Mapping[str, str]) -> str:
    """OMP_WAIT_POLICY in a fresh process that imported the core."""
    kept = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    program = "import os, autoselection_core; print(os.environ['OMP_WAIT_POLICY'])"
    command = [sys.executable, "-c", program]
    finished = subprocess.run(
        command, env={**kept, **environment}, capture_output=True, text=True, check=True
    )
    return finished.stdout.strip()


def test_idle_threads_leave_the_processor_to_others() -> None:
    assert policy({}) == "PASSIVE"


def test_a_policy_of_the_user_stays() -> None:
    assert policy({"OMP_WAIT_POLICY": "ACTIVE"}) == "ACTIVE"
