"""Scores and vectors that the user brings."""

import gzip
import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.item import Item
from autoselection_core.errors.signals import (
    GivenFileError,
    NoGivenScoreError,
    NoScoreFieldError,
    TruthAmongScoresError,
)
from autoselection_core.pool import Source, ingest
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sample import Message, Origin, Role
from autoselection_core.signals.definitions.given.scores import GivenScores
from autoselection_core.signals.definitions.given.vectors import GivenVectors
from autoselection_core.signals.definitions.semantic.clusters import Clusters
from autoselection_core.signals.definitions.semantic.embedding import EmbeddingPairs, Relevance
from autoselection_core.signals.store.store import SignalStore
from autoselection_core.store.home import Home
from autoselection_core.testing.signals import question_and_answer

SAMPLES = [question_and_answer(f"Question {n}?", f"Answer {n}.") for n in range(6)]


def pool_with(extras: Mapping[int, object]) -> Pool:
    """Samples whose records have these side fields."""
    found = (
        (sample, [Origin("raw", f"raw.jsonl#{n + 1}", None, json.dumps(extras[n]) if n in extras else None)])
        for n, sample in enumerate(SAMPLES)
    )
    return Pool.from_samples(found)


def scores(signal: GivenScores, pool: Pool) -> list[float]:
    values = np.asarray(signal.compute(pool, {})[signal.name])
    return [float(values[pool.row_of(sample.id)]) for sample in SAMPLES]


@given(st.lists(st.none() | st.floats(-1e6, 1e6, width=32), min_size=6, max_size=6).filter(any))
def test_a_numeric_field_of_the_records_is_a_signal(numbers: list[float | None]) -> None:
    pool = pool_with({n: {"rm_score": number} for n, number in enumerate(numbers)})

    found = scores(GivenScores("rm_score"), pool)

    assert np.array_equal(found, [np.nan if n is None else n for n in numbers], equal_nan=True)


def test_texts_that_are_numbers_and_fields_of_fields_are_read_and_all_else_is_unknown() -> None:
    values = ["0.5", 1.0, "high", None, [1], float("inf")]
    pool = pool_with({n: {"meta": {"quality": value}} for n, value in enumerate(values)})

    found = scores(GivenScores("meta.quality", alias="quality"), pool)

    assert np.array_equal(found, [0.5, 1.0, *[np.nan] * 4], equal_nan=True)


@pytest.mark.parametrize(
    "values", [[True, False, None, True, "high", False], ["true", "False", "", "TRUE", "-", "false"]]
)
def test_true_and_false_are_1_and_0_and_are_counted(tmp_path: Path, values: list[object]) -> None:
    rows = "".join(f"{sample.id},{value}\n" for sample, value in zip(SAMPLES, values, strict=True))
    (tmp_path / "s.csv").write_text(f"id,good\n{rows}")
    pool = pool_with({n: {"good": value} for n, value in enumerate(values)})

    for signal in (GivenScores("good"), GivenScores("good", str(tmp_path / "s.csv"))):
        assert np.array_equal(scores(signal, pool), [1, 0, np.nan, 1, np.nan, 0], equal_nan=True)
        assert signal.count_truths(pool) == (2, 2)


def test_true_among_other_numbers_is_an_error(tmp_path: Path) -> None:
    values = [0.5, True, "false", 1, 0, None]
    pq.write_table(
        pa.table({"id": [each.id for each in SAMPLES], "good": map(str, values)}), tmp_path / "s.parquet"
    )
    pool = pool_with({n: {"good": value} for n, value in enumerate(values)})

    for signal in (GivenScores("good"), GivenScores("good", str(tmp_path / "s.parquet"))):
        with pytest.raises(
            TruthAmongScoresError,
            match=r"'good' holds true or false 2 times and numbers 3 times, such as 0\.5",
        ):
            signal.compute(pool, {})


