"""Recipes put together: presets, files, the command line; and where each value came from."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from archlang.train import Recipe, TrainError, UsageError
from archlang.train.recipe import PRESETS, Layer, model_settings, read_recipe, resolve, schema
from archlang.train.recipe.read import from_values, split_settings, value_of
from tests.docs.blocks import ROOT


def given(*settings: str) -> Layer:
    pairs = (s.partition("=") for s in settings)
    return from_values((name, value_of(text)) for name, _, text in pairs)


def test_presets() -> None:
    assert (
        *("alexnet", "convnext", "lenet", "mobilenet", "resnet", "resnet_rs", "vgg"),
    ) == PRESETS


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_sound_and_says_whose_it_is(name: str) -> None:
    recipe = resolve(read_recipe(name)).recipe
    assert recipe.lr(10**4, 100) > 0
    text = (ROOT / f"archlang/train/recipe/presets/{name}.toml").read_text()
    assert any(f" {year}," in text.split("\n\n")[0] for year in range(1998, 2026))


def test_the_last_word() -> None:
    suggested = Layer("suggested by digits", {"epochs": 20, "augment": {"shift": 0.07}})
    found = resolve([suggested, *read_recipe("resnet"), given("optimizer.lr=0.05")])
    recipe = found.recipe
    assert (recipe.epochs, recipe.augment.shift, recipe.optimizer.lr) == (120, 0.07, 0.05)
    assert recipe.optimizer.weight_decay == 1e-4
    sources = {path: source for path, _, source in found.rows()}
    assert sources["epochs"] == "preset resnet"
    assert sources["optimizer.lr"] == "command line"
    assert sources["optimizer.weight_decay"] == "preset resnet"
    assert sources["augment.shift"] == "suggested by digits"
    assert sources["seed"] == sources["augment.rotation"] == "default"


def test_another_optimizer_voids_what_was_said_of_the_first() -> None:
    found = resolve([*read_recipe("resnet"), given("optimizer=adamw", "optimizer.lr=0.001")])
    assert found.recipe.optimizer == Recipe.of({"optimizer": {"lr": 0.001}}).optimizer
    assert found.source("optimizer.weight_decay") == "default"
    assert resolve([given("optimizer.lr=0.1", "optimizer=sgd")]).recipe.optimizer.lr == 0.1


def test_a_switch_keeps_what_a_part_has() -> None:
    found = resolve([*read_recipe("convnext"), given("ema=true")])
    assert found.recipe.ema is not None
    assert found.recipe.ema.decay == 0.9999
    assert resolve([*read_recipe("convnext"), given("ema=false")]).recipe.ema is None


def test_every_field_is_listed() -> None:
    rows = list(resolve([]).rows())
    assert len({path for path, _, _ in rows}) == len(rows)
    assert ("optimizer.name", '"adamw"', "default") in rows
    assert ("compile", "false", "default") in rows
    assert {path.partition(".")[0] for path, _, _ in rows} == set(Recipe.model_fields)


def write(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def test_a_file_extends_a_preset_and_another_file(tmp_path: Path) -> None:
    write(tmp_path / "base.toml", 'extends = "resnet"\nepochs = 5\n')
    file = write(tmp_path / "mine.toml", 'extends = "base.toml"\n[optimizer]\nlr = 0.3\n')
    found = resolve(read_recipe(file))
    assert (found.recipe.epochs, found.recipe.optimizer.lr) == (5, 0.3)
    assert found.recipe.optimizer.name == "sgd"
    assert found.source("epochs") == str(tmp_path / "base.toml")


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ("epoch = 3", "mine.toml:1: the recipe has no field `epoch`", "`epochs`?"),
        ("\n[optimizer]\n# a comment\nlr = -1", "mine.toml:4: `optimizer.lr` is -1", ""),
        ("optimizer = {lr = -1}", "mine.toml:1: `optimizer.lr` is -1", ""),
        ("[ema]\ndecay = 2", "mine.toml:2: `ema.decay` is 2, and should be less than 1", ""),
        ("epochs = ", "mine.toml:1: this is no TOML: invalid value", "in quotes"),
        ("a = 1\ndtype = bf16", "mine.toml:2: this is no TOML", 'dtype = "bfloat16"'),
        ('extends = "mine.toml"', "recipes extend each other", ""),
        ('extends = "resnt"', "there is no recipe named `resnt`", "did you mean `resnet`?"),
        ("extends = 3", "mine.toml: `extends` is 3, and should be a name", ""),
        ("[augment]\nshfit = 0.1", "mine.toml:2: the recipe has no field", "`shift`?"),
        ("[augment.mixing]\nmixup = -1", "mine.toml:2: `augment.mixing.mixup` is -1", ""),
    ],
)
def test_mistakes_have_a_place(tmp_path: Path, text: str, says: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(read_recipe(write(tmp_path / "mine.toml", text)))
    assert says in caught.value.message
    assert hint in caught.value.hint


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    write(tmp_path / "mine.toml", "")
    with pytest.raises(TrainError, match=r"no file .*mien.toml\nhelp: did you mean .*mine.toml"):
        read_recipe(str(tmp_path / "mien.toml"))


def test_fields_and_parameters_are_told_apart() -> None:
    asked = {"optimizer.lr": "0.1", "classes": "10", "seed": "3", "model.epochs": "2"}
    fields, settings = split_settings(asked, ["classes", "epochs"])
    assert fields == {"optimizer.lr": "0.1", "seed": "3"}
    assert settings == {"classes": "10", "epochs": "2"}
    assert split_settings({"recipe.epochs": "2"}, ["epochs"]) == ({"epochs": "2"}, {})


@pytest.mark.parametrize(
    ("name", "says", "hint"),
    [
        ("epochs", "a field of the recipe and a parameter", "--set recipe.epochs=1 or --set"),
        ("epoch", "`epoch` is no parameter", "did you mean --set epochs=1?"),
        ("clases", "`clases` is no parameter", "did you mean --set classes=1?"),
        ("zzz", "`zzz` is no parameter", "the network has classes, epochs"),
    ],
)
def test_names_that_are_not_clear(name: str, says: str, hint: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        split_settings({name: "1"}, ["classes", "epochs"])
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("text", "value"),
    [("0.05", 0.05), ("true", True), ("[1, 2]", [1, 2]), ("sgd", "sgd"), ('"sgd"', "sgd")],
)
def test_values_are_tomls_and_texts_need_no_quotes(text: str, value: Any) -> None:
    assert value_of(text) == value


def test_parameters_of_the_network_as_expressions() -> None:
    layers = [Layer("a", {"model": {"drop": 0.1, "wide": True, "w": [1, 2], "k": "3x3"}})]
    assert model_settings([*layers, given("model.drop=0.2")]) == {
        "drop": "0.2",
        "wide": "true",
        "w": "[1, 2]",
        "k": "3x3",
    }


def test_the_schema_takes_what_recipes_are() -> None:
    made = schema()
    json.dumps(made)
    assert set(made["properties"]) == {"extends", *Recipe.model_fields}
    assert all("description" in field for field in made["properties"].values())
    assert made["additionalProperties"] is False


def test_recipes_are_read_without_pytorch() -> None:
    code = "import sys, archlang.train.recipe; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
