"""A campaign as data: what `autoselection.yaml` declares."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from autoselection_core.campaign.declaration.trackers import Mlflow, TensorBoard, WeightsAndBiases
from autoselection_core.errors.recipe import SettingError
from autoselection_core.evaluation.judge.evaluator import JudgeSettings
from autoselection_core.history.search_settings import SearchSettings
from autoselection_core.identity import Json
from autoselection_core.pool.sources import Source, list_files
from autoselection_core.signals.contamination.contamination import DEFAULT_LIMIT
from autoselection_core.solver.advice.settings import AdviserSettings

DEFAULT_FILE = Path("autoselection.yaml")


def command_for(file: Path, words: str) -> str:
    """A command line on a campaign file, which names the file where it is not the working folder's default.

    Example:
        >>> command_for(Path("autoselection.yaml"), "doctor"), command_for(Path("my own.yaml"), "doctor")
        ('autoselection doctor', "autoselection doctor --file 'my own.yaml'")
    """
    is_default = file.absolute() == DEFAULT_FILE.absolute()
    return f"autoselection {words}" + ("" if is_default else f" --file {shlex.quote(str(file))}")


@dataclass(frozen=True)
class DeclaredBenchmark:
    """A benchmark as a campaign declares it.

    Attributes:
        name: Name in the campaign.
        path: Its folder or YAML file; with settings beside it, the folder that its files are below.
        weight: Its weight in the utility.
        settings: Settings of a `benchmark.yaml`, for folders that have none.
    """

    name: str
    path: Path
    weight: float = 1.0
    settings: Mapping[str, Json] = field(default_factory=dict, hash=False)


BenchmarkPlace = DeclaredBenchmark
"""First name, by which scripts of other people import it."""


@dataclass(frozen=True)
class Fidelity:
    """A cheaper evaluation (lower fidelity): its scores inform the search and do not decide it.

    A closed form becomes noisier by the root of both shares.

    Attributes:
        cost: Price of one, in full trainings.
        amount: Share of the training's length.
        items: Share of each benchmark's dev items.
        base_model: Another base model, folder or hub name; None for the campaign's.

    Raises:
        SettingError: The cost or a share is out of range.
    """

    cost: float
    amount: float = 1.0
    items: float = 1.0
    base_model: str | None = None

    def __post_init__(self) -> None:
        """Refuse what is no cheaper evaluation."""
        if not 0 < self.cost < 1:
            raise SettingError("cost", self.cost, "above 0 and below 1, the price of a full training")
        for name in ("amount", "items"):
            if not 0 < getattr(self, name) <= 1:
                raise SettingError(name, getattr(self, name), "a share above 0 and at most 1")


class PoolChangeTrigger(StrEnum):
    """Trigger of the unattended search after a change of the pool."""

    OFF = "off"
    ON_CHANGE = "on_change"
    SCHEDULE = "schedule"


class OnSuperseded(StrEnum):
    """Fate of a running search once a search of a newer pool begins by itself."""

    FINISH = "finish"
    STOP = "stop"


@dataclass(frozen=True)
class OnPoolChange:
    """Unattended search after a change of the pool: trigger, schedule, budget and limits.

    Attributes:
        when: Never; once the files have changed and settled; or at the times of `cron`, if they changed.
        cron: Cron expression for `schedule`: minute, hour, day, month, weekday.
        budget: Full trainings of such a search; None takes the campaign's own.
        timezone: Time zone of `cron`, for instance `Europe/Berlin`.
        running: What becomes of running searches of older pools: they finish, or stop.
        min_hours: Least interval between two such searches, in hours; changes meanwhile make one search.
        max_a_day: Such searches in any 24 hours at most; None sets no limit.
    """

    when: PoolChangeTrigger = PoolChangeTrigger.OFF
    cron: str = "0 3 * * *"
    budget: int | None = None
    timezone: str = "UTC"
    running: OnSuperseded = OnSuperseded.FINISH
    min_hours: float = 0.0
    max_a_day: int | None = None


@dataclass(frozen=True)
class ClosedForm:
    """Closed-form evaluator in place of a training: for trying a search out in seconds.

    Attributes:
        weights: Weight of each column in the utility.
        size_weight: Utility of twice the rows.
        noise: Standard deviation of one run's noise.
        delay_s: Seconds that an evaluation takes at least.
    """

    weights: Mapping[str, float] = field(default_factory=dict, hash=False)
    size_weight: float = 0.0
    noise: float = 0.0
    delay_s: float = 0.0


_TEAM_OR_MAIL = re.compile(r"team:[\w-]+|[^@\s]+@[^@\s]+\.[^@\s]+")
_TAG = re.compile(r"[A-Za-z0-9_.-]{1,63}")


MAX_HOURS = 876_000
"""Longest time that a campaign may state, a century: a much longer one ends after the last date there is."""

_MIN_AGE_HOURS = 1 / 60


@dataclass(frozen=True)
class Stewardship:
    """Owners, tags and greatest age of a campaign's assets, as Dagster's catalogue shows them.

    Attributes:
        owners: Mail addresses, or teams as `team:NAME`.
        tags: Values by name, of letters, digits, `-`, `_` and `.`.
        max_age_hours: Age from which on the pool is overdue; None sets no limit.

    Raises:
        SettingError: An owner, a tag or the age cannot be.
    """

    owners: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict, hash=False)
    max_age_hours: float | None = None

    def __post_init__(self) -> None:
        """Refuse what Dagster would refuse when it loads the campaign."""
        for owner in self.owners:
            if not _TEAM_OR_MAIL.fullmatch(owner):
                raise SettingError("owners", owner, "a mail address, or `team:NAME`")
        for text in (*self.tags, *self.tags.values()):
            if not _TAG.fullmatch(text):
                raise SettingError("tags", text, "1 to 63 letters, digits, '-', '_' and '.'")
        if self.max_age_hours is not None and not _MIN_AGE_HOURS <= self.max_age_hours <= MAX_HOURS:
            wanted = f"from 0.017 (a minute) to {MAX_HOURS:,} hours"
            raise SettingError("max_age_hours", self.max_age_hours, wanted)


@dataclass(frozen=True)
class Campaign:
    """One pool, one base model and some benchmarks.

    Attributes:
        name: Name for people, and the prefix of its assets.
        sources: The raw files.
        base_model: Folder or hub name; or a mapping of `path`, `system` (refuse, fold, drop), `reasoning`
            (keep, refuse, drop) and `chat_template` (a file, or chatml). None where a closed form evaluates
            and no signal reads a model.
        benchmarks: Benchmarks that are scored.
        signals: Names of the signals, each with its settings.
        signal_lines: Lines of its file that name them.
        operators: Names of the operators that recipes may use; empty means all that are installed.
        training: Preset and settings of the fine-tuning.
        search: Settings of its searches, where a search is not asked for others.
        stated_settings: Names of those that its file states, even with the usual value: a release that
            changes a usual value changes only the others.
        policy: Settings of the solver's policy.
        closed_form: A formula instead of trainings.
        judge: A program of the user's instead of our own training and scoring.
        on_pool_change: When a changed pool is searched again without being asked.
        contamination_limit: Share of a benchmark question from which on a sample leaves the pool.
        adviser: A language model that its searches ask for advice; None asks nobody.
        fidelities: Cheaper evaluations by name, among which its searches choose; empty means full ones only.
        stewardship: Owners, tags and greatest age of its assets in Dagster.
        mlflow: Server of MLflow that gets a copy of every finished trial; None tells nobody.
        tensorboard: Event files for TensorBoard with a copy of every finished trial; None writes none.
        wandb: Offline runs of Weights & Biases with a copy of every finished trial; None writes none.
        price_per_hour: Price of an hour of training, in any currency; None where reports show no money.
        file: File that declares it, for the command lines that reports print.
    """

    name: str
    sources: tuple[Source, ...]
    base_model: str | None = None
    benchmarks: tuple[DeclaredBenchmark, ...] = ()
    signals: Mapping[str, Mapping[str, Json]] = field(default_factory=dict, hash=False)
    signal_lines: Mapping[str, int] = field(default_factory=dict, compare=False)
    operators: tuple[str, ...] = ()
    training: Mapping[str, Json] = field(default_factory=dict, hash=False)
    search: SearchSettings = field(default_factory=SearchSettings)
    stated_settings: tuple[str, ...] = ()
    policy: Mapping[str, Json] = field(default_factory=dict, hash=False)
    closed_form: ClosedForm | None = None
    judge: JudgeSettings | None = None
    on_pool_change: OnPoolChange = field(default_factory=OnPoolChange)
    contamination_limit: float = DEFAULT_LIMIT
    adviser: AdviserSettings | None = None
    fidelities: Mapping[str, Fidelity] = field(default_factory=dict, hash=False)
    stewardship: Stewardship = field(default_factory=Stewardship)
    price_per_hour: float | None = None
    mlflow: Mlflow | None = None
    tensorboard: TensorBoard | None = None
    wandb: WeightsAndBiases | None = None
    file: str = field(default=str(DEFAULT_FILE), compare=False)

    @property
    def weights(self) -> dict[str, float]:
        """Weight of each benchmark by name."""
        return {each.name: each.weight for each in self.benchmarks}

    @property
    def benchmark_files(self) -> dict[str, Path]:
        """Path of each benchmark by name."""
        return {each.name: each.path for each in self.benchmarks}

    @property
    def trains_here(self) -> bool:
        """Whether evaluations train the base model, and not a formula or a program of the user makes them."""
        return self.base_model is not None and self.closed_form is None and self.judge is None

    def command(self, words: str) -> str:
        """A command line on this campaign; see `command_for`."""
        return command_for(Path(self.file), words)

    def source_files(self) -> list[Path]:
        """The raw files, as they are found now.

        Raises:
            NoSourceFileError: A pattern matches nothing.
        """
        return [file.path for file in list_files(self.sources)]
