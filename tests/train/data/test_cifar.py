"""CIFAR as it is handed round, and files that only look like it."""

from __future__ import annotations

import os
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from archlang.train import TrainError, load
from archlang.train.data import READERS
from archlang.train.data.pickles import read_pickle

NAMES = [f"c{i:02}" for i in range(100)]


def records(seed: int, count: int = 4) -> tuple[np.ndarray, list[int]]:
    random = np.random.RandomState(seed)
    return random.randint(0, 256, (count, 3072)).astype(np.uint8), random.randint(
        0, 10, count
    ).tolist()


def dump(path: Path, content: Any) -> None:
    path.write_bytes(pickle.dumps(content, protocol=2))


def python_ten(root: Path) -> Path:
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for i, name in enumerate([*(f"data_batch_{n}" for n in range(1, 6)), "test_batch"]):
        data, labels = records(i)
        dump(folder / name, {b"data": data, b"labels": labels, b"batch_label": b"1 of 5"})
    dump(folder / "batches.meta", {"label_names": NAMES[:10], "num_vis": 3072})
    return folder


def python_hundred(root: Path) -> Path:
    folder = root / "cifar-100-python"
    folder.mkdir(parents=True)
    for i, name in enumerate(("train", "test")):
        data, labels = records(i)
        dump(folder / name, {b"data": data, b"fine_labels": labels, b"coarse_labels": [0] * 4})
    dump(folder / "meta", {b"fine_label_names": [n.encode() for n in NAMES]})
    return folder


