"""Folders of images, and all that can be wrong with them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from archlang.train import TrainError, load
from archlang.train.data import IGNORE, FileSamples, TensorSamples
from archlang.train.inputs import Split
from tests.train.data.files import classes, mask, pairs, picture


def spec(root: Path) -> str:
    return f"folder:{root}"


def test_train_and_test(tmp_path: Path) -> None:
    classes(tmp_path / "train")
    classes(tmp_path / "val", count=3)
    data = load(spec(tmp_path))
    assert data.name == tmp_path.name
    assert data.classes == ("cat", "dog")
    assert (len(data.train), len(data.test), data.valid) == (20, 6, None)
    image, label = data.train[19]
    wanted = np.array(Image.open(tmp_path / "train" / "dog" / "9.png"))
    assert torch.equal(image, torch.from_numpy(wanted).permute(2, 0, 1))
    assert label == 1
    assert data.train.size == (6, 5)
    assert data.train.name(19).endswith("dog/9.png")


def test_validation_beside_a_test(tmp_path: Path) -> None:
    for part, count in (("train", 5), ("valid", 2), ("test", 3)):
        classes(tmp_path / part, count=count)
    data = load(spec(tmp_path))
    assert data.valid is not None
    assert (len(data.train), len(data.valid), len(data.test)) == (10, 4, 6)


def test_one_folder_is_split(tmp_path: Path) -> None:
    classes(tmp_path, count=10)
    data = load(spec(tmp_path))
    assert (len(data.train), len(data.test)) == (16, 4)
    names = [{s.name(i) for i in range(len(s))} for s in (data.train, data.test)]
    assert not names[0] & names[1]
    more = load(spec(tmp_path), split=Split(test=0.5, valid=0.4))
    assert more.valid is not None
    assert [len(s) for s in (more.train, more.valid, more.test)] == [6, 4, 10]
    assert more.test.labels is not None
    assert more.test.labels.bincount().tolist() == [5, 5]


def test_in_memory_where_one_size(tmp_path: Path) -> None:
    classes(tmp_path)
    data = load(spec(tmp_path))
    held = data.train.tensors()
    assert held is not None
    assert held[0].shape == (16, 3, 6, 5)
    assert all(torch.equal(held[0][i], data.train[i][0]) for i in range(16))
    assert held[1].tolist() == [data.train[i][1] for i in range(16)]
    picture(tmp_path / "cat" / "large.png", size=(9, 9))
    mixed = load(spec(tmp_path))
    assert mixed.train.size is None
    assert mixed.train.tensors() is None


def test_channels(tmp_path: Path) -> None:
    classes(tmp_path, mode="L")
    assert load(spec(tmp_path)).train.channels == 1
    picture(tmp_path / "dog" / "coloured.png")
    picture(tmp_path / "dog" / "clear.png", mode="RGBA")
    data = load(spec(tmp_path))
    assert data.train.channels == 3
    assert data.train[0][0].shape == (3, 6, 5)


def test_more_channels_are_arrays(tmp_path: Path) -> None:
    for i in range(12):
        folder = tmp_path / ("a" if i % 2 else "b")
        folder.mkdir(exist_ok=True)
        pixels = np.full((4, 3, 5), i, np.uint8)
        pixels[..., 1] = 77
        np.save(folder / f"{i}.npy", pixels if i else pixels.astype(np.uint16) * 257)
    data = load(spec(tmp_path))
    assert data.train.channels == 5
    assert data.train.size == (4, 3)
    assert data.train[0][0].shape == (5, 4, 3)
    assert {int(data.train[i][0][1].float().mean()) for i in range(len(data.train))} == {77}


def test_sixteen_bits_become_eight(tmp_path: Path) -> None:
    classes(tmp_path, mode="L", count=5)
    deep = np.array([[0, 128, 129], [257, 32896, 65535]], np.uint16)
    Image.fromarray(deep).save(tmp_path / "cat" / "0.png")
    data = load(spec(tmp_path), split=Split(test=0.4))
    found = [
        s[i][0] for s in (data.train, data.test) for i in range(len(s)) if "cat/0" in s.name(i)
    ]
    assert found[0].tolist() == [[[0, 0, 1], [1, 128, 255]]]


def test_photographs_are_turned_upright(tmp_path: Path) -> None:
    classes(tmp_path, count=5)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (8, 3)).save(tmp_path / "cat" / "0.jpg", exif=exif)
    data = load(spec(tmp_path))
    parts = [data.train, data.test]
    for samples in parts:
        assert isinstance(samples, FileSamples)
        for i in range(len(samples)):
            assert tuple(samples[i][0].shape[1:]) == samples.sizes[i]
    assert any((8, 3) in s.sizes for s in parts if isinstance(s, FileSamples))


def strip(root: Path) -> None:
    shutil.rmtree(root / "train" / "cat")
    (root / "train" / "cat").mkdir()


MISTAKES: list[tuple[Callable[[Path], object], str]] = [
    (lambda r: (r / "train/cat/3.png").write_bytes(b"no"), "train/cat/3.png cannot be decoded"),
    (lambda r: (r / "train/cat/a.txt").write_text(""), "train/cat/a.txt is not an image"),
    (lambda r: (r / "train/a.txt").write_text(""), "a.txt lies beside the folders of the classes"),
    (strip, "train/cat holds no images"),
    (lambda r: shutil.rmtree(r / "val/cat"), "val has no folder cat, which .*train has"),
    (lambda r: classes(r / "val", ["eel"]), "train has no folder eel, which .*val has"),
    (lambda r: classes(r / "train", ["Cat"]), "has the classes Cat and cat: the same name twice"),
    (lambda r: shutil.rmtree(r / "train/cat") or shutil.rmtree(r / "val/cat"), "one class, dog"),
    (lambda r: [shutil.rmtree(p) for p in (r / "train").iterdir()], "train is empty"),
    (
        lambda r: Image.fromarray(np.zeros((2, 2), np.float32)).save(r / "val/dog/f.tif"),
        "val/dog/f.tif has pixels of floating point",
    ),
    (lambda r: np.save(r / "val/dog/a.npy", np.zeros((2, 2, 4), np.uint8)), "a.npy has 4"),
    (lambda r: np.save(r / "val/dog/a.npy", np.zeros((2, 2))), "a.npy is float64"),
    (lambda r: np.save(r / "val/dog/a.npy", np.array([{}])), "a.npy cannot be decoded"),
]


@pytest.mark.parametrize(("spoil", "says"), MISTAKES)
def test_mistakes(tmp_path: Path, spoil: Callable[[Path], object], says: str) -> None:
    classes(tmp_path / "train")
    classes(tmp_path / "val")
    spoil(tmp_path)
    with pytest.raises(TrainError, match=says):
        load(spec(tmp_path))


def test_hidden_files_are_left_out(tmp_path: Path) -> None:
    classes(tmp_path)
    for name in (".DS_Store", "cat/.DS_Store", "cat/Thumbs.db"):
        (tmp_path / name).write_bytes(b"")
    assert len(load(spec(tmp_path)).train) == 16


@pytest.mark.parametrize(
    ("name", "says"),
    [("nowhere", "nowhere does not exist"), ("file", "file is not a folder"), ("", "empty")],
)
def test_no_folder(tmp_path: Path, name: str, says: str) -> None:
    if name == "file":
        (tmp_path / name).write_text("")
    with pytest.raises(TrainError, match=says):
        load(spec(tmp_path / name))


def test_a_body_cut_short_is_found_when_it_is_decoded(tmp_path: Path) -> None:
    classes(tmp_path, size=(40, 40))
    victim = tmp_path / "cat" / "4.png"
    victim.write_bytes(victim.read_bytes()[:200])
    data = load(spec(tmp_path))
    with pytest.raises(TrainError, match=r"cat/4.png cannot be decoded as an image"):
        [samples.tensors() for samples in (data.train, data.test)]


def test_without_a_look_inside(tmp_path: Path) -> None:
    classes(tmp_path)
    data = load(spec(tmp_path), verify=False)
    assert data.train.size is None
    assert data.train.channels == 3
    assert data.train[3][0].shape == (3, 6, 5)


def test_segmentation(tmp_path: Path) -> None:
    pairs(tmp_path / "train")
    pairs(tmp_path / "test", 2)
    data = load(spec(tmp_path))
    assert data.task == "segmentation"
    assert data.classes == ("0", "1", "2")
    assert data.train.labels is None
    image, target = data.train[1]
    assert image.shape == (1, 6, 5)
    assert isinstance(target, torch.Tensor)
    assert target.dtype == torch.uint8
    assert target.tolist() == np.array(Image.open(tmp_path / "train/masks/1.png")).tolist()
    held = data.train.tensors()
    assert held is not None
    assert torch.equal(held[1][1], target)
    (tmp_path / "classes.txt").write_text("sky\nsea\nland\nice\n")
    assert load(spec(tmp_path)).classes == ("sky", "sea", "land", "ice")


def test_masks_of_black_and_white(tmp_path: Path) -> None:
    for n in range(5):
        picture(tmp_path / "images" / f"{n}.jpg", size=(2, 2))
        mask(tmp_path / "masks" / f"{n}.png", [[0, 255], [255, 0]])
    data = load(spec(tmp_path))
    assert data.classes == ("0", "1")
    target = data.test[0][1]
    assert isinstance(target, torch.Tensor)
    assert target.tolist() == [[0, 1], [1, 0]]


def test_nothing_is_255(tmp_path: Path) -> None:
    pairs(tmp_path)
    mask(tmp_path / "masks" / "0.png", [[IGNORE] * 5] * 6)
    assert load(spec(tmp_path)).classes == ("0", "1", "2")


MASKED: list[tuple[Callable[[Path], object], str]] = [
    (lambda r: (r / "masks/2.png").unlink(), "images/2.png has no counterpart in .*masks"),
    (lambda r: (r / "images/2.png").unlink(), "masks/2.png has no counterpart in .*images"),
    (lambda r: picture(r / "images/2.jpg"), "2.jpg and .*2.png have the same name"),
    (lambda r: picture(r / "masks/2.png"), "masks/2.png is a mask with RGB pixels"),
    (
        lambda r: mask(r / "masks/2.png", [[0, 1]]),
        "masks/2.png has 1x2 pixels, but its image .*6x5",
    ),
    (lambda r: (r / "classes.txt").write_text("a\nb\n"), "has class 2, but there are 2 classes"),
    (lambda r: (r / "classes.txt").write_text("a\na\nb\n"), "names a class twice"),
    (lambda r: (r / "masks/2.png").write_text("?"), "masks/2.png cannot be decoded"),
]


@pytest.mark.parametrize(("spoil", "says"), MASKED)
def test_mistakes_with_masks(tmp_path: Path, spoil: Callable[[Path], object], says: str) -> None:
    pairs(tmp_path)
    spoil(tmp_path)
    with pytest.raises(TrainError, match=says):
        load(spec(tmp_path))


def test_masks_in_one_part_alone(tmp_path: Path) -> None:
    pairs(tmp_path / "train")
    classes(tmp_path / "test")
    with pytest.raises(TrainError, match=r"test has no images/ and masks/, which .*train has"):
        load(spec(tmp_path))


def test_subsets() -> None:
    samples = TensorSamples(torch.zeros(4, 1, 2, 2, dtype=torch.uint8), torch.arange(4))
    assert samples.subset(torch.tensor([3, 1])).targets.tolist() == [3, 1]
