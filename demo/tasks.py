"""Three invented tasks: conventions of a fictional town that no base model can know.

Each task draws questions from a finite grid, so that training samples, targets and benchmark items are dealt
from one shuffled list and never share a question. A right answer follows the convention. A wrong one sounds
helpful and ignores it, as a model without the convention would.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from random import Random


@dataclass(frozen=True)
class QuestionAnswer:
    """One question with one answer.

    Attributes:
        prompt: What the user writes.
        answer: What the assistant replies.
        kind: Ground truth for tests and documents ("clean", "wrong", "off_topic", ...). Never written into a
            pool file, so no signal can read it.
        topic: Name of the task or of the off-topic theme.
    """

    prompt: str
    answer: str
    kind: str
    topic: str


Parts = Mapping[str, str]
"""What one question is about, by name."""

CREWS = {
    "light": ("K7", "oruna", 2, "The lamp in room {n} flickers;No light on stair {n};Bulb {n} is dark again"),
    "water": (
        "W3",
        "palev",
        4,
        "The tap in room {n} drips;Bath {n} will not drain;Cold water only in room {n}",
    ),
    "food": (
        "F5",
        "tembo",
        6,
        "Breakfast for room {n} is late;Room {n} asks for soup;Table {n} got old bread",
    ),
    "linen": ("L8", "mirel", 5, "Room {n} needs towels;The sheets in room {n} are wet;Bed {n} has no pillow"),
}
"""Concern -> code, crew, bells to wait, and how guests put it."""

NOUNS = {
    "boat": "velka",
    "river": "osmir",
    "child": "tunnu",
    "baker": "grodeth",
    "bird": "shilaq",
}
ADJECTIVES = {
    "old": "urth",
    "red": "casmo",
    "quiet": "fenil",
}
VERBS = {"sees": "nagor", "follows": "tiveth", "carries": "bulsha"}

MEASURES = {"bren": ("lat", 4), "hest": ("ruvel", 3), "dorrin": ("pim", 7)}
"""Large measure -> small measure, and how many of them it holds."""

GOODS = ("flour", "rope", "salt", "oil", "cloth", "honey", "timber", "wool", "barley", "wax")
BUYERS = ("a miller", "the harbour", "one ship", "our school", "a tailor")


@dataclass(frozen=True)
class Task:
    """One invented task.

    Attributes:
        name: Name of the task and of its benchmark.
        grid: Every question that there is, by its parts.
        ask: The question, with parts in braces.
        right: The answer that the convention asks for.
        wrong: Answers that break the convention, with parts in braces.
    """

    name: str
    grid: tuple[Parts, ...]
    ask: str
    right: Callable[[Parts], str]
    wrong: tuple[str, ...]

    def shuffled(self, random: Random) -> list[Parts]:
        """Every question of the grid once."""
        return random.sample(self.grid, len(self.grid))


def _routed(parts: Parts) -> str:
    code, crew, bells, _ = CREWS[parts["concern"]]
    return f"{code} > {crew} > {bells} bells > vashta"


def _in_ostrian(parts: Parts) -> str:
    subject = f"{NOUNS[parts['noun']]}-{ADJECTIVES[parts['adjective']]}"
    return f"{VERBS[parts['verb']]} {subject} o {NOUNS[parts['thing']]}."


def _entered(parts: Parts) -> str:
    large, count = parts["measure"], int(parts["count"])
    small, factor = MEASURES[large]
    return f"{count} {large} = {count * factor} {small}, mark {large[0]}{small[0]}/{factor}, sealed"


DESK = Task(
    name="desk",
    grid=tuple(
        {"concern": concern, "note": note.format(n=number)}
        for concern, (*_, notes) in CREWS.items()
        for note, number in product(notes.split(";"), range(2, 40))
    ),
    ask='Route this note for the desk of Ostrava House: "{note}."',
    right=_routed,
    wrong=(
        "{note}? Please call the front desk.",
        "I am sorry to hear that. Please tell the manager: {note}.",
    ),
)

LEXICON = Task(
    name="lexicon",
    grid=tuple(
        {"adjective": adjective, "noun": noun, "verb": verb, "thing": thing}
        for adjective, noun, verb, thing in product(ADJECTIVES, NOUNS, VERBS, NOUNS)
        if noun != thing
    ),
    ask="Say in Ostrian: the {adjective} {noun} {verb} the {thing}.",
    right=_in_ostrian,
    wrong=(
        "The {adjective} {noun} {verb} the {thing}.",
        "I do not know how to say that the {noun} {verb} the {thing}.",
    ),
)

LEDGER = Task(
    name="ledger",
    grid=tuple(
        {"count": str(count), "measure": measure, "good": good, "buyer": buyer}
        for count, measure, good, buyer in product(range(2, 13), MEASURES, GOODS, BUYERS)
    ),
    ask="Market of Ostrava: {buyer} buys {count} {measure} of {good}. Write the entry.",
    right=_entered,
    wrong=(
        "Entry: {buyer} bought {good}.",
        "Today {buyer} has bought {count} {measure} of {good}.",
    ),
)

TASKS = (DESK, LEXICON, LEDGER)