def bytes_ten(root: Path) -> Path:
    folder = root / "cifar-10-batches-bin"
    folder.mkdir(parents=True)
    for i, name in enumerate([*(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin"]):
        rows = zip(*records(i), strict=True)
        (folder / name).write_bytes(b"".join(bytes([y]) + x.tobytes() for x, y in rows))
    (folder / "batches.meta.txt").write_text("\n".join(NAMES[:10]) + "\n\n")
    return folder


def bytes_hundred(root: Path) -> Path:
    folder = root / "cifar-100-binary"
    folder.mkdir(parents=True)
    for i, name in enumerate(("train.bin", "test.bin")):
        rows = zip(*records(i), strict=True)
        (folder / name).write_bytes(b"".join(bytes([77, y]) + x.tobytes() for x, y in rows))
    (folder / "fine_label_names.txt").write_text("\n".join(NAMES) + "\n")
    return folder


def archive(folder: Path) -> Path:
    path = folder.with_suffix(".tar.gz")
    with tarfile.open(path, "w:gz") as file:
        file.add(folder, folder.name)
    return path


MAKERS = [
    ("cifar10", python_ten, 5, 10),
    ("cifar10", bytes_ten, 5, 10),
    ("cifar100", python_hundred, 1, 100),
    ("cifar100", bytes_hundred, 1, 100),
]


@pytest.mark.parametrize(("name", "make", "parts", "classes"), MAKERS)
@pytest.mark.parametrize("at", ["folder", "above", "archive"])
def test_reads(
    tmp_path: Path, name: str, make: Callable[[Path], Path], parts: int, classes: int, at: str
) -> None:
    folder = make(tmp_path)
    path = {"folder": folder, "above": tmp_path, "archive": archive(folder)}[at]
    data = load(f"{name}:{path}")
    assert data.classes == tuple(NAMES[:classes])
    assert (len(data.train), len(data.test)) == (4 * parts, 4)
    pixels, labels = records(parts - 1)
    image, label = data.train[4 * parts - 1]
    assert torch.equal(image, torch.from_numpy(pixels[3]).view(3, 32, 32))
    assert label == labels[3]
    assert torch.equal(data.test[2][0].flatten(), torch.from_numpy(records(parts)[0][2]))


class Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("harm",)


def spoil(name: str, content: Any) -> Callable[[Path], None]:
    return lambda folder: dump(folder / name, content)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (spoil("data_batch_2", Harmful()), r"data_batch_2 in .* cannot be read: it asks for posix"),
        (spoil("data_batch_2", {b"data": Harmful()}), "it asks for posix.mkdir"),
        (spoil("test_batch", [1]), "it holds no dictionary"),
        (spoil("test_batch", {b"data": records(0)[0]}), "does not hold cifar10's images"),
        (
            spoil("test_batch", {b"data": records(0)[0], b"labels": [1]}),
            "does not hold cifar10's images and labels",
        ),
        (
            spoil("test_batch", {b"data": records(0)[0], b"labels": [1, 2, 3, 10]}),
            "10 classes, but a test label is 10, that of image 3",
        ),
        (lambda f: (f / "data_batch_4").unlink(), "has no data_batch_4"),
        (lambda f: (f / "test_batch").write_bytes(b"\x80\x02}"), "it is damaged"),
        (lambda f: (f / "test_batch").write_bytes(b""), "it is damaged"),
        (spoil("batches.meta", {}), "does not name cifar10's classes"),
    ],
)
def test_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    change(python_ten(tmp_path))
    with pytest.raises(TrainError, match=says) as caught:
        load(f"cifar10:{tmp_path}")
    assert not Path("harm").exists()
    assert caught.value.hint


def test_bytes_cut_short(tmp_path: Path) -> None:
    file = bytes_ten(tmp_path) / "data_batch_3.bin"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(TrainError, match=r"data_batch_3.bin in .* is cut short"):
        load(f"cifar10:{tmp_path}")


def test_an_archive_cut_short(tmp_path: Path) -> None:
    path = archive(python_ten(tmp_path))
    path.write_bytes(path.read_bytes()[:20000])
    with pytest.raises(TrainError, match="cannot be read as an archive"):
        load(f"cifar10:{path}")
    path.write_text("no archive")
    with pytest.raises(TrainError, match="cannot be read as an archive"):
        load(f"cifar10:{path}")


def test_no_path(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="no path is given"):
        load("cifar10")
    with pytest.raises(TrainError, match="there is no"):
        load(f"cifar100:{tmp_path / 'none'}")
    with pytest.raises(TrainError, match=r"holds none of cifar100's files"):
        load(f"cifar100:{tmp_path}")


def test_bytes_of_an_old_protocol(tmp_path: Path) -> None:
    path = tmp_path / "a"
    dump(path, {"x": b"\x00\xff", "y": [1, 2.5, None, True]})
    with path.open("rb") as file:
        assert read_pickle(file) == {b"x": b"\x00\xff", b"y": [1, 2.5, None, True]}


def test_arrays_of_python_2(tmp_path: Path) -> None:
    """As the files that are handed round were written: protocol 0 here, to be read by eye."""
    path = tmp_path / "a"
    path.write_bytes(
        b"(dS'data'\ncnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
        b"(I1\n(I2\nI3\ntcnumpy\ndtype\n(S'u1'\nI0\nI1\ntR(I3\nS'|'\nNNNI-1\nI-1\nI0\ntb"
        b"I00\nS'\\x01\\x02\\x03\\x04\\x05\\xff'\ntbs."
    )
    with path.open("rb") as file:
        assert read_pickle(file)[b"data"].tolist() == [[1, 2, 3], [4, 5, 255]]


def test_other_codecs_are_not_called(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"c_codecs\nencode\n(Vabc\nVhex\ntR.")
    with path.open("rb") as file, pytest.raises(pickle.UnpicklingError, match="bytes in hex"):
        read_pickle(file)


class Asked:
    """Stands in for the classes of torchvision that download."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.calls: list[tuple[str, bool, bool]] = []

    def __call__(self, root: Path, *, train: bool, download: bool) -> None:
        self.calls.append((root.name, train, download))
        if self.error:
            raise self.error
        if train:
            python_ten(root)


def test_nothing_is_downloaded_unless_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = Asked()
    monkeypatch.setattr("torchvision.datasets.CIFAR10", fake)
    with pytest.raises(TrainError):
        load(f"cifar10:{tmp_path}")
    assert not fake.calls
    assert len(load(f"cifar10:{tmp_path}", download=True).train) == 20
    assert fake.calls == [(tmp_path.name, True, True), (tmp_path.name, False, True)]


def test_downloads_that_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torchvision.datasets.CIFAR10", Asked(OSError("no route to host\nmore")))
    with pytest.raises(
        TrainError, match=r"could not be downloaded: no route to host\nhelp"
    ) as caught:
        load(f"cifar10:{tmp_path}", download=True)
    assert "cifar10:FOLDER" in caught.value.hint
    with pytest.raises(TrainError, match="`digits` cannot be downloaded") as caught:
        load("digits", download=True)
    assert "cifar10, cifar100, fashion-mnist, mnist" in caught.value.hint
    with pytest.raises(TrainError, match="nothing says where to put `mnist`"):
        load("mnist", download=True)
    assert {n for n, r in READERS.items() if r.download} == {
        *("cifar10", "cifar100", "fashion-mnist", "mnist")
    }
