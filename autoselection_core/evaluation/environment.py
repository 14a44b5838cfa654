"""Software, hardware, peak memory and energy of an evaluation, for its record."""

import ctypes
import os
import platform
import resource
from collections import Counter as Count
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from autoselection_core.evaluation.collectives import world_size

POWERCAP = Path("/sys/class/powercap")
"""Folder in which Linux shows the RAPL counters of processors (AMD has them under the same names)."""

_NVML = "libnvidia-ml.so.1"
_MICROJOULES, _MILLIJOULES = 1e-6, 1e-3


@dataclass(frozen=True)
class Counter:
    """One reading of one counter.

    Attributes:
        joules: Present value.
        wraps_at: Where it starts again from 0, in joules; None where it never does.
    """

    joules: float
    wraps_at: float | None = None


Counters = Mapping[str, Counter]
"""Readings by the name of what is counted."""


def read_counters(powercap: Path = POWERCAP) -> Counters:
    """Readable energy counters of this machine: processor packages and NVIDIA devices.

    Other programs on the same parts are counted, too.
    """
    return {**_packages(powercap), **_devices()}


def used_joules(before: Counters, after: Counters) -> float | None:
    """Energy between two readings of the same counters; None where nothing could be read.

    Example:
        >>> used_joules({"package": Counter(9.0, 10.0)}, {"package": Counter(2.0, 10.0)})
        3.0
    """
    if not before or before.keys() != after.keys():
        return None
    return sum(_elapsed(before[name], after[name]) for name in before)


def _elapsed(before: Counter, after: Counter) -> float:
    passed = after.joules - before.joules
    return passed + before.wraps_at if passed < 0 and before.wraps_at is not None else passed


def _packages(powercap: Path) -> dict[str, Counter]:
    """Whole packages only: `intel-rapl:0`, and not its parts `intel-rapl:0:1`."""
    zones = [zone for zone in sorted(powercap.glob("intel-rapl:*")) if zone.name.count(":") == 1]
    found = {zone.name: _package(zone) for zone in zones}
    return {name: counter for name, counter in found.items() if counter is not None}


def _package(zone: Path) -> Counter | None:
    try:
        energy = int((zone / "energy_uj").read_text())
        max_energy = int((zone / "max_energy_range_uj").read_text())
    except (OSError, ValueError):  # only root may read it, or the machine is a virtual one
        return None
    return Counter(energy * _MICROJOULES, max_energy * _MICROJOULES)


def _devices() -> dict[str, Counter]:
    try:
        library = ctypes.CDLL(_NVML)
    except OSError:  # no driver
        return {}
    return device_counters(library)


def device_counters(library: Any) -> dict[str, Counter]:  # noqa: ANN401 functions of C have no types
    """Energy counters of NVIDIA devices by their numbers, without those that count no energy.

    Args:
        library: NVIDIA's management library (NVML); its functions return 0 where they succeed.
    """
    if library.nvmlInit_v2() != 0:
        return {}
    try:
        return _read_devices(library)
    finally:
        library.nvmlShutdown()


def _read_devices(library: Any) -> dict[str, Counter]:  # noqa: ANN401 functions of C have no types
    count = ctypes.c_uint()
    library.nvmlDeviceGetCount_v2(ctypes.byref(count))
    found: dict[str, Counter] = {}
    for number in range(count.value):
        handle, millijoules = ctypes.c_void_p(), ctypes.c_ulonglong()
        if library.nvmlDeviceGetHandleByIndex_v2(number, ctypes.byref(handle)) != 0:
            continue
        if library.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(millijoules)) == 0:
            found[f"device {number}"] = Counter(millijoules.value * _MILLIJOULES)
    return found


_PACKAGES = ("torch", "transformers", "trl", "peft", "numpy")
_BYTES_PER_KIBIBYTE = 1024


def environment(device: str, dtype: str) -> dict[str, str | int]:
    """Versions, device and threads, on which the last digits of a score may depend."""
    import torch

    return {
        **{package: version(package) for package in _PACKAGES},
        "python": platform.python_version(),
        "machine": platform.machine(),
        "device": torch.cuda.get_device_name() if device == "cuda" else device,
        "dtype": dtype,
        "threads": torch.get_num_threads(),
        "processors": os.cpu_count() or 0,
        "devices": world_size(),
    }


def mixture_sentence(environments: Iterable[Mapping[str, object]]) -> str | None:
    """Sentence on trainings in several number types or on several kinds of machine; None where all are alike.

    Example:
        >>> cpu = {"dtype": "float32", "device": "cpu", "machine": "x86_64"}
        >>> mixture_sentence([cpu, cpu]) is None
        True
        >>> mixture_sentence([cpu, {**cpu, "dtype": "bfloat16"}, cpu])
        'The models were trained unlike each other: 2 in float32 on cpu (x86_64), 1 in bfloat16 on cpu ...
    """
    kinds = Count(tuple(str(each.get(name)) for name in _KIND) for each in environments)
    if len(kinds) < 2:  # noqa: PLR2004 - several
        return None
    counted = ", ".join(
        f"{count:,} in {dtype} on {device} ({machine})"
        for (dtype, device, machine), count in kinds.most_common()
    )
    return (
        f"The models were trained unlike each other: {counted}. Small differences may be of rounding alone."
    )


_KIND = ("dtype", "device", "machine")


def peak_bytes(device: str) -> int:
    """Peak device memory of this process, or resident memory where there is no device."""
    import torch

    if device == "cuda":
        return int(torch.cuda.max_memory_allocated())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _BYTES_PER_KIBIBYTE
