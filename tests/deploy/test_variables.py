"""One list of environment variables: set by `deploy/`, read or set by the code, and named in the docs."""

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from autoselection_core.benchmarks.split import Side
from autoselection_core.environment_variables import JUDGE_CALL, JUDGE_READER, VARIABLES
from autoselection_core.evaluation.judge.request import JudgeRequest

REPOSITORY = Path(__file__).parents[2]
DEPLOY = REPOSITORY / "deploy"
LISTED = {variable.name for variable in VARIABLES}
OURS = {variable.name for variable in VARIABLES if variable.reader == "AutoSelection"}
OF_JUDGES = {variable.name for variable in VARIABLES if variable.reader == JUDGE_READER}

OF_CONTAINERS = {
    "POSTGRES_USER",
    "POSTGRES_PASSWORD",
    "POSTGRES_DB",
    "MINIO_ROOT_USER",
    "MINIO_ROOT_PASSWORD",
    "OBJECTS_PASSWORD",
    "EDITOR_HASH",
    "VIEWER_HASH",
    "EDITOR_UPSTREAM",
    "VIEWER_UPSTREAM",
    "REPORTS_UPSTREAM",
    "SITE",
}
"""Read by other people's images and by our proxy's Caddyfile, not by AutoSelection."""


def set_by_deploy() -> dict[str, set[str]]:
    """Variables that each way to run an installation gives its processes."""
    systemd = (DEPLOY / "systemd/autoselection.env").read_text()
    compose = yaml.safe_load((DEPLOY / "docker/compose.yaml").read_text())
    helm = yaml.safe_load((DEPLOY / "helm/values.yaml").read_text())
    ray = yaml.safe_load((DEPLOY / "helm/ray-cluster.yaml").read_text())
    runs = yaml.safe_load((DEPLOY / "dagster-ray.yaml").read_text())["run_launcher"]["config"]["ray"]
    (deployment,) = helm["dagster-user-deployments"]["deployments"]
    return {
        "systemd": set(re.findall(r"^#? ?([A-Z][A-Z_0-9]+)=", systemd, re.MULTILINE)),
        "docker": {
            name for service in compose["services"].values() for name in service.get("environment", ())
        },
        "helm": {entry["name"] for entry in deployment["env"]},
        "ray cluster": {entry["name"] for entry in ray["common"]["containerEnv"]},
        "ray runs": {runs["address"]["env"], *runs["env_vars"]},
    }


def sources() -> Iterator[Path]:
    for package in ("autoselection_core", "autoselection_dagster"):
        yield from (REPOSITORY / package).rglob("*.py")


def test_every_variable_that_deploy_sets_is_known() -> None:
    for names in set_by_deploy().values():
        assert names
        assert names <= (LISTED - OF_JUDGES) | OF_CONTAINERS


def test_what_deploy_sets_for_a_proxy_its_file_reads() -> None:
    caddyfile = (DEPLOY / "proxy/Caddyfile").read_text()

    assert set(re.findall(r"\{\$([A-Z_]+)", caddyfile)) <= OF_CONTAINERS


def test_every_variable_that_the_code_reads_is_listed_and_every_listed_one_of_ours_is_read() -> None:
    named, read = set(), set()
    constants = {name: value for name, value in _constants().items() if value in OURS}
    for source in sources():
        text = source.read_text()
        named |= set(re.findall(r"AUTOSELECTION_[A-Z_]*[A-Z]", text))
        read |= {
            value
            for name, value in constants.items()
            if re.search(rf"\benvironment_variables\.{name}\b", text)
        }

    assert named == OURS | OF_JUDGES
    assert read == OURS


def test_every_variable_that_the_code_sets_for_a_judge_is_listed_and_every_listed_one_is_set() -> None:
    request = JudgeRequest(Path("subset"), Path("output"), Path("scores"), Side.DEV, 1, "key")

    assert {*request.environment, JUDGE_CALL} == OF_JUDGES
    assert JudgeRequest.from_environment(request.environment) == request


def _constants() -> dict[str, str]:
    from autoselection_core import environment_variables

    return {name: value for name, value in vars(environment_variables).items() if isinstance(value, str)}


def test_every_listed_variable_is_in_the_reference() -> None:
    reference = (REPOSITORY / "docs/reference/environment.md").read_text()

    assert all(f"`{name}`" in reference for name in LISTED)


def test_every_variable_is_told_to_whoever_runs_units_or_containers() -> None:
    ways = set_by_deploy()
    of_a_person, of_the_code_server = "AUTOSELECTION_BENCHMARKS", "AUTOSELECTION_LOADED"
    told = OURS - {of_a_person, of_the_code_server}

    assert ways["systemd"] >= told
    assert ways["docker"] >= told
    assert ways["ray runs"] >= told


def test_the_cluster_serves_the_reports_where_its_pages_link_to() -> None:
    deployment, service = yaml.safe_load_all((DEPLOY / "helm/reports.yaml").read_text())
    values = yaml.safe_load((DEPLOY / "helm/values.yaml").read_text())
    compose = yaml.safe_load((DEPLOY / "docker/compose.yaml").read_text())["services"]["reports"]
    (code,) = values["dagster-user-deployments"]["deployments"]
    pod = deployment["spec"]["template"]
    unit = (DEPLOY / "systemd/autoselection-code.service").read_text()
    assert f"dagster code-server start {' '.join(code['codeServerArgs'])} " in unit, (
        "Reload shows new campaigns"
    )
    (container,) = pod["spec"]["containers"]

    assert container["command"] == compose["command"]
    assert (
        service["spec"]["selector"]
        == pod["metadata"]["labels"]
        == deployment["spec"]["selector"]["matchLabels"]
    )
    (port,) = service["spec"]["ports"]
    assert str(port["port"]) == container["command"][-1]
    assert {each["name"]: each["containerPort"] for each in container["ports"]} == {
        port["name"]: port["port"]
    }
    assert {"name": "AUTOSELECTION_REPORTS_URL", "value": "/"} in code["env"]
    assert set(map(str, container["env"])) <= set(map(str, code["env"]))
    assert [mount["readOnly"] for mount in container["volumeMounts"]] == [True]
    assert pod["spec"]["volumes"][0] in code["volumes"]
    for role in ("dagsterWebserver", "readOnlyDagsterWebserver"):
        (path,) = values["ingress"][role]["precedingPaths"]
        assert (path["path"], path["serviceName"], path["servicePort"]) == (
            "/reports",
            service["metadata"]["name"],
            port["name"],
        )
