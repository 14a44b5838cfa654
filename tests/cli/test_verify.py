"""`autoselection verify` rebuilds a stored subset and says whether it is the same."""

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from autoselection_core.cli.app import app
from autoselection_core.history.records import TrialState
from tests.cli.conftest import Cli
from tests.cli.workshop import Workshop


@pytest.fixture
def restored(searched: Workshop, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """A folder elsewhere with a home that was restored: one search of an earlier pool, one of the latest."""
    with (searched.folder / "raw" / "sums.jsonl").open("a") as raw:
        raw.writelines(
            json.dumps({"prompt": f"Now add {number} and 9.", "response": f"beta gamma {number}"}) + "\n"
            for number in range(20)
        )
    assert cli("search", "--name", "second")[0] == 0
    assert cli("backup", str(tmp_path / "backup.tar"))[0] == 0
    elsewhere = tmp_path / "another" / "machine"
    elsewhere.mkdir(parents=True)
    shutil.copytree(searched.folder / "raw", elsewhere / "raw")
    shutil.copy(searched.folder / "autoselection.yaml", elsewhere)
    shutil.rmtree(searched.folder)
    monkeypatch.chdir(elsewhere)
    code, said, _ = cli("restore", str(tmp_path / "backup.tar"))
    assert code == 0, said
    return Workshop(elsewhere)


RECIPE = (
    "process:\n- keep_top: {signal: word_entropy, fraction: 0.5}\n- drop_near_duplicates: {similarity: 0.9}\n"
)
NEED_NO_HOME = {"init", "ui", "backup", "restore"}
"""Commands that read no search of the home, write it, or serve it, which tests of their own do."""


def commands(search: str, subset: str, evaluation: str) -> list[tuple[str, ...]]:
    """Every command about a search."""
    return [
        ("show", search),
        ("show", search, "--trial", "2"),
        *(("explain", name) for name in (search, subset, evaluation)),
        ("explain", "sums.jsonl#5", "--search", search),
        ("compare", "1", "2", "--search", search),
        ("forecast", search, "--evaluations", "2"),
        ("replay", search),
        ("export", search, "--to", f"out-{search}"),
        ("verify", f"out-{search}"),
        ("verify", subset),
        ("realise", "recipe.yaml"),
        *(("status",), ("doctor",), ("audit",), ("prune", "--older-than", "0")),
        ("ingest",),
        ("evaluate", "recipe.yaml", "--search", search, "--report-evaluations", "8")
        if search == "first"
        else ("search", "--name", search, "--budget", "4"),
    ]


@pytest.mark.parametrize("search", ["first", "second"])
def test_every_command_works_on_a_restored_search(cli: Cli, restored: Workshop, search: str) -> None:
    made = restored.evaluations()
    (restored.folder / "recipe.yaml").write_text(RECIPE)
    trial = next(each for each in restored.ledger().trials(search) if each.state is TrialState.DONE)
    tried = commands(search, str(trial.subset), str(trial.evaluation))

    for command in tried:
        code, said, problem = cli(*command)
        assert code == (1 if command == ("audit",) else 0), (command, said, problem)
    assert set(made) < set(restored.evaluations())


def test_no_command_is_left_out_of_those_that_are_tried_on_restored_searches() -> None:
    known = {each.name or each.callback.__name__ for each in app.registered_commands if each.callback}
    tried = {command[0] for search in ("first", "second") for command in commands(search, "", "")}

    assert tried | NEED_NO_HOME == known


KEY = b"autoselection"


@pytest.fixture
def stored(searched: Workshop) -> Path:
    """The file of the subset of a measured trial that has less than the pool."""
    trials = searched.ledger().trials("first")
    chosen = next(trial for trial in trials if trial.recipe is not None and trial.recipe.steps)
    (file,) = (searched.folder / f".autoselection/subsets/{chosen.subset}").iterdir()
    return file


def test_every_measured_trial_has_stored_its_subset(searched: Workshop) -> None:
    measured = [trial for trial in searched.ledger().trials("first") if trial.state is TrialState.DONE]
    files = {file.parent.name for file in searched.folder.glob(".autoselection/subsets/*/*.parquet")}

    assert measured
    assert {trial.subset for trial in measured} <= files


def test_a_subset_is_rebuilt_from_its_recipe_by_file_and_by_hash(cli: Cli, stored: Path) -> None:
    for name in (str(stored), stored.parent.name):
        code, output, _ = cli("verify", name)

        assert code == 0
        assert f"subset {stored.parent.name}" in output
        assert "as its recipe gives them" in output


def test_a_subset_is_rebuilt_on_the_signals_that_its_search_pins(
    cli: Cli, searched: Workshop, stored: Path
) -> None:
    searched.change("near_duplicates", "{near_duplicates: {words: 2}}")

    assert cli("verify", stored.parent.name)[0] == 0


def test_a_recipe_that_gives_other_samples_is_told_with_their_number(cli: Cli, stored: Path) -> None:
    table = pq.read_table(stored)
    provenance = json.loads(table.schema.metadata[KEY])
    provenance["recipe"] = {**provenance["recipe"], "process": [{"keep_random": {"count": 1}}]}
    pq.write_table(table.replace_schema_metadata({KEY: json.dumps(provenance)}), stored)

    code, output, _ = cli("verify", str(stored))

    assert code == 1
    assert "differs from what its recipe gives" in output
    assert "ids differ (" in output


def test_ids_that_are_not_those_of_the_hash_are_told(cli: Cli, stored: Path) -> None:
    pq.write_table(pq.read_table(stored).slice(1), stored)

    code, output, _ = cli("verify", str(stored))

    assert code == 1
    assert "its sample ids hash to" in output


def test_what_holds_no_subset_is_bad_input(cli: Cli, searched: Workshop) -> None:
    (searched.folder / "text.parquet").write_text("not columns")
    pq.write_table(
        pq.read_table(next(searched.folder.glob(".autoselection/subsets/*/*"))).replace_schema_metadata(None),
        "bare.parquet",
    )

    for name, problem in (
        ("text.parquet", "holds no subset"),
        ("bare.parquet", "says nothing of a recipe"),
        ("none.parquet", "there is no subset at"),
        ("0" * 32, "there is no subset at"),
    ):
        code, _, error = cli("verify", name)
        assert code == 2
        assert problem in error