@pytest.mark.parametrize(
    ("field", "fault"),
    [
        ("rm_scor", "no field 'rm_scor' beside the texts of any record"),
        ("topic", "the field 'topic' holds no number of any record"),
    ],
)
def test_a_field_without_a_number_is_an_error_that_names_those_with_one(field: str, fault: str) -> None:
    extras = {"rm_score": 1, "topic": "sums", "meta": {"quality": "0.5"}, "marks": [1]}

    with pytest.raises(NoScoreFieldError) as refused:
        GivenScores(field).compute(pool_with({0: extras}), {})

    assert str(refused.value).startswith(f"{fault}; numeric fields: meta.quality, rm_score. ")
    assert ("Did you mean 'rm_score'?" in str(refused.value)) == (field == "rm_scor")


def test_a_column_without_a_number_is_an_error_that_names_it(tmp_path: Path) -> None:
    rows = [{**row, "quality": "high"} for row in rows_by("id")]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "s.parquet")

    with pytest.raises(NoGivenScoreError, match=r"'quality' of .*s.parquet has a number for none of the 6"):
        GivenScores("quality", str(tmp_path / "s.parquet")).compute(pool_with({}), {})


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([Decimal(n) for n in range(6)]), [0, 1, 2, 3, 4, 5]),
        (pa.array(np.arange(6, dtype=np.float16)), [0, 1, 2, 3, 4, 5]),
        (pa.array([n > 2 for n in range(6)]), [0, 0, 0, 1, 1, 1]),
        (pa.array(["3", "1"] * 3).dictionary_encode(), [3, 1] * 3),
        (pa.array([1e300, 2, None, float("nan"), float("inf"), 3]), [np.nan, 2, np.nan, np.nan, np.nan, 3]),
    ],
    ids=["decimal", "half", "truth", "dictionary", "unknown"],
)
def test_numbers_of_any_type_are_read_and_what_is_none_is_unknown(
    tmp_path: Path, column: pa.Array, expected: list[float]
) -> None:
    names = pa.array([sample.id for sample in SAMPLES])
    pq.write_table(pa.table({"id": names, "quality": column}), tmp_path / "scores.parquet")

    found = scores(GivenScores("quality", str(tmp_path / "scores.parquet")), pool_with({}))

    assert np.array_equal(found, expected, equal_nan=True)


def test_rows_without_a_key_and_repeated_unknown_scores_are_no_contradiction(tmp_path: Path) -> None:
    first = SAMPLES[0].id
    names = pa.array([None, None, first, first, SAMPLES[1].id])
    values = pa.array([1.0, 2.0, float("nan"), float("nan"), 3.0])
    pq.write_table(pa.table({"id": names, "quality": values}), tmp_path / "scores.parquet")

    found = scores(GivenScores("quality", str(tmp_path / "scores.parquet")), pool_with({}))

    assert np.array_equal(found, [np.nan, 3, *[np.nan] * 4], equal_nan=True)


def rows_by(key: str) -> list[dict[str, object]]:
    names: Mapping[str, list[object]] = {
        "id": [sample.id for sample in SAMPLES],
        "locator": [f"raw.jsonl#{n + 1}" for n in range(6)],
        "number": list(range(6)),
    }
    return [{key: name, "quality": n / 4} for n, name in enumerate(names[key])]


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".tsv"])
@pytest.mark.parametrize("key", ["id", "locator", "number"])
def test_a_file_is_joined_by_sample_id_by_place_and_by_a_field_of_the_records(
    tmp_path: Path, key: str, suffix: str
) -> None:
    file, table = tmp_path / f"scores{suffix}", pa.Table.from_pylist(rows_by(key)[:4])
    if suffix == ".parquet":
        pq.write_table(table, file)
    else:
        table.to_pandas().to_csv(file, index=False, sep="," if suffix == ".csv" else "\t")
    pool = pool_with({n: {"number": n} for n in range(6)})

    found = scores(GivenScores("quality", str(file), key), pool)

    assert np.array_equal(found, [0.0, 0.25, 0.5, 0.75, np.nan, np.nan], equal_nan=True)


def test_coverage_is_reported(tmp_path: Path) -> None:
    pool = pool_with({0: {"rm_score": 1.0}, 3: {"rm_score": 2.0}, 4: {"rm_score": 3}})

    report = SignalStore(Home(tmp_path)).score(GivenScores("rm_score"), pool)

    assert report.finite_share == {"rm_score": 0.5}
    assert report.unscored == {"no score was given": 3}


