"""Every signal that a campaign can name is scored through a workspace and reaches the table."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from autoselection_core.campaign.declaration.loading import load_campaigns
from autoselection_core.campaign.declaration.signals import installed_signals
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.cli.running import run
from autoselection_core.errors.campaign import CampaignFileError
from autoselection_core.errors.models import ModelLoadError
from autoselection_core.errors.signals import MissingExtraError
from autoselection_core.models.autoencoder.hook import HookPoint
from autoselection_core.models.autoencoder.sae import SparseAutoencoder
from autoselection_core.models.embedder import Embedder
from autoselection_core.operators.catalogue import catalogue
from autoselection_core.pool.pool import Pool
from autoselection_core.store.home import Home
from autoselection_core.testing.tiny_model import tiny_model
from tests.campaign.test_workspace import write_raw
from tests.cli.workshop import Workshop

LATENTS, HIDDEN = 64, 128
CAMPAIGN = """\
campaigns:
  all:
    pool: [{{path: "raw/*"}}]
    base_model: model
    benchmarks: {{sums: {{path: sums}}}}
    signals: [{signals}]
"""
REACHED: Mapping[str, tuple[str, ...]] = {
    "tokens": ("tokens",),
    "word_entropy": ("word_entropy",),
    "model_scores": ("ifd", "varentropy", "entropy", "response_loss"),
    "embedding": ("embedding",),
    "relevance": ("relevance/sums",),
    "exact": ("exact",),
    "near_duplicates": ("near_duplicates",),
    "embedding_pairs": ("embedding",),
    "{clusters: {sizes: [2, 3]}}": ("cluster/2", "cluster/3"),
    "{topics: {size: 2}}": ("topic",),
    "contamination": ("contamination/sums",),
    "form": ("turns", "words", "has_code", "has_list", "has_formula", "ascii_share"),
    "{feedback: {rounds: 2}}": ("feedback/sums",),
    "{reranked: {candidates: 4, max_trials: 2}}": ("reranked/sums",),
    "{graph_importance: {labels: cluster/2}}": ("graph_importance",),
    "{sae: {sae: sae, kept: 16}}": ("sae",),
    "sae_pairs": ("sae",),
    "mona": ("mona/sums",),
    "{column: rm_score}": ("rm_score",),
    "{column: quality, from: scores.csv, key: locator, as: mine}": ("mine",),
    "{influence: {warmed: warmed, dimensions: 16, max_tokens: 64}}": ("influence/sums",),
    "{rds: {max_tokens: 64}}": ("rds/sums",),
}
"""What each signal, as a campaign spells it, puts into the table."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Raw samples of two sources, a benchmark whose questions stand among them, a model, an autoencoder."""
    import torch

    folder = tmp_path_factory.mktemp("campaign")
    write_raw(folder / "raw" / "sums.jsonl", 20)
    write_raw(folder / "raw" / "more.jsonl", 40)
    tiny_model(folder / "model")
    places = "".join(f"sums.jsonl#{n + 1},{n}\n" for n in range(20))
    (folder / "scores.csv").write_text(f"locator,quality\n{places}")
    (folder / "sums").mkdir()
    questions = [f'{{"question": "Add {n} and {n % 7}.", "answer": "{n + n % 7}"}}\n' for n in range(30)]
    (folder / "sums/items.jsonl").write_text("".join(questions[4:]))
    (folder / "sums/targets.jsonl").write_text("".join(questions[:4]))
    (folder / "sums/benchmark.yaml").write_text("items: items.jsonl\ntargets: targets.jsonl\n")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder, decoder = torch.randn(LATENTS, HIDDEN), torch.randn(LATENTS, HIDDEN)
    SparseAutoencoder(HookPoint(1), 5, encoder, torch.zeros(LATENTS), decoder, torch.zeros(HIDDEN)).save(
        folder / "sae"
    )
    return folder


def workspace(folder: Path, *signals: str) -> Workspace:
    file, home = folder / "autoselection.yaml", Home(folder / "home")
    file.write_text(CAMPAIGN.format(signals=", ".join(signals)))
    return Workspace(load_campaigns(file, home)["all"], home)


@pytest.fixture(scope="module")
def scored(folder: Path) -> tuple[Workspace, Pool]:
    everything = workspace(folder, *REACHED)
    pool = everything.ingest().pool
    for name in everything.signal_names:
        assert everything.score(name, pool).rows == len(pool)
    return everything, pool


def test_every_signal_is_tried_here_or_says_what_it_lacks() -> None:
    tried = {spelled.strip("{").partition(":")[0] for spelled in REACHED}

    assert set(installed_signals()) - tried == {"action_branching", "vectors"}


