"""The 90,000-record pool: every record accounted for, and a version that every machine finds again."""

from pathlib import Path

import pytest

from autoselection_core.pool import Ingestion, Pool, QuarantineReason, Scope, Source, ingest
from autoselection_core.store.home import Home

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def ingestion(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Ingestion:
    home = Home(tmp_path_factory.mktemp("home"))
    return ingest([Source(str(real_data / "pool_90k.parquet"))], home)


def test_every_record_is_accounted_for(ingestion: Ingestion) -> None:
    assert (ingestion.records, ingestion.samples, ingestion.merged) == (90_000, 81_030, 8_810)
    assert (ingestion.quarantined, ingestion.trimmed) == (160, 4_640)
    assert ingestion.reasons["kto_en_demo"] == {QuarantineReason.UNDESIRABLE: 150}
    assert len(ingestion.quarantine_path.read_text().splitlines()) == 160


def test_the_version_is_the_same_on_every_machine(ingestion: Ingestion) -> None:
    assert ingestion.pool.version == "91769368b88a61785fe6f4b9fb74f2cb"


def test_every_sample_has_an_answer_and_all_but_two_an_instruction(ingestion: Ingestion) -> None:
    instructions = ingestion.pool.texts(Scope.INSTRUCTION)

    assert all(ingestion.pool.texts(Scope.RESPONSE))
    assert instructions.count("") == 2  # conversations that the assistant opens and ends


def test_ids_ascend(ingestion: Ingestion) -> None:
    pool = ingestion.pool

    assert (pool.keys[1:] > pool.keys[:-1]).all()
    assert len(set(pool.ids.tolist())) == len(pool)


def test_the_same_records_under_other_keys_are_one_source_of_samples(ingestion: Ingestion) -> None:
    pool = ingestion.pool
    codegen = [row for row in range(0, len(pool), 10) if _sources(pool, row) >= {"gpteacher_codegen"}]

    assert codegen
    assert all("codealpaca_new" in _sources(pool, row) for row in codegen)


def _sources(pool: Pool, row: int) -> set[str]:
    return {origin.source for origin in pool.origins(row)}
