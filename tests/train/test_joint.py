"""Batches of several images each: what goes together stays together."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from archlang.train import Data, UsageError, load
from archlang.train.augment import Augment
from archlang.train.data.fit import Shape
from archlang.train.inputs import Preprocess
from archlang.train.joint import JointBatches, JointEvaluation
from archlang.train.loader import IGNORED
from archlang.train.preparations import AnyPreparation, measured, preparation_of
from archlang.train.sheet import Layout, sheet
from tests.train.data.files import picture
from tests.train.several import both, written

SHAPES: dict[str, Shape] = {"left": (1, 8, 8), "right": (1, 8, 8)}


def twins(count: int = 20) -> Data:
    """Two inputs that show the same; a label for each, which is the image's number."""
    random = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, 1, 8, 8), generator=random).byte()
    numbers = torch.arange(count)
    names = tuple(map(str, range(count)))
    part = ({"left": images, "right": images.clone()}, {"a": numbers, "b": numbers.flip(0)})
    return Data.held("twins", {"a": names, "b": names}, part, part)


def prepared(data: Data, shapes: dict[str, Shape] | None = None) -> AnyPreparation:
    return measured(data, shapes or SHAPES, Preprocess(mode="none"))


def batches(data: Data, augment: Augment | None = None, **how: Any) -> JointBatches:
    own = {name: len(classes) for name, classes in data.own.items()}
    how = {"batch_size": 6, "seed": 3, "classes": len(data.classes), "own": own, **how}
    return JointBatches(data.train, prepared(data), augment, **how)


def some(feed: JointBatches, count: int = 5, step: int = 0) -> list[tuple[Any, Any]]:
    return list(islice(feed.start(step), count))


WAYS = [
    Augment(horizontal_flip=0.5, vertical_flip=0.5, shift=0.2, pad_crop=1),
    Augment(rotation=40, lens_distortion=0.2),
    Augment.of({"random_resized_crop": True, "random_erasing": True}),
    Augment.of({"rand_augment": True}),
    Augment.of({"color_jitter": {"brightness": 0.5, "contrast": 0.5}}),
]


@pytest.mark.parametrize("augment", WAYS, ids=lambda a: "-".join(sorted(a.model_fields_set)))
def test_the_images_of_a_sample_are_changed_alike(augment: Augment) -> None:
    data = twins()
    for x, _ in some(batches(data, augment), 3):
        assert torch.equal(x["left"], x["right"])
    apart = augment.model_copy(update={"inputs": "apart"})
    pairs = [x for x, _ in some(batches(data, apart), 3)]
    assert not all(torch.equal(x["left"], x["right"]) for x in pairs)


def test_labels_go_with_their_images() -> None:
    data = twins()
    plain = data.train.inputs["left"].tensors()
    assert plain is not None
    for x, y in some(batches(data), 8):
        assert torch.equal((x["left"] * 255).round().byte(), plain[0][y["a"]])
        assert torch.equal(y["b"], 19 - y["a"])
    seen = torch.cat([y["a"] for _, y in some(batches(data), 4)])
    assert sorted(seen.tolist()) == [*range(20)], "every sample once an epoch"


@pytest.mark.parametrize("step", [1, 5, 9])
def test_a_stream_begins_anywhere(step: int) -> None:
    data, augment = twins(), Augment.of({"rotation": 20, "mixing": {"mixup": 0.4}})
    whole = some(batches(data, augment), 12)
    for (x, y), (v, w) in zip(some(batches(data, augment), 3, step), whole[step:], strict=False):
        assert all(torch.equal(x[name], v[name]) for name in x)
        assert all(torch.equal(y[name], w[name]) for name in y)


def test_processes_share_a_batch() -> None:
    data, augment = twins(), Augment(shift=0.2, rotation=10)
    whole = some(batches(data, augment), 4)
    parts = [some(batches(data, augment, rank=rank, world=2), 4) for rank in range(2)]
    for (x, y), *shares in zip(whole, *parts, strict=True):
        for name in x:
            assert torch.equal(x[name], torch.cat([v[name] for v, _ in shares]))
        for name in y:
            assert torch.equal(y[name], torch.cat([w[name] for _, w in shares]))


@pytest.mark.parametrize("mixing", [{"mixup": 0.5}, {"cutmix": 0.5}, {"mixup": 0.5, "cutmix": 1}])
@pytest.mark.parametrize("inputs", ["together", "apart"])
def test_all_of_a_sample_is_mixed_with_one_other(mixing: dict[str, float], inputs: str) -> None:
    data = twins()
    for x, y in some(batches(data, Augment.of({"mixing": mixing, "inputs": inputs})), 6):
        assert torch.equal(x["left"], x["right"])
        assert torch.equal(y["a"], y["b"].flip(1)), "one share, and the same pairs"
        assert torch.allclose(y["a"].sum(1), torch.ones(len(y["a"])))
    assert (y["a"] > 0).sum(1).max() == 2, "nothing was mixed, and the test shows nothing"


@pytest.mark.parametrize("world", [1, 2, 3])
def test_evaluation_counts_every_sample_once(world: int) -> None:
    data = twins()
    own, prepare = {"a": 20, "b": 20}, prepared(data)
    found: list[Tensor] = []
    steps = set()
    for rank in range(world):
        judge = JointEvaluation(data.test, prepare, batch_size=7, own=own, rank=rank, world=world)
        mine = list(judge)
        steps.add(len(mine))
        for x, y in mine:
            assert isinstance(x, dict)
            assert isinstance(y, dict)
            assert len(x["left"]) == len(x["right"]) == max(1, len(y["a"]))
            assert torch.equal(y["b"], 19 - y["a"])
            found.append(y["a"])
    assert steps == {3}
    assert sorted(torch.cat(found).tolist()) == [*range(20)]