@pytest.mark.parametrize("spelled", REACHED)
def test_a_named_signal_is_scored_and_reaches_the_table(scored: tuple[Workspace, Pool], spelled: str) -> None:
    everything, pool = scored
    table = everything.signals(pool.version)

    for name in REACHED[spelled]:
        parts = (table.columns, table.labels, table.vectors, table.pairs, table.sparse)
        found = [part[name] for part in parts if name in part]
        assert found, name
        assert name in table.versions
        known = [values for values in found if isinstance(values, np.ndarray) and values.dtype == np.float32]
        assert all(np.isfinite(values).any() for values in known)


def test_no_question_of_the_benchmark_is_left_in_the_pool(scored: tuple[Workspace, Pool]) -> None:
    everything, pool = scored

    assert set(everything.signals(pool.version)["contamination/sums"].tolist()) == {0.0}
    assert 0 < len(pool) < 40


def test_vectors_of_the_user_take_the_place_of_embeddings(
    folder: Path, scored: tuple[Workspace, Pool]
) -> None:
    pool = scored[1]
    rows = [{"id": name.decode(), "vector": [float(n % 3), 1.0]} for n, name in enumerate(pool.ids)]
    pq.write_table(pa.Table.from_pylist(rows), folder / "mine.parquet")
    made = workspace(folder, "{vectors: mine.parquet}", "embedding_pairs", "{clusters: {sizes: [3]}}")
    for name in made.signal_names:
        made.score(name, pool)

    table = made.signals(pool.version)

    assert table.vectors_of("embedding").shape == (len(pool), 2)
    assert len(set(table.label("cluster/3").tolist())) == 3
    assert any("drop_semantic_duplicates" in template.label for template in catalogue(table))


