"""Several campaigns in one installation, several searches at once, and the ports of its servers."""

import socket
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.instance.ref import InstanceRef

from autoselection_core.campaign.declaration.loading import load_campaigns
from autoselection_core.errors.campaign import CampaignFileError
from autoselection_core.history.records import SearchState
from autoselection_core.loopback import free_port
from autoselection_core.store.home import Home
from autoselection_dagster.assembly import definitions_of
from autoselection_dagster.errors import PortTakenError
from autoselection_dagster.installation import Installation
from autoselection_dagster.serving.services import known_reports_port, reports_port, serving
from tests.dagster.installations import Driver, installation, write_samples

SOURCE = "größere Übung | 日本 <b>.jsonl"


@pytest.fixture
def named(tmp_path: Path, model: Path) -> Iterator[Driver]:
    """A campaign, folders and a source file whose names no job, op or asset could have."""
    made = installation(tmp_path / "my pools", model)
    write_samples(made.campaigns.parent / "raw" / SOURCE, 10, seed=1)
    (made.campaigns.parent / "größe").mkdir()
    items = "".join(f'{{"question": "{number} + 1?", "answer": "2"}}\n' for number in range(20))
    (made.campaigns.parent / "größe" / "items.jsonl").write_text(items)
    declared = made.campaigns.read_text().replace("  demo:", "  my-campaign.v2:").replace("*.jsonl", "*")
    benchmark = "    benchmarks:\n      tiny-sums: {path: größe, items: items.jsonl}\n"
    made.campaigns.write_text(f"{declared.rstrip()}\n{benchmark}")
    with dg.DagsterInstance.ephemeral() as instance:
        yield Driver(made, instance)


def test_a_campaign_with_such_names_is_searched_to_its_report(named: Driver) -> None:
    named.run("my_campaign_v2_prepare")
    named.start(name="s", budget=1, report_evaluations=0)
    named.work()

    pool = named.metadata("pool")
    assert "größere Übung | 日本 <b>" in [record.data["source"] for record in pool["sources"]]
    assert named.metadata("search_report", "s")["state"].startswith("done")


@pytest.mark.parametrize("name", ["größe 1", "sums.v1"])
def test_a_benchmark_name_that_nothing_can_be_called_after_is_refused_at_once(
    named: Driver, name: str
) -> None:
    file = named.installation.campaigns
    file.write_text(file.read_text().replace("tiny-sums", name))

    with pytest.raises(CampaignFileError, match=name):
        load_campaigns(file, Home(named.installation.home))


_CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def two(tmp_path: Path, model: Path) -> Iterator[Driver]:
    """Two campaigns: `demo`, and `other` over the same file and one more."""
    made = installation(tmp_path / "installation", model)
    (made.campaigns.parent / "more").mkdir()
    write_samples(made.campaigns.parent / "more" / "more.jsonl", 30, seed=1)
    declared = made.campaigns.read_text().partition("  demo:\n")[2]
    other = declared.replace("raw/*.jsonl", "more/*.jsonl").rstrip()
    made.campaigns.write_text(f"campaigns:\n  demo:\n{declared.rstrip()}\n  other:\n{other}\n")
    with dg.DagsterInstance.ephemeral() as instance:
        yield Driver(made, instance)


def test_a_code_server_can_load_two_campaigns(two: Driver) -> None:
    repository = two.definitions.get_repository_def()

    repository.load_all_definitions()

    assert {"demo_work", "other_work"} <= set(repository.job_names)


def test_two_campaigns_are_searched_at_once_each_on_its_own_pool_and_budget(two: Driver) -> None:
    two.prepare()
    two.run("other_prepare")
    two.start(name="one", campaign="demo", budget=2, report_evaluations=0)
    two.start(name="two", campaign="other", budget=1, report_evaluations=0)

    two.work()

    one, other = two.ledger.search("one"), two.ledger.search("two")
    assert (one.spec.campaign, other.spec.campaign) == ("demo", "other")
    assert one.spec.pool_version != other.spec.pool_version
    assert [(search.state, search.spent) for search in (one, other)] == [
        (SearchState.DONE, 2),
        (SearchState.DONE, 1),
    ]
    for campaign, search in (("demo", "one"), ("other", "two")):
        shown = two.instance.get_materialized_partitions(dg.AssetKey([campaign, "best_subset"]))
        assert shown == {search}


def test_the_sensors_of_many_campaigns_take_turns(tmp_path: Path) -> None:
    """At intervals of 5 and 30 s fifty idle campaigns used 0.8 of a core."""
    entry = "{{pool: [{{path: a.jsonl}}], signals: [exact], closed_form: {{size_weight: 1}}, {changes}}}"
    ticks_s = {}
    for count, when in ((1, "on_change"), (50, "on_change"), (50, "off")):
        text = "\n".join(
            f"  c{number}: {entry.format(changes=f'on_pool_change: {{when: {when}}}')}"
            for number in range(count)
        )
        (tmp_path / "autoselection.yaml").write_text(f"campaigns:\n{text}\n", "utf-8")
        made = definitions_of(Installation(tmp_path / "home", tmp_path / "autoselection.yaml"))
        sensors = [each for each in made.get_repository_def().sensor_defs if each.name.startswith("c")]
        running = [each for each in sensors if each.default_status is dg.DefaultSensorStatus.RUNNING]
        ticks_s[count, when] = sum(1 / (each.minimum_interval_seconds or 30) for each in running)

    assert ticks_s == {
        (1, "on_change"): pytest.approx(1 / 5 + 1 / 30),
        (50, "on_change"): pytest.approx(1 + 1 / 3),
        (50, "off"): 0,
    }


