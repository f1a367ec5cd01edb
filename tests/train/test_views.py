"""Augmentation: what it does to pixels, and what it depends on."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor

from archlang.train import TrainError
from archlang.train.augment import Augment, Mixing
from archlang.train.data import IGNORE
from archlang.train.draws import drawing_from, seed_of, uniform
from archlang.train.lens import distorted
from archlang.train.views import augmented, mixed, views

FILL = torch.tensor([7], dtype=torch.uint8)


def numbered(count: int, height: int, width: int) -> Tensor:
    """Images whose pixels are all different, and none 0."""
    pixels = torch.arange(1, height * width + 1, dtype=torch.uint8).view(1, 1, height, width)
    return pixels.repeat(count, 1, 1, 1)


def many(fields: dict, count: int = 400, size: tuple[int, int] = (6, 9)) -> Tensor:
    images = numbered(count, *size)
    how = Augment.of(fields)
    return augmented(how, images, None, torch.arange(count), seed=1, epoch=2, fill=FILL)[0]


def test_uniform_is_uniform() -> None:
    draws = uniform(seed_of("x", 1), torch.arange(20_000), 4)
    assert 0 <= float(draws.min()) <= float(draws.max()) < 1
    assert torch.allclose(draws.mean(0), torch.full((4,), 0.5).double(), atol=0.01)
    assert torch.allclose(draws.var(0), torch.full((4,), 1 / 12).double(), atol=0.002)
    together = torch.corrcoef(torch.cat([draws[:-1], draws[1:]], 1).T)
    assert float((together - torch.eye(8)).abs().max()) < 0.03


def test_uniform_follows_from_seed_and_sample_alone() -> None:
    whole = uniform(5, torch.arange(100), 3)
    assert torch.equal(uniform(5, torch.tensor([70, 3]), 3), whole[[70, 3]])
    assert torch.equal(uniform(5, torch.arange(100), 2), whole[:, :2])
    assert not torch.equal(uniform(6, torch.arange(100), 3), whole)


def test_splitmix_by_hand() -> None:
    """The published generator, in Python's whole numbers."""

    def mix(z: int) -> int:
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        return z ^ (z >> 31)

    golden = 0x9E3779B97F4A7C15
    start = mix((3 * golden + 11) % 2**64)
    wanted = [(mix((start + k * golden) % 2**64) >> 11) / 2**53 for k in (1, 2, 3)]
    assert uniform(11, torch.tensor([3]), 3)[0].tolist() == wanted


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
@pytest.mark.parametrize(("name", "axis"), [("horizontal_flip", 2), ("vertical_flip", 1)])
def test_flips(share: float, name: str, axis: int) -> None:
    plain = numbered(1, 6, 9)[0]
    seen = many({name: share})
    flipped = [torch.equal(image, plain.flip(axis)) for image in seen]
    assert all(f or torch.equal(i, plain) for f, i in zip(flipped, seen, strict=True))
    assert sum(flipped) / len(flipped) == pytest.approx(share, abs=0.07)


@pytest.mark.parametrize(
    ("fields", "reach"), [({"shift": 0.34}, (2, 3)), ({"pad_crop": 2}, (2, 2))]
)
def test_moves(fields: dict, reach: tuple[int, int]) -> None:
    plain, moves = numbered(1, 6, 9)[0, 0], set()
    for image in many(fields, 600)[:, 0]:
        value = int(image[3, 4])
        down, across = 3 - (value - 1) // 9, 4 - (value - 1) % 9
        wanted = torch.zeros_like(plain)
        rows = slice(max(0, down), 6 + min(0, down)), slice(max(0, across), 9 + min(0, across))
        source = slice(max(0, -down), 6 - max(0, down)), slice(max(0, -across), 9 - max(0, across))
        wanted[rows] = plain[source]
        assert torch.equal(image, wanted)
        moves.add((down, across))
    assert len(moves) == (2 * reach[0] + 1) * (2 * reach[1] + 1)


def test_erasing() -> None:
    fields = {"random_erasing": {"p": 0.5, "scale": (0.1, 0.3), "ratio": (0.5, 2)}}
    plain = numbered(1, 12, 12)[0]
    hit, areas = 0, []
    for image in many(fields, 500, (12, 12)):
        changed = (image != plain)[0]
        assert bool((image[0][changed] == 7).all())
        rows, columns = changed.any(1).nonzero().flatten(), changed.any(0).nonzero().flatten()
        if len(rows):
            hit += 1
            areas.append(len(rows) * len(columns) / 144)
            # A pixel that is 7 already looks the same erased.
            assert int(changed.sum()) >= len(rows) * len(columns) - 1
            assert all(b - a == 1 for a, b in pairwise(rows.tolist()))
    assert hit / 500 == pytest.approx(0.5, abs=0.08)
    assert min(areas) > 0.07
    assert max(areas) < 0.36
    assert sum(areas) / len(areas) == pytest.approx(0.2, abs=0.02)


