"""Values pass between assets as references: a hash and a path, never a pickle."""

import json
from abc import abstractmethod
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Generic, TypeVar

import dagster as dg
from typing_extensions import override

from autoselection_core.store.atomic import atomic_file
from autoselection_core.store.home import Home
from autoselection_dagster.errors import ValueMovedError
from autoselection_dagster.resources import HomeResource

Value = TypeVar("Value")


@dataclass(frozen=True)
class Reference:
    """What stands for a value between assets.

    Attributes:
        fingerprint: Hash that names the value.
        path: Where it is kept, relative to the home folder.
    """

    fingerprint: str
    path: str


class ReferenceIOManager(dg.ConfigurableIOManager, Generic[Value]):
    """Writes a reference for a value that its room of the core keeps, and opens the value again.

    Attributes:
        home: The home folder that holds values and references.
    """

    home: dg.ResourceDependency[HomeResource]

    @abstractmethod
    def keep(self, value: Value, home: Home) -> Reference:
        """Make sure that the value is kept, and say where."""

    @abstractmethod
    def open(self, path: Path) -> Value:
        """The value kept there."""

    @override
    def handle_output(self, context: dg.OutputContext, obj: Value) -> None:
        reference = self.keep(obj, self.home.home)
        target = self._place(context)
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(target) as draft:
            draft.write_text(json.dumps(asdict(reference)))

    @override
    def load_input(self, context: dg.InputContext) -> Value:
        reference = Reference(**json.loads(self._place(context).read_text()))
        path = self.home.home.confined(Path(reference.path))
        if not path.exists():
            raise ValueMovedError(context.asset_key.to_user_string(), path)
        return self.open(path)

    def _place(self, context: dg.OutputContext | dg.InputContext) -> Path:
        partition = (
            context.asset_partition_key.replace("|", "/") if context.has_asset_partitions else "latest"
        )
        return self.home.home.root / "references" / Path(*context.asset_key.path) / f"{partition}.json"
