"""A pool says the same in memory, in a file and in part; that of 90,000 records is the same everywhere."""

from itertools import pairwise
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.errors.pool import AmbiguousSampleError, UnknownSampleError, UnreadablePoolError
from autoselection_core.pool import (
    Ingestion,
    Message,
    Origin,
    Pool,
    QuarantineReason,
    Role,
    Sample,
    Scope,
    Source,
    ingest,
)
from autoselection_core.pool.columns import ROLES, SCHEMA, gathered, table_version
from autoselection_core.pool.storage import write_batches
from autoselection_core.store.home import Home
from tests.pool.raw import ADDITION, conversation

TEXTS = st.text(max_size=6)
MESSAGES = st.builds(Message, st.sampled_from(Role), TEXTS)
SAMPLES = st.builds(Sample, st.lists(MESSAGES, min_size=1, max_size=4).map(tuple), st.none() | TEXTS)
ORIGINS = st.builds(
    Origin, st.sampled_from(["a", "b", "\u00fc"]), TEXTS, st.none() | st.just("MIT"), st.none() | TEXTS
)
FOUND = st.lists(st.tuples(SAMPLES, st.lists(ORIGINS, min_size=1, max_size=3)), max_size=8)


def order(origin: Origin) -> tuple[object, ...]:
    """Ascending, and unknown fields last."""
    fields = (origin.source, origin.locator, origin.licence, origin.extras)
    return tuple((field is None, field or "") for field in fields)


@given(FOUND)
def test_a_pool_holds_every_sample_once_with_all_its_origins(
    found: list[tuple[Sample, list[Origin]]],
) -> None:
    pool = Pool.from_samples(found)

    samples = list(pool.samples())
    assert [sample.id for sample in samples] == sorted({sample.id for sample, _ in found})
    assert pool.ids.tolist() == [sample.id.encode() for sample in samples]
    for row, sample in enumerate(samples):
        expected = [origin for other, origins in found if other == sample for origin in origins]
        assert pool.sample(row) == sample
        assert list(pool.origins(row)) == sorted(expected, key=order)
        assert pool.source_names[pool.source_codes[row]] == pool.origins(row)[0].source
        assert pool.licence(row) == pool.origins(row)[0].licence


@given(FOUND)
def test_a_pool_comes_back_from_its_file(found: list[tuple[Sample, list[Origin]]]) -> None:
    pool = Pool.from_samples(found)
    with TemporaryDirectory() as folder:
        pool.write(Path(folder) / "pool")

        again = Pool.open(Path(folder) / "pool")

        assert again.version == pool.version == table_version(again.table)
        assert again.table.equals(pool.table)


