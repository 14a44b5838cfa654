"""From raw records to a pool of samples, each once, with where it came from."""

from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sample import Message, Origin, Role, Sample, Scope

__all__ = ["Message", "Origin", "Pool", "Role", "Sample", "Scope"]
