"""AutoSelection in Dagster: assets, sensors, jobs and checks, each a thin call into `autoselection_core`."""

from importlib import import_module

__all__ = ["CampaignComponent"]


def __getattr__(name: str) -> object:
    """The component, loaded when it is asked for: it loads all definitions."""
    if name in __all__:
        return getattr(import_module("autoselection_dagster.component"), name)
    raise AttributeError(name)


def __dir__() -> list[str]:
    """The names that `dg` lists."""
    return sorted({*globals(), *__all__})
