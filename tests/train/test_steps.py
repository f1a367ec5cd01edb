"""What one step computes, and on which images."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from archlang.train.loss import total_loss
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from archlang.train import Recipe, TrainError
from archlang.train.device import choose, memory_explained
from archlang.train.diagnose import dry_run
from archlang.train.evaluate import evaluate
from archlang.train.loop import Trainer
from archlang.train.prepare import Preparation
from archlang.train.sampling import Sampler
from tests.train.networks import small_module, stripes

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("count", "size", "batches"),
    [(10, 4, [4, 4, 2]), (9, 4, [4, 5]), (8, 4, [4, 4]), (3, 8, [3]), (1, 4, [1]), (3, 1, [1] * 3)],
)
def test_every_image_once_an_epoch(count: int, size: int, batches: list[int]) -> None:
    sampler = Sampler(count, size, 0, CPU)
    assert sampler.per_epoch == len(batches)
    for epoch in range(2):
        first = epoch * sampler.per_epoch
        seen = [sampler.indices(first + i) for i in range(sampler.per_epoch)]
        assert [len(s) for s in seen] == batches
        assert sorted(torch.cat(seen).tolist()) == list(range(count))


def test_order_follows_from_seed_and_epoch() -> None:
    a, b = Sampler(100, 10, 0, CPU), Sampler(100, 10, 0, CPU)
    for step in range(10):
        a.indices(step)
    assert torch.equal(a.indices(15), b.indices(15))
    assert not torch.equal(a.indices(5), a.indices(15))
    assert not torch.equal(a.indices(15), Sampler(100, 10, 1, CPU).indices(15))


def test_shift_follows_from_seed_epoch_and_image() -> None:
    image = torch.tensor([7])
    few, many = Sampler(100, 10, 0, CPU), Sampler(100, 50, 0, CPU)
    assert torch.equal(few.offsets(10, image, (3, 2)), many.offsets(2, image, (3, 2)))
    offsets = few.offsets(0, torch.arange(100), (3, 2))
    assert offsets.amin(0).tolist() == [-3, -2]
    assert offsets.amax(0).tolist() == [3, 2]


def test_loss_adds_what_aux_heads_weigh() -> None:
    torch.manual_seed(0)
    main, side, deep = torch.randn(3, 4, 5)
    labels = torch.tensor([0, 1, 2, 4])
    outputs = {"side": side, "output": main, "deep": deep}
    expected = (
        F.cross_entropy(main, labels)
        + 0.3 * F.cross_entropy(side, labels)
        + 0.1 * F.cross_entropy(deep, labels)
    )
    assert total_loss(outputs, labels, {"side": 0.3, "deep": 0.1}) == expected
    assert total_loss(main, labels, {"side": 0.3}) == F.cross_entropy(main, labels)
    smooth = F.cross_entropy(main, labels, label_smoothing=0.1)
    assert total_loss(main, labels, {}, 0.1) == smooth


def test_evaluation_counts_every_image_once() -> None:
    class Brightness(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.stack((-x.mean((1, 2, 3)), x.mean((1, 2, 3))), 1)

    images = torch.tensor([0, 255, 0, 255, 255], dtype=torch.uint8).view(5, 1, 1, 1)
    labels = torch.tensor([0, 1, 1, 1, 1])
    prepare = Preparation((1, 1, 1), (0.5,), (0.5,))
    for batch_size in (1, 2, 5, 9):
        model = Brightness()
        score = evaluate(model, images, labels, prepare, batch_size=batch_size)
        assert (score.correct, score.count, score.accuracy) == (4, 5, 0.8)
        assert score.loss == pytest.approx((4 * 0.126928 + 2.126928) / 5, abs=1e-5)
        assert model.training


def trainer(model: nn.Module | None = None, **fields: Any) -> Trainer:
    torch.manual_seed(0)
    data = stripes()
    recipe = Recipe.of({"batch_size": 8, **fields})
    prepare = Preparation.measured(data, (1, 8, 8))
    return Trainer(model or small_module(), data, prepare, recipe, {})


def test_the_trial_leaves_no_trace() -> None:
    run = trainer()
    before = {k: v.clone() for k, v in run.model.state_dict().items()}
    state = torch.get_rng_state()
    assert run.check() == []
    assert all(torch.equal(before[k], v) for k, v in run.model.state_dict().items())
    assert torch.equal(state, torch.get_rng_state())
    assert all(p.grad is None for p in run.model.parameters())


def test_the_trial_finds_a_softmax() -> None:
    model = nn.Sequential(small_module(), nn.Softmax(1))
    assert "softmax" in trainer(model).check()[0]


def test_the_trial_explains_what_does_not_run() -> None:
    with pytest.raises(TrainError, match=r"does not train on a batch of \[1, 1, 8, 8\]: Expected"):
        trainer(batch_size=1).check()
    with pytest.raises(TrainError, match="cannot be multiplied"):
        trainer(nn.Sequential(nn.Flatten(), nn.Linear(5, 3))).check()


class WithSide(nn.Module):
    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.main, self.side = nn.Linear(4, 3), nn.Linear(4, outputs)

    def forward(self, x: Tensor) -> Tensor | dict[str, Tensor]:
        main = self.main(x)
        return {"output": main, "side": self.side(x)} if self.training else main


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (WithSide(2), r"`side` has the shape \[2\], and should have \[3\]"),
        (WithSide(4), r"`side` has the shape \[4\], and should have \[3\]"),
        (nn.Linear(4, 3), "does not yield its auxiliary output `side`"),
        (nn.Linear(4, 2), "does not yield its auxiliary output `side`"),
    ],
)
def test_the_trial_looks_at_every_output(model: nn.Module, says: str) -> None:
    images, labels = torch.zeros(5, 4), torch.tensor([0, 1, 2, 0, 1])
    with pytest.raises(TrainError, match=says):
        dry_run(model, images, labels, {"side": 0.3}, classes=3)
    with pytest.raises(TrainError, match=r"`output` has the shape \[2\]"):
        dry_run(nn.Linear(4, 2), images, labels, {}, classes=3)
    assert dry_run(WithSide(3), images, labels, {"side": 0.3}, classes=3) == []


class Explode(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x / 0


def test_a_loss_that_is_not_finite_names_step_and_layer() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 3), Explode(), nn.ReLU())
    run = trainer(model)
    with pytest.raises(TrainError) as caught:
        run.advance()
    assert "at step 1 of 60, epoch 1; first in `2` (Explode)" in caught.value.message
    assert "--lr" in caught.value.hint
    assert all(bool(p.isfinite().all()) for p in model.parameters())


def test_a_weight_that_is_not_finite_is_named() -> None:
    run = trainer()
    run.advance()
    with torch.no_grad():
        run.model[4].bias[1] = float("nan")
    with pytest.raises(TrainError, match=r"step 2 of .*; the weight `4.bias` is not finite"):
        run.advance()


def test_a_rate_too_high_is_stopped() -> None:
    linear = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.Linear(64, 3))
    run = trainer(linear, optimizer={"name": "sgd", "lr": 1e30}, schedule="constant")

    def go() -> None:
        for _ in range(20):
            run.advance()

    with pytest.raises(TrainError, match="the loss is nan at step"):
        go()


def test_bfloat16_learns() -> None:
    run = trainer(dtype="bfloat16", epochs=5, label_smoothing=0)
    losses = [run.advance() for _ in range(run.steps)]
    assert sum(losses[-6:]) < 0.7 * sum(losses[:6])


@pytest.mark.parametrize("name", ["gpu", "cuda:99", "meta", ""])
def test_devices_that_are_not_there(name: str) -> None:
    with pytest.raises(TrainError) as caught:
        choose(name)
    assert "available here: cpu" in caught.value.hint
    assert caught.value.exit_code == 2


def test_out_of_memory_says_what_may_fit() -> None:
    with pytest.raises(TrainError) as caught, memory_explained(64):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate …")
    assert caught.value.message == "out of memory with a batch of 64"
    assert caught.value.hint == "try --batch-size 32"
    with pytest.raises(RuntimeError, match="else"), memory_explained(64):
        raise RuntimeError("something else")