@pytest.mark.parametrize(
    ("rows", "key", "problem"),
    [
        ([{"id": "x", "quality": 1.0}], "id", "names no sample by 'id' .1 keys, such as 'x'."),
        ([{"id": "x", "value": 1.0}], "id", r"has no column 'quality' \(it has: id, value\)"),
        ([{"id": "x", "quality": 1.0}], "doc", "has no column 'doc'"),
        (
            [*rows_by("id"), {"id": SAMPLES[0].id, "quality": 9.0}],
            "id",
            "has two values of 'quality'.*; keep one row",
        ),
    ],
)
def test_a_file_that_does_not_fit_is_an_error(
    tmp_path: Path, rows: list[dict[str, object]], key: str, problem: str
) -> None:
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "s.parquet")

    with pytest.raises(GivenFileError, match=problem):
        GivenScores("quality", str(tmp_path / "s.parquet"), key).compute(pool_with({}), {})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("id,quality,quality\n{0},1,2\n", "has two columns 'quality'"),
        ("id,text,quality\n{0},one, two,3\n", "has more cells than its header in line 2; quote"),
    ],
)
def test_a_table_whose_cells_may_belong_elsewhere_is_an_error(
    tmp_path: Path, text: str, problem: str
) -> None:
    (tmp_path / "s.csv").write_text(text.format(SAMPLES[0].id))

    with pytest.raises(GivenFileError, match=problem):
        GivenScores("quality", str(tmp_path / "s.csv")).compute(pool_with({}), {})


def test_long_texts_beside_scores_are_read_past(tmp_path: Path) -> None:
    rows = "".join(f"{sample.id},{'x' * 200_000},{n}\n" for n, sample in enumerate(SAMPLES))
    (tmp_path / "s.csv").write_text(f"id,text,quality\n{rows}")

    assert scores(GivenScores("quality", str(tmp_path / "s.csv")), pool_with({})) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "signal", [GivenScores("quality", "none.parquet"), GivenVectors(file="none.parquet")]
)
def test_a_file_that_is_not_there_is_an_error(tmp_path: Path, signal: GivenScores | GivenVectors) -> None:
    for work in (
        lambda: signal.compute(pool_with({}), {}),
        lambda: SignalStore(Home(tmp_path)).score(signal, pool_with({})),
    ):
        with pytest.raises(GivenFileError, match=r"none\.parquet cannot be read"):
            work()


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_rows_of_a_file_are_the_records_of_the_only_file(tmp_path: Path, suffix: str) -> None:
    file, table = tmp_path / f"scores{suffix}", pa.table({"quality": [n / 4 for n in range(6)]})
    pq.write_table(table, file) if suffix == ".parquet" else table.to_pandas().to_csv(file, index=False)

    assert scores(GivenScores("quality", str(file), "row"), pool_with({})) == [n / 4 for n in range(6)]


def test_a_field_that_is_called_row_is_a_key_like_any_other(tmp_path: Path) -> None:
    rows = [{"row": 10 - n, "quality": float(n)} for n in range(6)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "s.parquet")
    pool = pool_with({n: {"row": 10 - n} for n in range(6)})

    assert scores(GivenScores("quality", str(tmp_path / "s.parquet"), "row"), pool) == [0, 1, 2, 3, 4, 5]


def test_rows_are_no_keys_of_several_files_or_of_more_records(tmp_path: Path) -> None:
    pq.write_table(pa.table({"quality": [0.5] * 5}), tmp_path / "s.parquet")
    two = Pool.from_samples((sample, [Origin("raw", f"{n % 2}.jsonl#1")]) for n, sample in enumerate(SAMPLES))

    for pool, fault in (
        (pool_with({}), "has 5 rows.* has 6 records or more"),
        (two, r"2 files \(0.jsonl, 1"),
    ):
        with pytest.raises(GivenFileError, match=fault):
            GivenScores("quality", str(tmp_path / "s.parquet"), "row").compute(pool, {})


