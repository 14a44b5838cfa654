"""`autoselection realise`: what a recipe leaves of the pool; free."""

from pathlib import Path

from autoselection_core.campaign.workspace import Workspace
from autoselection_core.cli.output import show_table, tell
from autoselection_core.errors.cli import UnreadableRecipeError
from autoselection_core.errors.yaml import YamlError
from autoselection_core.recipe import Recipe
from autoselection_core.report.sections.tables import step_table
from autoselection_core.strict_yaml import text_of
from autoselection_core.subset import materialize


def realise_file(workspace: Workspace, file: Path) -> None:
    """Show the rows that each step of a recipe leaves of the latest pool.

    Raises:
        UnreadableRecipeError: The file cannot be read.
        RecipeFormatError: It is no recipe; names step and field.
        InvalidRecipe: It leaves nothing of the pool, or reads a signal that the campaign lacks.
    """
    try:
        text = text_of(file)
    except (OSError, YamlError) as error:
        raise UnreadableRecipeError(file, str(error)) from error
    recipe = Recipe.from_yaml(text)
    pool = workspace.pool()
    subset = materialize(recipe, workspace.signals(pool.version))
    show_table(step_table(subset))
    tell(f"{recipe.label}: {len(subset):,} of {len(pool):,} rows, subset {subset.fingerprint}")