def test_an_epoch_is_another_draw() -> None:
    how, images = Augment(shift=0.3), numbered(50, 8, 8)
    at = torch.arange(50)
    one, two = (augmented(how, images, None, at, seed=1, epoch=e, fill=FILL)[0] for e in (0, 1))
    assert not torch.equal(one, two)
    again = augmented(how, images[9:10], None, at[9:10], seed=1, epoch=0, fill=FILL)[0]
    assert torch.equal(again, one[9:10])


def test_lens() -> None:
    image = torch.randint(0, 256, (3, 9, 13), dtype=torch.uint8)
    assert torch.equal(distorted(image, 0.0, "bilinear", 0), image)
    assert torch.equal(distorted(image, 0.5, "nearest", 0)[:, 4, 6], image[:, 4, 6])
    barrel = distorted(torch.full((1, 9, 9), 200, dtype=torch.uint8), 0.9, "nearest", IGNORE)
    assert int(barrel[0, 0, 0]) == IGNORE
    assert int(barrel[0, 4, 4]) == 200
    # What is seen at radius r comes from r (1 + k r²): here pixel 100 from 50 (1 + 0.2 · 0.25²/2).
    ramp = torch.arange(201).clamp(max=255).to(torch.uint8)[None, None].repeat(1, 201, 1)
    seen = distorted(ramp, 0.2, "bilinear", 0)[0, 100]
    x = (2 * 150 + 1) / 201 - 1
    assert float(seen[150]) == pytest.approx(
        (x * (1 + 0.2 * x * x / 2) + 1) * 201 / 2 - 0.5, abs=0.6
    )


def test_views_keep_kind_and_size() -> None:
    fields = {
        "random_resized_crop": True,
        "rotation": 20,
        "lens_distortion": 0.2,
        "rand_augment": {"num_ops": 2, "magnitude": 9},
        "color_jitter": {"brightness": 0.5, "contrast": 0.5, "saturation": 0.5, "hue": 0.2},
    }
    for channels in (1, 3):
        view = views(Augment.of(fields), (16, 16))
        assert view is not None
        image = torch.randint(0, 256, (channels, 20, 30), dtype=torch.uint8)
        for epoch in range(30):
            with drawing_from("views", epoch):
                seen, mask = view(image, None)
            assert seen.shape == (channels, 16, 16)
            assert seen.dtype == torch.uint8
            assert type(seen) is Tensor
            assert mask is None
    assert views(Augment(shift=0.1, horizontal_flip=0.5), (16, 16)) is None


def test_masks_turn_with_their_images() -> None:
    view = views(Augment(rotation=90), (15, 15))
    assert view is not None
    image = torch.zeros(1, 15, 15, dtype=torch.uint8)
    image[0, 4:11, 2:6] = 200
    mask = (image[0] > 100).to(torch.uint8)
    for epoch in range(20):
        with drawing_from("views", epoch):
            seen, turned = view(image, mask)
        assert turned is not None
        inside = turned != IGNORE
        agree = ((seen[0] > 100) == (turned == 1))[inside].float().mean()
        assert float(agree) > 0.93


def test_mixing_keeps_shares() -> None:
    images = torch.rand(6, 1, 8, 8)
    labels = torch.tensor([0, 1, 2, 0, 1, 2])
    lams = []
    for step in range(40):
        for fields in ({"mixup": 0.4}, {"cutmix": 1.0}, {"mixup": 0.4, "cutmix": 1.0}):
            x, y = mixed(Mixing.of(fields), images, labels, classes=3, seed=0, step=step)
            assert torch.allclose(y.sum(1), torch.ones(6))
            assert x.shape == images.shape
            again = mixed(Mixing.of(fields), images, labels, classes=3, seed=0, step=step)
            assert torch.equal(again[0], x)
            assert torch.equal(again[1], y)
        x, y = mixed(Mixing(mixup=0.4), images, labels, classes=3, seed=0, step=step)
        lam = float(y[1, 1])
        assert torch.allclose(x[1], lam * images[1] + (1 - lam) * images[0], atol=1e-6)
        lams.append(lam)
        x, y = mixed(Mixing(cutmix=1), images, labels, classes=3, seed=0, step=step)
        assert float((x[1] == images[1]).float().mean()) == pytest.approx(float(y[1, 1]), abs=1e-6)
    assert len(set(lams)) == 40


