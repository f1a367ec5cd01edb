from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from archlang.train.errors import UsageError
from archlang.train.sweeps.grid import MOST, Grid, axes_of, values_in

NAMES = ["width", "depths", "act", "seed"]


def grid(**given: Any) -> Grid:
    return Grid(("net",), axes_of(given, NAMES))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("16", ["16"]),
        ("16, 32,64", ["16", "32", "64"]),
        ("[3,4,6,3],[2,2,2,2]", ["[3,4,6,3]", "[2,2,2,2]"]),
        ('["a,b", "c"],[]', ['["a,b", "c"]', "[]"]),
        ('"a,b",c', ['"a,b"', "c"]),
        ("bn(eps=1e-3, momentum=0.2),layernorm", ["bn(eps=1e-3, momentum=0.2)", "layernorm"]),
        ("1:4", ["1", "2", "3", "4"]),
        ("16:64:16,100", ["16", "32", "48", "64", "100"]),
        ("3:1:-1", ["3", "2", "1"]),
        ("-1:1", ["-1", "0", "1"]),
        ("cuda:1,cpu", ["cuda:1", "cpu"]),
        ("1e-3,1.5", ["1e-3", "1.5"]),
    ],
)
def test_values(text: str, values: list[str]) -> None:
    assert values_in("width", text) == values


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"width": "16,,32"}, "--set width=16,,32 has a value that is empty"),
        ({"width": "1..4"}, "a range is --set width=1:4"),
        ({"width": "4:1"}, "the range 4:1 of `width` has 0 values"),
        ({"width": "1:4:0"}, "the range 1:4:0 of `width` has 0 values"),
        ({"width": f"1:{MOST + 1}"}, "has 10,001 values"),
        ({"width": "8,16,8"}, "`width` has the value 8 twice"),
        ({"width": []}, "`width` has no values"),
        ({"widht": "8"}, "did you mean --set width=8?"),
        ({"seed": "0,1"}, "write --set recipe.seed=0,1 or --set model.seed=0,1"),
        ({"epochs": "1", "recipe.epochs": "2"}, "`epochs` and `recipe.epochs` are the same"),
    ],
)
def test_what_is_no_axis(given: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as raised:
        axes_of(given, NAMES)
    assert says in str(raised.value)


def test_names_are_told_apart_as_in_train() -> None:
    axes = axes_of({"width": "8", "optimizer.lr": [0.1], "model.seed": 1}, NAMES)
    assert [(a.name, a.path, a.of_network) for a in axes] == [
        ("width", "width", True),
        ("optimizer.lr", "optimizer.lr", False),
        ("model.seed", "seed", True),
    ]


def test_values_of_python_keep_all_their_digits() -> None:
    axes = axes_of({"optimizer.lr": [0.1 + 0.2], "ema": [True, False], "depths": [[3, 4]]}, NAMES)
    assert axes[0].values == (0.1 + 0.2,)
    assert axes[1].values == (True, False)
    assert axes[2].texts == ("[3, 4]",)


def test_every_combination_once() -> None:
    made = grid(width="8,16,32", **{"optimizer.lr": "0.1,0.01"}, act="relu,gelu,tanh,silu")
    assert made.size == 24
    found = [tuple(c.texts.values()) for c in made.all()]
    lists = [a.texts for a in made.axes]
    assert found == list(product(*lists))
    assert made.at(0).given == (("model.width", "8"), ("optimizer.lr", 0.1), ("model.act", "relu"))


def test_drawn_at_random() -> None:
    made = grid(width="1:50", act="relu,gelu,tanh,silu")
    drawn = [tuple(c.texts.items()) for c in made.drawn(3)]
    assert sorted(drawn) == sorted(tuple(c.texts.items()) for c in made.all())
    assert drawn != [tuple(c.texts.items()) for c in made.all()]
    assert drawn == [tuple(c.texts.items()) for c in made.drawn(3)]
    assert drawn != [tuple(c.texts.items()) for c in made.drawn(4)]


def test_a_grid_too_large_is_drawn_from_alone() -> None:
    made = grid(width="1:5000", depths="1:5000", act="1:5000", **{"optimizer.lr": "1:5000"})
    assert made.size == 5000**4
    with pytest.raises(UsageError, match="these are 625,000,000,000,000 combinations"):
        next(made.all())
    first = [made for made, _ in zip(made.drawn(0), range(100), strict=False)]
    assert len({tuple(c.texts.items()) for c in first}) == 100


def test_folders_are_apart_and_plain() -> None:
    made = grid(depths="[3,4],[3;4]", act='"a/../b",relu')
    names = [c.folder(seed) for c in made.all() for seed in (0, 1)]
    assert len(set(names)) == 8
    assert not any(set(name) & set('/[]"; ') for name in names)
    long = grid(act=",".join(f"{'x' * 300}{n}" for n in range(3)))
    assert len({c.folder(0) for c in long.all()}) == 3
    assert max(len(c.folder(0)) for c in long.all()) < 140
    (one,) = Grid(("net",), axes_of({"width": 8, "recipe.seed": 4}, NAMES)).all()
    assert one.folder(4) == "net,width=8,seed=4"
    swapped = Grid(("net",), axes_of({"recipe.seed": 4, "width": 8}, NAMES))
    assert swapped.at(0).folder(4) == one.folder(4)
