"""What is taken from images, measured exactly and carried along."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from archlang.train import Data, TrainError, load
from archlang.train.inputs import Preprocess
from archlang.train.prepare import Preparation
from tests.train.data.files import classes, picture

MODES = ("none", "centre", "standardise", "mean_image", "channel_mean", "channel_mean_std")


def coloured(count: int = 40) -> Data:
    random = torch.Generator().manual_seed(2)
    scale = torch.tensor([255.0, 120.0, 60.0])[:, None, None]
    images = (torch.rand(count, 3, 6, 5, generator=random) * scale).to(torch.uint8)
    labels = torch.arange(count) % 2
    return Data.held("coloured", ("a", "b"), (images, labels), (images[:4], labels[:4]))


def pixels(data: Data) -> Tensor:
    return data.train_images.double() / 255


def by_hand(mode: str, x: Tensor) -> Tensor:
    """The slides' definitions, over all training images [N, C, H, W]."""
    match mode:
        case "none":
            return x
        case "centre":
            return x - x.mean()
        case "standardise":
            return (x - x.mean()) / x.std(correction=0)
        case "mean_image":
            return x - x.mean(0)
    mean = x.mean((0, 2, 3), keepdim=True)
    std = x.std((0, 2, 3), correction=0, keepdim=True)
    return x - mean if mode == "channel_mean" else (x - mean) / std


@pytest.mark.parametrize("mode", MODES)
def test_modes(mode: str) -> None:
    data = coloured()
    prepare = Preparation.measured(data, (3, 6, 5), Preprocess.of({"mode": mode}))
    seen = prepare(data.train_images)
    assert seen.dtype == torch.float32
    assert torch.allclose(seen.double(), by_hand(mode, pixels(data)), atol=2e-6)
    back = Preparation.of(json.loads(json.dumps(prepare.plain())))
    assert back == prepare
    assert torch.equal(back(data.test_images), prepare(data.test_images))


def test_today_s_checkpoints_are_read() -> None:
    old = {"shape": [1, 8, 8], "mean": [0.25], "std": [0.5]}
    assert Preparation.of(old) == Preparation((1, 8, 8), (0.25,), (0.5,))


def test_given_numbers_are_taken() -> None:
    how = Preprocess(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    prepare = Preparation.measured(coloured(), (3, 6, 5), how)
    assert (prepare.mean, prepare.std) == (how.mean, how.std)
    only = Preparation.measured(coloured(), (3, 6, 5), Preprocess(mean=(0.5, 0.5, 0.5)))
    assert only.std == Preparation.measured(coloured(), (3, 6, 5)).std
    with pytest.raises(TrainError, match=r"`preprocess.mean` has 1 numbers, but coloured's"):
        Preparation.measured(coloured(), (3, 6, 5), Preprocess(mean=(0.5,)))
    with pytest.raises(TrainError, match="mean and std are for channels"):
        Preprocess.of({"mode": "centre", "mean": (0.5,)}, at="preprocess")


def test_grey_for_a_network_of_colours() -> None:
    data = load("digits")
    for mode in MODES:
        prepare = Preparation.measured(data, (3, 12, 12), Preprocess.of({"mode": mode}))
        x = prepare(data.test_images[:5])
        assert x.shape == (5, 3, 12, 12)
        assert torch.equal(x[:, 0], x[:, 2])


def test_nothing_becomes_nothing() -> None:
    for mode in ("channel_mean", "channel_mean_std"):
        prepare = Preparation.measured(coloured(), (3, 6, 5), Preprocess.of({"mode": mode}))
        erased = prepare.fill[:, None, None].expand(3, 6, 5)[None]
        worth_half_a_level = 0.5 / 255 / torch.tensor(prepare.std)
        assert bool((prepare.normalised(erased)[0, :, 0, 0].abs() <= worth_half_a_level).all())


@pytest.mark.parametrize("size", [(6, 5), (12, 4), (3, 3)])
def test_crops_cover(size: tuple[int, int]) -> None:
    prepare = Preparation((1, *size), (0.0,), (1.0,), fit="crop")
    for given in ((6, 5), (5, 20), (40, 9), (1, 1)):
        image = torch.full((1, 1, *given), 99, dtype=torch.uint8)
        assert torch.equal(prepare.sized(image), torch.full((1, 1, *size), 99, dtype=torch.uint8))


def test_the_middle_is_kept() -> None:
    image = torch.zeros(1, 1, 80, 160, dtype=torch.uint8)
    image[..., 40:120] = 200
    prepare = Preparation((1, 70, 70), (0.0,), (1.0,), fit="crop")
    assert torch.equal(prepare.sized(image), torch.full((1, 1, 70, 70), 200, dtype=torch.uint8))
    whole = replace(prepare, fit="stretch").sized(image)
    assert set(whole[0, 0, :, 0].tolist()) == {0}


def test_masks_keep_their_classes() -> None:
    mask = torch.randint(0, 3, (2, 1, 9, 7), dtype=torch.uint8) * 100
    prepare = Preparation((1, 20, 31), (0.0,), (1.0,))
    assert set(prepare.sized(mask, masks=True).flatten().tolist()) <= {0, 100, 200}


def test_files_of_many_sizes(tmp_path: Path) -> None:
    classes(tmp_path / "train", count=3, size=(4, 6))
    picture(tmp_path / "train" / "cat" / "x.png", size=(9, 3))
    classes(tmp_path / "test", count=2)
    data = load(f"folder:{tmp_path}")
    prepare = Preparation.measured(data, (3, 8, 8))
    assert prepare.fit == "crop"
    assert prepare.notes(data) == ["the images are resized, and 8x8 of their middle is kept"]
    flat = torch.cat([data.train[i][0].flatten(1) for i in range(len(data.train))], 1).double()
    assert prepare.mean == pytest.approx((flat / 255).mean(1).tolist(), abs=1e-12)
    assert prepare.std == pytest.approx((flat / 255).std(1, correction=0).tolist(), abs=1e-12)
    stretched = Preparation.measured(data, (3, 8, 8), Preprocess(fit="stretch"))
    assert stretched.notes(data) == ["the images differ in size, and are resized to 8x8"]
    mean_image = Preparation.measured(data, (3, 8, 8), Preprocess(mode="mean_image"))
    seen = [prepare.sized(data.train[i][0][None]).double() / 255 for i in range(len(data.train))]
    assert mean_image.mean_image is not None
    assert torch.allclose(mean_image.mean_image.double(), torch.cat(seen).mean(0), atol=1e-7)


def test_sizes_change_no_pixel_with_the_batch() -> None:
    images = coloured().train_images
    for size in ((6, 5), (9, 11), (4, 3)):
        prepare = Preparation((3, *size), (0.0,) * 3, (1.0,) * 3)
        whole = prepare.sized(images)
        alone = torch.cat([prepare.sized(images[i : i + 1]) for i in range(len(images))])
        assert torch.equal(whole, alone)