def test_workers_and_memory_give_the_same_pixels(tmp_path: Path) -> None:
    shapes: dict[str, Shape] = {"left": (1, 8, 8), "right": (3, 6, 10)}
    augment = Augment(rotation=30, shift=0.1)
    files, held = load(f"csv:{written(tmp_path, 12, 6)}"), both(12, 6)
    found = []
    for data, workers in ((held, 0), (files, 0), (files, 2)):
        feed = JointBatches(
            data.train, prepared(data, shapes), augment, batch_size=5, workers=workers
        )
        found.append([x for x, _ in some(feed, 3)])
    for other in found[1:]:
        for x, v in zip(found[0], other, strict=True):
            assert all(torch.equal(x[name], v[name]) for name in x)


def test_masks_go_along_with_the_first_input() -> None:
    """What the mask marks is what is bright, in either image, however they are turned."""
    random = torch.Generator().manual_seed(1)
    masks = torch.zeros(12, 16, 16, dtype=torch.uint8)
    masks[:, 3:9, 2:12] = 1
    rgb = (masks[:, None] * 200).expand(-1, 3, -1, -1) + torch.randint(
        0, 20, (12, 3, 16, 16), generator=random
    )
    depth = masks[:, None] * 255
    part = ({"rgb": rgb.byte(), "depth": depth}, masks)
    data = Data.held("scene", ("0", "1"), part, part)
    assert data.task == "segmentation"
    prepare = measured(data, {"rgb": (3, 16, 16), "depth": (1, 16, 16)}, Preprocess(mode="none"))
    augment = Augment(rotation=60, horizontal_flip=0.5, shift=0.2)
    feed = JointBatches(data.train, prepare, augment, batch_size=12)
    for x, y in islice(feed.start(), 4):
        assert isinstance(x, dict)
        assert isinstance(y, Tensor)
        sure = y != IGNORED
        # Between black and white the images are smooth, and masks take the nearest class.
        for name in ("rgb", "depth"):
            bright = x[name][:, 0] > 0.39
            assert (bright[sure] == (y[sure] == 1)).double().mean() > 0.97
        assert bool(y.eq(1).any())
    with pytest.raises(UsageError, match="changes each input by itself, and there is one mask"):
        JointBatches(data.train, prepare, Augment(inputs="apart"), batch_size=12)


def test_what_several_inputs_cannot_have() -> None:
    data = twins()
    colours = replace(data, train=both(20).train, own=both(20).own, test=both(20).test)
    shapes: dict[str, Shape] = {"left": (1, 8, 8), "right": (3, 6, 10)}

    def fails(says: str, of: Data = data, **augment: Any) -> None:
        prepare = prepared(of, SHAPES if of is data else shapes)
        with pytest.raises(UsageError, match=says):
            JointBatches(of.train, prepare, Augment.of(augment), batch_size=5, classes=3)

    fails("`augment.colours` names `up`, and the inputs are left, right", colours=["up"])
    fails("`rand_augment` moves images as well", colours=["left"], rand_augment=True)
    fails("`pca_noise` moves colours, and all images are grey", pca_noise=0.1)
    fails(r"differ in size: left 8x8, right 6x10", colours, mixing={"cutmix": 1})
    fails("image 0 for `left` has another size than image 0 for", colours, random_resized_crop=True)
    cropped = Augment.of({"random_resized_crop": True, "inputs": "apart"})
    JointBatches(colours.train, prepared(colours, shapes), cropped, batch_size=5)


def test_colours_of_one_input_alone() -> None:
    data = both(12, 6)
    shapes: dict[str, Shape] = {"left": (1, 8, 8), "right": (3, 6, 10)}
    prepare = prepared(data, shapes)
    plain = next(JointBatches(data.train, prepare, batch_size=12).start())
    jitter = {"color_jitter": {"brightness": 0.5}}
    augment = Augment.of({**jitter, "colours": ["right"]})
    x, _ = next(JointBatches(data.train, prepare, augment, batch_size=12).start())
    assert isinstance(x, dict)
    assert isinstance(plain[0], dict)
    assert torch.equal(x["left"], plain[0]["left"])
    assert not torch.equal(x["right"], plain[0]["right"])
    noisy = measured(data, shapes, augment=Augment(pca_noise=0.1))
    again = preparation_of(noisy.plain())
    assert again.plain() == noisy.plain()
    assert ["colours" in one for one in noisy.plain()["inputs"].values()] == [False, True]


def test_a_sheet_has_a_row_for_each_input() -> None:
    layout = Layout(rows=3, columns=2)
    one = sheet(twins().of_input("left"), Augment(), layout=layout)
    two = sheet(twins(), Augment(), layout=layout)
    height = (one.shape[1] - 4) // 3
    assert two.shape[1:] == (4 + 6 * height, one.shape[2])
    for row in range(3):
        for k in (0, 1):
            top = 4 + (2 * row + k) * height
            here = two[:, top : top + height]
            assert torch.equal(here, one[:, 4 + row * height : 4 + (row + 1) * height])


def test_one_way_to_the_size_for_all_inputs(tmp_path: Path) -> None:
    """Where one input's images differ in size all are cropped, so that places still agree."""
    shapes: dict[str, Shape] = {"left": (1, 8, 8), "right": (3, 6, 10)}
    table = written(tmp_path, 12, 6)
    prepare = prepared(load(f"csv:{table}"), shapes)
    assert {one["fit"] for one in prepare.plain()["inputs"].values()} == {"stretch"}
    picture(tmp_path / "train-right-3.png", size=(9, 9))
    prepare = prepared(load(f"csv:{table}"), shapes)
    assert {one["fit"] for one in prepare.plain()["inputs"].values()} == {"crop"}
