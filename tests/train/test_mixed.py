"""Labels for one output and masks for another, from the table to the prediction."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchmetrics.functional.classification as metrics
from PIL import Image
from torch import Tensor
from torch.nn import functional as F  # noqa: N812
from typer.testing import CliRunner

from archlang import loads
from archlang.cli.app import program as made
from archlang.plots.curves import draw
from archlang.train import (
    Data,
    TrainError,
    UsageError,
    evaluate,
    load,
    mc_dropout,
    predict,
    segment,
    train,
    trained,
)
from archlang.train.augment import Augment
from archlang.train.data import check_fit
from archlang.train.data.fit import own_classes
from archlang.train.data.maps import middles
from archlang.train.inputs import Preprocess
from archlang.train.joint import feed_of
from archlang.train.loader import IGNORED, EvaluationBatches
from archlang.train.loop import Course, Trainer
from archlang.train.preparations import measured
from archlang.train.recipe import Recipe
from archlang.train.task import task_of
from tests.train import outputs
from tests.train.mixed import CLASSES, KINDS, PLACES, RECIPE, SPEC, mixed, part, written
from tests.train.outputs import Listener, check_goes_on, fixtures, last

CPU = torch.device("cpu")
HARD: dict[str, Any] = {
    **outputs.HARD,
    "output_weights": {"where": 2},
    "augment": {"shift": 0.1, "rotation": 10, "horizontal_flip": 0.5},
}
DROPPING = SPEC.replace("(2) -> relu", "(2) -> relu -> channel_dropout(0.1)")


table, run, whole = fixtures(DROPPING, RECIPE, HARD, written)


def test_each_output_learns_its_own(run: Path) -> None:
    outputs = last(run)["history"][-1]["outputs"]
    assert list(outputs) == ["kind", "where"]
    assert outputs["kind"]["accuracy"] > 0.9
    assert outputs["where"]["iou"] > 0.7
    assert "iou" not in outputs["kind"]
    assert outputs["where"]["count"] == 20 * 11 * 16


def test_the_best_epoch_has_the_most_of_both(run: Path) -> None:
    state = last(run)
    merits = [
        entry["outputs"]["kind"]["accuracy"] + entry["outputs"]["where"]["iou"]
        for entry in state["history"]
    ]
    assert merits[state["best"]["epoch"] - 1] == pytest.approx(max(merits))


def test_files_and_memory_are_the_same_run(table: Path, tmp_path: Path) -> None:
    network = loads(DROPPING)
    for name, data in (("files", f"csv:{table}"), ("memory", mixed())):
        train(network, data, HARD, tmp_path / name, progress=False)
    one, two = last(tmp_path / "files"), last(tmp_path / "memory")
    assert all(torch.equal(value, two["model"][name]) for name, value in one["model"].items())


def test_three_steps_are_those_of_a_loop_by_hand() -> None:
    """Two heads, one loss: cross-entropy of the labels, and twice that of the pixels."""
    data, network = mixed(24), loads(SPEC)
    recipe = Recipe.of(
        {**RECIPE, "optimizer": {"name": "sgd", "lr": 0.1}, "output_weights": {"where": 2}}
    )
    prepare = measured(data, check_fit(network, data), recipe.preprocess)
    own = own_classes(network, data)
    feed = feed_of(
        data.train,
        prepare,
        Augment(),
        batch_size=8,
        middles=middles(network),
        own={name: len(classes) for name, classes in own.items()},
    )
    torch.manual_seed(0)
    ours, by_hand = network.to_torch(), network.to_torch()
    by_hand.load_state_dict(ours.state_dict())
    course = Course(task_of(data, own, recipe.output_weights), feed, [], {})
    trainer = Trainer(ours, course, recipe, CPU)
    optimizer = torch.optim.SGD(by_hand.parameters(), momentum=0.9, nesterov=True)
    theirs = trainer.optimizer.param_groups[0]
    images, targets = part(24, 0)
    pixels = images.double() / 255
    x = ((pixels - pixels.mean()) / pixels.std(correction=0)).float()
    masks = targets["where"].long().where(targets["where"] != 255, -100)
    for step in range(3):
        chosen = feed.indices(step)
        for group in optimizer.param_groups:
            group.update(lr=trainer.lr, momentum=theirs["momentum"], nesterov=theirs["nesterov"])
        optimizer.zero_grad()
        found = by_hand(x[chosen])
        loss = F.cross_entropy(found["kind"], targets["kind"][chosen])
        loss = loss + 2 * F.cross_entropy(found["where"], masks[chosen])
        loss.backward()
        assert trainer.advance() == pytest.approx(loss.item(), rel=1e-6)
        for mine, other in zip(ours.parameters(), by_hand.parameters(), strict=True):
            torch.testing.assert_close(mine.grad, other.grad, rtol=1e-5, atol=1e-6)
        optimizer.step()
        by_hand.load_state_dict(ours.state_dict())


def test_all_pixels_of_a_batch_count_alike(tmp_path: Path) -> None:
    """In however many parts it is: some of them have few pixels with a class, or none."""
    images, targets = part(24, 0)
    targets["where"][::3, :9] = 255
    targets["where"][:16:2] = 255
    data = Data.held("sparse", CLASSES, (images, targets), (images, targets))
    ends = []
    for parts in (1, 4, 8):
        out = tmp_path / str(parts)
        recipe = {**RECIPE, "optimizer": {"name": "sgd", "lr": 0.1}, "epochs": 2}
        train(loads(SPEC), data, {**recipe, "accumulate": parts}, out, progress=False)
        ends.append(last(out))
    for other in ends[1:]:
        for name, value in ends[0]["model"].items():
            torch.testing.assert_close(other["model"][name], value, rtol=0, atol=1e-5)
        losses = [[entry["loss"] for entry in end["history"]] for end in (ends[0], other)]
        assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_an_image_may_have_a_label_alone(tmp_path: Path) -> None:
    """A batch of such images teaches labels; where all are, nothing says how good masks are."""
    images, targets = part(24, 0)
    targets["where"][:] = 255
    data = Data.held("labels", CLASSES, (images, targets), part(20, 1))
    result = train(loads(SPEC), data, RECIPE, tmp_path / "one", progress=False)
    assert result.accuracy > 0.9
    data = Data.held("labels", CLASSES, part(24, 0), (images, targets))
    with pytest.raises(TrainError, match="no pixel has a class: all are 255"):
        train(loads(SPEC), data, RECIPE, tmp_path / "two", progress=False)


@pytest.mark.parametrize(("step", "workers"), [(3, 0), (10, 2)])
def test_goes_on_to_the_same_end(
    whole: Path, table: Path, tmp_path: Path, step: int, workers: int
) -> None:
    """Cut short in the middle of an epoch, with all that could make a difference."""
    check_goes_on(whole, DROPPING, f"csv:{table}", HARD, tmp_path, step, workers)


def test_scores_against_torchmetrics(run: Path, table: Path) -> None:
    one, (_, targets) = trained(run, device="cpu"), part(20, 1)
    data = load(f"csv:{table}", network=loads(SPEC))
    images = torch.cat([x for x, _ in EvaluationBatches(data.test, one.prepare, batch_size=7)])
    with torch.no_grad():
        logits = one.module(images)
    masks = targets["where"].long()
    for source in (f"csv:{table}", mixed(), None):
        kind, where = evaluate(run, source, device="cpu", batch_size=6).outputs
        assert (kind.output, kind.task, kind.classes) == ("kind", "classification", KINDS)
        assert (where.output, where.task, where.classes) == ("where", "segmentation", PLACES)
        right = metrics.multiclass_accuracy(logits["kind"], targets["kind"], 2, average="micro")
        assert kind.accuracy == pytest.approx(right.item())
        wanted = F.cross_entropy(logits["kind"].double(), targets["kind"])
        assert kind.loss == pytest.approx(wanted.item(), rel=1e-5, abs=1e-8)
        how: dict[str, Any] = {"num_classes": 3, "ignore_index": 255}
        right = metrics.multiclass_accuracy(logits["where"], masks, average="micro", **how)
        iou = metrics.multiclass_jaccard_index(logits["where"], masks, average=None, **how)
        assert where.accuracy == pytest.approx(right.item())
        assert [score.iou for score in where.per_class] == pytest.approx(iou.tolist())
        assert where.loss == pytest.approx(
            F.cross_entropy(logits["where"].double(), masks, ignore_index=255).item(), rel=1e-5
        )
    plain = evaluate(run, device="cpu").plain()["outputs"]
    assert ("iou" in plain["kind"], "iou" in plain["where"]) == (False, True)


def test_each_prediction_takes_the_output_that_it_can(run: Path) -> None:
    images, targets = part(20, 1)
    kinds = predict(run, images, device="cpu")
    assert (kinds.output, kinds.classes) == ("kind", KINDS)
    assert mc_dropout(run, images, 3, device="cpu").spread.variance.max() > 0
    masks = list(segment(run, images, device="cpu"))
    assert (masks[0].output, masks[0].classes) == ("where", PLACES)
    right = sum(
        int((found.mask == mask)[1:].sum())
        for found, mask in zip(masks, targets["where"], strict=True)
    )
    kind, where = evaluate(run, device="cpu").outputs
    assert right == where.correct
    assert sum(kinds.labels[i] == KINDS[k] for i, k in enumerate(targets["kind"])) == kind.correct
    with pytest.raises(UsageError, match=r"`mixed\.where` tells a class for each pixel"):
        predict(run, images, output="where", device="cpu")
    with pytest.raises(UsageError, match=r"`mixed\.kind` tells one class for an image"):
        segment(run, images, output="kind", device="cpu")


def test_what_moves_an_image_moves_its_mask_and_no_label() -> None:
    data, network = mixed(24), loads(SPEC)
    prepare = measured(data, {"image": (1, 12, 16)}, Preprocess(mode="none"))
    augment = Augment(horizontal_flip=0.5, shift=0.2)
    how: dict[str, Any] = {"batch_size": 24, "own": {"kind": 2, "where": 3}}
    feed = feed_of(data.train, prepare, augment, middles=middles(network), **how)
    for step, (x, y) in enumerate(islice(feed.start(), 3)):
        assert isinstance(x, Tensor)
        assert isinstance(y, dict)
        assert torch.equal(y["kind"], part(24, 0)[1]["kind"][feed.indices(step)])
        sure = y["where"] != IGNORED
        assert torch.equal(x[:, 0][sure] > 89.5 / 255, y["where"][sure] > 0)


def test_mixing_is_refused(tmp_path: Path) -> None:
    recipe = {**RECIPE, "augment": {"mixing": {"mixup": 0.2}}}
    with pytest.raises(TrainError, match="`mixing` mixes labels, and segmentation has masks"):
        train(loads(SPEC), mixed(), recipe, tmp_path, progress=False)


def test_what_a_step_takes_is_predicted(tmp_path: Path) -> None:
    listener = Listener()
    train(loads(SPEC), mixed(), {**RECIPE, "epochs": 1}, tmp_path, progress=listener)
    line = next(line for line in listener.said.splitlines() if "a step took" in line)
    taken, predicted = line.removeprefix("memory: a step took ").split(", ")
    assert predicted == f"{taken} predicted"


def invoke(*arguments: object) -> Any:
    return CliRunner().invoke(
        made(["train", "evaluate", "predict", "data"]), [*map(str, arguments)]
    )


def test_predict_shows_both(run: Path, table: Path, tmp_path: Path) -> None:
    image = table.parent / "test-3.png"
    out = tmp_path / "out"
    said = invoke("predict", run, image, "--device", "cpu", "--masks", out, "--format", "json")
    kind, where = json.loads(said.stdout)["images"]
    assert (kind["output"], where["output"]) == ("kind", "where")
    assert kind["top"][0]["class"] in KINDS
    assert sum(entry["share"] for entry in where["top"]) == pytest.approx(1)
    (found,) = segment(run, str(image), device="cpu")
    assert np.array_equal(np.asarray(Image.open(out / "test-3.png")), found.mask.numpy())
    said = invoke("predict", run, image, "--device", "cpu", "--format", "csv", "--top", 1)
    head, *lines = said.stdout.splitlines()
    assert head == "image,output,rank,class,probability,share,entropy"
    assert [line.split(",")[1] for line in lines] == ["kind", "where"]
    said = invoke("predict", run, image, "--device", "cpu")
    assert "probability" in said.stdout
    assert "share" in said.stdout
    said = invoke("predict", run, image, "--device", "cpu", "--output", "kind", "--masks", out)
    assert "`mixed.kind` tells one class for an image, so there are no masks" in said.stderr


def test_curves_of_each_output(run: Path, tmp_path: Path) -> None:
    (path,) = draw(last(run)["history"], "mixed", [tmp_path / "curves.svg"])
    text = path.read_text()
    assert all(f"<!-- {label} -->" in text for label in ("test kind", "test where", "where IoU"))
