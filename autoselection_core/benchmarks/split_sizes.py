"""Sizes of the two sides of a split."""

from dataclasses import dataclass

from autoselection_core.errors.recipe import SettingError
from autoselection_core.identity import Json


@dataclass(frozen=True)
class SplitSizes:
    """The share of dev items and, where scoring all of them costs too much, a limit on either side.

    Attributes:
        dev_share: Share of the questions that the search may look at, in (0, 1).
        dev_items: Maximum number of dev items; None for all.
        test_items: Maximum number of test items; None for all.

    Raises:
        SettingError: A value is out of range.
    """

    dev_share: float = 0.4
    dev_items: int | None = None
    test_items: int | None = None

    def __post_init__(self) -> None:
        """Refuse a split that leaves a side empty by design."""
        if not 0.0 < self.dev_share < 1.0:
            raise SettingError("dev_share", self.dev_share, "a share above 0 and below 1")
        for name, limit in (("dev_items", self.dev_items), ("test_items", self.test_items)):
            if limit is not None and limit < 1:
                raise SettingError(name, limit, "at least 1 item, or nothing for all")

    def as_json(self) -> Json:
        """The values as plain data."""
        return {"dev_share": self.dev_share, "dev_items": self.dev_items, "test_items": self.test_items}
