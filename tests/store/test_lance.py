"""Tables that grow by many small appends."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa

from autoselection_core.store.lance import ID, ID_TYPE, MAX_FRAGMENTS, LanceTable

GROWTHS = 300


def rows(number: int) -> pa.Table:
    return pa.table({ID: pa.array([number.to_bytes(16, "big")], ID_TYPE), "value": pa.array([float(number)])})


def test_a_table_of_three_hundred_appends_is_read_from_few_files(tmp_path: Path) -> None:
    table = LanceTable(tmp_path, "values")

    for number in range(GROWTHS):
        table.append(rows(number))

    assert table.read().column("value").to_pylist() == list(range(GROWTHS))
    stats = table._opened().stats()["fragment_stats"]
    assert stats["num_fragments"] <= MAX_FRAGMENTS


def test_tables_are_merged_while_others_append(tmp_path: Path) -> None:
    LanceTable(tmp_path, "values").append(rows(0))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda number: LanceTable(tmp_path, "values").append(rows(number)), range(1, 100)))

    assert sorted(LanceTable(tmp_path, "values").read().column("value").to_pylist()) == list(range(100))
