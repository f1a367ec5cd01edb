from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from archlang.train import TrainError, load
from archlang.train.data import check_fit, reader
from archlang.train.data.split import stratified_split
from archlang.train.prepare import Preparation, shifted
from tests.train.networks import lenet, small, stripes


def test_split_is_stratified_disjoint_and_always_the_same() -> None:
    labels = torch.tensor([0] * 50 + [1] * 30 + [2] * 20)[torch.randperm(100)]
    learn, test = stratified_split(labels, 0.2, seed=0)
    assert sorted([*learn.tolist(), *test.tolist()]) == list(range(100))
    assert labels[test].bincount().tolist() == [10, 6, 4]
    again = stratified_split(labels, 0.2, seed=0)
    assert torch.equal(learn, again[0])
    assert torch.equal(test, again[1])
    assert not torch.equal(test, stratified_split(labels, 0.2, seed=1)[1])


def test_digits() -> None:
    data = load("digits")
    assert (len(data.train_images), len(data.test_images)) == (1438, 359)
    assert data.train_images.dtype == torch.uint8
    assert (data.train.channels, data.train.size) == (1, (8, 8))
    assert int(data.train_images.max()) == 255
    shares = data.test_labels.bincount() / data.train_labels.bincount()
    assert float((shares - 0.25).abs().max()) < 0.02


@pytest.mark.parametrize(
    ("spec", "message", "hint"),
    [
        ("Digits", "no data set named `Digits`", "did you mean `digits`?"),
        ("cifar", "no data set named `cifar`", "known are "),
        ("", "no data set named ``", "known are"),
        ("digits:/somewhere", "`digits` takes no path", "--data digits"),
    ],
)
def test_unknown(spec: str, message: str, hint: str) -> None:
    with pytest.raises(TrainError) as caught:
        load(spec)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.exit_code == 2


def test_a_path_alone(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("path,label\n")
    for path, meant in ((tmp_path, "folder"), (tmp_path / "rows.csv", "csv")):
        with pytest.raises(TrainError) as caught:
            load(str(path))
        assert f"did you mean `{meant}:{path}`?" in caught.value.hint


def test_a_name_is_taken_once() -> None:
    with pytest.raises(TypeError, match="two data sets are named `digits`"):
        reader("digits")(lambda asked: stripes())


@pytest.mark.parametrize(
    ("part", "changes", "says"),
    [
        ("train", {"targets": torch.full((49,), 3)}, "3 classes, but a training label is 3"),
        ("test", {"targets": torch.full((20,), -1)}, "a test label is -1, that of image 0"),
        ("test", {"targets": torch.zeros(19)}, "20 test images, but 19 labels"),
        ("test", {"images": torch.zeros(0, 1, 8, 8)}, "has no test images"),
        ("test", {"images": torch.zeros(20, 3, 8, 8)}, "have 1 channels, but its test images 3"),
    ],
)
def test_unsound(part: str, changes: dict, says: str) -> None:
    data = stripes()
    samples = dataclasses.replace(getattr(data, part), **changes)
    with pytest.raises(TrainError, match=says):
        dataclasses.replace(data, **{part: samples})


@pytest.mark.parametrize(
    ("changes", "message", "hint"),
    [
        ({"inputs": {"x": (64,)}}, r"takes \[64\], and images are \[C, H, W\]", "start with `fl"),
        ({"inputs": {"a": (1, 8, 8), "b": (1, 8, 8)}}, r"takes 2 inputs \(a, b\)", ""),
        (
            {"inputs": {"x": (4, 8, 8)}},
            "takes 4 channels, but stripes's images have 1",
            "[1, 8, 8]",
        ),
        ({"outputs": {"a": (3, 8, 8)}}, r"yields \[3, 8, 8\]", "linear(3)"),
        ({"outputs": {"a": (10,)}}, "has 10 outputs, but stripes has 3 classes", "linear(3)"),
        ({"outputs": {"a": (2,)}}, "has 2 outputs, but stripes has 3 classes", "linear(3)"),
    ],
)
def test_misfits(changes: dict, message: str, hint: str) -> None:
    with pytest.raises(TrainError, match=message) as caught:
        check_fit(small(**changes), stripes())
    assert hint in caught.value.hint
    assert caught.value.exit_code == 1


def test_fits() -> None:
    assert check_fit(small(), stripes()) == {"image": (1, 8, 8)}
    assert check_fit(small(inputs={"x": (3, 32, 16)}), stripes()) == {"x": (3, 32, 16)}


def test_prepared_images_have_mean_0_and_deviation_1() -> None:
    data = load("digits")
    prepare = Preparation.measured(data, (1, 8, 8))
    x = prepare(data.train_images)
    assert abs(float(x.mean())) < 1e-5
    assert abs(float(x.std()) - 1) < 1e-3
    pixels = data.train_images.double() / 255
    assert prepare.mean == pytest.approx((pixels.mean().item(),))
    assert Preparation.of(prepare.plain()) == prepare


def test_resized_and_repeated() -> None:
    data = load("digits")
    prepare = Preparation.measured(data, (3, 28, 20))
    x = prepare(data.test_images[:5])
    assert x.shape == (5, 3, 28, 20)
    assert torch.equal(x[:, 0], x[:, 2])
    assert prepare.notes(data) == [
        "the images of 8x8 are resized to 28x20",
        "the images are grey: their one channel is repeated 3 times",
    ]
    assert Preparation.measured(data, (1, 4, 4))(data.test_images[:2]).shape == (2, 1, 4, 4)
    assert Preparation.measured(data, (1, 8, 8)).notes(data) == []


def test_shift_moves_down_and_right() -> None:
    image = torch.arange(1.0, 10.0).view(1, 1, 3, 3).repeat(3, 1, 1, 1)
    moved = shifted(image, torch.tensor([[1, 0], [0, -1], [0, 0]]))
    assert moved[0, 0].tolist() == [[0, 0, 0], [1, 2, 3], [4, 5, 6]]
    assert moved[1, 0].tolist() == [[2, 3, 0], [5, 6, 0], [8, 9, 0]]
    assert torch.equal(moved[2], image[2])


def test_lenet_fits_digits() -> None:
    assert check_fit(lenet(), load("digits")) == {"image": (1, 28, 28)}
