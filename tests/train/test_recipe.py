from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import ValidationError

from archlang.train import Recipe, TrainError
from tests.train.networks import lenet_module


@pytest.mark.parametrize(
    ("fields", "message", "hint"),
    [
        ({"epochs": 0}, "`epochs` is 0, and should be greater than or equal to 1", ""),
        ({"epochs": "many"}, "`epochs` is 'many', and should be a valid integer", ""),
        ({"epoch": 3}, "the recipe has no field `epoch`", "did you mean `epochs`?"),
        ({"warp": 3}, "the recipe has no field `warp`", "it has optimizer, schedule, epochs"),
        ({"optimizer": "adam"}, "`optimizer` is 'adam', and should be one of 'adamw', 'sgd'", ""),
        ({"optimizer": {"lr": -1}}, "`optimizer.lr` is -1, and should be greater than 0", ""),
        (
            {"optimizer": {"momentum": 0.9}},
            "the recipe has no field `optimizer.momentum`",
            "it has lr, weight_decay",
        ),
        ({"optimizer": 3}, "`optimizer` is 3, and should be a valid dictionary", ""),
        ({"optimizer": {"lr": float("nan")}}, "`optimizer.lr` is nan", ""),
        ({"schedule": {"name": "step", "evry": 1}}, "no field `schedule.evry`", "`every`"),
        ({"dtype": "float16"}, "`dtype` is 'float16', and should be 'float32' or 'bfloat16'", ""),
        ({"label_smoothing": 1}, "`label_smoothing` is 1, and should be less than 1", ""),
    ],
)
def test_mistakes_take_one_line(fields: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(TrainError) as caught:
        Recipe.of(fields)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert "\n" not in caught.value.message
    assert caught.value.exit_code == 2


def test_plain_and_back() -> None:
    recipe = Recipe.of({"optimizer": {"name": "sgd", "momentum": 0.8}, "schedule": "step"})
    assert Recipe.of(recipe.model_dump()) == recipe


def test_frozen() -> None:
    with pytest.raises(ValidationError):
        Recipe().epochs = 3  # type: ignore[misc]


def test_data_suggests_and_the_user_decides() -> None:
    suggested = {"epochs": 20, "shift": 0.1}
    assert Recipe().over(suggested).epochs == 20
    assert Recipe(epochs=10).over(suggested).epochs == 10
    assert Recipe(epochs=10).over(suggested).shift == 0.1


def rates(schedule: Any, epochs: int = 10, per_epoch: int = 10) -> list[float]:
    recipe = Recipe.of({"optimizer": {"lr": 1}, "schedule": schedule, "epochs": epochs})
    return [recipe.lr(step, per_epoch) for step in range(epochs * per_epoch)]


def test_cosine() -> None:
    lr = rates({"name": "cosine", "warmup": 0.1})
    assert lr[:10] == pytest.approx([(i + 1) / 10 for i in range(10)])
    assert lr[10] == 1
    assert lr[55] == pytest.approx(0.5)
    assert lr[10:] == sorted(lr[10:], reverse=True)
    assert 0 < lr[-1] < 1e-3


def test_step() -> None:
    lr = rates({"name": "step", "every": 4, "gamma": 0.5, "warmup": 0})
    assert lr == [1] * 40 + [0.5] * 40 + [0.25] * 20


def test_constant() -> None:
    assert rates({"name": "constant", "warmup": 0}) == [1] * 100
    assert rates({"name": "constant"})[:6] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1, 1])


def test_one_step_runs_at_some_rate() -> None:
    for schedule in ("cosine", "step", "constant"):
        assert rates(schedule, 1, 1) == [1]


def test_biases_and_norms_do_not_decay() -> None:
    model = torch.nn.Sequential(lenet_module(), torch.nn.BatchNorm1d(10))
    for name in ("adamw", "sgd"):
        optimizer = Recipe.of({"optimizer": name}).build_optimizer(model.parameters())
        decayed, free = optimizer.param_groups
        assert decayed["weight_decay"] > 0
        assert free["weight_decay"] == 0
        assert [p.ndim for p in decayed["params"]] == [4, 4, 2, 2, 2]
        assert [p.ndim for p in free["params"]] == [1] * 7


def test_nesterov_needs_momentum() -> None:
    fields = {"optimizer": {"name": "sgd", "momentum": 0}}
    optimizer = Recipe.of(fields).build_optimizer(lenet_module().parameters())
    assert optimizer.defaults["nesterov"] is False