def test_a_row_too_many_is_an_error_that_names_both_numbers(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("quality\n" + "0.5\n" * 7)
    vectors(tmp_path, (3,) * 6)

    for signal in (
        GivenScores("quality", str(tmp_path / "s.csv"), "row"),
        GivenVectors(file=str(tmp_path / "v.parquet"), key="row"),
    ):
        signal.require_rows(pool_with({}), 7)
        with pytest.raises(GivenFileError, match=r"has \d rows, but the pool's file has 5 records"):
            signal.require_rows(pool_with({}), 5)


def test_rows_that_count_from_0_are_an_error(tmp_path: Path) -> None:
    pq.write_table(pa.table({"row": range(6), "quality": [0.5] * 6}), tmp_path / "s.parquet")

    with pytest.raises(GivenFileError, match="counts its rows from 0; count from 1"):
        GivenScores("quality", str(tmp_path / "s.parquet"), "row").compute(pool_with({}), {})


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "is empty; begin with a line of column names"),
        (b"id,quality\n", "names no sample by 'id' .0 keys"),
        ("id,quality\n".encode("utf-16"), "it is UTF-16; convert it with `iconv -f UTF-16 -t UTF-8`"),
        (gzip.compress(b"id,quality\n"), "whatever its ending says; rename or unpack it"),
    ],
    ids=["empty", "header", "utf16", "gzip"],
)
def test_a_text_file_without_a_score_is_an_error_that_says_why(
    tmp_path: Path, content: bytes, fault: str
) -> None:
    (tmp_path / "s.CSV").write_bytes(content)

    with pytest.raises(GivenFileError, match=fault):
        GivenScores("quality", str(tmp_path / "s.CSV")).compute(pool_with({}), {})


def test_keys_may_be_bytes_and_no_number_is_read_through_underscores(tmp_path: Path) -> None:
    keys = pa.array([sample.id.encode() for sample in SAMPLES])
    values = pa.array(["1_0", *map(str, range(1, 6))])
    pq.write_table(pa.table({"id": keys, "quality": values}), tmp_path / "s.parquet")

    found = scores(GivenScores("quality", str(tmp_path / "s.parquet")), pool_with({}))

    assert np.array_equal(found, [np.nan, 1, 2, 3, 4, 5], equal_nan=True)


@pytest.mark.parametrize(
    ("vector", "fault"), [([0.0, 0.0], "for none of the 6"), ([], "lengths: 0"), ([1e300], "none")]
)
def test_vectors_that_say_nothing_are_an_error(tmp_path: Path, vector: list[float], fault: str) -> None:
    column = pa.array([vector] * 6, pa.list_(pa.float64()))
    pq.write_table(pa.table({"id": [each.id for each in SAMPLES], "vector": column}), tmp_path / "v.parquet")

    with pytest.raises(GivenFileError, match=fault):
        GivenVectors(file=str(tmp_path / "v.parquet")).compute(pool_with({}), {})


def test_other_scores_are_another_version(tmp_path: Path) -> None:
    versions = []
    for shift in (0.0, 1.0):
        rows = [{**row, "quality": n + shift} for n, row in enumerate(rows_by("id"))]
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / "s.parquet")
        versions.append(GivenScores("quality", str(tmp_path / "s.parquet")).fingerprint)

    assert versions[0] != versions[1]


def test_records_that_changed_beside_the_text_are_read_anew(tmp_path: Path) -> None:
    raw, home = tmp_path / "raw.jsonl", Home(tmp_path / "home")
    found = []
    for score in (1, 2):
        raw.write_text(json.dumps({"instruction": "q", "output": "a", "rm_score": score}))
        pool = ingest([Source(str(raw))], home).pool
        report = SignalStore(home).score(GivenScores("rm_score"), pool)
        found += SignalStore(home).table(pool, {"rm_score": report.version})["rm_score"].tolist()

    assert found == [1.0, 2.0]


def vectors(tmp_path: Path, lengths: tuple[int, ...] = (3,) * 6) -> GivenVectors:
    rng = np.random.default_rng(0)
    rows = [
        {"id": sample.id, "vector": rng.normal(size=length).astype(np.float32).tolist()}
        for sample, length in zip(SAMPLES, lengths, strict=False)
    ]
    rows[1]["vector"] = rows[0]["vector"]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "v.parquet")
    return GivenVectors(file=str(tmp_path / "v.parquet"))


