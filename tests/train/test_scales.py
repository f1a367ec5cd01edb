"""Maps of several scales learn from one mask, and several masks teach an output each."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from archlang import loads
from archlang.train import (
    Data,
    evaluate,
    segment,
    train,
    trained,
)
from archlang.train.data.maps import Middle, middles
from archlang.train.inputs import Preprocess
from archlang.train.joint import judge_of
from archlang.train.preparations import measured
from archlang.train.task import task_of
from tests.train.mixed import CLASSES, KINDS, PLACES, RECIPE, SPEC, part
from tests.train.outputs import Listener, last
from tests.train.test_mixed import HARD

DEEP = """
model deep {
    input image: [1, 12, 16]
    early = conv(3x3, 8) -> groupnorm(2) -> relu
    down = maxpool(2x2) -> conv(3x3, 8) -> groupnorm(2) -> relu
    side = down -> conv(1x1, 3)
    coarse = down -> maxpool(2x2) -> conv(1x1, 3)
    whole = concat { early | down -> upsample(2) } -> conv(3x3, 3)
    aux coarse weight=0.5
    output whole, side
}
"""


def scene(count: int, seed: int) -> tuple[Tensor, Tensor]:
    images, targets = part(count, seed)
    return images, targets["where"]


def test_maps_of_several_scales_share_a_mask(tmp_path: Path) -> None:
    network = loads(DEEP)
    assert middles(network) == {
        "whole": Middle(12, 16),
        "side": Middle(6, 8, 2),
        "coarse": Middle(3, 4, 4),
    }
    data = Data.held("scene", PLACES, scene(49, 0), scene(20, 1))
    listener = Listener()
    train(network, data, {**RECIPE, "epochs": 20}, tmp_path, progress=listener)
    assert "`side` is 6x8: of masks one row and one column in 2 are" in listener.said
    one = trained(tmp_path, device="cpu")
    images, masks = scene(20, 1)
    found = one.outputs(one.prepare(images))
    for score, step in zip(evaluate(one, data).outputs, (1, 2), strict=True):
        seen = masks[:, step // 2 :: step, step // 2 :: step].long()
        right = found[score.output].argmax(1) == seen
        assert score.correct == int(right[seen != 255].sum())
        assert score.iou > 0.5
    for output in ("whole", "side"):
        marked = next(iter(segment(one, images, output=output)))
        assert marked.mask.shape == (12, 16)
        assert bool(marked.seen.all())


def test_the_loss_of_several_scales() -> None:
    network = loads(DEEP)
    data = Data.held("scene", PLACES, scene(8, 0), scene(8, 1))
    prepare = measured(data, {"image": (1, 12, 16)}, Preprocess(mode="none"))
    batches = judge_of(data.test, prepare, batch_size=8, middles=middles(network))
    ((images, targets),) = list(batches)
    module = network.to_torch()
    outputs = module(images)
    masks = scene(8, 1)[1].long()
    loss = torch.zeros(())
    for name, step, weight in (("whole", 1, 1), ("side", 2, 1), ("coarse", 4, 0.5)):
        seen = masks[:, step // 2 :: step, step // 2 :: step]
        loss = loss + weight * F.cross_entropy(outputs[name], seen, ignore_index=255)
    found = task_of(data, {}, {}).loss(outputs, targets, network.aux)
    assert found.item() == pytest.approx(loss.item())


def test_masks_of_several_outputs(tmp_path: Path) -> None:
    """Each its own: one marks the bar, the other its right half."""
    spec = SPEC.replace("linear(2)", "linear(2)\n    bar = body -> conv(3x3, 2)")
    spec = spec.replace("output kind, where", "output bar, kind, where")

    def three(count: int, seed: int) -> tuple[Tensor, dict[str, Tensor]]:
        images, targets = part(count, seed)
        return images, {**targets, "bar": (targets["where"].clamp(max=2) > 0).byte()}

    classes = {**CLASSES, "bar": ("0", "1")}
    data = Data.held("three", classes, three(49, 0), three(20, 1))
    train(loads(spec), data, HARD, tmp_path / "memory", progress=False)
    rows = [["path", *classes, "split"]]
    for use, (images, targets) in (("train", three(49, 0)), ("test", three(20, 1))):
        for i in range(len(images)):
            arrays = {"path": images[i, 0], "where": targets["where"][i], "bar": targets["bar"][i]}
            for name, array in arrays.items():
                # A mask of black and white is told from one of classes, column by column.
                shade = array * 255 if name == "bar" else array
                Image.fromarray(shade.numpy()).save(tmp_path / f"{use}-{name}-{i}.png")
            kind = KINDS[int(targets["kind"][i])]
            mine = [f"{use}-{n}-{i}.png" for n in ("path", "where", "bar")]
            rows.append([mine[0], kind, mine[1], mine[2], use])
    (tmp_path / "three.csv").write_text("\n".join(map(",".join, rows)))
    train(loads(spec), f"csv:{tmp_path / 'three.csv'}", HARD, tmp_path / "files", progress=False)
    one, two = last(tmp_path / "memory"), last(tmp_path / "files")
    assert all(torch.equal(value, two["model"][name]) for name, value in one["model"].items())
    found = {score.output: score for score in evaluate(tmp_path / "files", device="cpu").outputs}
    counts = torch.bincount(three(20, 1)[1]["bar"].flatten().long())
    assert [score.count for score in found["bar"].per_class] == counts.tolist()
