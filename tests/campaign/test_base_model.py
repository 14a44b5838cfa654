"""A base model with chat settings: declared in the file, read by signals and trainings alike."""

import shutil
from pathlib import Path

import pytest

from autoselection_core.campaign.declaration.loading import load_campaigns
from autoselection_core.errors.campaign import CampaignFileError
from autoselection_core.errors.evaluation import NothingToTrainError
from autoselection_core.evaluation.training.fine_tune import train
from autoselection_core.evaluation.training.run import Trainee
from autoselection_core.evaluation.training.settings import FineTuning
from autoselection_core.models.base_model import BaseModel
from autoselection_core.models.folder import model_fingerprint, model_folder
from autoselection_core.pool.sample import Message, Role, Sample
from autoselection_core.testing.tiny_model import tiny_model
from tests.models.families import GEMMA

BRIEF = (Message(Role.SYSTEM, "Be brief."), Message(Role.USER, "Add 2 and 7."), Message(Role.ASSISTANT, "9"))
PLAIN = BRIEF[1:]


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose template refuses system lines."""
    folder = tiny_model(tmp_path_factory.mktemp("gemma") / "m")
    (folder / "chat_template.jinja").write_text(GEMMA)
    return folder


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AUTOSELECTION_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def declared(folder: Path, base_model: str) -> str:
    file = folder / "autoselection.yaml"
    file.write_text(
        f"campaigns:\n  mine:\n    pool: [{{path: raw.jsonl}}]\n    base_model: {base_model}\n"
        "    signals: [tokens]\n    closed_form: {weights: {tokens: 1.0}}\n"
    )
    found = load_campaigns(file)["mine"].base_model
    assert found is not None
    return found


def test_a_model_without_settings_is_its_own_folder(refusing: Path, tmp_path: Path) -> None:
    shutil.copytree(refusing, tmp_path / "m")

    assert model_folder(declared(tmp_path, "{path: m, system: refuse}")) == tmp_path / "m"
    assert declared(tmp_path, "{path: m}") == declared(tmp_path, "m")


def test_settings_make_another_model_of_the_same_weights(refusing: Path, tmp_path: Path) -> None:
    shutil.copytree(refusing, tmp_path / "m")
    named = [
        declared(tmp_path, f"{{path: m, {said}}}")
        for said in ("system: fold", "system: drop", "reasoning: drop")
    ]

    fingerprints = {model_fingerprint(model_folder(each)) for each in [*named, str(tmp_path / "m")]}

    assert len(fingerprints) == 4
    assert model_folder(named[0]) == model_folder(named[0])


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("{path: m, system: bend}", "one of 'refuse', 'fold', 'drop'"),
        ("{path: m, template: chatml}", "template"),
        ("{system: fold}", "needs `path`"),
        ("{path: m, chat_template: /etc/passwd}", "outside"),
    ],
)
def test_settings_that_cannot_be_are_refused_where_they_stand(tmp_path: Path, said: str, fault: str) -> None:
    with pytest.raises(CampaignFileError, match=fault):
        declared(tmp_path, said)


def steps_of(model: str, samples: list[Sample], folder: Path) -> list[str]:
    """Train for a moment; what was said on the way."""
    said: list[str] = []
    training = FineTuning(amount=200, dtype="float32", max_tokens=64)
    train(
        lambda: BaseModel.load(model, dtype="float32"),
        {sample.id: sample for sample in samples},
        training,
        Trainee("key", folder, 0),
        lambda stage, _, __: said.append(stage),
    )
    return said


def test_a_refused_system_line_is_the_counted_reason_of_a_failure(refusing: Path, tmp_path: Path) -> None:
    with pytest.raises(NothingToTrainError, match=r"1 x System role not supported .*system: fold"):
        steps_of(str(refusing), [Sample(BRIEF)], tmp_path)


def test_half_of_a_subset_that_is_refused_is_said_with_its_count(refusing: Path, tmp_path: Path) -> None:
    said = steps_of(str(refusing), [Sample(BRIEF), Sample(PLAIN)], tmp_path)

    assert any(stage.startswith("trains without 1 sample (System role not supported") for stage in said)


def test_a_folded_system_line_is_trained_on_and_said_with_its_count(refusing: Path, tmp_path: Path) -> None:
    said = steps_of(f"{refusing}?system=fold", [Sample(BRIEF), Sample(PLAIN)], tmp_path)

    assert "changed 1 sample (its system line was folded into the user turn)" in said


def test_a_base_model_without_a_template_learns_in_chatml(tiny_base: Path, tmp_path: Path) -> None:
    assert steps_of(f"{tiny_base}?chat_template=chatml", [Sample(PLAIN)], tmp_path)[-1] == "training"


def test_a_template_of_ones_own_is_read_from_its_file(tiny_base: Path, tmp_path: Path) -> None:
    template = tmp_path / "own.jinja"
    template.write_text(
        "{% for m in messages %}{{ '<|im_start|>' + m['content'] + '<|im_end|>' }}{% endfor %}"
    )
    tiny_base.rename(tmp_path / "m")

    base = BaseModel.load(declared(tmp_path, "{path: m, chat_template: own.jinja}"), dtype="float32")

    assert base.tokenizer.chat_template == template.read_text()


@pytest.fixture
def tiny_base(tmp_path: Path) -> Path:
    """A base model as it comes from pretraining: without a chat template."""
    folder = tiny_model(tmp_path / "base")
    (folder / "chat_template.jinja").unlink()
    return folder
