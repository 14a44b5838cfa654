"""A search's settings are defined once: every place that names them follows from the one definition."""

from dataclasses import fields
from pathlib import Path

import pytest
import typer

from autoselection_core import environment_variables
from autoselection_core.campaign.declaration.allowed_paths import AllowedPaths
from autoselection_core.campaign.declaration.campaign import Campaign, ClosedForm, Fidelity, Stewardship
from autoselection_core.campaign.declaration.loading import campaign_from, campaign_of, load_campaigns
from autoselection_core.campaign.declaration.search_request import SETTINGS, SearchRequest
from autoselection_core.campaign.declaration.trackers import TensorBoard, WeightsAndBiases
from autoselection_core.campaign.declaration.yaml_document import read_document
from autoselection_core.cli.app import app
from autoselection_core.errors.base import AutoSelectionError
from autoselection_core.errors.campaign import (
    CampaignFileError,
    NoCampaignFileError,
    UnknownCampaignError,
    UnknownKeyError,
)
from autoselection_core.errors.recipe import SettingError
from autoselection_core.history.search_settings import SearchSettings
from autoselection_core.history.specification import SearchSpec
from autoselection_core.pool.sources import Source
from autoselection_core.solver.advice.settings import AdviserSettings
from autoselection_core.space import axes, meanings
from autoselection_core.store.home import Home

RANGES = {axis.name: axis.space for axis in axes(SearchSettings)}


def test_a_search_has_every_setting_with_its_default() -> None:
    defaults = {each.name: each.default for each in fields(SearchSettings)}

    assert {each.name: each.default for each in fields(SearchSpec) if each.name in defaults} == defaults
    assert vars(Campaign("c", (Source("a"),)).search) == defaults


def test_every_setting_says_what_it_means() -> None:
    assert all(meanings(SearchSettings)[name] for name in SETTINGS)
    assert set(RANGES) == {*SETTINGS} - {"policy"}


@pytest.mark.parametrize("name", SETTINGS)
def test_the_command_line_offers_every_setting_with_its_meaning(name: str) -> None:
    command = getattr(typer.main.get_command(app), "commands", {})["search"]
    (option,) = [each for each in command.params if each.name == name]

    assert option.opts == [f"--{name.replace('_', '-')}"]
    assert option.help.startswith(meanings(SearchSettings)[name])


@pytest.mark.parametrize("name", sorted(RANGES))
def test_a_request_beyond_a_range_is_refused_by_name(name: str) -> None:
    campaign = Campaign("c", (Source("a"),), closed_form=ClosedForm())

    with pytest.raises(SettingError, match=name):
        SearchRequest.of(**{name: getattr(RANGES[name], "high") + 1}).outline(campaign)  # noqa: B009


def test_a_stored_search_beyond_the_ranges_of_now_is_still_read() -> None:
    large = {**SearchSpec(campaign="c").to_json(), "seed": 2**40, "max_steps": 9, "budget": 10**6}

    assert SearchSpec.from_json(large).to_json() == large


def test_a_search_that_an_earlier_release_stored_keeps_its_name() -> None:
    stored = {
        "benchmarks": [],
        "budget": 6,
        "campaign": "demo",
        "evaluator": "",
        "max_steps": 6,
        "metric": "log_likelihood",
        "operators": [],
        "policy": "default",
        "policy_settings": {},
        "pool_version": "",
        "report_evaluations": 6,
        "seed": 0,
        "signal_versions": {},
        "slots": 1,
        "training": {},
        "weights": {},
    }

    assert SearchSpec.from_json(stored).usual_name == "demo-688f31d8"


GOOD = """\
campaigns:
  demo:
    pool:
      - path: "{home}/demo/raw/*"
        licence: CC0-1.0
      - {path: extra.jsonl, name: extra}
    base_model: "{home}/models/tiny"
    benchmarks:
      sums: {path: "{home}/demo/benchmarks/sums", weight: 2}
      words: {path: benchmarks/words}
    signals: [tokens, word_entropy, {near_duplicates: {words: 4}}]
    operators: [keep_top, drop_near_duplicates]
    training: {preset: cpu-lora, amount: 6000}
    search: {budget: 6, policy: random}
    policy: {warmup: 2}
    adviser: {url: "http://127.0.0.1:8000/v1", model: tiny, roles: [ranker]}
"""


