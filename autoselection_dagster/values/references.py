"""References to values that pass between assets: a hash and a path, never a pickle."""

import json
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Generic, TypeVar

import dagster as dg
from typing_extensions import override

from autoselection_core.store.atomic import atomic_file
from autoselection_core.store.home import Home
from autoselection_dagster.errors import NoKeeperError, ValueMovedError, one_sentence

Value = TypeVar("Value")

_UNPARTITIONED = "latest"


@dataclass(frozen=True)
class Reference:
    """Reference to a value, in its place between assets.

    Attributes:
        fingerprint: Hash that names the value.
        path: Path of the value, relative to the home folder.
    """

    fingerprint: str
    path: str


@dataclass(frozen=True)
class ReferenceIOManager(dg.IOManager, ABC, Generic[Value]):
    """IO manager that writes a reference for a value that its room of the core keeps, and opens it again.

    Attributes:
        home: The home folder that holds values and references.
    """

    home: Home

    @abstractmethod
    def keep(self, value: Value) -> Reference:
        """Make sure that the value is kept, and say where."""

    @abstractmethod
    def open(self, path: Path) -> Value:
        """The value kept there."""

    @override
    def handle_output(self, context: dg.OutputContext, obj: Value) -> None:
        partition = context.asset_partition_key if context.has_asset_partitions else _UNPARTITIONED
        self.refer(context.asset_key, partition, obj)

    @override
    def load_input(self, context: dg.InputContext) -> Value:
        with one_sentence():
            return self._load(context)

    def _load(self, context: dg.InputContext) -> Value:
        partition = context.asset_partition_key if context.has_asset_partitions else _UNPARTITIONED
        file = self._file(context.asset_key, partition)
        if not file.exists():
            raise ValueMovedError(context.asset_key.to_user_string(), file)
        reference = Reference(**json.loads(file.read_text()))
        path = self.home.resolve(Path(reference.path))
        if not path.exists():
            raise ValueMovedError(context.asset_key.to_user_string(), path)
        return self.open(path)

    def relative_path(self, path: Path) -> str:
        """A path of the home folder as references hold it."""
        return str(path.relative_to(self.home.root.resolve()))

    def refer(self, asset: dg.AssetKey, partition: str, value: Value) -> None:
        """Keep a value, and write a reference to it."""
        reference = self.keep(value)
        target = self._file(asset, partition)
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(target) as draft:
            draft.write_text(json.dumps(asdict(reference)))

    def _file(self, asset: dg.AssetKey, partition: str) -> Path:
        place = partition.replace("|", "/")
        return self.home.root / "references" / Path(*asset.path) / f"{place}.json"


@dataclass(frozen=True)
class NoIOManager(dg.IOManager):
    """Refusal in place of Dagster's default IO manager, which would pickle what an asset returns."""

    @override
    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Refuse.

        Raises:
            NoKeeperError: Always.
        """
        raise NoKeeperError(context.get_identifier())

    @override
    def load_input(self, context: dg.InputContext) -> object:
        """Refuse.

        Raises:
            NoKeeperError: Always.
        """
        raise NoKeeperError(context.get_identifier())
