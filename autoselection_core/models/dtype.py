"""Number type of a model's weights where none is stated, settled once for each machine and shape of model.

Timings of a busy machine come out one way and then the other. So what they decided is kept in the home
folder, and every later process of the machine reads it: the version of a signal's values does not hold the
number type, so all that are made on one machine have to have the same.
"""

import fcntl
import json
import os
import platform
from collections.abc import Callable, Iterable
from functools import cache
from logging import getLogger
from pathlib import Path

from autoselection_core.identity import Json, fingerprint
from autoselection_core.models.folder import config_settings
from autoselection_core.models.speed import Throughput, layer_weights, probe
from autoselection_core.store.atomic import atomic_file
from autoselection_core.store.home import Home

_LOG = getLogger(__name__)

AUTO = "auto"
_SHORT, _LONG = "bfloat16", "float32"

MIN_TIMED_WEIGHTS = 500_000
"""Weights of a layer below which a model has float32, untimed.

A pass of the probe through smaller layers takes a few milliseconds, as long as another process keeps a core
for, and most of it is no arithmetic: the types are about as fast, and chance would say which one is faster.
Of the digits that bfloat16 drops nothing comes back.
"""

WORTHWHILE = 1.25
"""How many times as fast bfloat16 must be: nearly equal timings would be decided by chance."""

_LOCK = ".lock"
_PROCESSOR = Path("/proc/cpuinfo")


def fastest_dtype(folder: Path, device: str) -> str:
    """Bfloat16 on an accelerator; on a processor what this machine has settled for models of this shape.

    Args:
        folder: The model.
        device: "cpu", or the kind of an accelerator.

    Raises:
        StorageFullError: The home folder has no room to keep a choice.
    """
    if device != "cpu":
        return _SHORT
    return _untimed(folder) or settled_dtype(folder, Home.current().number_types)


def expected_dtype(folder: Path) -> str:
    """The number type that a model will have on this processor; nothing is kept of it yet."""
    file = _file(folder, Home.current().number_types)
    return _untimed(folder) or _kept(file) or _faster(probe(folder))


def settled_dtype(folder: Path, place: Path, measure: Callable[[Path], Iterable[Throughput]] = probe) -> str:
    """The kept choice of this machine; where there is none, one is measured and kept. The first one stays.

    A file that nobody can read is made again, which is said in the log.

    Args:
        folder: The model, of which only the configuration is read.
        place: Where choices are kept.
        measure: Times each number type.

    Raises:
        StorageFullError: The disk has no room.
    """
    file = _file(folder, place)
    if (kept := _kept(file)) is not None:
        return kept
    place.mkdir(parents=True, exist_ok=True)
    with (place / _LOCK).open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # whoever waits reads what is settled meanwhile
        if (kept := _kept(file)) is not None:
            return kept
        if file.exists():
            _LOG.warning("%s says no number type, so it is settled anew", file)
        found = tuple(measure(folder))
        told: dict[str, Json] = {
            "dtype": _faster(found),
            "forward_tokens_s": {each.dtype: round(each.forward_tokens_s, 1) for each in found},
            "machine": machine(),
            "model": config_settings(folder),
        }
        with atomic_file(file) as draft:
            draft.write_text(json.dumps(told, indent=1))
        return str(told["dtype"])


@cache
def machine() -> dict[str, Json]:
    """What of this machine decides which number type is faster. Cores and versions of libraries do not count.

    So a choice outlives an update of torch, and processes with different numbers of threads share it.
    """
    import torch

    said: dict[str, str] = {}
    if _PROCESSOR.is_file():
        lines = (line.partition(":") for line in _PROCESSOR.read_text(encoding="utf-8").splitlines())
        said = {name.strip().lower(): value.strip() for name, _, value in reversed(list(lines))}
    flags = said.get("flags", said.get("features", "")).split()
    return {
        "processor": said.get("model name", platform.processor() or platform.machine()),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "bfloat16": [*sorted(flag for flag in flags if "bf16" in flag)],
        "limited_to": os.environ.get("ONEDNN_MAX_CPU_ISA", ""),
    }


def _untimed(folder: Path) -> str | None:
    return _LONG if layer_weights(folder) < MIN_TIMED_WEIGHTS else None


def _faster(measured: Iterable[Throughput]) -> str:
    speed = {each.dtype: each.forward_tokens_s for each in measured}
    return _SHORT if speed[_SHORT] >= WORTHWHILE * speed[_LONG] else _LONG


def _file(folder: Path, place: Path) -> Path:
    return place / f"{fingerprint({'machine': machine(), 'model': config_settings(folder)})}.json"


def _kept(file: Path) -> str | None:
    """The number type of a file; None where there is no such file, or none that says one."""
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError, RecursionError):
        return None
    dtype = told.get("dtype") if isinstance(told, dict) else None
    return dtype if dtype in (_SHORT, _LONG) else None
