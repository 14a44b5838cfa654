"""Every signal that a campaign can name is an asset; declaring it opens nothing."""

import json
import re
from pathlib import Path

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.campaign.declaration.loading import load_campaigns
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.cluster import WorkerShare
from autoselection_core.models.autoencoder.sae import sae_fingerprint
from autoselection_core.pool.sample import QuarantineReason
from autoselection_core.report.rendering.table import Table
from autoselection_core.signals.store.signal_report import SignalReport
from autoselection_core.store.home import Home
from autoselection_dagster.assembly import definitions_of
from autoselection_dagster.assets.signals import cost_line, workers_table
from autoselection_dagster.installation import Installation
from autoselection_dagster.names import Names
from autoselection_dagster.values.metadata.rendering import sentence_list, shown, sparkline
from autoselection_dagster.values.metadata.tables import table_value
from tests.dagster.installations import Driver, installation

INLINE_CHARACTERS = 1_000
"""The UI shows markdown in the row only below this length."""


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=500))
def test_a_sparkline_always_fits_into_the_row(values: list[float]) -> None:
    assert len(sparkline(values).value or "") < INLINE_CHARACTERS


SIGNALS = (
    "{sae: {sae: sae, expansion: 1, tokens: 500}}, mona, embedding, relevance, feedback, contamination, form,"
    " {clusters: {sizes: [2], centres: centres.npz}}, embedding_pairs, graph_importance,"
    " word_entropy, model_scores"
)
READ = {
    "sae": set(),
    "mona/sums": {"sae"},
    "embedding": set(),
    "relevance/sums": {"embedding"},
    "feedback/sums": {"embedding"},
    "contamination/sums": set(),
    "form": set(),
    "clusters": {"embedding"},
    "embedding_pairs": {"embedding"},
    "graph_importance": {"embedding_pairs"},
    "word_entropy": set(),
    "model_scores": set(),
}
OF_MODEL = {"sae", "mona/sums", "model_scores"}
OF_ONE_PASS = ("sae", "model_scores")


@pytest.fixture
def installed(tmp_path: Path, model: Path) -> Installation:
    """An installation whose campaign has all signals, but nothing yet of what they read."""
    made = installation(tmp_path / "installation", model, samples=20)
    text = made.campaigns.read_text().replace(
        "[tokens, word_entropy, exact, near_duplicates]", f"[{SIGNALS}]"
    )
    made.campaigns.write_text(
        text.replace("    signals:", "    benchmarks: {sums: {path: sums}}\n    signals:")
    )
    return made


def fill(folder: Path) -> None:
    (folder / "sums").mkdir()
    for name, numbers in (("targets", range(3)), ("items", range(12, 30))):
        lines = [
            json.dumps({"question": f"Say number {number}?", "answer": str(number)}) for number in numbers
        ]
        (folder / "sums" / f"{name}.jsonl").write_text("\n".join(lines))
    (folder / "sums" / "benchmark.yaml").write_text("items: items.jsonl\ntargets: targets.jsonl\n")


def test_signals_are_assets_that_know_what_they_read_before_it_is_there(installed: Installation) -> None:
    graph = definitions_of(installed).resolve_asset_graph()
    key = {name: key_of(name) for name in READ}

    for name, needs in READ.items():
        node = graph.get(key[name])
        assert {key[need] for need in needs} <= node.parent_keys
        assert (dg.AssetKey(["demo", "autoencoder"]) in node.parent_keys) == (name in OF_ONE_PASS)
        assert (dg.AssetKey(["demo", "base_model"]) in node.parent_keys) == (name in OF_MODEL)
        assert (dg.AssetKey(["demo", "benchmark", "sums"]) in node.parent_keys) == name.endswith("/sums")


def test_every_signal_materializes(installed: Installation) -> None:
    fill(installed.campaigns.parent)
    with dg.DagsterInstance.ephemeral() as instance:
        driver = Driver(installed, instance)
        result, again = driver.prepare(), driver.prepare()
        said, said_again = (logged(instance, run) for run in (result, again))

    made = {
        event.asset_key: event.materialization.metadata for event in result.get_asset_materialization_events()
    }
    assert {key_of(name) for name in READ} <= set(made)
    pool = made[dg.AssetKey(["demo", "pool"])]
    assert (pool["contaminated"].value, pool["dagster/row_count"].value) == (5, 15)
    assert "sums" in str(pool["contamination"].value)
    trained = made[dg.AssetKey(["demo", "autoencoder"])]
    assert 0 <= float(str(trained["dead_share"].value)) <= 1
    assert sae_fingerprint(installed.campaigns.parent / "sae")
    computed = [int(str(made[key_of(name)]["computed"].value)) for name in OF_ONE_PASS]
    assert sorted(computed) == [0, 15], "the one that came first was to give both"
    assert all("image/png" in str(made[key_of(name)]["histograms"].value) for name in READ)
    entropy = made[key_of("word_entropy")]
    assert float(str(entropy["samples_per_s"].value)) > 0
    assert "word_entropy" in str(entropy["known_share"].value)
    assert re.search(r"word_entropy: 15 samples scored in .* s, [\d,.]+ samples/s; 0 were known before", said)
    assert "word_entropy: nothing to score, 15 were known before" in said_again
    assert scored_without_dagster(installed) == dict.fromkeys(READ, (0, 15))


