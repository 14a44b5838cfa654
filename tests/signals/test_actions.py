from importlib.util import find_spec

import numpy as np
import pytest

from autoselection_core.errors.signals import MissingExtraError
from autoselection_core.signals.definitions.wording.actions import ActionBranching, branching
from autoselection_core.testing.pools import pool_of_answers


def test_branching_is_half_the_verbs_and_half_the_mean_subtree() -> None:
    # "She wants to eat apples": wants <- She, eat; eat <- to, apples
    heads, verbs = [1, 1, 3, 1, 3], np.array([0, 1, 0, 1, 0], np.bool_)

    assert branching(heads, verbs) == 0.5 * 2 + 0.5 * (5 + 3) / 2


def test_two_sentences_are_two_trees() -> None:
    assert branching([0, 0, 2, 2, 2], np.array([1, 0, 1, 0, 0], np.bool_)) == 0.5 * 2 + 0.5 * (2 + 3) / 2


def test_a_text_without_verbs_is_unknown() -> None:
    assert np.isnan(branching([0, 0], np.zeros(2, np.bool_)))
    assert np.isnan(branching([], np.zeros(0, np.bool_)))


def test_without_the_extra_the_signal_is_absent_and_says_how_to_install_it() -> None:
    if find_spec("spacy") is not None:
        values = ActionBranching().compute(pool_of_answers(["She wants to eat apples."], question="?"), {})
        assert np.asarray(values["action_branching"])[0] > 1
        return
    with pytest.raises(MissingExtraError, match=r"autoselection\[actions\]"):
        ActionBranching().compute(pool_of_answers(["Dogs chase cats."]), {})
