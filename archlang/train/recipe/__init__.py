"""Recipes: how to train, as plain data. Nothing here imports PyTorch until it builds something."""

from archlang.train.recipe.fields import ELSEWHERE, Ema, Recipe, Saving
from archlang.train.recipe.layers import Layer, Resolved, model_settings, resolve
from archlang.train.recipe.read import PRESETS, read_recipe, schema

__all__ = [
    "ELSEWHERE",
    "PRESETS",
    "Ema",
    "Layer",
    "Recipe",
    "Resolved",
    "Saving",
    "model_settings",
    "read_recipe",
    "resolve",
    "schema",
]