def load(folder: Path, text: str) -> Campaign:
    file = folder / "autoselection.yaml"
    file.write_text(text)
    return campaign_of(load_campaigns(file, Home(folder / "home")), None)


def test_a_campaign_holds_what_its_file_says(tmp_path: Path) -> None:
    campaign = load(tmp_path, GOOD)

    assert campaign.name == "demo"
    assert campaign.sources[0].path == str(tmp_path / "home/demo/raw/*")
    assert (campaign.sources[0].licence, campaign.sources[1].name) == ("CC0-1.0", "extra")
    assert campaign.base_model == str(tmp_path / "home/models/tiny")
    assert campaign.weights == {"sums": 2.0, "words": 1.0}
    assert campaign.benchmark_files["words"] == tmp_path / "benchmarks/words"
    assert campaign.signals == {"tokens": {}, "word_entropy": {}, "near_duplicates": {"words": 4}}
    assert campaign.operators == ("keep_top", "drop_near_duplicates")
    assert campaign.adviser == AdviserSettings("http://127.0.0.1:8000/v1", "tiny", ("ranker",))
    assert (campaign.search.budget, campaign.search.policy, campaign.search.slots) == (6, "random", 1)
    assert campaign.policy == {"warmup": 2}


def test_signals_and_settings_are_read_by_their_first_names_too(tmp_path: Path) -> None:
    spelled = GOOD.replace("{near_duplicates: {words: 4}}", "{minhash: {words: 4, lowest: 0.6}}")

    assert load(tmp_path, spelled).signals["near_duplicates"] == {"words": 4, "min_similarity": 0.6}


