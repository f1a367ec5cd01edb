from __future__ import annotations

import json
from dataclasses import replace
from math import isnan
from pathlib import Path
from typing import Any

import pytest
import torch
import torchmetrics.functional.classification as metrics
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

import archlang
from archlang.train import Data, Evaluation, TrainError, UsageError, evaluate, load, trained
from archlang.train.data import IGNORE, READERS, Reader
from archlang.train.loader import EvaluationBatches
from archlang.train.saved import Trained
from tests.train.data.files import classes, pairs
from tests.train.networks import stripes
from tests.train.trained import run


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    out = tmp_path_factory.mktemp("runs") / "small"
    run(out, ema=True, epochs=3)
    return trained(out, device="cpu")


def outputs(one: Trained, data: Data) -> tuple[Tensor, Tensor]:
    batches = list(EvaluationBatches(data.test, one.prepare, batch_size=16))
    return torch.cat([one.logits(x) for x, _ in batches]), torch.cat([y for _, y in batches])


def test_the_number_that_the_run_said(one: Trained) -> None:
    about = json.loads((one.path.parent / "run.json").read_text())
    found = evaluate(one, stripes())
    assert found.accuracy == about["results"]["best_accuracy"]
    history = [json.loads(s) for s in (one.path.parent / "history.jsonl").read_text().splitlines()]
    best = history[about["results"]["best_epoch"] - 1]
    assert (found.correct, found.count) == (best["correct"], best["count"])
    assert found.loss == pytest.approx(best["eval_loss"], rel=1e-6)


@pytest.mark.parametrize("batch_size", [None, 1, 7, 64])
def test_every_sample_once(one: Trained, batch_size: int | None) -> None:
    data = stripes(test=41)
    found = evaluate(one, data, batch_size=batch_size)
    logits, labels = outputs(one, data)
    assert found.count == 41
    table = metrics.multiclass_confusion_matrix(logits, labels, num_classes=3)
    assert torch.equal(found.table, table)
    recall = metrics.multiclass_accuracy(logits, labels, num_classes=3, average=None)
    precision = metrics.multiclass_precision(logits, labels, num_classes=3, average=None)
    for score, r, p in zip(found.per_class, recall.tolist(), precision.tolist(), strict=True):
        assert score.accuracy == pytest.approx(r)
        assert isnan(score.precision) or score.precision == pytest.approx(p)
    assert found.loss == pytest.approx(F.cross_entropy(logits, labels).item(), rel=1e-5)
    assert found.top5 is None


def test_parts(one: Trained) -> None:
    data = stripes(train=33)
    assert evaluate(one, data, part="training").count == 33
    with pytest.raises(UsageError, match="stripes has no validation images"):
        evaluate(one, data, part="validation")


def test_a_table_by_hand() -> None:
    table = torch.tensor([[3, 1, 0], [2, 4, 0], [0, 0, 0]])
    found = Evaluation("m", "d", "test", "segmentation", ("a", "b", "c"), 0.5, None, table)
    assert (found.count, found.correct, found.accuracy) == (10, 7, 0.7)
    a, b, c = found.per_class
    assert (a.accuracy, a.precision, a.iou) == (3 / 4, 3 / 5, 3 / 6)
    assert (b.accuracy, b.precision, b.iou) == (4 / 6, 4 / 5, 4 / 7)
    assert all(map(isnan, (c.accuracy, c.precision, c.iou)))
    assert found.iou == pytest.approx((3 / 6 + 4 / 7) / 2)
    assert found.confusions() == [("b", "a", 2), ("a", "b", 1)]
    assert found.confusions(1) == [("b", "a", 2)]
    plain = json.loads(json.dumps(found.plain(), allow_nan=False))
    assert plain["classes"][2]["accuracy"] is None
    assert plain["confusion"] == table.tolist()


SEVEN = "model seven { input x: [1, 4, 4]; flatten -> linear(7) }"


def test_top_five(tmp_path: Path) -> None:
    random = torch.Generator().manual_seed(0)

    def part(count: int) -> tuple[Tensor, Tensor]:
        images = torch.randint(0, 256, (count, 1, 4, 4), generator=random, dtype=torch.uint8)
        return images, torch.arange(count) % 7

    data = Data.held("seven", tuple("abcdefg"), part(28), part(35))
    run(tmp_path / "run", archlang.loads(SEVEN), data, epochs=1)
    one = trained(tmp_path / "run", device="cpu")
    logits, labels = outputs(one, data)
    wanted = metrics.multiclass_accuracy(logits, labels, num_classes=7, top_k=5, average="micro")
    found = evaluate(one, data)
    assert found.top5 == pytest.approx(wanted.item())
    assert found.accuracy < found.top5 < 1


SHADES = "model shades { input x: [1, 6, 5]; conv(1x1, 4) -> relu -> conv(1x1, 3) }"


