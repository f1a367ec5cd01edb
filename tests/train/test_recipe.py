from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
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
        ({"epochs": "many"}, "`epochs` is 'many', and should be a whole number", ""),
        ({"epoch": 3}, "the recipe has no field `epoch`", "did you mean `epochs`?"),
        ({"warp": 3}, "the recipe has no field `warp`", "it has optimizer, schedule, epochs"),
        ({"optimizer": "adm"}, "`optimizer` is 'adm', and should be one of 'adamw'", "`adam`?"),
        ({"optimizer": {"lr": -1}}, "`optimizer.lr` is -1, and should be greater than 0", ""),
        (
            {"optimizer": {"momentum": 0.9}},
            "the recipe has no field `optimizer.momentum`",
            "it has lr, lr_batch, weight_decay, decay, betas, eps",
        ),
        ({"epochs": True}, "`epochs` is true, and should be a number", ""),
        ({"augment": {"shift": True}}, "`augment.shift` is true, and should be a number", ""),
        ({"optimizer": {"lr": False}}, "`optimizer.lr` is false, and should be a number", ""),
        ({"optimizer": 3}, "`optimizer` is 3, and should be a table", ""),
        ({"ema": 3}, "`ema` is 3, and should be a table", ""),
        ({"channels_last": 3}, "`channels_last` is 3, and should be true or false", ""),
        ({"optimizer": {"lr": float("nan")}}, "`optimizer.lr` is nan", ""),
        ({"schedule": {"name": "step", "evry": 1}}, "no field `schedule.evry`", "`every`"),
        ({"dtype": "int8"}, "`dtype` is 'int8', and should be 'float32', 'bfloat16' or", ""),
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


FULL = {
    "optimizer": {"name": "sgd", "lr": 0.2},
    "ema": {"decay": 0.9},
    "augment": {"random_resized_crop": {}, "rand_augment": {}, "random_erasing": {}},
}


def tables(recorded: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A recipe's record and every table in it."""
    yield recorded
    for value in recorded.values():
        if isinstance(value, dict):
            yield from tables(value)


@pytest.mark.parametrize("fields", [{}, FULL], ids=["plain", "full"])
def test_a_field_that_an_older_version_had_not_is_at_its_default(fields: dict[str, Any]) -> None:
    now = Recipe.of(fields).identity()
    given = {"name", *(key for table in tables(fields) for key in table)}
    old = deepcopy(now)
    fresh = [(table, key) for table in tables(old) for key in table if key not in given]
    assert len(fresh) > 30
    for table, key in fresh:
        value = table.pop(key)
        assert Recipe.recorded(old) == now, key
        table[key] = value


def test_a_field_that_is_no_more_is_kept() -> None:
    now = Recipe().identity()
    old = {**now, "warp": 3}
    assert Recipe.recorded(old) == old
    assert Recipe.recorded({**now, "epochs": 30}) == {**now, "epochs": 30}


def test_frozen() -> None:
    with pytest.raises(ValidationError):
        Recipe().epochs = 3  # type: ignore[misc]


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
    for schedule in ("cosine", "step", "constant", "plateau", "polynomial"):
        assert rates(schedule, 1, 1) == [1]


def test_polynomial() -> None:
    lr = rates({"name": "polynomial", "power": 2, "warmup": 0})
    assert lr == pytest.approx([(1 - i / 100) ** 2 for i in range(100)])


def test_step_at() -> None:
    lr = rates({"name": "step", "at": [2, 5], "gamma": 0.5, "warmup": 0})
    assert lr == [1] * 20 + [0.5] * 30 + [0.25] * 50


def test_warmup_in_epochs() -> None:
    lr = rates({"name": "constant", "warmup_epochs": 2})
    assert lr[:20] == pytest.approx([(i + 1) / 20 for i in range(20)])
    assert lr[20:] == [1] * 80


@pytest.mark.parametrize("patience", [0, 1, 3])
def test_plateau_is_pytorchs(patience: int) -> None:
    losses = [3.0, 2.0, 2.5, 1.99999, 2.1, 1.5, 1.6, 1.6, 1.6, 1.6, 1.6, 1.2, 1.3, 1.3, 1.3, 1.1]
    schedule = {"name": "plateau", "patience": patience, "gamma": 0.5, "warmup": 0}
    recipe = Recipe.of({"optimizer": {"lr": 1}, "schedule": schedule, "epochs": len(losses)})
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=patience)
    history: list[dict[str, float]] = []
    for epoch, loss in enumerate(losses):
        assert recipe.lr(10 * epoch, 10, history) == optimizer.param_groups[0]["lr"]
        history.append({"eval_loss": loss})
        theirs.step(loss)
    assert optimizer.param_groups[0]["lr"] < 1


def test_the_rate_follows_the_batch() -> None:
    fields = {"optimizer": {"name": "sgd", "lr": 0.1, "lr_batch": 256}, "schedule": "constant"}
    assert Recipe.of({**fields, "batch_size": 64}).lr(50, 100) == 0.025
    assert Recipe.of({**fields, "batch_size": 256}).lr(50, 100) == 0.1


def test_an_average_forgets_slowly_later() -> None:
    recipe = Recipe.of({"ema": {"decay": 0.99}})
    assert recipe.ema is not None
    assert [recipe.ema.at(step) for step in (0, 8, 10**6)] == [0.1, 0.5, 0.99]
    assert Recipe.of({"ema": False}).ema is None
    assert Recipe.of({"ema": True}).ema is not None


def test_biases_and_norms_do_not_decay() -> None:
    model = torch.nn.Sequential(lenet_module(), torch.nn.BatchNorm1d(10))
    for name in ("adamw", "sgd", "adam", "rmsprop"):
        fields = {"name": name, "weight_decay": 0.1}
        optimizer = Recipe.of({"optimizer": fields}).build_optimizer(model.parameters())
        decayed, free = optimizer.param_groups
        assert decayed["weight_decay"] > 0
        assert free["weight_decay"] == 0
        assert [p.ndim for p in decayed["params"]] == [4, 4, 2, 2, 2]
        assert [p.ndim for p in free["params"]] == [1] * 7


def test_nesterov_needs_momentum() -> None:
    fields = {"optimizer": {"name": "sgd", "momentum": 0}}
    optimizer = Recipe.of(fields).build_optimizer(lenet_module().parameters())
    assert optimizer.defaults["nesterov"] is False


def test_all_may_decay() -> None:
    fields = {"optimizer": {"name": "sgd", "decay": "all"}}
    (group,) = Recipe.of(fields).build_optimizer(lenet_module().parameters()).param_groups
    assert len(group["params"]) == 10
    assert group["weight_decay"] > 0