@pytest.mark.parametrize(
    ("fields", "message", "hint"),
    [
        ({"flip": 0.5}, "there is no field `augment.flip`", ""),
        ({"shfit": 0.5}, "there is no field `augment.shfit`", "did you mean `shift`?"),
        ({"horizontal_flip": 2}, "`augment.horizontal_flip` is 2, and should be less", ""),
        ({"rand_augment": {"size": 1}}, "no field `augment.rand_augment.size`", "num_ops"),
        ({"random_erasing": {"p": "x"}}, "`augment.random_erasing.p` is 'x', and should be", ""),
    ],
)
def test_mistakes(fields: dict, message: str, hint: str) -> None:
    with pytest.raises(TrainError) as caught:
        Augment.of(fields, at="augment")
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_switches() -> None:
    assert Augment.of({"random_erasing": True}) == Augment.of({"random_erasing": {}})
    assert Augment.of({"random_erasing": False}) == Augment()
    whole = Augment.of({"rand_augment": True, "mixing": {"mixup": 0.2}, "rotation": 5})
    assert Augment.of(whole.model_dump()) == whole


@pytest.mark.parametrize(
    ("fields", "channels", "task", "says"),
    [
        ({"rand_augment": True}, 3, "segmentation", "without their masks"),
        ({"mixing": {"cutmix": 1}}, 3, "segmentation", "mixes labels"),
        ({"color_jitter": True}, 5, "classification", "have 5 channels"),
        ({"rand_augment": True}, 2, "classification", "have 2 channels"),
    ],
)
def test_what_does_not_go_together(fields: dict, channels: int, task: str, says: str) -> None:
    with pytest.raises(TrainError, match=says):
        Augment.of(fields).check(channels, task)
    Augment.of(fields).check(3, "classification")


def test_colour_jitter_changes_by_its_shares() -> None:
    """Brightness multiplies by 1 - b … 1 + b."""
    view = views(Augment.of({"color_jitter": {"brightness": 0.4}}), (4, 4))
    assert view is not None
    image = torch.full((3, 4, 4), 100, dtype=torch.uint8)
    seen = []
    for number in range(300):
        with drawing_from("x", number):
            seen.append(view(image, None)[0])
    values = torch.stack(seen).flatten(1).double()
    assert torch.equal(values.amax(1), values.amin(1))
    assert 59 <= float(values.min()) < 65
    assert 135 < float(values.max()) <= 140
    assert float(values.mean()) == pytest.approx(100, abs=3)


def test_a_resized_crop_has_its_share_of_the_area() -> None:
    """The pixels are numbered along both sides, so a crop says how much of each it has."""
    view = views(
        Augment.of({"random_resized_crop": {"scale": (0.25, 0.5), "ratio": (1, 1)}}), (64, 64)
    )
    assert view is not None
    line = torch.linspace(0, 255, 64).round().to(torch.uint8)
    image = torch.stack([line[:, None].expand(64, 64), line.expand(64, 64)])[[0, 1, 1]]
    for number in range(50):
        with drawing_from("x", number):
            seen = view(image, None)[0].double()
        assert seen.shape == (3, 64, 64)
        tall, wide = (float(seen[c].max() - seen[c].min()) / 255 for c in (0, 1))
        assert 0.23 <= tall * wide <= 0.52
        assert tall == pytest.approx(wide, abs=0.06)


def test_a_rotation_turns_by_at_most_its_degrees() -> None:
    """A bright dot to the right of the middle says by how much."""
    view = views(Augment.of({"rotation": 20}), (65, 65))
    assert view is not None
    image = torch.zeros(1, 65, 65, dtype=torch.uint8)
    image[:, 31:34, 55:58] = 255
    turns = []
    for number in range(200):
        with drawing_from("x", number):
            seen = view(image, None)[0][0].double()
        y, x = (seen.sum(1 - axis) @ torch.arange(65.0).double() / seen.sum() for axis in (0, 1))
        turns.append(float(torch.rad2deg(torch.atan2(32 - y, x - 32))))
    assert -20.5 <= min(turns) < -17
    assert 17 < max(turns) <= 20.5