def test_pixels(tmp_path: Path) -> None:
    pairs(tmp_path / "set" / "train", 6)
    pairs(tmp_path / "set" / "test", 3)
    spec = f"folder:{tmp_path / 'set'}"
    result = run(tmp_path / "run", archlang.loads(SHADES), spec, batch_size=2)
    found = evaluate(tmp_path / "run" / "last.pt", spec, device="cpu")
    last = result.history[-1]
    assert found.task == "segmentation"
    assert (found.accuracy, found.count) == (last["accuracy"], last["count"])
    assert found.iou == pytest.approx(last["iou"])
    assert found.loss == pytest.approx(last["eval_loss"], rel=1e-6)
    one, data = trained(tmp_path / "run" / "last.pt", device="cpu"), load(spec)
    logits, masks = outputs(one, data)
    jaccard = metrics.multiclass_jaccard_index(logits, masks, num_classes=3, average=None)
    for score, iou in zip(found.per_class, jaccard.tolist(), strict=True):
        assert score.iou == pytest.approx(iou, rel=1e-5)


def test_pixels_without_a_class_are_not_counted(tmp_path: Path) -> None:
    masks = torch.randint(0, 3, (8, 6, 5), dtype=torch.uint8)
    masks[:, 0] = IGNORE
    images = torch.randint(0, 256, (8, 1, 6, 5), dtype=torch.uint8)
    data = Data.held("pixels", ("a", "b", "c"), (images, masks), (images, masks))
    run(tmp_path / "run", archlang.loads(SHADES), data, epochs=1)
    assert evaluate(tmp_path / "run", data).count == 8 * 5 * 5


def test_the_runs_own_data(one: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="was trained on stripes, and does not say where"):
        evaluate(one)
    asked: list[Any] = []

    def read(how: Any) -> Data:
        asked.append(how.split)
        return stripes()

    monkeypatch.setitem(READERS, "stripes", Reader(read))
    assert evaluate(one).data == "stripes"
    assert asked[0].test == one.recipe["split"]["test"]


def test_other_data(one: Trained) -> None:
    assert evaluate(one, stripes()).notes == ()
    fewer = evaluate(one, stripes(test=10))
    assert fewer.notes == ("the run had 20 test images, and here are 10",)
    other = evaluate(one, replace(stripes(), name="bands"))
    assert other.notes == ("it was trained on stripes",)
    with pytest.raises(UsageError, match="there is no data set named `strips`"):
        evaluate(one, "strips")


def test_other_classes(one: Trained) -> None:
    swapped = replace(stripes(), classes=("top", "bottom", "middle"))
    with pytest.raises(UsageError) as caught:
        evaluate(one, swapped)
    assert caught.value.message == f"class 1 is middle in {one.path}, but bottom in stripes"
    more = replace(stripes(), classes=("top", "middle", "bottom", "none"))
    with pytest.raises(UsageError) as caught:
        evaluate(one, more)
    assert caught.value.message == f"{one.path} tells 3 classes apart, but stripes has 4"
    assert caught.value.hint == "it was trained on stripes: top, middle, bottom"


COLOUR = "model colour { input x: [3, 6, 5]; flatten -> linear(2) }"


def test_grey_and_colour(tmp_path: Path) -> None:
    """Files become what the network was trained on; so do grey images in memory."""
    classes(tmp_path / "colour")
    classes(tmp_path / "grey", mode="L")
    spec = f"folder:{tmp_path / 'colour'}"
    run(tmp_path / "run", archlang.loads(COLOUR), spec, epochs=1)
    assert evaluate(tmp_path / "run", f"folder:{tmp_path / 'grey'}").count == 4
    grey = torch.zeros(3, 1, 6, 5, dtype=torch.uint8), torch.zeros(3, dtype=torch.int64)
    held = Data.held("grey", ("cat", "dog"), grey, grey)
    assert evaluate(tmp_path / "run", held).count == 3
    four = torch.zeros(3, 4, 6, 5, dtype=torch.uint8), torch.zeros(3, dtype=torch.int64)
    with pytest.raises(UsageError, match="trained on images of 3 channels, but four's have 4"):
        evaluate(tmp_path / "run", Data.held("four", ("cat", "dog"), four, four))


def test_masks_for_a_classifier(one: Trained) -> None:
    images, masks = torch.zeros(2, 1, 8, 8), torch.zeros(2, 8, 8)
    part = images.to(torch.uint8), masks.to(torch.uint8)
    data = Data.held("masks", one.classes, part, part)
    with pytest.raises(TrainError, match="masks take one number for each class at each pixel"):
        evaluate(one, data)


def test_broken_weights(one: Trained) -> None:
    module: Any = one.network.to_torch()
    nn.init.constant_(module.head.bias, float("nan"))
    with pytest.raises(TrainError, match="the loss is nan"):
        evaluate(replace(one, module=module.eval()), stripes())


def test_picture(tmp_path: Path) -> None:
    from archlang.plots.confusion import draw

    for count in (2, 25, 100):
        table = torch.randint(0, 9, (count, count)).tolist()
        names = [f"class {i}" for i in range(count)]
        for end in ("svg", "png"):
            draw(table, names, "a title", tmp_path / f"{count}.{end}")
            assert (tmp_path / f"{count}.{end}").stat().st_size > 1000
