"""Plug-in classes of other packages, each named by one entry point."""

from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar

from autoselection_core.errors.campaign import BrokenExtensionError

T = TypeVar("T")


def add_plugins(
    group: str,
    base: type[T],
    known: Mapping[str, type[T]],
    name_of: Callable[[str, type[T]], str] = lambda name, _: name,
) -> dict[str, type[T]]:
    """The known classes and those of installed packages, in ascending order of their entry points.

    Args:
        group: The group of entry points under which packages name their classes.
        base: Base class of every class.
        known: The classes that are there without any package, by name.
        name_of: Name of a class, given its entry point's name and itself.

    Raises:
        BrokenExtensionError: A package names something that is no such class, or a name that is taken.
    """
    kind, found = base.__name__.lower(), dict(known)
    for point in sorted(entry_points(group=group), key=lambda point: point.name):
        loaded = _load(point, base)
        name = name_of(point.name, loaded)
        if name in found:
            raise BrokenExtensionError(kind, point.value, f"another {kind} is called {name!r} already")
        found[name] = loaded
    return found


def _load(point: EntryPoint, base: type[T]) -> type[T]:
    kind = base.__name__.lower()
    try:
        loaded = point.load()
    except (ImportError, AttributeError) as error:
        raise BrokenExtensionError(kind, point.value, str(error)) from error
    if not (isinstance(loaded, type) and issubclass(loaded, base)):
        raise BrokenExtensionError(kind, point.value, f"it is no subclass of {base.__name__}")
    return loaded