BAD = [
    (
        "{path: extra.jsonl",
        "{path: 's3://ours/x.jsonl'",
        6,
        r"pool\[2\]\.path leads to s3://ours/x.*AUTOSELECTION_OBJECTS",
    ),
    ("{path: extra.jsonl", "{path: 'gs://ours/x.jsonl'", 6, r"pool\[2\]\.path is gs://.*only s3:// is read"),
    ('"{home}/models/tiny"', '"s3://ours/tiny"', 7, r"base_model is s3://ours/tiny, but has to be a path"),
    (
        "path: benchmarks/words",
        "path: 's3://ours/words'",
        10,
        r"words\.path is s3://ours/words, but has to be a path",
    ),
    ("budget: 6", "budgte: 6", 14, r"demo\.search\.budgte is not a key here .*Did you mean 'budget'\?"),
    ("budget: 6", "budget: 0", 14, r"demo\.search\.budget is 0, but must be a whole number from 1 to 100000"),
    ("budget: 6", "budget: six", 14, r"demo\.search\.budget is 'six', but must be a whole number"),
    ("budget: 6", "budget: true", 14, r"must be a whole number"),
    ("budget: 6", "budget: 6, budget: 7", 14, r"is given twice"),
    ("policy: random", "policy: randm", 14, r"Did you mean 'random'\?"),
    ("signals: [tokens", "signals: [tokns", 11, r"names no signal: 'tokns'.*Did you mean 'tokens'\?"),
    ("{words: 4}", "{wrods: 4}", 11, r"wrods is not a key here .*Did you mean 'words'\?"),
    ("[keep_top", "[keep_tpo", 12, r"names no operator: 'keep_tpo'.*Did you mean 'keep_top'\?"),
    ("amount: 6000", "ammount: 6000", 13, r"training\.ammount is refused: .*Did you mean 'amount'\?"),
    ("cpu-lora", "cpu-laro", 13, r"Did you mean 'cpu-lora'\?"),
    ("amount: 6000", "amount: many", 13, r"training\.amount is refused"),
    ("warmup: 2", "warmup: -2", 15, r"policy\.warmup is refused: warmup is -2"),
    ("model: tiny", "modell: tiny", 16, r"adviser\.modell is not a key here .*Did you mean 'model'\?"),
    (", model: tiny", "", 16, r"adviser needs `model`"),
    ("[ranker]", "[rnaker]", 16, r"adviser\.roles is refused: .*Did you mean 'ranker'"),
    ("[ranker]", "ranker", 16, r"adviser\.roles is 'ranker', but must be a list of roles"),
    ('"http://127.0.0.1:8000/v1"', "127.0.0.1:8000", 16, r"adviser\.url is refused: .*http://"),
    ("weight: 2", "weight: .nan", 9, r"weight is nan, but must be a finite number"),
    ("weight: 2", "weight: .inf", 9, r"weight is inf, but must be a finite number"),
    ("budget: 6", "budget: 1:06", 14, r"1:06 would be read in base 60"),
    ("budget: 6", "budget: 06", 14, r"06 would be read in base 8"),
    ("weight: 2", "dev_share: .nan", 9, r"sums\.dev_share is nan, but must be a finite number"),
    ("weight: 2", "chance: .inf", 9, r"sums\.chance is inf, but must be a finite number"),
    ("weight: 2", "answer_tokens: 2024-01-01", 9, r"sums\.answer_tokens is .*2024.*a whole number"),
    ("weight: 2", "test_items: 0", 9, r"sums\.test_items is 0, but must be at least 1 item"),
    ("weight: 2", "metric: accurcy", 9, r"sums\.metric is refused: .*accurcy.* is unknown"),
    (
        "warmup: 2",
        "floors: {sums: .nan}",
        15,
        r"policy\.floors is refused: .*a finite number for each benchmark",
    ),
    (
        "warmup: 2",
        "floors: {sums: true}",
        15,
        r"policy\.floors is refused: .*a finite number for each benchmark",
    ),
    (
        "warmup: 2",
        "floors: {sums: high}",
        15,
        r"policy\.floors is refused: .*a finite number for each benchmark",
    ),
    ("warmup: 2", "floors: [sums]", 15, r"floors is \['sums'\], but must be a mapping from a benchmark"),
    ("warmup: 2", "floors: 0.3", 15, r"floors is 0\.3, but must be a mapping from a benchmark"),
    (
        "warmup: 2",
        "plain_scores: rm",
        15,
        r"plain_scores is 'rm', but must be one of highest, lowest, either",
    ),
    ("warmup: 2", "shares:", 15, r"shares is None, but must be a mapping from a group"),
    ("warmup: 2", "shares: {source/a: [0, true]}", 15, r"shares is .*a least and a largest share"),
    ("warmup: 2", "stop_gain: .inf", 15, r"stop_gain is inf, but must be a finite number above 0, or empty"),
    ("warmup: 2", "noise_prior: true", 15, r"noise_prior is True, but must be a finite number above 0"),
    ("warmup: 2", "max_tokens: 2024-01-01", 15, r"max_tokens is .*, but must be a finite number above 0"),
    ("weight: 2", "weight: 0", 9, r"weight must be above 0"),
    ("weight: 2", "wieght: 2", 9, r"Did you mean 'weight'\?"),
    ("path: extra.jsonl, ", "", 6, r"pool\[2\] needs `path`"),
    ('"{home}/demo/raw/*"', "/etc/*", 4, r"pool\[1\]\.path leads to /etc/\*, outside of"),
    ('"{home}/demo/raw/*"', '"{home}/../../x"', 4, r"outside of"),
    ("    pool:", "    pol:", 3, r"demo\.pol is not a key here .*Did you mean 'pool'\?"),
    ("[tokens, word_entropy, {near_duplicates: {words: 4}}]", "tokens", 11, r"signals must be a list"),
    ('base_model: "{home}/models/tiny"', "policy: {}", 15, "is given twice"),
]