def test_what_campaigns_declare_differently_is_each_one_s_own(two: Driver) -> None:
    """The Launchpad cannot know which campaign a person will write into it."""
    before, _, after = two.installation.campaigns.read_text().rpartition("budget: 3")
    two.installation.campaigns.write_text(f"{before}budget: 5{after}")
    again = Driver(two.installation, two.instance)
    again.prepare()
    again.run("other_prepare")

    again.start(name="one", campaign="demo", report_evaluations=0)
    again.start(name="two", campaign="other", report_evaluations=0)

    assert [again.ledger.search(name).budget for name in ("one", "two")] == [3, 5]


def test_a_campaign_that_is_no_longer_declared_holds_up_no_other(two: Driver) -> None:
    two.prepare()
    two.run("other_prepare")
    two.start(name="one", campaign="demo", budget=1, report_evaluations=0)
    two.start(name="two", campaign="other", budget=1, report_evaluations=0)
    declared = two.installation.campaigns.read_text().partition("  other:\n")[0]
    two.installation.campaigns.write_text(declared)

    alone = Driver(two.installation, two.instance)
    alone.work()

    assert alone.ledger.search("one").spent == 1
    assert alone.ledger.search("two").spent == 0


def test_searches_at_once_over_one_pool_share_what_they_both_evaluate(two: Driver) -> None:
    two.prepare()
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        two.start(name=name, campaign="demo", budget=2, seed=seed, report_evaluations=0)

    two.work()

    searches = [two.ledger.search(name) for name in "abc"]
    paid = [payment.evaluation for payment in two.ledger.payments() if payment.outcome == "paid"]
    assert all(search.spent <= search.budget == 2 for search in searches)
    assert len(paid) == len(set(paid)) < sum(len(two.ledger.history(name).observations) for name in "abc")


def test_who_inherits_the_environment_of_a_code_server_reads_what_that_one_loaded(
    tmp_path: Path, model: Path
) -> None:
    made, environ = installation(tmp_path / "installation", model), dict[str, str]()
    loaded = made.with_loaded_campaigns(environ)
    made.campaigns.write_text("broken: [")

    assert made.with_loaded_campaigns(environ) == loaded
    assert "demo" in load_campaigns(made.campaigns, Home(made.home), loaded.declared)
    assert made.with_loaded_campaigns({}).declared == "broken: [", "Reload starts with a fresh environment"


def test_dagster_dev_in_a_checkout_has_the_settings_of_a_served_installation(tmp_path: Path) -> None:
    # What `dagster dev` makes of its working folder where DAGSTER_HOME is not set.
    with dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(tmp_path), config_dir=str(_CHECKOUT))) as made:
        assert (made.telemetry_enabled, made.nux_enabled, made.run_monitoring_enabled) == (False, False, True)
        assert made.get_concurrency_config().pool_config.default_pool_limit == 1
        queue = made.get_concurrency_config().run_queue_config
        assert queue is not None
        assert queue.max_concurrent_runs == 64


def test_no_outgoing_connection_can_take_a_free_port_before_it_is_bound() -> None:
    first_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])

    assert first_outgoing > 20_000, "this machine leaves no room below the ports of outgoing connections"
    assert all(1_024 < free_port() < first_outgoing for _ in range(100))


def test_a_free_port_can_be_listened_on() -> None:
    servers = [socket.create_server(("127.0.0.1", free_port())) for _ in range(20)]
    for server in servers:
        server.close()


def test_links_to_reports_outlive_a_ui_on_another_port(tmp_path: Path) -> None:
    installed = Installation(tmp_path / "home", tmp_path / "autoselection.yaml")

    first = reports_port(installed, free_port())

    assert first == reports_port(installed, free_port()) == known_reports_port(installed)


def test_serving_on_a_port_that_another_program_has_says_so_and_starts_nothing(tmp_path: Path) -> None:
    installed = Installation(tmp_path / "home", tmp_path / "autoselection.yaml")
    port = free_port()

    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(PortTakenError, match=rf"127.0.0.1:{port} already.*--port PORT"),
        serving(installed, port),
    ):
        pytest.fail("it serves")

    assert not list(installed.instance.glob("*.log"))


def test_reports_move_from_a_port_that_another_program_has_or_that_the_ui_wants(tmp_path: Path) -> None:
    installed = Installation(tmp_path / "home", tmp_path / "autoselection.yaml")
    first = reports_port(installed, free_port())

    with socket.create_server(("127.0.0.1", first)):
        second = reports_port(installed, free_port())

    assert second != first
    assert reports_port(installed, second) not in (first, second)