@given(FOUND, st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_nothing(
    found: list[tuple[Sample, list[Origin]]], random: Random
) -> None:
    shuffled = [(sample, [origin]) for sample, origins in found for origin in origins]
    random.shuffle(shuffled)

    pool, other = Pool.from_samples(found), Pool.from_samples(shuffled)

    assert pool.table.equals(other.table)
    assert pool.version == other.version


@given(FOUND, st.sampled_from(Scope), st.data())
def test_texts_of_rows_are_the_texts_of_their_samples(
    found: list[tuple[Sample, list[Origin]]], scope: Scope, data: st.DataObject
) -> None:
    pool = Pool.from_samples(found)
    rows = np.array(
        data.draw(st.lists(st.sampled_from(range(len(pool))), max_size=5)) if found else [], np.int64
    )

    assert pool.texts(scope) == [sample.text(scope) for sample in pool.samples()]
    assert pool.texts(scope, rows) == [pool.sample(row).text(scope) for row in rows]
    assert [sample.id for sample in pool.samples(rows)] == [pool.ids[row].decode() for row in rows]


@given(FOUND, st.integers(0, 255))
def test_a_part_of_a_pool_is_the_pool_of_its_samples(
    found: list[tuple[Sample, list[Origin]]], bits: int
) -> None:
    pool = Pool.from_samples(found)
    rows = np.flatnonzero([bits >> row & 1 for row in range(len(pool))])

    part = pool.take(rows)

    assert part.table.equals(
        Pool.from_samples([(pool.sample(row), pool.origins(row)) for row in rows.tolist()]).table
    )
    assert (
        part.version
        == Pool.from_samples([(pool.sample(row), pool.origins(row)) for row in rows.tolist()]).version
    )
    assert (part.ids == pool.ids[rows]).all()
    assert (pool.rows_of(part.ids[::-1]) == rows).all()


def test_a_part_of_a_pool_from_a_file_has_its_own_version(tmp_path: Path) -> None:
    found = [(conversation((Role.ASSISTANT, str(number))), [Origin("a", str(number))]) for number in range(3)]
    pool = Pool.from_samples(found)
    pool.write(tmp_path / "pool")
    rows = np.array([0, 2])

    assert Pool.open(tmp_path / "pool").take(rows).version == pool.take(rows).version != pool.version


@given(data=st.data(), cuts=st.lists(st.integers(0, 9), max_size=6))
def test_rows_of_a_table_in_many_chunks_are_those_of_the_table_in_one(
    data: st.DataObject, cuts: list[int]
) -> None:
    whole = pa.table({"number": range(9), "texts": [[str(each)] * (each % 3) for each in range(9)]})
    bounds = [0, *sorted(cuts), 9]
    parts = [whole.slice(start, stop - start) for start, stop in pairwise(bounds)]
    rows = data.draw(st.lists(st.integers(0, 8), max_size=20))

    found = gathered(pa.concat_tables(parts), np.array(rows, np.int64))

    assert found.to_pylist() == [whole.slice(row, 1).to_pylist()[0] for row in rows]
    assert all(column.num_chunks <= 1 for column in found.columns)


@pytest.mark.parametrize("row", [-1, 9])
def test_a_row_that_a_table_does_not_have_is_refused(row: int) -> None:
    with pytest.raises(IndexError):
        gathered(pa.table({"number": range(9)}), np.array([0, row]))


def test_the_version_does_not_depend_on_how_columns_are_cut() -> None:
    found = [
        (conversation((Role.ASSISTANT, str(number))), [Origin("a", str(number))]) for number in range(50)
    ]
    whole = Pool.from_samples(found).table
    pieces = pa.concat_tables([whole.slice(start, 7) for start in range(0, 50, 7)])

    assert Pool(pieces).version == Pool(whole).version
    assert Pool(pieces).texts() == Pool(whole).texts()
    assert Pool(pieces).keys.tolist() == Pool(whole).keys.tolist()


def test_the_version_of_a_pool_never_changes() -> None:
    origins = [Origin("a", "a#1"), Origin("b", "b#1", "MIT", "{}")]

    assert Pool.from_samples([(ADDITION, origins)]).version == "1c755547bc0139d9fcb02bb262bb4133"


def test_keys_are_the_first_64_bits_of_the_ids() -> None:
    pool = Pool.from_samples([(ADDITION, [Origin("a", "a#1")])])

    assert pool.keys.tolist() == [int(ADDITION.id[:16], 16)]


def test_the_number_of_a_role_never_changes() -> None:
    assert ROLES == (Role.SYSTEM, Role.USER, Role.ASSISTANT, Role.TOOL)


def test_the_id_of_a_sample_never_changes() -> None:
    assert ADDITION.id == "9929ec5900ca9feae7370d7591028537"


@pytest.mark.parametrize("sample_id", ["0" * 32, "f" * 32, "", "no id at all, and longer than any id"])
def test_an_unknown_sample_is_named(sample_id: str) -> None:
    pool = Pool.from_samples([(ADDITION, [Origin("a", "a#1")])])

    with pytest.raises(UnknownSampleError, match="holds no sample"):
        pool.row_of(sample_id)


def test_a_sample_is_found_by_the_first_characters_of_its_id_if_no_other_has_them() -> None:
    pool = Pool.from_samples(
        [(conversation((Role.ASSISTANT, str(n))), [Origin("a", "a")]) for n in range(40)]
    )
    names = [name.decode() for name in pool.ids]

    for row, name in enumerate(names):
        for length in range(1, 33):
            alike = [other for other in names if other.startswith(name[:length])]
            if len(alike) == 1:
                assert pool.row_of(name[:length]) == row
            else:
                with pytest.raises(AmbiguousSampleError, match="give more characters"):
                    pool.row_of(name[:length])


def test_a_sample_is_found_by_the_place_of_its_record_and_by_an_id_of_the_users_own() -> None:
    pool = Pool.from_samples(
        (
            conversation((Role.ASSISTANT, str(n))),
            [Origin("a", f"a.jsonl#{n}", extras=f'{{"number":{n + 100},"q_id":"r{n}","topic":"shop"}}')],
        )
        for n in range(40)
    )
    row = next(row for row in range(40) if pool.sample(row).messages[0].content == "17")

    assert [pool.row_of(name) for name in ("a.jsonl#17", "r17", "117", "a#17")] == [row] * 4
    assert pool.origins(row)[0].own_id == "r17"
    with pytest.raises(AmbiguousSampleError, match="'shop' names"):
        pool.row_of("shop")
    for unknown in ("r40", "a#40", "b#17"):
        with pytest.raises(UnknownSampleError, match=r"no record has this place.* Its sources are a\."):
            pool.row_of(unknown)


def test_a_place_in_a_source_of_several_files_is_named_by_its_file() -> None:
    pool = Pool.from_samples(
        (conversation((Role.ASSISTANT, file)), [Origin("sums", f"{file}.jsonl#1")]) for file in ("x", "y")
    )

    with pytest.raises(AmbiguousSampleError, match="the file's name in place of its source's"):
        pool.row_of("sums#1")
    assert pool.sample(pool.row_of("y.jsonl#1")).messages[0].content == "y"


def test_a_known_sample_has_a_row() -> None:
    pool = Pool.from_samples([(conversation((Role.ASSISTANT, str(n))), [Origin("a", "a")]) for n in range(9)])

    assert [pool.row_of(sample.id) for sample in pool.samples()] == list(range(9))


def test_a_folder_without_a_pool_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadablePoolError, match="Ingest the sources again"):
        Pool.open(tmp_path)


