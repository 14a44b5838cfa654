"""Recipes: ordered programs of operators, as data."""

from autoselection_core.recipe.program import MAX_STEPS, Recipe, Step, Union, outlines

__all__ = ["MAX_STEPS", "Recipe", "Step", "Union", "outlines"]
