"""Strict reader of a study's file, and the contests and ledger entries that follow from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from autoselection_core.campaign.declaration.allowed_paths import AllowedPaths
from autoselection_core.campaign.declaration.evaluation_keys import benchmarks_from, training_from
from autoselection_core.campaign.declaration.loading import campaign_from
from autoselection_core.campaign.declaration.yaml_document import Value, plain_mapping, read_document
from autoselection_core.errors.base import AutoSelectionError
from autoselection_core.errors.search import StudyBudgetError
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.searches import NAME
from autoselection_core.operators.catalogue import installed_operators
from autoselection_core.recipe.program import parse
from autoselection_core.solver.policy import Policy
from autoselection_core.store.home import Home
from autoselection_core.study.study import Candidates, FurtherItems, RecipeArm, SearchArm, Study, Transfer

SAME = "same"
"""Name of contests among equal candidates, followed by a slash and the seed."""


@dataclass(frozen=True)
class Contest:
    """A contest: a search, or a choice among equal candidates, that recommends a winner.

    Attributes:
        name: Name that its arms carry.
        entry: Its entry in the ledger.
        seed: Seed of the search.
        number: Its number in the study, from 0: its random draws are its own.
        arm: The way to search; None for the contest among equal candidates.
    """

    name: str
    entry: str
    seed: int
    number: int
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
        Contest(f"{arm.name}/{seed}", f"{study.name}-{arm.name}-{seed}", seed, number, arm)
        for number, (arm, seed) in enumerate(searched)
    ]
    equal = study.seeds if study.same is not None else ()
    found += [
        Contest(f"{SAME}/{seed}", arms_entry(study), seed, number, None)
        for number, seed in enumerate(equal, start=len(found))
    ]
    return tuple(found)


def entries(study: Study, ledger: Ledger) -> tuple[str, ...]:
    """The entries on the campaign's base model that the ledger knows."""
    known = {record.search for record in ledger.searches()}
    named = [arms_entry(study), *(contest.entry for contest in contests(study))]
    return tuple(name for name in dict.fromkeys(named) if name in known)


_OLD_HELD_OUT = "elsewhere"
"""The spelling of `held_out_benchmarks` up to version 0.1.0."""

_KEYS = (
    "name",
    "campaign",
    "budget",
    "seeds",
    "recipes",
    "searches",
    "same",
    "held_out_benchmarks",
    _OLD_HELD_OUT,
    "transfer",
    "further_items",
)
_COUNTS = ("full_pool", "recipe_runs", "winner", "random")
_LONGEST_NAME = 24
"""Maximum length of a name: arms carry those of searches and recipes, and the ledger keeps 40 characters."""


def load_study(path: Path, home: Home) -> Study:
    """The study that a file declares. Nothing that it names is opened.

    Args:
        path: The file.
        home: Home folder that replaces `{home}/` in its paths.

    Raises:
        NoCampaignFileError: The file is not there.
        CampaignFileError: It says something that cannot be; names file, line and field.
        StudyBudgetError: It asks for more trainings than its budget.
    """
    allowed_paths = AllowedPaths(path, home)
    document = read_document(path)
    found = document.entries(*_KEYS, *_COUNTS)
    for key in ("name", "campaign", "budget"):
        if key not in found:
            document.refuse(f"needs the key `{key}`")
    name = _name(found["name"])
    held_out = found.get("held_out_benchmarks", found.get(_OLD_HELD_OUT))
    with allowed_paths.together():
        study = Study(
            name=name,
            campaign=campaign_from(name, found["campaign"], allowed_paths),
            budget=found["budget"].whole(1),
            seeds=_seeds(found),
            recipes=_recipes(found),
            searches=_searches(found),
            same=_same(found["same"]) if "same" in found else None,
            held_out_benchmarks=benchmarks_from(held_out, allowed_paths) if held_out is not None else (),
            transfer=_transfer(found["transfer"], allowed_paths) if "transfer" in found else None,
            further_items=_further_items(found["further_items"]) if "further_items" in found else None,
            **{key: found[key].whole(0) for key in _COUNTS if key in found},
        )
    _refuse_shared_names(study, document)
    if study.further_items is not None and study.campaign.closed_form is not None:
        found["further_items"].refuse("needs trained models; a formula has no items")
    if study.total_trainings > study.budget:
        raise StudyBudgetError(study.name, study.budget, study.total_trainings)
    return study