def test_a_path_that_leads_out_is_refused_by_whoever_reads_it(tmp_path: Path) -> None:
    """It was noted only, and whoever forgot to ask for what was noted let it through."""
    (tmp_path / "autoselection.yaml").write_text(GOOD.replace("extra.jsonl", "/etc/extra.jsonl"))
    campaigns = read_document(tmp_path / "autoselection.yaml").entries("campaigns")["campaigns"].entries()
    allowed_paths = AllowedPaths(tmp_path / "autoselection.yaml", Home(tmp_path / "home"))
    (name, value), *_ = campaigns.items()

    with pytest.raises(CampaignFileError, match=r"leads to /etc/extra.jsonl, outside of"):
        campaign_from(name, value, allowed_paths)
    with pytest.raises(CampaignFileError, match=r"leads to /etc/extra.jsonl, outside of"):
        allowed_paths.path(list(value.entries()["pool"].items())[1].entries()["path"])


def test_all_paths_that_lead_out_are_named_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("extra.jsonl", "/etc/extra.jsonl").replace("{home}/models/tiny", "/opt/tiny")

    with pytest.raises(
        CampaignFileError, match=r"pool\[2\]\.path leads to /etc/extra.jsonl, outside of"
    ) as caught:
        load(tmp_path, text)

    assert caught.value.line == 6
    assert "and so do campaigns.demo.base_model: /opt/tiny; a campaign reads nothing else" in str(
        caught.value
    )
    assert "export AUTOSELECTION_DATA=" in str(caught.value)
    assert str(caught.value).endswith(f"{Path('/etc')}:/opt")


@pytest.mark.parametrize(("good", "bad", "line", "message"), BAD)
def test_a_mistake_is_named_with_field_file_and_line(
    tmp_path: Path, good: str, bad: str, line: int, message: str
) -> None:
    assert good in GOOD

    with pytest.raises(CampaignFileError, match=message) as caught:
        load(tmp_path, GOOD.replace(good, bad))

    assert caught.value.line == line
    assert str(caught.value).startswith(f"{tmp_path / 'autoselection.yaml'}, line {line}: ")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("noise: -1", r"closed_form\.noise is -1, but must be at least 0"),
        ("noise: .nan", r"closed_form\.noise is nan, but must be a finite number"),
        ("delay_s: .inf", r"closed_form\.delay_s is inf, but must be a finite number"),
        ("delay_s: 100000", r"closed_form\.delay_s is 100000, but must be from 0 to 86,400 seconds"),
        ("weights: {word_entropy: .inf}", r"weights\.word_entropy is inf, but must be a finite number"),
    ],
)
def test_a_formula_that_gives_no_score_is_refused(tmp_path: Path, said: str, message: str) -> None:
    text = f"campaigns: {{demo: {{pool: [{{path: x}}], signals: [word_entropy], closed_form: {{{said}}}}}}}"

    with pytest.raises(CampaignFileError, match=message):
        load(tmp_path, text)


