"""Software, hardware and peak memory of an evaluation, for its record."""

import os
import platform
import resource
from importlib.metadata import version

from autoselection_core.evaluation.collectives import world_size

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


def peak_bytes(device: str) -> int:
    """Peak device memory of this process, or resident memory where there is no device."""
    import torch

    if device == "cuda":
        return int(torch.cuda.max_memory_allocated())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _BYTES_PER_KIBIBYTE