def _name(value: Value) -> str:
    name = value.text()
    if not NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        value.refuse(f"is no name; use up to {_LONGEST_NAME} letters, digits, '-', '_' and '.'")
    return name


def _seeds(found: Mapping[str, Value]) -> tuple[int, ...]:
    seeds = tuple(item.whole(0) for item in found["seeds"].items()) if "seeds" in found else (0,)
    if not seeds or len(set(seeds)) < len(seeds):
        found["seeds"].refuse("must be a list of different seeds")
    return seeds


def _recipes(found: Mapping[str, Value]) -> tuple[RecipeArm, ...]:
    if "recipes" not in found:
        return ()
    return tuple(_recipe(name, value) for name, value in found["recipes"].entries().items())


def _recipe(name: str, value: Value) -> RecipeArm:
    _require_name(name, value)
    try:
        return RecipeArm(name, parse(value.plain))
    except AutoSelectionError as error:
        value.refuse(f"is refused: {error}", error)


def _searches(found: Mapping[str, Value]) -> tuple[SearchArm, ...]:
    if "searches" not in found:
        return ()
    return tuple(_search(name, value) for name, value in found["searches"].entries().items())


def _search(name: str, value: Value) -> SearchArm:
    _require_name(name, value)
    found = value.entries("budget", "policy", "settings", "operators")
    if "budget" not in found:
        value.refuse("needs `budget`: the trainings of each of its searches")
    policy = found["policy"].text() if "policy" in found else SearchArm.policy
    settings = plain_mapping(found["settings"].entries()) if "settings" in found else {}
    try:
        Policy(policy).with_settings(**settings)
    except (AutoSelectionError, TypeError) as error:
        value.refuse(f"is refused: {error}", error)
    operators = _operators(found["operators"]) if "operators" in found else ()
    return SearchArm(name, found["budget"].whole(1), policy, settings, operators)


def _operators(value: Value) -> tuple[str, ...]:
    known = tuple(operator.name for operator in installed_operators())
    for item in value.items():
        if item.text() not in known:
            item.refuse(f"names no operator ({', '.join(known)})")
    return tuple(item.text() for item in value.items())


def _same(value: Value) -> Candidates:
    found = value.entries("candidates", "share")
    count = found["candidates"].whole(2) if "candidates" in found else 6
    share = found["share"].number() if "share" in found else 0.3
    if not 0.0 < share < 1.0:
        found["share"].refuse("must be a share of the pool, above 0 and below 1")
    return Candidates(count, share)


def _transfer(value: Value, allowed_paths: AllowedPaths) -> Transfer:
    found = value.entries("base_model", "training")
    if "base_model" not in found:
        value.refuse("needs `base_model`: the other model")
    training = training_from(found["training"]) if "training" in found else {}
    return Transfer(allowed_paths.model(found["base_model"]), training)


def _further_items(value: Value) -> FurtherItems:
    found = value.entries("items", "leading")
    if "items" not in found:
        value.refuse("needs `items`: how many are drawn")
    leading = found["leading"].whole(2) if "leading" in found else FurtherItems.leading
    return FurtherItems(found["items"].whole(1), leading)


def _require_name(name: str, value: Value) -> None:
    if not NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        value.refuse(f"is no name; use up to {_LONGEST_NAME} letters, digits, '-', '_' and '.'")


def _refuse_shared_names(study: Study, document: Value) -> None:
    named = [arm.name for arm in study.searches] + [arm.name for arm in study.recipes]
    scored = [each.name for each in (*study.campaign.benchmarks, *study.held_out_benchmarks)]
    for names in (named, scored):
        if twice := next((name for name in names if names.count(name) > 1), None):
            document.refuse(f"gives the name {twice!r} to two things; the report could not tell them apart")
