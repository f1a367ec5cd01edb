"""What one step computes, and on which images."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
import torchmetrics
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from archlang import loads
from archlang.train import Recipe, TrainError
from archlang.train.data import TensorSamples
from archlang.train.device import choose
from archlang.train.diagnose import dry_run, first_broken_layer
from archlang.train.loader import IGNORED, Batches, EvaluationBatches
from archlang.train.loop import Course, Trainer
from archlang.train.memory import Budget
from archlang.train.prepare import Preparation
from archlang.train.sampling import Sampler
from archlang.train.scoring import evaluate
from archlang.train.task import Classification, Segmentation
from tests.train.networks import small, small_module, stripes

CPU = torch.device("cpu")
THREE = Classification(("top", "middle", "bottom"))


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
    task = Classification(tuple("abcde"))
    assert task.loss(outputs, labels, {"side": 0.3, "deep": 0.1}) == expected
    assert task.loss(main, labels, {"side": 0.3}) == F.cross_entropy(main, labels)
    smooth = F.cross_entropy(main, labels, label_smoothing=0.1)
    assert task.loss(main, labels, {}, 0.1) == smooth
    both = F.cross_entropy(main, labels) + F.cross_entropy(side, labels)
    assert task.loss({"a": main, "b": side}, labels, {}) == both


def test_evaluation_counts_every_image_once() -> None:
    class Brightness(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.stack((-x.mean((1, 2, 3)), x.mean((1, 2, 3))), 1)

    images = torch.tensor([0, 255, 0, 255, 255], dtype=torch.uint8).view(5, 1, 1, 1)
    samples = TensorSamples(images, torch.tensor([0, 1, 1, 1, 1]))
    prepare = Preparation((1, 1, 1), (0.5,), (0.5,))
    for batch_size in (1, 2, 5, 9):
        model = Brightness()
        batches = EvaluationBatches(samples, prepare, batch_size=batch_size)
        score = evaluate(model, batches, Classification(("dark", "light")), CPU)
        assert (score["correct"], score["count"], score["accuracy"]) == (4, 5, 0.8)
        assert score["eval_loss"] == pytest.approx((4 * 0.126928 + 2.126928) / 5, abs=1e-5)
        assert model.training


def trainer(model: nn.Module | None = None, **fields: Any) -> Trainer:
    torch.manual_seed(0)
    data = stripes()
    recipe = Recipe.of({"batch_size": 8, **fields})
    prepare = Preparation.measured(data, (1, 8, 8))
    feed = Batches(data.train, prepare, recipe.augment, batch_size=recipe.batch_size, classes=3)
    judge = EvaluationBatches(data.test, prepare, batch_size=recipe.batch_size)
    course = Course(Classification(data.classes), feed, judge, {})
    return Trainer(model or small_module(), course, recipe, CPU)


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
        dry_run(model, images, labels, {"side": 0.3}, task=THREE)
    with pytest.raises(TrainError, match=r"`output` has the shape \[2\]"):
        dry_run(nn.Linear(4, 2), images, labels, {}, task=THREE)
    assert dry_run(WithSide(3), images, labels, {"side": 0.3}, task=THREE) == []


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


PLACES = """model m { input x: [4]
    linear(3) -> tanh
    head = linear(3, bias=false)
    twice(2) x 2
    bare = parameter([2])
    add { twice(2) | bare }
}
block twice(n) : [C] -> [n] {
    linear(n)
}
"""


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("0.weight", "`linear(3)` at <text>:2"),
        ("head.weight", "`linear(3, bias=false)` at <text>:3 (`head`)"),
        ("2.0.bias", "`linear(2)` at <text>:9 (`2.0`)"),
        ("3.0.weight", "`linear(2)` at <text>:9 (`3.0`)"),
        ("bare", "`parameter([2])` at <text>:5 (`bare`)"),
    ],
)
def test_a_broken_layer_is_told_by_its_place_in_the_spec(name: str, place: str) -> None:
    network = loads(PLACES)
    model, given = network.to_torch(), torch.ones(1, 4)
    tell = partial(first_broken_layer, model, given, "float32", network)
    for parameter in model.parameters():
        torch.nn.init.ones_(parameter)
    assert tell() == ""
    weight = model.get_parameter(name)
    torch.nn.init.constant_(weight, torch.finfo().max)
    if name.endswith("weight"):
        assert tell() == f"first in {place}"
    torch.nn.init.constant_(weight, float("nan"))
    what = name.rpartition(".")[2] if "." in name else ""
    assert tell() == f"the {f'{what} of' if what else 'weight'} {place} is not finite already"


def test_a_rate_too_high_is_stopped() -> None:
    linear = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.Linear(64, 3))
    run = trainer(linear, optimizer={"name": "sgd", "lr": 1e30}, schedule="constant")

    def go() -> None:
        for _ in range(20):
            run.advance()

    with pytest.raises(TrainError, match="the loss is nan at step"):
        go()


@pytest.mark.parametrize("name", ["gpu", "cuda:99", "meta", ""])
def test_devices_that_are_not_there(name: str) -> None:
    with pytest.raises(TrainError) as caught:
        choose(name)
    assert "available here: cpu" in caught.value.hint
    assert caught.value.exit_code == 2


def test_out_of_memory_says_what_may_fit() -> None:
    budget = Budget(small(), Recipe(batch_size=64), CPU)
    with pytest.raises(TrainError) as caught, budget.explained():
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate …")
    assert caught.value.message == "out of memory with a batch of 64"
    assert caught.value.hint == "try --batch-size 32, or --set accumulate=2"
    with pytest.raises(RuntimeError, match="else"), budget.explained():
        raise RuntimeError("something else")


def test_out_of_memory_says_what_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "model a { input image: [1, 28, 28]; conv(3x3, 8) -> relu -> flatten -> linear(10) }"
    network = loads(text)
    budget = Budget(network, Recipe(batch_size=512), CPU)
    assert budget.predicted is not None
    limit = budget.predicted // 2
    monkeypatch.setattr("archlang.train.memory.available", lambda device: limit)
    fits = network.fit(limit).batch
    assert fits is not None
    assert 100 < fits.size < 512
    assert f"--batch-size {fits.size}," in budget.remedy()
    assert "a step takes" in (budget.warning() or "")
    assert Budget(network, Recipe(batch_size=64), CPU).warning() is None


@pytest.mark.parametrize(
    "fields",
    [
        {"optimizer": "adamw"},
        {"optimizer": "sgd", "ema": True},
        {"optimizer": {"name": "sgd", "momentum": 0}},
        {"optimizer": "rmsprop", "batch_size": 16},
        {"optimizer": "adam", "batch_size": 12, "accumulate": 4},
    ],
)
def test_a_step_takes_what_is_predicted(fields: dict[str, Any]) -> None:
    network = loads(
        "model a { input image: [1, 8, 8]; conv(3x3, 8) -> bn -> relu -> flatten -> linear(3) }"
    )
    run = trainer(network.to_torch(), **{"label_smoothing": 0, **fields})
    predicted = Budget(network, run.recipe, CPU).predicted
    run.advance()
    _, peak = run.measured()
    assert predicted is not None
    assert abs(peak - predicted) <= 0.02 * predicted


def gradients(run: Trainer) -> dict[str, Tensor]:
    run.advance()
    return {name: p.grad for name, p in run.model.named_parameters() if p.grad is not None}


def plain() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 3))


@pytest.mark.parametrize("parts", [2, 3, 8])
def test_accumulated_parts_make_the_gradient_of_the_batch(parts: int) -> None:
    whole = gradients(trainer(plain()))
    accumulated = gradients(trainer(plain(), accumulate=parts))
    for name, value in whole.items():
        torch.testing.assert_close(accumulated[name], value, rtol=1e-5, atol=1e-6)


def test_gradients_are_clipped_by_their_common_norm() -> None:
    whole = gradients(trainer(plain()))
    norm = torch.stack([g.norm() for g in whole.values()]).norm()
    clipped = gradients(trainer(plain(), clip_norm=float(norm) / 4))
    for name, value in whole.items():
        torch.testing.assert_close(clipped[name], value / 4, rtol=1e-4, atol=1e-7)


def test_the_average_is_that_of_the_weights_seen() -> None:
    run = trainer(plain(), ema={"decay": 0.9}, optimizer={"name": "sgd", "lr": 0.5})
    assert run.average is not None
    expected = run.model[1].weight.detach().clone()
    for step in range(12):
        run.advance()
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * run.model[1].weight.detach()
    torch.testing.assert_close(run.average.mean["1.weight"], expected)
    learned = run.model[1].weight.detach().clone()
    with run.average.used():
        torch.testing.assert_close(run.model[1].weight, expected)
    assert torch.equal(run.model[1].weight, learned)


def test_dropout_depends_on_the_step_alone() -> None:
    one, two = trainer(), trainer()
    one.advance()
    two.advance()
    torch.rand(5)  # what others draw changes nothing
    assert one.advance() == two.advance()


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_low_precision_learns(dtype: str) -> None:
    run = trainer(dtype=dtype, epochs=5, label_smoothing=0)
    losses = [run.advance() for _ in range(run.steps)]
    assert sum(losses[-6:]) < 0.7 * sum(losses[:6])
    assert run.scaler.is_enabled() is (dtype == "float16")


def test_channels_last_changes_the_layout_alone() -> None:
    def convolutions() -> nn.Module:
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 3, 6), nn.Flatten())

    one, two = trainer(convolutions()), trainer(convolutions(), channels_last=True)
    assert two.model[1].weight.is_contiguous(memory_format=torch.channels_last)
    for _ in range(3):
        assert one.advance() == pytest.approx(two.advance(), abs=1e-5)


def test_pixels_are_counted_as_torchmetrics_does() -> None:
    torch.manual_seed(0)
    task = Segmentation(tuple("abcd"))
    meter = task.meter(CPU)
    every_logits, every_target = [], []
    for _ in range(3):
        logits, targets = torch.randn(2, 4, 5, 6), torch.randint(0, 4, (2, 5, 6))
        targets[0, 0] = IGNORED
        meter.add(logits, targets)
        every_logits.append(logits)
        every_target.append(targets)
    logits, targets = torch.cat(every_logits), torch.cat(every_target)
    score = meter.score()
    seen = {"task": "multiclass", "num_classes": 4, "ignore_index": IGNORED}
    accuracy = torchmetrics.functional.accuracy(logits, targets, average="micro", **seen)
    iou = torchmetrics.functional.jaccard_index(logits, targets, **seen)
    assert score["accuracy"] == pytest.approx(float(accuracy))
    assert score["iou"] == pytest.approx(float(iou))
    assert score["eval_loss"] == pytest.approx(float(F.cross_entropy(logits, targets)))
    assert score["count"] == 3 * (2 * 30 - 6)
    assert task.loss(logits, targets, {}) == F.cross_entropy(logits, targets)
