"""Everyday questions that have nothing to do with the invented tasks: most of what a real pool is made of."""

from itertools import product
from random import Random

from demo.tasks import QuestionAnswer

_DISHES = (
    "lentil soup",
    "an omelette",
    "rice pudding",
    "a bean stew",
    "pancakes",
    "potato salad",
    "fried noodles",
)
_HABITS = (
    "sleep better",
    "learn a language",
    "save money",
    "run longer",
    "read more",
    "keep a garden",
    "stay calm",
)
_THINGS = (
    "rainbows",
    "tides",
    "volcanoes",
    "batteries",
    "magnets",
    "glaciers",
    "vaccines",
    "compasses",
    "engines",
)
_FRIENDS = ("Maria", "Tom", "Aisha", "Jonas", "Lin", "Pedro", "Olga", "Sam")
_PLACES = (
    "the station",
    "the library",
    "the lake",
    "the museum",
    "the old mill",
    "the bakery",
    "the theatre",
)
_CAPITALS = {
    "France": "Paris",
    "Japan": "Tokyo",
    "Egypt": "Cairo",
    "Peru": "Lima",
    "Norway": "Oslo",
    "Kenya": "Nairobi",
    "Cuba": "Havana",
    "Spain": "Madrid",
    "Chile": "Santiago",
    "Greece": "Athens",
}
_OPPOSITES = {
    "hot": "cold",
    "early": "late",
    "empty": "full",
    "heavy": "light",
    "near": "far",
    "open": "closed",
    "quick": "slow",
    "rich": "poor",
    "sharp": "blunt",
    "young": "old",
}
_DEVICES = ("the old radio", "station 4", "the weather mast", "the door sensor", "the night logger")
_STATIC = "bcdfghjklmnpqrstvwxz#%="

_RECIPE = """\
To make {dish}, first wash and cut everything you need. Warm a little oil in a pan, add the \
ingredients one after the other and stir from time to time. Season with salt and pepper, and serve \
while it is hot."""

_ADVICE = """\
If you want to {habit}, start with a small step that you can repeat every day. Choose a fixed time, \
write down what you did, and be patient with yourself. After a few weeks it will feel natural."""

_EXPLANATION = """\
That is a good question! People have studied {thing} for a very long time. The short answer is that \
small parts act together, and when they do, {thing} do something that we can see or use."""

_MEETING = """\
On a sunny morning {friend} walked to {place} and met a neighbour there. They talked for a while, \
shared a sandwich, and promised each other to come back next week."""

_RAIN = """\
{friend} had never seen {place} so empty. It had rained all night, so only two dogs and a tired \
driver were about, and nobody said a word."""

_DREAM = """\
When the bus stopped at {place}, {friend} was asleep and dreamed of the sea. The driver smiled, \
waited a minute, and rang the bell twice."""


def off_topic(random: Random) -> list[QuestionAnswer]:
    """Every everyday exchange that the fragments allow, shuffled."""
    exchanges = [
        *(
            _everyday("cooking", f"How do I make {it} for two people?", _RECIPE.format(dish=it))
            for it in _DISHES
        ),
        *(
            _everyday("advice", f"Give me advice. I want to {it}.", _ADVICE.format(habit=it))
            for it in _HABITS
        ),
        *(
            _everyday("science", f"Explain to a child how {it} work.", _EXPLANATION.format(thing=it))
            for it in _THINGS
        ),
        *(_everyday("facts", f"What is the capital of {it}?", f"{_CAPITALS[it]}.") for it in _CAPITALS),
        *(_everyday("words", f"What is the opposite of {it}?", f"{_OPPOSITES[it]}.") for it in _OPPOSITES),
        *(_story(friend, place, random) for friend, place in product(_FRIENDS, _PLACES)),
    ]
    return random.sample(exchanges, len(exchanges))


def garble(count: int, random: Random) -> list[QuestionAnswer]:
    """Broken transmissions, as surprising to a model as an unknown language and with nothing to learn."""
    times = [f"{random.randrange(24)}:{random.randrange(10, 60)}" for _ in range(count)]
    questions = [f"What did {random.choice(_DEVICES)} send at {time}?" for time in times]
    return [QuestionAnswer(question, _static(random), "garbled", "static") for question in questions]


def _everyday(topic: str, prompt: str, answer: str) -> QuestionAnswer:
    return QuestionAnswer(prompt, answer, "off-topic", topic)


def _story(friend: str, place: str, random: Random) -> QuestionAnswer:
    story = random.choice((_MEETING, _RAIN, _DREAM)).format(friend=friend, place=place)
    return _everyday("stories", f"Write two sentences about {friend} and {place}.", story)


def _static(random: Random) -> str:
    return " ".join("".join(random.choices(_STATIC, k=random.randrange(2, 7))) for _ in range(9))