@pytest.mark.parametrize("value", ["0.5", ["a"], [[0.5]]])
def test_what_is_no_vector_is_an_error(tmp_path: Path, value: object) -> None:
    rows = [{"id": sample.id, "vector": value} for sample in SAMPLES]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "v.parquet")

    with pytest.raises(GivenFileError, match="holds no lists of numbers in 'vector'"):
        GivenVectors(file=str(tmp_path / "v.parquet")).compute(pool_with({}), {})


@pytest.mark.parametrize("part", [float("nan"), float("inf"), None])
def test_vectors_without_a_number_are_unknown_and_an_error_where_all_are(
    tmp_path: Path, part: float | None
) -> None:
    for known in (1, 0):
        rows = [
            {"id": each.id, "vector": [1.0, 2.0 if n < known else part]} for n, each in enumerate(SAMPLES)
        ]
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / "v.parquet")
        signal, pool = GivenVectors(file=str(tmp_path / "v.parquet")), pool_with({})
        if known:
            found = np.asarray(signal.compute(pool, {})["embedding"])
            assert np.isnan(found).all(axis=1).tolist() == [sample != SAMPLES[0] for sample in pool.samples()]
        else:
            with pytest.raises(GivenFileError, match="has a vector of numbers in 'vector' for none of the 6"):
                signal.compute(pool, {})


def test_vectors_of_another_length_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(GivenFileError, match=r"several lengths.*lengths: 3, 4"):
        vectors(tmp_path, (3, 3, 4, 3, 3, 3)).compute(pool_with({}), {})


def test_duplicates_clusters_and_relevance_run_on_the_user_s_vectors(tmp_path: Path) -> None:
    brought, pool, store = vectors(tmp_path), pool_with({}), SignalStore(Home(tmp_path / "home"))
    item = Item("1 + 1", (Message(Role.USER, "1 + 1"),), "2")
    signals = (
        brought,
        EmbeddingPairs(embeddings=brought),
        Clusters(sizes=(2,), embeddings=brought),
        Relevance(Benchmark("sums", (item,), (SAMPLES[2],)), nearest=1, embeddings=brought),
    )

    table = store.table(pool, {signal.name: store.score(signal, pool).version for signal in signals})

    alike = {pool.row_of(SAMPLES[0].id), pool.row_of(SAMPLES[1].id)}
    pairs = table.pair_list("embedding")
    assert {int(pairs.low[pairs.similarity.argmax()]), int(pairs.high[pairs.similarity.argmax()])} == alike
    assert table.vectors_of("embedding").shape == (6, 3)
    assert len(set(table.label("cluster/2").tolist())) == 2
    assert table["relevance/sums"][pool.row_of(SAMPLES[2].id)] == pytest.approx(1.0)


def test_relevance_needs_vectors_of_the_targets(tmp_path: Path) -> None:
    with pytest.raises(GivenFileError, match="has no vector for 1 target samples"):
        vectors(tmp_path).of_targets([question_and_answer("other", "target")])


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_a_table_of_a_spreadsheet_is_read_by_the_separator_of_its_first_line(
    tmp_path: Path, separator: str
) -> None:
    pool, cell = pool_with({}), "0,25" if separator == ";" else "0.25"
    lines = [f"id{separator}q", *(f"{sample.id}{separator}{cell}" for sample in SAMPLES)]
    (tmp_path / "q.csv").write_text("\ufeff" + "\r\n".join(lines))

    assert scores(GivenScores("q", str(tmp_path / "q.csv")), pool) == [0.25] * len(SAMPLES)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("none.parquet", "it is not there"),
        ("folder", "it is a folder"),
        ("q.jsonl", "it is no whole Parquet file, as which its ending has it read"),
    ],
)
def test_what_is_no_table_of_scores_is_refused_in_words_about_that_file(
    tmp_path: Path, name: str, why: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "other.csv").write_text("id,q\n")
    (tmp_path / "q.jsonl").write_text('{"id": "a", "q": 1}\n')

    with pytest.raises(GivenFileError) as refused:
        scores(GivenScores("q", str(tmp_path / name)), pool_with({}))

    assert (
        str(refused.value)
        == f"the file {tmp_path / name} cannot be read: {why}; name a Parquet, CSV or TSV file."
    )
