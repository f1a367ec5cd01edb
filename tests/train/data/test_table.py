"""CSV files of images."""

from __future__ import annotations

from pathlib import Path

import pytest

from archlang.train import TrainError, load
from archlang.train.inputs import Split
from tests.train.data.files import mask, picture


def write(root: Path, *lines: str, name: str = "birds.csv") -> str:
    for n in range(10):
        picture(root / "in" / f"{n}.png", mode="L", seed=n)
        mask(root / "out" / f"{n}.png", [[n % 2] * 5] * 6)
    (root / "in" / "notes.txt").write_text("")
    (root / "in" / "bad.png").write_text("")
    (root / name).write_text("\n".join(lines) + "\n")
    return f"csv:{root / name}"


ROWS = [f"in/{n}.png,{'owl' if n % 2 else 'kite'}" for n in range(10)]


def test_labels_and_splits(tmp_path: Path) -> None:
    rows = [f"{row},{'test' if n > 5 else 'train'}" for n, row in enumerate(ROWS)]
    rows[0] = rows[0].replace(",train", ", val")
    data = load(write(tmp_path, "path,label,split", *rows))
    assert data.name == "birds"
    assert data.classes == ("kite", "owl")
    assert data.valid is not None
    assert [len(s) for s in (data.train, data.valid, data.test)] == [5, 1, 4]
    assert data.train[0][1] == 1
    assert data.train.name(0).endswith("in/1.png")


def test_no_split(tmp_path: Path) -> None:
    data = load(write(tmp_path, "label, path", *(",".join(r.split(",")[::-1]) for r in ROWS)))
    assert (len(data.train), len(data.test)) == (8, 2)
    data = load(f"csv:{tmp_path / 'birds.csv'}", split=Split(test=0.4))
    assert len(data.test) == 4


def test_numbers_are_in_their_order(tmp_path: Path) -> None:
    rows = [f"in/{n}.png,{(2, 10, 1)[n % 3]}" for n in range(9)]
    data = load(write(tmp_path, "path,label", *rows))
    assert data.classes == ("1", "2", "10")


def test_masks(tmp_path: Path) -> None:
    rows = [f"in/{n}.png,out/{n}.png" for n in range(10)]
    data = load(write(tmp_path, "path,mask", *rows))
    assert data.task == "segmentation"
    assert data.classes == ("0", "1")


@pytest.mark.parametrize(
    ("head", "row", "says"),
    [
        ("path,label", "in/77.png,owl", r"line 12 names .*in/77.png, which does not exist"),
        ("path,label", "in/3.png,owl", r"line 12 names .*3.png again: it is in line 5"),
        ("path,label", "in/../in/3.png,owl", r"line 12 names .*3.png again: it is in line 5"),
        ("path,label", "in/notes.txt,owl", r"line 12 names .*notes.txt, which is not an image"),
        ("path,label", "in/bad.png,owl", r"bad.png cannot be decoded"),
        ("path,label", ",owl", r"line 12 has no path"),
        ("path,label", "in/bad.png,", r"line 12 has no label"),
        ("path,lable", "", r"no column label or mask, but path, lable"),
        ("name,label", "", r"has no column path, but name, label"),
        ("path,label,split", "in/bad.png,owl,maybe", r"line 12 has the split maybe"),
        ("path,label,split", "in/bad.png,eel,test", r"label eel, which is in test and not in"),
    ],
)
def test_mistakes(tmp_path: Path, head: str, row: str, says: str) -> None:
    with pytest.raises(TrainError, match=says):
        load(write(tmp_path, head, *(() if "name" in head else ROWS), row))


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([], "is empty"),
        (["path,label"], "has no rows"),
        (["path,label", "in/1.png,a", "in/2.png,a"], "has one class, a"),
        (["path,label,split", "in/1.png,a,test"], "no rows to train with"),
    ],
)
def test_too_little(tmp_path: Path, lines: list[str], says: str) -> None:
    with pytest.raises(TrainError, match=says):
        load(write(tmp_path, *lines))


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match=r"none\.csv does not exist"):
        load(f"csv:{tmp_path / 'none.csv'}")
    (tmp_path / "a.csv").write_bytes(b"path,label\n\xff\xfe,\x00")
    with pytest.raises(TrainError, match=r"a.csv, line 2 is not UTF-8"):
        load(f"csv:{tmp_path / 'a.csv'}")
    with pytest.raises(TrainError, match="no CSV file is given"):
        load("csv")
