"""What is learned beside one class an image: a class for each pixel, several outputs, aux heads."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from archlang import loads
from archlang.train import Data, TrainError, checkpoint, train
from tests.train.networks import stripes, unexplained

RECIPE = {"epochs": 4, "batch_size": 8, "optimizer": {"lr": 0.02}, "label_smoothing": 0}


def squares(train: int = 40, test: int = 12) -> Data:
    """Bright squares on the dark: 1 where they are, 0 where not, 255 along the rim of the image."""
    random = torch.Generator().manual_seed(0)

    def part(count: int) -> tuple[Tensor, Tensor]:
        images = torch.randint(0, 100, (count, 1, 16, 16), generator=random)
        masks = torch.zeros(count, 16, 16, dtype=torch.int64)
        for image, mask in zip(images, masks, strict=True):
            top, left = torch.randint(0, 10, (2,), generator=random).tolist()
            image[:, top : top + 6, left : left + 6] += 130
            mask[top : top + 6, left : left + 6] = 1
        masks[:, 0] = 255
        return images.to(torch.uint8), masks.to(torch.uint8)

    classes = ("nothing", "square")
    return Data.held("squares", classes, part(train), part(test))


UNET = """
model unet {
    input image: [1, 16, 16]
    conv(3x3, 8) -> relu
    concat { identity | maxpool(2x2) -> conv(3x3, 16) -> relu -> upsample(2) }
    conv(3x3, 8) -> relu -> conv(1x1, 2)
}
"""


def test_a_small_unet_learns_where_squares_are(tmp_path: Path) -> None:
    recipe = {**RECIPE, "epochs": 12, "augment": {"horizontal_flip": 0.5, "shift": 0.1}}
    result = train(loads(UNET), squares(), recipe, tmp_path, progress=False)
    last = result.history[-1]
    assert last["iou"] > 0.9
    assert last["accuracy"] > 0.95
    assert last["count"] == 12 * 15 * 16
    best = max(result.history, key=lambda entry: entry["iou"])
    assert result.best_epoch == best["epoch"]
    assert checkpoint.load(tmp_path / "best.pt")["best"]["iou"] == best["iou"]
    assert not unexplained(tmp_path)


def test_a_class_for_the_image_is_none_for_its_pixels(tmp_path: Path) -> None:
    network = loads("model a { input image: [1, 16, 16]; flatten -> linear(2) }")
    with pytest.raises(TrainError, match=r"`a` yields \[2\], and squares's masks take"):
        train(network, squares(), RECIPE, tmp_path, progress=False)


TWO = """
model two {
    input image: [1, 8, 8]
    flatten
    coarse = linear(3)
    relu
    fine = linear(3)
    output coarse, fine
}
"""

AUX = """
model helped {
    input image: [1, 8, 8]
    flatten -> linear(16) -> relu
    side = linear(3)
    aux side weight=0.3
    relu -> linear(3)
}
"""


def test_every_output_learns(tmp_path: Path) -> None:
    network = loads(TWO)
    assert list(network.outputs) == ["coarse", "fine"]
    result = train(network, stripes(), {**RECIPE, "epochs": 8}, tmp_path, progress=False)
    assert result.accuracy > 0.8
    torch.manual_seed(0)
    fresh = network.to_torch().state_dict()
    saved = checkpoint.load(tmp_path / "last.pt")["model"]
    assert not torch.equal(fresh["coarse.weight"], saved["coarse.weight"])
    assert not torch.equal(fresh["fine.weight"], saved["fine.weight"])


def test_an_output_of_another_size_is_named(tmp_path: Path) -> None:
    network = loads(TWO.replace("fine = linear(3)", "fine = linear(4)"))
    with pytest.raises(TrainError, match=r"`two\.fine` has 4 outputs, but stripes has 3 classes"):
        train(network, stripes(), RECIPE, tmp_path, progress=False)


def test_an_auxiliary_head_of_a_spec_learns(tmp_path: Path) -> None:
    network = loads(AUX)
    assert network.aux == {"side": 0.3}
    result = train(network, stripes(), {**RECIPE, "epochs": 8}, tmp_path, progress=False)
    assert result.accuracy > 0.8
    torch.manual_seed(0)
    fresh = dict(network.to_torch().named_parameters())["side.weight"]
    assert not torch.equal(fresh, checkpoint.load(tmp_path / "last.pt")["model"]["side.weight"])


def test_every_output_is_scored(tmp_path: Path) -> None:
    from archlang.train import evaluate, predict, trained

    result = train(loads(TWO), stripes(), RECIPE, tmp_path, progress=False)
    last = result.history[-1]
    assert list(last["outputs"]) == ["coarse", "fine"]
    assert not unexplained(tmp_path)
    assert last["correct"] == last["outputs"]["coarse"]["correct"]
    right = [sum(s["correct"] for s in entry["outputs"].values()) for entry in result.history]
    assert right[result.best_epoch - 1] == max(right), "all outputs choose the best epoch"
    found = evaluate(tmp_path / "last.pt", stripes(), device="cpu")
    assert [score.output for score in found.outputs] == ["coarse", "fine"]
    assert found.table.equal(found.outputs[0].table)
    one = trained(tmp_path / "last.pt", device="cpu")
    for score in found.outputs:
        assert score.correct == last["outputs"][score.output]["correct"]
        assert score.loss == pytest.approx(last["outputs"][score.output]["eval_loss"])
        seen = predict(one, stripes().test_images, output=score.output)
        labels = [one.classes.index(name) for name in seen.labels]
        assert (torch.tensor(labels) == stripes().test_labels).sum() == score.correct
        assert (seen.output, seen.outputs) == (score.output, ("coarse", "fine"))
        plain = found.plain()["outputs"][score.output]
        assert (plain["correct"], plain["output"]) == (score.correct, score.output)
    with pytest.raises(TrainError, match="`two` has no output `third`"):
        predict(one, stripes().test_images, output="third")


def test_outputs_in_any_number_of_parts() -> None:
    """As processes do: each counts its own samples, and the sums are added up."""
    from archlang.train.task import TASKS

    torch.manual_seed(0)
    for kind, shape in (("classification", ()), ("segmentation", (5, 4))):
        task = TASKS[kind](("a", "b", "c"))
        logits, targets = torch.randn(23, 3, *shape), torch.randint(0, 3, (23, *shape))
        whole = task.meter(torch.device("cpu"))
        whole.add(logits, targets)
        for parts in (1, 2, 3, 23):
            sums = torch.zeros_like(whole.sums)
            for x, y in zip(logits.chunk(parts), targets.chunk(parts), strict=True):
                meter = task.meter(torch.device("cpu"))
                meter.add(x, y)
                sums += meter.sums
            assert torch.allclose(sums, whole.sums, rtol=1e-15, atol=0)
            assert torch.equal(sums[1:], whole.sums[1:]), "counts are exact"
