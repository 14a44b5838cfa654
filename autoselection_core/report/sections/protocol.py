"""Training protocol of a report's models in a sentence, and the share of answers that could not be read."""

from collections.abc import Mapping, Sequence
from statistics import mean

from autoselection_core.benchmarks.metric import Metric
from autoselection_core.evaluation.training.settings import Schedule, fine_tuning, plan_of
from autoselection_core.identity import Json
from autoselection_core.report.rendering.table import Table
from autoselection_core.score.score import BenchmarkScore


def unread_table(runs: Mapping[str, Sequence[Sequence[BenchmarkScore]]]) -> Table | None:
    """The share of unreadable answers of every arm; None where no benchmark has written answers.

    Args:
        runs: The scores of each arm's runs.
    """
    shares = {arm: _shares(scored) for arm, scored in runs.items()}
    names = tuple(dict.fromkeys(name for found in shares.values() for name in found))
    if not names:
        return None
    rows = tuple((arm, *(found.get(name) for name in names)) for arm, found in shares.items() if found)
    return Table("Answers that could not be read, share of test items", ("arm", *names), rows)


def _shares(runs: Sequence[Sequence[BenchmarkScore]]) -> dict[str, float]:
    written = [score for run in runs for score in run if score.metric is Metric.ANSWER_ACCURACY]
    names = dict.fromkeys(score.benchmark for score in written)
    return {
        name: mean(score.parse_failure_share for score in written if score.benchmark == name)
        for name in names
    }


def training_sentence(settings: Mapping[str, Json]) -> str:
    """Preset, changed settings, length, and whether every arm trains on equally many tokens."""
    training = fine_tuning(settings)
    preset = settings.get("preset", "cpu-lora")
    unnamed = ("preset", *plan_of(settings))
    changed = ", ".join(f"{name} {value}" for name, value in settings.items() if name not in unnamed)
    length = f"{training.amount:g} {training.schedule.value}"
    equal = "arms train on as many tokens as their subsets have: compare scores beside tokens"
    if training.schedule is Schedule.TOKENS:
        short = "" if training.fills_exactly else ", some up to a prompt fewer"
        equal = f"every arm trains on equally many tokens{short}"
    return f"Preset `{preset}`{f' with {changed}' if changed else ''}: {length}; {equal}."


NO_TRAINING = "A formula stood in for trainings: no model was trained, and its items are simulated values."
