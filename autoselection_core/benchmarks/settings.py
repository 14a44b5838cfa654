"""Settings of a benchmark: keys of a `benchmark.yaml`, or beside `path` in a campaign."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, Self, get_args, get_origin, get_type_hints

from autoselection_core.benchmarks.benchmark import Benchmark, SplitSizes
from autoselection_core.benchmarks.metric import Metric
from autoselection_core.errors.benchmarks import UnknownBenchmarkSettingError
from autoselection_core.errors.recipe import SettingError
from autoselection_core.space import is_finite

OWN = "own"
"""The user's own format."""

HARNESS = "harness"
"""The format of benchmarks that a task of the lm-evaluation-harness scores."""

FORMATS = (OWN, "gsm8k", "bbh", "mmlu", "gpqa", "graphwiz", "nlgraph", HARNESS)

MAX_ANSWER_TOKENS = 131_072
"""As many as long reasoning takes; a larger number is a slip, and would be paid for by every item."""

_SIZES = ("dev_share", "dev_items", "test_items")


class AnswerBy(StrEnum):
    """Form in which a record gives its right choice.

    Attributes:
        AUTO: As it is spelled: a text or label among the choices, a letter, or a position from 0. What could
            be two of these is refused.
        INDEX: A position from 0.
        NUMBER: A position from 1.
        LETTER: A letter.
        TEXT: The text of the choice.
    """

    AUTO = "auto"
    INDEX = "index"
    NUMBER = "number"
    LETTER = "letter"
    TEXT = "text"


class Options(StrEnum):
    """Presentation of the options to a model.

    Attributes:
        LETTERS: Listed with letters, of which one is the answer; numbers where there are more than 26.
        TEXTS: Not listed; their texts are the answers that are compared.
    """

    LETTERS = "letters"
    TEXTS = "texts"


class AnswerType(StrEnum):
    """Type of the answer that is read from a generated text."""

    LETTER = "letter"
    YES_NO = "yes_no"
    NUMBER = "number"
    TEXT = "text"