def test_a_pool_that_was_cut_short_is_named(tmp_path: Path) -> None:
    Pool.from_samples([(ADDITION, [Origin("a", "a#1")])]).write(tmp_path / "pool")
    file = tmp_path / "pool" / "pool.arrow"
    file.write_bytes(file.read_bytes()[:-100])

    with pytest.raises(UnreadablePoolError, match="holds no readable pool"):
        Pool.open(tmp_path / "pool")


def test_a_pool_of_another_version_is_named(tmp_path: Path) -> None:
    write_batches(tmp_path / "pool.arrow", SCHEMA.remove(4), [])

    with pytest.raises(UnreadablePoolError, match="another version"):
        Pool.open(tmp_path)


def test_a_frame_has_a_line_for_each_sample() -> None:
    origins = [Origin("b", "b#1", "MIT"), Origin("c", "c#1")]

    frame = Pool.from_samples([(ADDITION, origins)]).to_pandas()

    assert frame.to_dict("records") == [
        {
            "id": ADDITION.id,
            "source": "b",
            "licence": "MIT",
            "origins": 2,
            "messages": 2,
            "instruction": "Add.\n1 + 1",
            "response": "2",
        }
    ]


@pytest.fixture(scope="module")
def ingestion(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Ingestion:
    home = Home(tmp_path_factory.mktemp("home"))
    return ingest([Source(str(real_data / "pool_90k.parquet"))], home)


@pytest.mark.real_data
def test_every_record_is_accounted_for(ingestion: Ingestion) -> None:
    assert (ingestion.records, ingestion.samples, ingestion.merged) == (90_000, 81_030, 8_810)
    assert (ingestion.quarantined, ingestion.trimmed) == (160, 4_640)
    assert ingestion.reasons["kto_en_demo"] == {QuarantineReason.UNDESIRABLE: 150}
    assert len(ingestion.quarantine_path.read_text().splitlines()) == 160


@pytest.mark.real_data
def test_the_version_is_the_same_on_every_machine(ingestion: Ingestion) -> None:
    assert ingestion.pool.version == "91769368b88a61785fe6f4b9fb74f2cb"


@pytest.mark.real_data
def test_every_sample_has_an_answer_and_all_but_two_an_instruction(ingestion: Ingestion) -> None:
    instructions = ingestion.pool.texts(Scope.INSTRUCTION)

    assert all(ingestion.pool.texts(Scope.RESPONSE))
    assert instructions.count("") == 2  # conversations that the assistant opens and ends


@pytest.mark.real_data
def test_ids_ascend(ingestion: Ingestion) -> None:
    pool = ingestion.pool

    assert (pool.keys[1:] > pool.keys[:-1]).all()
    assert len(set(pool.ids.tolist())) == len(pool)


@pytest.mark.real_data
def test_the_same_records_under_other_keys_are_one_source_of_samples(ingestion: Ingestion) -> None:
    pool = ingestion.pool
    codegen = [row for row in range(0, len(pool), 10) if _sources(pool, row) >= {"gpteacher_codegen"}]

    assert codegen
    assert all("codealpaca_new" in _sources(pool, row) for row in codegen)


def _sources(pool: Pool, row: int) -> set[str]:
    return {origin.source for origin in pool.origins(row)}
