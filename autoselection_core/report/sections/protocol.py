"""Training protocol of a report's models, in a sentence."""

from collections.abc import Mapping

from autoselection_core.evaluation.training.settings import Schedule, fine_tuning
from autoselection_core.identity import Json


def training_sentence(settings: Mapping[str, Json]) -> str:
    """Preset, changed settings, length, and whether every arm trains on equally many tokens."""
    training = fine_tuning(settings)
    preset = settings.get("preset", "cpu-lora")
    changed = ", ".join(f"{name} {value}" for name, value in settings.items() if name != "preset")
    length = f"{training.amount:g} {training.schedule.value}"
    equal = (
        "every arm trains on equally many tokens"
        if training.schedule is Schedule.TOKENS
        else "arms train on as many tokens as their subsets have: compare scores beside tokens"
    )
    return f"Preset `{preset}`{f' with {changed}' if changed else ''}: {length}; {equal}."


NO_TRAINING = "A formula stood in for trainings: no model was trained."
