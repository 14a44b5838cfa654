"""A study from the UI."""

import shutil

import dagster as dg
import pytest

from tests.dagster.driver import Driver

STUDY = """\
name: {name}
campaign:
  pool: [{{path: "raw/*"}}]
  signals: [word_entropy]
  operators: [keep_top]
  closed_form: {{weights: {{word_entropy: 1.0}}}}
budget: 12
seeds: [0, 1]
recipes:
  top: [keep_top: {{signal: word_entropy, fraction: 0.2}}]
"""


def declare(driver: Driver, name: str) -> None:
    folder = driver.installation.campaigns.parent / "studies" / "toy"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(driver.installation.campaigns.parent / "raw", folder / "raw")
    (folder / "study.yaml").write_text(STUDY.format(name=name))


def run(driver: Driver, study: str) -> None:
    driver.run("run_study", run_config={"ops": {"study": {"config": {"study": study}}}})


def test_a_study_runs_to_its_report_and_the_sensor_leaves_it_alone(driver: Driver) -> None:
    declare(driver, "toy")
    run(driver, "toy")

    assert list(driver.installation.home.rglob("*.html"))
    driver.work(1)
    assert driver.asked == []


@pytest.mark.parametrize(("study", "name"), [("../toy", "toy"), ("toy", "demo")])
def test_a_path_or_the_name_of_a_campaign_is_refused(driver: Driver, study: str, name: str) -> None:
    declare(driver, name)

    with pytest.raises(dg.Failure, match="study"):
        run(driver, study)
