"""Maps smaller than their image: masks are cut to the middle, and put back there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F  # noqa: N812

import archlang
from archlang.train import Data, TrainError, evaluate, segment, train, trained
from archlang.train.augment import Augment
from archlang.train.data import IGNORE, check_fit
from archlang.train.data.maps import Middle, middles
from archlang.train.inputs import Preprocess
from archlang.train.loader import IGNORED, Batches, learned
from archlang.train.prepare import Preparation
from archlang.train.segmentation import _middle

UNPADDED = """
model u {
    input image: [1, 24, 28]
    a = conv(3x3, 8, pad=0) -> relu
    maxpool(2x2) -> conv(3x3, 8, pad=0) -> relu -> conv_transpose(2x2, 8, stride=2)
    concat { a -> crop(2) | identity } -> conv(3x3, 8, pad=0) -> relu
    conv(1x1, 2)
}
"""
"""U-Net in little: 24x28 becomes 16x20."""


def squares(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 90, (count, 1, 24, 28), generator=random)
    masks = torch.zeros(count, 24, 28, dtype=torch.int64)
    for image, mask in zip(images, masks, strict=True):
        top, left = torch.randint(2, 14, (2,), generator=random).tolist()
        image[:, top : top + 7, left : left + 9] += 150
        mask[top : top + 7, left : left + 9] = 1
    return images.byte(), masks.byte()


@pytest.fixture(scope="module")
def data() -> Data:
    return Data.held("squares", ("paper", "ink"), squares(32, 0), squares(8, 1))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, data: Data) -> Path:
    out = tmp_path_factory.mktemp("run")
    recipe = {"epochs": 10, "batch_size": 4, "optimizer": {"lr": 0.01}, "device": "cpu"}
    train(archlang.loads(UNPADDED), data, recipe, out, progress=False)
    return out


def test_the_published_network_fits() -> None:
    """572 becomes 388 (Ronneberger et al. 2015, Fig. 1), and 92 are left out at each edge."""
    network = archlang.load("specs/unet.arch", model="unet")
    part = (torch.zeros(2, 1, 600, 600, dtype=torch.uint8), torch.zeros(2, 600, 600).byte())
    data = Data.held("cells", ("0", "1"), part, part)
    assert check_fit(network, data) == {"image": (1, 572, 572)}
    assert middles(network) == {"output": Middle(388, 388)}
    mask = torch.full((1, 572, 572), IGNORE, dtype=torch.uint8)
    mask[:, 92 : 92 + 388, 92 : 92 + 388] = 1
    assert torch.equal(learned(mask, Middle(388, 388)), torch.ones(1, 388, 388, dtype=torch.int64))
    mask[:, 91] = 0
    mask[:, 92, 92] = IGNORE
    assert learned(mask, Middle(388, 388))[0, 0, 0] == IGNORED


@pytest.mark.parametrize(
    ("layers", "says"),
    [
        ("conv(2x2, 2, pad=0)", "39x47 for images of 40x48: the 1 left out in height cannot be"),
        ("conv(3x2, 2, pad=0)", "38x47 for images of 40x48: the 1 left out in width cannot be"),
        ("conv(3x3, 2, stride=2)", "20x24 for images of 40x48: it tells the class of every 2 pix"),
        ("crop([[0, 4], [2, 2]]) -> conv(1x1, 2)", "does not lie in their middle, but begins at"),
        ("conv(3x3, 3, pad=0)", r"yields \[3, 38, 46\], and grey's masks take one"),
        ("upsample(2) -> conv(1x1, 2)", r"yields \[2, 80, 96\], and grey's masks take one"),
    ],
)
def test_maps_that_are_not_the_middle(layers: str, says: str) -> None:
    network = archlang.loads(f"model m {{ input image: [1, 40, 48]; {layers} }}")
    part = (torch.zeros(2, 1, 40, 48, dtype=torch.uint8), torch.zeros(2, 40, 48).byte())
    with pytest.raises(TrainError, match=says):
        check_fit(network, Data.held("grey", ("0", "1"), part, part))


def test_outputs_of_two_sizes() -> None:
    """Each learns its own middle."""
    spec = (
        "model m { input image: [1, 40, 48]; a = conv(3x3, 2, pad=0); b = conv(3x3, 2, pad=0); "
        "output a, b }"
    )
    part = (torch.zeros(2, 1, 40, 48, dtype=torch.uint8), torch.zeros(2, 40, 48).byte())
    network = archlang.loads(spec)
    check_fit(network, Data.held("grey", ("0", "1"), part, part))
    assert middles(network) == {"a": Middle(38, 46), "b": Middle(36, 44)}


def test_it_learns_where_the_squares_are(run: Path, data: Data) -> None:
    found = evaluate(run, data, device="cpu")
    assert found.count == 8 * 16 * 20
    assert found.iou > 0.9
    one = trained(run, device="cpu")
    logits = one.logits(one.prepare(data.test_images)).double()
    middle = data.test_labels[:, 4:20, 4:24].long()
    assert found.loss == pytest.approx(F.cross_entropy(logits, middle).item(), rel=1e-6)
    assert found.correct == int((logits.argmax(1) == middle).sum())


def test_masks_are_cut_after_they_are_moved(data: Data) -> None:
    """So what a shift moves in at the edge counts for nothing only where it is seen."""
    prepare = Preparation.measured(data, (1, 24, 28), Preprocess(mode="none"))
    augment, size = Augment(shift=0.1), {"batch_size": 32}
    whole, cut = (
        next(Batches(data.train, prepare, augment, middle=middle, **size).start())
        for middle in (None, Middle(16, 20))
    )
    assert torch.equal(whole[0], cut[0])
    assert torch.equal(whole[1][:, 4:20, 4:24], cut[1])
    assert bool((whole[1] == IGNORED).any())


def test_predicted_masks_lie_in_the_middle(run: Path, data: Data) -> None:
    one = trained(run, device="cpu")
    for image, truth, found in zip(
        data.test_images, data.test_labels, segment(one, data.test_images), strict=True
    ):
        assert torch.equal(found.image, image)
        assert torch.equal(
            found.mask[4:20, 4:24].long(), one.logits(one.prepare(image[None]))[0].argmax(0)
        )
        edge = torch.ones(24, 28, dtype=torch.bool)
        edge[4:20, 4:24] = False
        assert bool((found.mask[edge] == IGNORE).all())
        assert bool((found.entropy[edge] == 0).all())
        ink = (found.mask == 1) & ~edge
        both = (ink & (truth == 1)).sum() / (ink | ((truth == 1) & ~edge)).sum()
        assert both > 0.75


@pytest.mark.parametrize("times", [2, 3])
def test_images_of_other_sizes(run: Path, data: Data, times: int) -> None:
    one = trained(run, device="cpu")
    image = data.test_images[:1].repeat_interleave(times, 2).repeat_interleave(times, 3)
    (small,), (large,) = (list(segment(one, x)) for x in (data.test_images[:1], image))
    seen = torch.nonzero(large.seen)
    assert seen.min(0).values.tolist() == [4 * times, 4 * times]
    assert seen.max(0).values.tolist() == [20 * times - 1, 24 * times - 1]
    enlarged = small.mask.repeat_interleave(times, 0).repeat_interleave(times, 1)
    assert (enlarged == large.mask)[large.seen].double().mean() > 0.95


def test_the_middle_of_a_crop() -> None:
    prepare = Preparation((1, 100, 100), (0.0,), (1.0,), fit="crop", crop_share=0.5)
    top, left, h, w = prepare.region(400, 600)
    assert (top, left, h, w) == (100, 200, 200, 200)
    assert _middle(prepare, (400, 600), Middle(60, 80)) == (140, 220, 120, 160)
    assert _middle(replace(prepare, fit="stretch"), (400, 600), Middle(100, 100)) == (
        0,
        0,
        400,
        600,
    )


def test_the_run_says_what_is_left_out(data: Data, tmp_path: Path) -> None:
    from archlang.train.progress import Reporter

    class Listener(Reporter):
        said = ""

        def say(self, text: str) -> None:
            self.said += f"{text}\n"

    listener = Listener()
    train(archlang.loads(UNPADDED), data, {"epochs": 1}, tmp_path, progress=listener)
    wanted = "note: the map is 16x20: of masks that much of their middle is learned and counted"
    assert wanted in listener.said
    found = evaluate(tmp_path, data, device="cpu")
    assert np.asarray(Image.open(_png(tmp_path, data))).shape == (24, 28)
    assert found.count == 8 * 16 * 20


def _png(run: Path, data: Data) -> Path:
    (one,) = segment(run, data.test_images[:1])
    (run / "mask.png").write_bytes(one.mask_png())
    return run / "mask.png"
