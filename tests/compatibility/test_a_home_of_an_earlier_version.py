"""A home that commit f7d6479 wrote, read by the present code: pools, signals, searches, exports."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from autoselection_core.cli.running import run
from autoselection_core.identity import fingerprint_bytes, fingerprint_file
from autoselection_core.pool import Source, ingest, sources_version
from autoselection_core.recipe import Recipe
from autoselection_core.signals.table import first_name
from autoselection_core.store.home import Home
from autoselection_core.subset import explain, read_subset, realise, verify
from tests.compatibility.earlier import (
    CAMPAIGNS,
    REDEFINED,
    SEARCHES,
    EarlierHome,
    recorded,
    trials_of,
    values_of,
)

Said = Callable[..., str]

BY_NAME = ("formula", "published", "advised", "cheap", "trained", "every_signal")
"""Searches that their campaign asks for as it is declared."""


@pytest.fixture
def said(read: EarlierHome, capsys: pytest.CaptureFixture[str]) -> Said:
    """Output of the command; it has to succeed."""
    assert read.folder.is_dir()

    def call(*arguments: str) -> str:
        capsys.readouterr()
        assert run(arguments) == 0, capsys.readouterr()
        return capsys.readouterr().out

    return call


@pytest.mark.parametrize("campaign", CAMPAIGNS)
def test_the_pool_holds_the_same_samples_and_the_raw_files_give_it_again(
    earlier: EarlierHome, campaign: str
) -> None:
    workspace, known = earlier.workspace(campaign), recorded()["pools"][campaign]
    pool, gated = workspace.pool(), workspace.gate_result()

    assert workspace.ingest().pool.version == pool.version
    assert (pool.version, len(pool)) == (known["version"], known["samples"])
    assert fingerprint_bytes([pool.ids.tobytes()]) == known["ids"]
    assert (0 if gated is None else gated.samples_cut) == known["cut"]


def test_a_file_that_two_sources_name_is_the_pool_that_it_was(tmp_path: Path) -> None:
    """Commit f7d6479 gave both names to these files; a later one refused the campaign."""
    said = [f"{number}" for number in range(4)]
    lines = [json.dumps({"instruction": f"Say {each}.", "output": f"It is {each}."}) + "\n" for each in said]
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/a.jsonl").write_text("".join(lines))
    (tmp_path / "raw/b.jsonl").write_text(lines[2])
    twice = [Source(f"{tmp_path}/raw/*.jsonl", licence="CC0-1.0"), Source(f"{tmp_path}/raw/a.jsonl", "again")]

    found = ingest(twice, Home(tmp_path / "home"))

    assert (found.records, found.samples, found.merged) == (9, 4, 5)
    assert found.pool.version == "d3e1f6b6556b13645d2786070587b5c7"
    assert sources_version(twice) == "acd6b9c9e77bbfda433830fe317253cc"


@pytest.mark.parametrize("campaign", CAMPAIGNS)
def test_signals_have_the_versions_under_which_their_values_are_stored(
    read: EarlierHome, campaign: str
) -> None:
    versions, known = read.workspace(campaign).signal_versions, recorded()["signals"][campaign]

    now = {first_name(name): version for name, version in versions.items()}

    assert now.keys() == known.keys()
    assert {name for name in now if now[name] != known[name]["version"]} == REDEFINED & known.keys()


@pytest.mark.parametrize("campaign", CAMPAIGNS)
def test_stored_values_are_read_to_the_last_bit(read: EarlierHome, campaign: str) -> None:
    known = recorded()["signals"][campaign]

    values = list(values_of(read.workspace(campaign)))

    assert sorted(values) == sorted(value for each in known.values() for value in each["values"].values())


@pytest.mark.parametrize("campaign", CAMPAIGNS)
def test_no_signal_is_scored_again(earlier: EarlierHome, campaign: str) -> None:
    workspace, stored = earlier.workspace(campaign), earlier.stored()
    same = [name for name in workspace.signal_names if first_name(name) not in REDEFINED]

    reports = [workspace.score(name, workspace.pool()) for name in same]

    assert [report.computed for report in reports] == [0] * len(same)
    assert earlier.stored() == stored


@pytest.mark.parametrize("search", BY_NAME)
def test_the_campaign_still_asks_for_the_search_that_it_asked_for(read: EarlierHome, search: str) -> None:
    workspace, known = read.workspace(search), recorded()["searches"][search]

    spec = workspace.current_spec(workspace.ledger.search(search).spec)

    assert (spec.identity, spec.usual_name) == (known["identity"], known["usual_name"])


@pytest.mark.parametrize("search", SEARCHES)
def test_budgets_states_and_payments_are_as_they_were(read: EarlierHome, search: str) -> None:
    record, known = read.ledger.search(search), recorded()["searches"][search]

    assert record.spec.identity == known["identity"]
    assert record.state.value == known["state"]
    for name in ("budget", "spent", "held", "report_evaluations", "report_spent"):
        assert getattr(record, name) == known[name], name
    payments = [
        [one.kind.value, one.trial, one.attempt, one.outcome, one.evaluation, one.cost]
        for one in read.ledger.payments(search)
    ]
    assert payments == known["payments"]


@pytest.mark.parametrize("search", SEARCHES)
def test_trials_have_the_recipes_hashes_and_scores_that_they_had(read: EarlierHome, search: str) -> None:
    known = recorded()["searches"][search]

    for trial, then in zip(trials_of(read.ledger, search), known["trials"] + known["report"], strict=True):
        assert trial.recipe is not None
        assert trial.recipe.fingerprint == then["recipe"]
        assert Recipe.from_json(then["text"]) == trial.recipe
        assert trial.state.value == then["state"]
        for name in (
            "trial",
            "arm",
            "attempt",
            "subset",
            "evaluation",
            "utility",
            "scores",
            "cost",
            "fidelity",
        ):
            assert getattr(trial, name) == then[name], name


@pytest.mark.parametrize("search", SEARCHES)
def test_recipes_leave_the_samples_that_they_left_step_by_step(read: EarlierHome, search: str) -> None:
    known, signals = recorded()["searches"][search], read.facts(search).signals

    for then in known["trials"] + known["report"]:
        subset = realise(Recipe.from_json(then["text"]), signals)
        assert subset.fingerprint == then["subset"]
        assert [[step.rows_in, step.rows_out] for step in subset.steps] == then["steps"]


@pytest.mark.parametrize("search", SEARCHES)
def test_stored_subsets_are_what_their_recipes_give(read: EarlierHome, search: str) -> None:
    signals = read.facts(search).signals
    files = [
        file
        for trial in trials_of(read.ledger, search)
        for file in read.home.subset(str(trial.subset)).glob("*.parquet")
        if read_subset(file).pool_version == signals.pool_version
    ]

    assert files
    assert all(verify(file, signals).is_same for file in files)


def test_evaluations_are_read_with_the_scores_that_the_ledger_has(read: EarlierHome) -> None:
    for search in SEARCHES:
        facts = read.facts(search)
        evaluator = facts.workspace.evaluator(facts.record.spec.pool_version, facts.record.spec)
        assert evaluator.fingerprint == recorded()["searches"][search]["evaluator"]
        for trial in facts.trials:
            if trial.utility is not None and trial.evaluation is not None:
                made = evaluator.load_finished(trial.evaluation)
                assert made is not None
                assert made.utility == pytest.approx(trial.utility, abs=1e-12)


def test_status_lists_every_search_with_its_budget(said: Said) -> None:
    lines = said("status", "-c", "formula").splitlines()

    for search, known in recorded()["searches"].items():
        spent = f"{known['spent']:g} of {known['budget']}"
        assert any(line.startswith(search) and spent in line for line in lines), search


@pytest.mark.parametrize("search", ["published", "cheap", "trained", "unfinished"])
def test_show_tells_rows_tokens_and_scores_of_every_trial(said: Said, search: str) -> None:
    lines = said("show", search).splitlines()

    for number, *figures in recorded()["searches"][search]["table"]:
        assert any(line.startswith(number) and all(one in line for one in figures) for line in lines), number


@pytest.mark.parametrize("search", ["published", "advised", "growing-pool-582e9004"])
def test_show_tells_why_a_trial_was_chosen(said: Said, search: str) -> None:
    trial = recorded()["searches"][search]["trials"][-1]

    told = said("show", search, "--trial", str(trial["trial"]))

    assert trial["origin"] in told
    assert all(f"{rows:,}" in told for step in trial["steps"] for rows in step)


def test_explain_leads_from_a_subset_and_an_evaluation_to_trial_and_score(said: Said) -> None:
    trial = recorded()["searches"]["trained"]["trials"][1]

    assert "trained|002" in said("explain", trial["subset"])
    told = said("explain", trial["evaluation"])
    assert "trained|002" in told
    assert trial["subset"] in told
    assert f"{trial['utility']:.4g}" in told


def test_explain_leads_from_a_sample_to_the_trials_that_trained_on_it(said: Said) -> None:
    sample, is_in, _ = recorded()["searches"]["published"]["explained"][0]

    told = said("explain", sample, "--search", "published")

    assert f"{sample} {'is in' if is_in else 'is not in'}" in told
    assert "selected by trials" in told


def test_compare_counts_the_rows_that_it_counted(said: Said) -> None:
    known = recorded()["searches"]["published"]["compared"]

    told = said("compare", "1", "2", "--search", "published")

    assert f"{known['common']:,} rows in both" in told
    assert all(f"{rows:,} only in trial" in told for rows in known["only"])


@pytest.mark.parametrize("search", SEARCHES)
def test_an_export_of_then_is_verified(read: EarlierHome, said: Said, search: str) -> None:
    told = said("verify", str(read.folder / "exports" / search))

    assert recorded()["searches"][search]["export"]["content"] in told


def test_an_export_of_now_has_the_same_data(read: EarlierHome, said: Said) -> None:
    known = recorded()["searches"]["published"]["export"]

    said("export", "published", "--to", str(read.folder / "again"))

    assert fingerprint_file(read.folder / "again" / "data.jsonl") == known["data"]
    manifest = json.loads((read.folder / "again" / "manifest.json").read_text())
    assert (manifest["subset"], manifest["samples"]) == (known["subset"], known["samples"])
    assert "An earlier release wrote that" in (read.folder / "again" / "README.md").read_text()


@pytest.mark.parametrize("search", ["published", "by_hand", "trained"])
def test_samples_are_in_the_best_subset_or_dropped_by_the_same_step(read: EarlierHome, search: str) -> None:
    facts = read.facts(search)

    for sample, is_in, step in recorded()["searches"][search]["explained"]:
        found = explain(facts.require_best().recipe, facts.signals, facts.pool.row_of(sample))
        assert found.is_in is is_in
        assert (None if found.dropped_by is None else found.dropped_by.number) == step


def test_spellings_of_then_are_still_read(read: EarlierHome, said: Said) -> None:
    """The campaigns above are written in them: policy `autoselection`, signal `minhash`, key `research`."""
    again = read.workspace("growing").campaign.on_pool_change
    assert (again.when.value, again.cron, again.budget) == ("schedule", "0 4 * * 1", 5)
    spelled = (
        "- drop_near_duplicates: {pairs: minhash, similarity: 0.7}\n"
        "- keep_top: {signal: word_entropy, fraction: 0.5}\n"
    )
    assert Recipe.from_yaml(spelled) == read.ledger.trials("by_hand")[0].recipe
    assert "published" in said("replay", "published", "--policy", "autoselection")