def test_the_log_and_the_asset_say_which_workers_of_a_cluster_scored() -> None:
    shares = (WorkerShare("one:1", "form", 2, 300, 1.25, 1.0), WorkerShare("two:1", "form", 1, 100, 0.5, 0.4))
    report = SignalReport("form", "v", 400, 400, 0, {}, {}, 2.0, shares)

    assert cost_line(report) == (
        "form: 400 samples scored in 2.0 s by 2 workers of the cluster, 200.0 samples/s; 0 were known before"
    )
    told = workers_table(shares)
    assert told.columns == ("worker", "work", "shards", "rows", "seconds", "of the processor")
    assert told.texts == [
        ["one:1", "form", "2", "300", "1.2", "1"],
        ["two:1", "form", "1", "100", "0.5", "0.4"],
    ]


def scored_without_dagster(installed: Installation) -> dict[str, tuple[int, int]]:
    """Values that the core computes, or finds in the tables that Dagster's assets wrote."""
    home = Home(installed.home)
    workspace = Workspace(load_campaigns(installed.campaigns, home)["demo"], home)
    reports = [workspace.score(name, workspace.pool()) for name in READ]
    return {report.name: (report.computed, report.reused) for report in reports}


def test_dagster_computes_nothing_that_the_core_has_scored(installed: Installation) -> None:
    fill(installed.campaigns.parent)
    home = Home(installed.home)
    workspace = Workspace(load_campaigns(installed.campaigns, home)["demo"], home)
    pool = workspace.ingest().pool
    assert workspace.score("word_entropy", pool).computed == len(pool)

    with dg.DagsterInstance.ephemeral() as instance:
        result = Driver(installed, instance).prepare()

    facts = next(
        event.materialization.metadata
        for event in result.get_asset_materialization_events()
        if event.asset_key == key_of("word_entropy")
    )
    assert (facts["computed"].value, facts["reused"].value) == (0, len(pool))


def test_a_table_with_members_of_an_enumeration_can_be_stored() -> None:
    counts = Table("quarantine", ("reason", "records"), ((QuarantineReason.TOO_LONG, 3),))

    shown = table_value(counts)
    assert dg.serialize_value(shown)
    assert isinstance(shown, dg.TableMetadataValue)
    assert shown.records[0].data == {"reason": "over-long record", "records": "3"}


@pytest.mark.parametrize("name", ["raw/generated.jsonl", "a_source_with_a_name_of_thirty_six_ch", "x" * 200])
def test_a_wide_table_breaks_names_only_where_columns_that_join_do_not_suffice(name: str) -> None:
    """Files stood there as `raw/ generated. jsonl`, which is no file."""
    files = Table("Files", ("file", "bytes", "hash"), ((name, 1_234_567, "0123456789ab"),))
    steps = Table("Steps", ("recipe", "rows"), ((f"keep_top[{name},lowest]", 5),))

    shown, labels = table_value(files), table_value(steps)

    assert isinstance(shown, dg.TableMetadataValue)
    assert isinstance(labels, dg.TableMetadataValue)
    first = str(shown.records[0].data["file"])
    assert first.replace("\u200b", "") == name
    assert max(map(len, first.split("\u200b"))) <= 28
    assert len(name) > 28 or first == name, "a copy of it is the name"
    assert str(labels.records[0].data["recipe"]).replace("\u200b", "") == f"keep_top[{name},lowest]"


def test_no_word_of_a_page_is_longer_than_its_narrowest_column() -> None:
    """A label of 40 characters widened the page by 45 pixels, a statistic of a long source's name by 19."""
    source = "collected_by_a_program_of_the_vendor"
    facts = shown(
        {
            **sentence_list("comparisons", [f"keep_top[{source},fraction=0.1] is best"]),
            "expected": f"by keep_top[{source}]",
            f"share_of_{source}": 0.5,
        }
    )

    told = [facts["comparisons"].value, facts["expected"], *facts]
    assert max(len(word) for text in told for word in re.split("[ \u200b]", text)) <= 32
    assert [name.replace("\u200b", "") for name in facts][-1] == f"share_of_{source}"


def logged(instance: dg.DagsterInstance, run: dg.ExecuteInProcessResult) -> str:
    """Lines that a run wrote to its log."""
    return "\n".join(entry.user_message for entry in instance.all_logs(run.run_id))


def key_of(name: str) -> dg.AssetKey:
    return Names("demo").signal(name)
