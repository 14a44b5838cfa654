"""A small installation; daemon and launcher in this process tick the sensor and run what it asks for."""

import json
import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from autoselection_core.campaign.declaration.loading import load_campaigns
from autoselection_core.history.ledger import Ledger
from autoselection_core.store.home import Home
from autoselection_dagster.assembly import definitions_of
from autoselection_dagster.installation import Installation
from autoselection_dagster.names import key

_CAMPAIGNS = """
campaigns:
  demo:
    pool:
      - path: raw/*.jsonl
        licence: CC0-1.0
    base_model: model
    signals: [tokens, word_entropy, exact, near_duplicates]
    closed_form:
      weights: {{word_entropy: 1.0}}
      size_weight: 0.1
      noise: 0.05
      delay_s: {delay_s}
    search: {{budget: 3, report_evaluations: 2}}
"""
_WORDS = (
    "red",
    "green",
    "blue",
    "seven",
    "eleven",
    "river",
    "stone",
    "cloud",
    "paper",
    "lamp",
    "door",
    "song",
)


def installation(folder: Path, model: Path, samples: int = 60, delay_s: float = 0.0) -> Installation:
    """An installation below a folder, with the tokenizer of a model."""
    raw = folder / "raw"
    shutil.copytree(model, folder / "model")
    raw.mkdir(parents=True)
    write_samples(raw / "generated.jsonl", samples)
    campaigns = folder / "autoselection.yaml"
    campaigns.write_text(_CAMPAIGNS.format(delay_s=delay_s))
    return Installation(folder / "home", campaigns)


def write_samples(file: Path, count: int, seed: int = 0) -> None:
    """Records in the prompt and response format; some answers occur twice."""
    draw = random.Random(seed)  # noqa: S311 - words, not secrets
    lines = []
    for number in range(count):
        words = draw.choices(_WORDS, k=draw.randint(2, 12))
        lines.append({"prompt": f"Say number {number % (count - 3)}.", "response": " ".join(words)})
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))


def cell(record: Any, column: str, rows: Sequence[Any] = ()) -> str:
    """A cell of a table of Dagster, whether its column is one of its own or joined with others in one.

    Args:
        record: The row.
        column: Its column.
        rows: All rows of the table, where they may hold alike what is asked for: the first one says it.
    """
    if column in record.data:
        return str(record.data[column])
    of_all = [str(each.data["more"]).partition("in all rows: ")[2] for each in rows[:1]]
    texts = [str(record.data["more"]).replace("in all rows: ", "· "), *of_all]
    parts = {part.strip() for text in texts for part in text.replace("\N{NO-BREAK SPACE}", " ").split(" · ")}
    (found,) = {part for part in parts if part.removeprefix("· ").startswith(f"{column}: ")}
    return found.removeprefix("· ").removeprefix(f"{column}: ")


@dataclass
class Driver:
    """An installation with an instance.

    Attributes:
        installation: Where it lives.
        instance: Dagster's records.
        asked: Run keys in the order in which the sensor asked for them.
    """

    installation: Installation
    instance: dg.DagsterInstance
    asked: list[str] = field(default_factory=list)
    definitions: dg.Definitions = field(init=False)

    def __post_init__(self) -> None:
        self.definitions = definitions_of(self.installation)

    @property
    def ledger(self) -> Ledger:
        return Ledger.open(Home(self.installation.home).history_url)

    def run(self, job: str, **options: Any) -> dg.ExecuteInProcessResult:
        return self.definitions.resolve_job_def(job).execute_in_process(instance=self.instance, **options)

    def prepare(self) -> dg.ExecuteInProcessResult:
        return self.run("demo_prepare")

    def start(self, **config: Any) -> dg.ExecuteInProcessResult:
        return self.run("start_search", run_config={"ops": {"search": {"config": config}}})

    def adjust(self, job: str, op: str, **config: Any) -> None:
        self.run(job, run_config={"ops": {op: {"config": config}}})

    def tick(self) -> dg.SensorResult | dg.SkipReason:
        repository = self.definitions.get_repository_def()
        with dg.build_sensor_context(
            instance=self.instance,
            repository_def=repository,
            resources={name: self._resources[name] for name in (key("ledger"), key("home"))},
        ) as context:
            result = repository.get_sensor_def("search_sensor")(context)
        assert isinstance(result, dg.SensorResult | dg.SkipReason)
        return result

    def work(self, ticks: int = 100) -> None:
        """Tick and run until nothing is left to do."""
        for _ in range(ticks):
            result = self.tick()
            if isinstance(result, dg.SkipReason):
                return
            self.add_partitions(result)
            for request in result.run_requests or ():
                self.asked.append(str(request.run_key))
                self.launch(request)

    def add_partitions(self, result: dg.SensorResult) -> None:
        for request in result.dynamic_partitions_requests or ():
            self.instance.add_dynamic_partitions(request.partitions_def_name, request.partition_keys)

    def launch(self, request: dg.RunRequest, *, may_fail: bool = False) -> dg.ExecuteInProcessResult:
        tags = {**request.tags, "dagster/run_key": str(request.run_key)}
        return self.run(
            str(request.job_name),
            run_config=request.run_config,
            partition_key=request.partition_key,
            tags=tags,
            raise_on_error=not may_fail,
        )

    def metadata(self, asset: str, partition: str | None = None) -> dict[str, Any]:
        """Metadata of the last materialization of an asset."""
        (campaign,) = load_campaigns(self.installation.campaigns, Home(self.installation.home))
        keys = dg.AssetRecordsFilter(
            dg.AssetKey([campaign, *asset.split("/")]), asset_partitions=[partition] if partition else None
        )
        records = self.instance.fetch_materializations(keys, limit=1).records
        materialization = records[0].asset_materialization
        assert materialization is not None
        return {
            name: list(value.records) if isinstance(value, dg.TableMetadataValue) else value.value
            for name, value in materialization.metadata.items()
        }

    @property
    def _resources(self) -> dict[str, Any]:
        return dict(self.definitions.resources or {})
