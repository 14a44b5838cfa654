"""Names of a study's ledger entries: one for each search, one for the arms, one for the transfer model."""

from dataclasses import dataclass

from autoselection_core.history.ledger import Ledger
from autoselection_core.study.study import SearchArm, Study

SAME = "same"
"""Name of contests among equal candidates, followed by a slash and the seed."""


@dataclass(frozen=True)
class Contest:
    """A contest: a search, or a choice among equal candidates, that recommends a winner.

    Attributes:
        name: Name that its arms carry.
        entry: Its entry in the ledger.
        seed: Seed of the search.
        place: Its number in the study, from 0: its random draws are its own.
        arm: The way to search; None for the contest among equal candidates.
    """

    name: str
    entry: str
    seed: int
    place: int
    arm: SearchArm | None


def arms_entry(study: Study) -> str:
    """The entry that pays for the arms."""
    return f"{study.name}-arms"


def transfer_entry(study: Study) -> str:
    """The entry that pays for evaluations on the other base model."""
    return f"{study.name}-transfer"


def contests(study: Study) -> tuple[Contest, ...]:
    """Contests of a study, each of which recommends a winner.

    Seeds are the outer loop, so that a study that was cut off has all of its searches for the first seed.
    """
    searched = [(arm, seed) for seed in study.seeds for arm in study.searches]
    found = [
        Contest(f"{arm.name}/{seed}", f"{study.name}-{arm.name}-{seed}", seed, place, arm)
        for place, (arm, seed) in enumerate(searched)
    ]
    equal = study.seeds if study.same is not None else ()
    found += [
        Contest(f"{SAME}/{seed}", arms_entry(study), seed, place, None)
        for place, seed in enumerate(equal, start=len(found))
    ]
    return tuple(found)


def entries(study: Study, ledger: Ledger) -> tuple[str, ...]:
    """The entries on the campaign's base model that the ledger knows."""
    known = {record.search for record in ledger.searches()}
    named = [arms_entry(study), *(contest.entry for contest in contests(study))]
    return tuple(name for name in dict.fromkeys(named) if name in known)
