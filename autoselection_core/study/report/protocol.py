"""Training and scoring protocol of a study, in sentences."""

from autoselection_core.report.sections.protocol import NO_TRAINING, training_sentence
from autoselection_core.study.results.facts import StudyFacts


def protocol_lines(facts: StudyFacts) -> list[str]:
    """Preset, schedule, pool, gate and evaluator."""
    return [_training(facts), *_pool(facts), _identity(facts)]


def _training(facts: StudyFacts) -> str:
    campaign = facts.study.campaign
    if campaign.closed_form is not None:
        return NO_TRAINING
    return training_sentence(campaign.training)


def _pool(facts: StudyFacts) -> list[str]:
    kept = facts.kept
    if kept is None:
        return ["The study has not ended; sizes of the pool are written at its end."]
    left_out = f"{kept.samples_cut:,} of {kept.rows + kept.samples_cut:,} samples"
    return [
        f"Pool {kept.pool}: {kept.rows:,} samples, {kept.tokens:,} tokens.",
        f"The contamination gate left out {left_out} before any arm, baselines included.",
    ]


def _identity(facts: StudyFacts) -> str:
    spec = facts.ledger.search(facts.entries[0]).spec
    return f"Evaluator {spec.evaluator}; signals: {', '.join(sorted(spec.signal_versions))}."