def foreign_embedder(folder: Path, seed: int = 0, pooling: str = "cls_token", inside: str = "") -> Path:
    """A tiny model of another width in the layout of sentence-transformers."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertModel

    shutil.rmtree(folder, ignore_errors=True)
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        BertModel(BertConfig(**sizes)).save_pretrained(folder / inside)
    AutoTokenizer.from_pretrained(Embedder.at().folder).save_pretrained(folder / inside)
    kind = "sentence_transformers.models."
    parts = [{"type": f"{kind}Transformer", "path": inside}, {"type": f"{kind}Pooling", "path": "1_Pooling"}]
    (folder / "modules.json").write_text(json.dumps(parts))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling/config.json").write_text(json.dumps({f"pooling_mode_{pooling}": True}))
    return folder


def test_a_whole_search_runs_on_the_vectors_of_an_embedder_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Workshop.fill(tmp_path)
    shop.change(
        "[word_entropy, exact, near_duplicates]",
        "[word_entropy, exact, {embedding: {embedder: theirs}}, embedding_pairs, {topics: {size: 10}}]",
    )
    foreign_embedder(tmp_path / "theirs")
    monkeypatch.chdir(tmp_path)

    assert run(["search", "--name", "foreign"]) == 0

    (campaign,) = load_campaigns(tmp_path / "autoselection.yaml", Home(tmp_path / ".autoselection")).values()
    made = Workspace(campaign, Home(tmp_path / ".autoselection"))
    record = shop.ledger().search("foreign")
    vectors = made.signals(record.spec.pool_version).vectors_of("embedding")
    assert record.spent == 3
    assert record.spec.signal_versions["embedding"] == made.signal_versions["embedding"]
    assert vectors.shape[1] == 32


def test_an_embedder_of_the_user_is_known_by_its_content_and_not_by_its_path(
    folder: Path, scored: tuple[Workspace, Pool]
) -> None:
    pool = scored[1]

    def measured(name: str) -> tuple[str, npt.NDArray[np.float32]]:
        made = workspace(folder, f"{{embedding: {{embedder: {name}}}}}", "embedding_pairs", "relevance")
        reports = {each: made.score(each, pool) for each in made.signal_names}
        assert reports["relevance/sums"].finite_share["relevance/sums"] == 1
        return reports["embedding"].version, made.signals(pool.version).vectors_of("embedding")

    foreign_embedder(folder / "theirs")
    first, vectors = measured("theirs")
    shutil.move(folder / "theirs", folder / "elsewhere")
    moved, _ = measured("elsewhere")
    foreign_embedder(folder / "theirs", seed=1)
    other, changed = measured("theirs")
    foreign_embedder(folder / "theirs", pooling="mean_tokens", inside="0_Transformer")
    mean, pooled = measured("theirs")

    assert vectors.shape == (len(pool), 32)
    assert first == moved
    assert len({first, other, mean}) == 3
    assert not np.allclose(vectors, changed)
    assert not np.allclose(vectors, pooled)


def test_a_pooling_that_is_not_known_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match="pools by pooling_mode_max_tokens; mean and cls are known"):
        Embedder.at(str(foreign_embedder(tmp_path / "theirs", pooling="max_tokens")))


def test_no_search_ranks_by_contamination(scored: tuple[Workspace, Pool]) -> None:
    everything, pool = scored
    labels = [template.label for template in catalogue(everything.signals(pool.version))]

    assert any("mona/sums" in label for label in labels)
    assert not any("contamination" in label for label in labels)


def test_a_signal_holds_the_campaign_s_own_signal_whatever_the_order(folder: Path) -> None:
    made = workspace(
        folder, "mona", "{sae: {sae: sae, kept: 3}}", "graph_importance", "{embedding_pairs: {lowest: 0.7}}"
    )

    (features,) = made.definitions["mona/sums"].needs()
    (pairs,) = made.definitions["graph_importance"].needs()

    assert features is made.definitions["sae"]
    assert pairs is made.definitions["embedding_pairs"]


@pytest.mark.parametrize(
    ("signals", "problem"),
    [
        ("mona", "needs the signal 'sae': the signal 'mona' reads it"),
        ("sae", "names the signal 'sae', which needs `sae`"),
        ("{sae: {sae: /etc}}", r"signals\[1\]\.sae\.sae leads to /etc, outside of"),
        ("{clusters: {centres: ../../x}}", "outside of"),
        ("{clusters: {size: 3}}", r"Did you mean 'sizes'\?"),
        ("{column: 'rm score'}", "is called 'rm score', which no signal can be"),
        ("{column: tokens}", "is called 'tokens', which no signal can be; give it a name with `as:`"),
        ("{column: x, as: a}, {column: y, as: a}", r"signals\[2\] is the second signal 'a'"),
        ("near_duplicates, {near_duplicates: {words: 4}}", "'near_duplicates' again, with other settings"),
        ("{column: x, key: id}", "joins nothing; name the file with `from:`"),
        ("{column: x, from: ../../x.csv}", "outside of"),
        ("{vectors: x.parquet}, embedding", "but the vectors take the place of embeddings"),
        ("{near_duplicates: {words: 0}}", r"words is 0, but must be a whole number from 1 to"),
        ("{near_duplicates: {words: true}}", "words is True, but must be a whole number"),
        ("{near_duplicates: {words: 99999999999999}}", "but must be a whole number from 1 to"),
        ("{near_duplicates: {min_similarity: .nan}}", "min_similarity is nan, but must be a finite number"),
        ("{near_duplicates: {min_similarity: [0.5]}}", "but must be a finite number"),
        ("{clusters: {sizes: [0, 4]}}", "but must be a list, each entry a whole number from 1 to"),
        ("{clusters: {sizes: []}}", "but must be a list, each entry a whole number"),
        ("{graph_importance: {labels: 3}}", "labels is 3, but must be text"),
        ("{influence: {warmed: w, dimensions: many}}", "dimensions is 'many', but must be a whole number"),
        ("{relevance: {scope: answer}}", "scope is 'answer', but must be one of all, instruction, response"),
    ],
)
def test_what_a_signal_cannot_be_given_is_named_with_its_line(
    folder: Path, signals: str, problem: str
) -> None:
    with pytest.raises(CampaignFileError, match=problem) as caught:
        workspace(folder, signals)

    assert caught.value.line in (3, 6)


def test_branching_is_scored_or_says_which_extra_it_needs(scored: tuple[Workspace, Pool]) -> None:
    everything, pool = scored
    branching = Workspace(replace(everything.campaign, signals={"action_branching": {}}), everything.home)
    if find_spec("spacy") is not None:
        assert branching.score("action_branching", pool).rows == len(pool)
        return
    with pytest.raises(MissingExtraError, match=r"autoselection\[actions\]"):
        branching.score("action_branching", pool)


@pytest.mark.parametrize(
    "spelled", [each for each, reached in REACHED.items() if "sums" in reached[0] and each != "contamination"]
)
def test_a_signal_that_compares_with_targets_is_refused_before_the_pool_is_read_where_there_are_none(
    tmp_path: Path, spelled: str
) -> None:
    (tmp_path / "sums").mkdir()
    questions = [f'{{"question": "Add {n} and {n}.", "answer": "{2 * n}"}}\n' for n in range(8)]
    (tmp_path / "sums/items.jsonl").write_text("".join(questions))
    (tmp_path / "sums/benchmark.yaml").write_text("items: items.jsonl\n")
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/broken.jsonl").write_text("no record is read\n")
    (tmp_path / "model").mkdir()
    without = workspace(
        tmp_path, f"tokens, sae, clusters,\n      {spelled}".replace("sae,", "{sae: {sae: model}},")
    )
    name = spelled.strip("{").partition(":")[0]

    with pytest.raises(
        CampaignFileError, match=f"signals names '{name}', but benchmark 'sums' has no"
    ) as said:
        without.ingest()

    assert said.value.line == 7
    assert "Give it a few solved examples as targets" in str(said.value)
