from __future__ import annotations

import gzip
from pathlib import Path

import pytest
import torch

from archlang.train import TrainError, load
from archlang.train.data.idx import read_idx


def idx(values: torch.Tensor, kind: int = 0x08) -> bytes:
    sizes = b"".join(size.to_bytes(4, "big") for size in values.shape)
    return bytes((0, 0, kind, values.ndim)) + sizes + bytes(values.flatten().tolist())


IMAGES = torch.arange(24, dtype=torch.uint8).view(2, 3, 4)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gz"])
def test_reads(tmp_path: Path, pack) -> None:
    file = tmp_path / "images"
    file.write_bytes(pack(idx(IMAGES)))
    assert torch.equal(read_idx(file, 3), IMAGES)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (idx(IMAGES)[:-1], "cut short: 2x3x4 needs 24 bytes, 23 are there"),
        (idx(IMAGES) + b"\0", "longer than its header says"),
        (idx(IMAGES)[:9], "9 bytes, less than an IDX header"),
        (b"", "0 bytes"),
        (idx(IMAGES, kind=0x0D), "starts with 00 00 0d 03, not 00 00 08 03"),
        (idx(IMAGES.view(4, 6)), "not an IDX file of bytes with 3 axes"),
        (idx(IMAGES[:0]), "is empty"),
        (gzip.compress(idx(IMAGES), mtime=0)[:-9], "damaged gzip"),
        (b"\x1f\x8b" + b"not gzip at all", "damaged gzip"),
    ],
)
def test_refuses(tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "images"
    file.write_bytes(content.ljust(16, b"\0") if b"\x02\0\0\0\x04" in content[:6] else content)
    with pytest.raises(TrainError) as caught:
        read_idx(file, 3)
    assert says in caught.value.message
    assert str(file) in caught.value.message
    assert caught.value.exit_code == 2


def folder(path: Path, *, labels: int = 9, dot: str = "-", missing: str = "") -> Path:
    for stem in ("train", "t10k"):
        images = torch.zeros(10, 28, 28, dtype=torch.uint8)
        found = torch.arange(10, dtype=torch.uint8).clamp(max=labels)
        if labels > 9:
            found[-1] = labels
        for name, values in ((f"images{dot}idx3", images), (f"labels{dot}idx1", found)):
            if f"{stem}-{name}" != missing:
                (path / f"{stem}-{name}-ubyte").write_bytes(idx(values))
    return path


@pytest.mark.parametrize("dot", ["-", "."])
@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_folder(tmp_path: Path, name: str, dot: str) -> None:
    data = load(f"{name}:{folder(tmp_path, dot=dot)}")
    assert data.train.size == (28, 28)
    assert data.train_labels.tolist() == data.test_labels.tolist() == list(range(10))
    assert len(data.classes) == 10


def test_folder_without_a_file(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match=r"has no t10k-labels-idx1-ubyte\[.gz\]"):
        load(f"mnist:{folder(tmp_path, missing='t10k-labels-idx1')}")


def test_label_out_of_range(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="mnist has 10 classes, but a training label is 12"):
        load(f"mnist:{folder(tmp_path, labels=12)}")


def test_counts_differ(tmp_path: Path) -> None:
    folder(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(torch.zeros(9, dtype=torch.uint8)))
    with pytest.raises(TrainError, match="10 training images, but 9 labels"):
        load(f"mnist:{tmp_path}")


def test_folder_missing(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="nowhere does not exist"):
        load(f"mnist:{tmp_path}/nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(TrainError, match="file is not a folder"):
        load(f"mnist:{tmp_path}/file")


def test_mnist_wants_a_folder() -> None:
    with pytest.raises(TrainError) as caught:
        load("mnist")
    assert "--data mnist:FOLDER" in caught.value.hint


def test_fashion_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archlang.train.data.builtin._DEBIAN_FASHION", tmp_path / "none")
    with pytest.raises(TrainError) as caught:
        load("fashion-mnist")
    assert "apt install dataset-fashion-mnist" in caught.value.hint


def test_fashion_without_a_folder_is_debians(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archlang.train.data.builtin._DEBIAN_FASHION", folder(tmp_path))
    assert load("fashion-mnist").classes[9] == "ankle boot"
