import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.evaluation.scoring.prefix_tree import shared_prefix_rows

SEQUENCES = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=12), min_size=1, max_size=12)


@given(SEQUENCES, st.integers(1, 60))
def test_every_sequence_is_laid_out_once_and_whole(sequences: list[list[int]], budget: int) -> None:
    arrays = [np.array(sequence, np.int32) for sequence in sequences]

    rows = shared_prefix_rows(arrays, budget)

    assert sorted(number for row in rows for number in row.numbers) == list(range(len(arrays)))
    for row in rows:
        for number, path in zip(row.numbers, row.paths, strict=True):
            assert row.input_ids[path].tolist() == sequences[number]
            assert row.positions[path].tolist() == list(range(len(path)))
        assert len(row.input_ids) <= budget or len(row.numbers) == 1


@given(SEQUENCES)
def test_a_token_sees_exactly_what_stands_before_it(sequences: list[list[int]]) -> None:
    (row,) = shared_prefix_rows([np.array(sequence, np.int32) for sequence in sequences], 10_000)

    visible = row.visible()

    for path in row.paths:
        for place, token in enumerate(path):
            assert set(np.flatnonzero(visible[token])) == set(path[: place + 1])


def test_a_shared_beginning_is_read_once() -> None:
    prompt = np.arange(100, dtype=np.int32)
    answers = [np.append(prompt, [200 + number]).astype(np.int32) for number in range(4)]

    (row,) = shared_prefix_rows(answers, 10_000)

    assert len(row.input_ids) == 104