@pytest.mark.parametrize("version", [".nan", "2024-01-01", "[1]"])
def test_a_version_of_a_judge_that_no_hash_takes_is_refused(tmp_path: Path, version: str) -> None:
    judge = f"{{command: [score], version: {version}}}"
    text = f"campaigns: {{demo: {{pool: [{{path: x}}], signals: [word_entropy], judge: {judge}}}}}"

    with pytest.raises(CampaignFileError, match=r"judge\.version is .*, but must be text; quote it"):
        load(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("campaigns: [", "is not YAML"),
        ("campaign: {}", "Did you mean 'campaigns'"),
        ("campaigns: {demo: {signals: [tokens]}}", "needs `pool`"),
        ("campaigns: {demo: {pool: [{path: x}]}}", "needs `signals`"),
        ("campaigns: {demo: {pool: [{path: x}], signals: [word_entropy]}}", "needs `base_model` and"),
        ("campaigns: {demo: {pool: [{path: x}], signals: [tokens], closed_form: {}}}", "'tokens' reads it"),
        ("campaigns: {'a|b': {}}", "is no name for a campaign"),
    ],
)
def test_a_file_that_declares_no_whole_campaign_says_what_is_missing(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(CampaignFileError, match=message):
        load(tmp_path, text)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "autoselection.yaml"
    file.write_bytes(b"campaigns: \xff\xfe")

    with pytest.raises(CampaignFileError, match="not UTF-8"):
        load_campaigns(file)


def test_a_missing_file_says_where_to_look(tmp_path: Path) -> None:
    with pytest.raises(NoCampaignFileError, match="--file"):
        load_campaigns(tmp_path / "autoselection.yaml")


def test_an_unknown_campaign_is_named_with_the_one_that_was_meant(tmp_path: Path) -> None:
    campaigns = {"demo": load(tmp_path, GOOD)}

    with pytest.raises(UnknownCampaignError, match="Did you mean 'demo'"):
        campaign_of(campaigns, "dmeo")
    with pytest.raises(
        UnknownCampaignError, match=r"several campaigns \(demo, desk\); name one with --campaign"
    ):
        campaign_of({**campaigns, "desk": campaigns["demo"]}, None)


def test_a_setting_that_is_refused_with_a_question_ends_in_one_sign() -> None:
    assert str(SettingError("benchmarks", "smus", "among sums. Did you mean 'sums'?")).endswith("'sums'?")
    assert str(SettingError("budget", 0, "a whole number from 1 to 9")).endswith("from 1 to 9.")


def test_a_campaign_without_model_can_try_a_search_out(tmp_path: Path) -> None:
    text = "campaigns: {try: {pool: [{path: x}], signals: [word_entropy], closed_form: {weights: {a: 1}}}}"

    formula = load(tmp_path, text).closed_form

    assert formula is not None
    assert formula.weights == {"a": 1.0}


FIDELITIES = """\
    fidelities:
      short: {cost: 0.1, amount: 0.1, items: 0.5}
      small: {cost: 0.2, base_model: "{home}/models/small"}
"""


def test_a_campaign_declares_cheaper_evaluations(tmp_path: Path) -> None:
    fidelities = load(tmp_path, GOOD + FIDELITIES).fidelities

    assert fidelities == {
        "short": Fidelity(0.1, amount=0.1, items=0.5),
        "small": Fidelity(0.2, base_model=str(tmp_path / "home/models/small")),
    }


@pytest.mark.parametrize(
    ("good", "bad", "line", "message"),
    [
        ("cost: 0.1, ", "", 18, r"fidelities\.short needs `cost`"),
        ("cost: 0.1", "cost: 1", 18, r"short\.cost is refused: cost is 1"),
        ("cost: 0.1", "cost: cheap", 18, r"short\.cost is 'cheap', but must be a number"),
        ("items: 0.5", "items: 0", 18, r"short\.items is refused"),
        ("amount: 0.1", "amount: 6000", 18, r"short\.amount is refused: .*a share"),
        ("items", "itmes", 18, r"itmes is not a key here .*Did you mean 'items'\?"),
        (", amount: 0.1, items: 0.5", "", 18, r"is as dear as a full training"),
        ("short", "full", 18, r"is no name for a cheaper evaluation: 'full'"),
        ("{home}/models/small", "/etc/model", 19, r"outside of"),
    ],
)
def test_a_cheaper_evaluation_that_cannot_be_is_named(
    tmp_path: Path, good: str, bad: str, line: int, message: str
) -> None:
    assert good in FIDELITIES

    with pytest.raises(CampaignFileError, match=message) as caught:
        load(tmp_path, GOOD + FIDELITIES.replace(good, bad))

    assert caught.value.line == line


def test_a_formula_has_no_other_base_model(tmp_path: Path) -> None:
    text = (
        "campaigns: {try: {pool: [{path: x}], signals: [word_entropy], closed_form: {weights: {a: 1}}, "
        "fidelities: {short: {cost: 0.1, base_model: m}}}}"
    )

    with pytest.raises(CampaignFileError, match="a closed form evaluates"):
        load(tmp_path, text)


def test_a_campaign_error_keeps_its_data_through_a_process_border(tmp_path: Path) -> None:
    import pickle

    for error in (UnknownKeyError(tmp_path, 3, "a.b", ("c",)), CampaignFileError(tmp_path, 1, "f", "p")):
        assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 - our own bytes


def test_raw_files_may_lie_where_the_operator_lets_campaigns_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(environment_variables.OBJECTS, "s3://others s3://ours/raw/")

    campaign = load(tmp_path, GOOD.replace("path: extra.jsonl", "path: 's3://ours/raw/**/*.jsonl'"))

    mirror = campaign.sources[1].mirror
    assert mirror is not None
    assert mirror.uri == "s3://ours/raw/**/*.jsonl"
    assert Path(campaign.sources[1].path).is_relative_to(tmp_path / "home" / "objects")
    for outside in ("s3://ours/rawer/x.jsonl", "s3://ours/raw/../x.jsonl"):
        with pytest.raises(CampaignFileError, match="let AUTOSELECTION_OBJECTS name"):
            load(tmp_path, GOOD.replace("path: extra.jsonl", f"path: '{outside}'"))


def test_the_first_name_of_an_adviser_setting_is_still_read(tmp_path: Path) -> None:
    now = load(tmp_path, GOOD.replace("model: tiny,", "model: tiny, max_tokens: 100,"))

    assert load(tmp_path, GOOD.replace("model: tiny,", "model: tiny, most_tokens: 100,")) == now
    with pytest.raises(CampaignFileError, match=r"most_tokens is the former spelling of `max_tokens`"):
        load(tmp_path, GOOD.replace("model: tiny,", "model: tiny, max_tokens: 100, most_tokens: 100,"))


def test_the_former_key_for_a_changed_pool_is_still_read(tmp_path: Path) -> None:
    now = load(tmp_path, GOOD + "    on_pool_change: {when: schedule, budget: 4}\n")

    assert load(tmp_path, GOOD + "    research: {when: schedule, budget: 4}\n") == now
    assert now.on_pool_change.budget == 4
    with pytest.raises(CampaignFileError, match=r"research is the former spelling of `on_pool_change`"):
        load(tmp_path, GOOD + "    research: on_change\n    on_pool_change: on_change\n")


def test_stewardship_and_price_are_read(tmp_path: Path) -> None:
    kept = "{owners: ['team:data', ann@example.com], tags: {domain: maths}, max_age_hours: 12}"

    campaign = load(tmp_path, GOOD + f"    stewardship: {kept}\n    price_per_hour: 2.5\n")

    assert campaign.stewardship == Stewardship(
        ("team:data", "ann@example.com"), {"domain": "maths"}, max_age_hours=12.0
    )
    assert campaign.price_per_hour == 2.5


def test_trackers_that_write_files_are_read_with_folders_below_the_campaign_file(tmp_path: Path) -> None:
    campaign = load(tmp_path, GOOD + "    tensorboard: {folder: runs}\n    wandb: {project: sums}\n")

    assert campaign.tensorboard == TensorBoard((tmp_path / "runs").resolve())
    assert campaign.wandb == WeightsAndBiases("sums")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("stewardship: {owners: [ann]}", r"line \d+.*owners.*a mail address, or `team:NAME`"),
        ("stewardship: {tags: {domain: two words}}", "1 to 63 letters"),
        ("stewardship: {max_age_hours: 0}", r"from 0.017 \(a minute\) to 876,000 hours"),
        ("stewardship: {max_age_hours: 0.01}", r"from 0.017 \(a minute\)"),
        ("stewardship: {max_age_hours: 1e25}", "to 876,000 hours"),
        ("on_pool_change: {when: on_change, budget: 100001}", r"budget is 100001.*from 1 to 100000"),
        ("on_pool_change: {when: on_change, min_hours: 1e25}", r"must be from 0 to 876,000 hours"),
        ("stewardship: {owner: ann@example.com}", "owner"),
        ("price_per_hour: 0", "must be above 0"),
        ("mlflow: {experiment: sums}", r"line \d+.*mlflow.*needs `url`"),
        ("mlflow: {url: here}", r"line \d+.*url.*begins with http"),
        ('mlflow: {url: "http//somebody:s3cret@h"}', r"line \d+.*url is '\*\*\*@h', but must be an address"),
        ("tensorboard: {folder: /etc}", r"line \d+.*folder.*leads to /etc, outside of"),
        ("wandb: {key: secret}", "key"),
    ],
)
def test_stewardship_price_and_trackers_that_cannot_be_are_refused_with_their_line(
    tmp_path: Path, line: str, said: str
) -> None:
    with pytest.raises(AutoSelectionError, match=said):
        load(tmp_path, GOOD + f"    {line}\n")