@dataclass(frozen=True)
class BenchmarkSettings:
    """Settings of a benchmark. Everything but the items has a default.

    Attributes:
        name: Name of the benchmark; by default that of its folder.
        format: Record format: `own`, `gsm8k`, `bbh`, `mmlu`, `gpqa`, `graphwiz`, `nlgraph`, `harness`.
        items: The file of the questions below the folder (`.jsonl`, `.json`, `.csv`, `.tsv`, `.parquet` or
            `.arrow`, compressed or not), or `hf://OWNER/NAME@REVISION:SPLIT`; None for `items` with one of
            these endings.
        targets: The file of the samples that describe the task; None for `targets` with such an ending.
        target_items: Number of the questions in `items` that are drawn to be the targets, where there is no
            file of them: they describe the task and are on neither side of the split.
        columns: Names of the columns of a table (CSV, TSV) whose first line is a record and no heading.
        records: Places of the records in a JSON file that is one object, with dots between the names, such as
            `data.test`; by default all.
        fields: Roles of the fields in the own format: `question`, `answer`, `choices`, `solution`, `group`
            and `reads`, each a field, a path into one (`answers.text.0`) or a template (`{Body} {Question}`);
            `choices` may be a list of fields.
        answer_by: Form of a record's right choice: `auto`, `index`, `number`, `letter` or `text`.
        options: `letters` to list choices, `texts` to compare their texts as answers.
        reads: Type of the answers in the own format: `letter`, `yes_no`, `number` or `text`; None for that of
            the right answer (a number, true or false, else text).
        max_bad_share: Share of records that may be no question with a right answer; they are left out and
            counted.
        max_characters: Items of more characters, prompt and longest answer together, are left out and
            counted; None for all. For items that are longer than a base model reads.
        metric: Metric of an item; None for the format's own.
        shots: Worked examples in front of each question; None for the format's own.
        system: The system line, empty for none; None for the default, which only written answers have.
        chance: The score of blind guessing; None to compute it from the choices.
        confidential: Whether texts of items may not leave the process; None for the format's own.
        dev_share: Share of the questions that the search may look at.
        dev_items: Maximum number of dev items; None for all.
        test_items: Maximum number of test items; None for all.
        answer_tokens: Maximum length of a written answer, in tokens, at most 131072; with its prompt it must
            fit into what the model reads.
        task: A task of the lm-evaluation-harness by name, or its YAML file below the folder.
        measure: Metric of the task that is an item's value; None for its first.
        backend: Backend that runs the model for a task: `hf` or `vllm`.

    Raises:
        UnknownBenchmarkSettingError: A format or metric is unknown.
        SettingError: A value is out of range.
    """

    name: str
    format: str = OWN
    items: str | None = None
    targets: str | None = None
    target_items: int | None = None
    columns: tuple[str, ...] = ()
    records: tuple[str, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict, hash=False)
    answer_by: AnswerBy = AnswerBy.AUTO
    options: Options = Options.LETTERS
    reads: AnswerType | None = None
    max_bad_share: float = 0.02
    max_characters: int | None = None
    metric: Metric | None = None
    shots: int | None = None
    system: str | None = None
    chance: float | None = None
    confidential: bool | None = None
    dev_share: float = SplitSizes.dev_share
    dev_items: int | None = None
    test_items: int | None = None
    answer_tokens: int = Benchmark.answer_tokens
    task: str | None = None
    measure: str | None = None
    backend: str = "hf"

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise UnknownBenchmarkSettingError("format", self.format, FORMATS)
        if (self.format == HARNESS) != (self.task is not None):
            raise SettingError("task", self.task, f"there for the format {HARNESS!r}, and only for it")
        if not 0 <= self.max_bad_share <= 1:
            raise SettingError("max_bad_share", self.max_bad_share, "a share of at least 0 and at most 1")
        if len(set(self.columns)) < len(self.columns):
            raise SettingError("columns", list(self.columns), "names that differ")
        for name in ("columns", "records"):
            if getattr(self, name) and self.format == HARNESS:
                raise SettingError(name, list(getattr(self, name)), f"left out for the format {HARNESS!r}")
        if self.max_characters is not None and (self.max_characters < 1 or self.format == HARNESS):
            allowed = f"at least 1, and not for the format {HARNESS!r}, which cuts long prompts itself"
            raise SettingError("max_characters", self.max_characters, allowed)
        if self.target_items is not None:
            self._check_target_items(self.target_items)
        if not 1 <= self.answer_tokens <= MAX_ANSWER_TOKENS:
            raise SettingError("answer_tokens", self.answer_tokens, f"from 1 to {MAX_ANSWER_TOKENS}")
        SplitSizes(**{name: getattr(self, name) for name in _SIZES})  # refuses what parts nothing

    def _check_target_items(self, count: int) -> None:
        """Refuse a number of targets that cannot be drawn."""
        if count < 1:
            raise SettingError("target_items", count, "at least 1 item, or nothing for none")
        if self.format == HARNESS:
            raise SettingError("target_items", count, f"left out for the format {HARNESS!r}")
        if self.targets is not None:
            raise SettingError("target_items", count, "left out where `targets` names a file")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """The settings of plain data.

        Raises:
            UnknownBenchmarkSettingError: A key is no setting, or a value none of its names.
            SettingError: A value is of another kind.
        """
        kinds = get_type_hints(cls)
        for key in values:
            if key not in kinds:
                raise UnknownBenchmarkSettingError("setting", str(key), SETTINGS)
        return cls(**{key: _convert(key, value, kinds[key]) for key, value in values.items()})

    @property
    def sizes(self) -> SplitSizes:
        """Sizes of the split into dev and test."""
        return SplitSizes(**{name: getattr(self, name) for name in _SIZES})


SETTINGS = tuple(each.name for each in fields(BenchmarkSettings))
"""Names of the settings of a benchmark."""

_CALLED: Mapping[type, str] = {
    str: "text",
    int: "a whole number",
    float: "a finite number",
    bool: "true or false",
    Mapping: "a mapping of names to fields",
    tuple: "a list of texts",
}


def _convert(key: str, value: object, kind: Any) -> Any:  # noqa: ANN401 a type and a value of it
    options = get_args(kind) if get_origin(kind) is UnionType else (kind,)
    wanted = next(get_origin(each) or each for each in options if each is not NoneType)
    if issubclass(wanted, StrEnum):
        if value not in tuple(wanted):
            raise UnknownBenchmarkSettingError(key, str(value), tuple(wanted))
        return wanted(value)
    if wanted is tuple:
        if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
            raise SettingError(key, value, _CALLED[wanted])
        return tuple(value)
    accepted = (int, float) if wanted is float else wanted
    if not isinstance(value, accepted) or (isinstance(value, bool) and wanted is not bool):
        raise SettingError(key, value, _CALLED[wanted])
    if wanted is float and not is_finite(value):
        raise SettingError(key, value, _CALLED[wanted])
    return value
