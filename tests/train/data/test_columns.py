"""Tables with a column for each input and each output, and folders for each input."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image

import archlang
from archlang.train import TrainError, load
from archlang.train.data import Columns
from tests.train.data.files import mask, picture
from tests.train.several import SPEC, part, written

TWO = archlang.loads(SPEC)
MAPS = archlang.loads(
    "model m { input rgb: [3, 6, 5]; input depth: [1, 6, 5]; concat { rgb | depth }; conv(1x1, 2) }"
)
ONE = archlang.loads("model m { input photo: [3, 6, 5]; flatten; kind = linear(2); output kind }")
HEAD = ["right", "column", "left", "row", "split"]


def changed(root: Path, head: list[str] = HEAD, *rows: list[str], keep: bool = True) -> str:
    """The table with another head, and more rows."""
    file = written(root, 12, 6)
    with file.open(newline="") as text:
        lines = list(csv.reader(text))[1:]
    with file.open("w", newline="") as text:
        csv.writer(text).writerows([head, *(lines if keep else []), *rows])
    return f"csv:{file}"


def test_columns_are_found_by_their_names(tmp_path: Path) -> None:
    data = load(f"csv:{written(tmp_path, 12, 6)}", network=TWO)
    images, labels = part(12, 0)
    assert data.inputs == ("left", "right")
    assert list(data.own) == ["row", "column"]
    assert data.notes == ()
    for name, pixels in images.items():
        held = data.train.inputs[name].tensors()
        assert held is not None
        assert torch.equal(held[0], pixels)
    for name, wanted in labels.items():
        assert torch.equal(data.train.answers[name], wanted)
    assert torch.equal(data.train_labels, labels["row"]), "the first output's"


def test_parts_of_a_table_are_whole_rows(tmp_path: Path) -> None:
    data = load(changed(tmp_path, ["right", "column", "left", "row", "use"]), network=TWO)
    assert data.notes == ("the network takes nothing of the column use in both.csv",)
    assert isinstance(data.train, Columns)
    images, labels = part(12, 0)
    several = {n: s.tensors() for n, s in data.train.inputs.items()}
    for i in range(len(data.train)):
        number = int(Path(data.train.name(i)).stem.rpartition("-")[2])
        if "train" in Path(data.train.name(i)).stem:
            for name, held in several.items():
                assert held is not None
                assert torch.equal(held[0][i], images[name][number])
                assert data.train.inputs[name].name(i).endswith(f"-{name}-{number}.png")
            assert data.train.answers["column"][i] == labels["column"][number]


ROW = ["train-right-0.png", "w", "train-left-0.png", "low", "train"]


@pytest.mark.parametrize(
    ("head", "row", "says"),
    [
        (["rigth", *HEAD[1:]], ROW, r"has no column right, but rigth, column, left, row, split"),
        (["right", "column", "left", "rows", "split"], ROW, r"has no column row, but right"),
        (HEAD, ROW, r"line 20 names .*left-0.png with .*right-0.png again: it is in line 2\n"),
        (HEAD, ["none.png", *ROW[1:]], r"line 20 names .*none.png, which does not exist"),
        (HEAD, ["", *ROW[1:]], r"line 20 has no right"),
        (HEAD, [*ROW[:3], "", "train"], r"line 20 has no row"),
        (
            HEAD,
            ["train-right-0.png", "v", "train-left-1.png", "low", "test"],
            r"line 20 has the column v, which is in test and not in train",
        ),
        (["left", "column", "left", "row", "split"], ROW, "has two columns left"),
    ],
)
def test_mistakes(tmp_path: Path, head: list[str], row: list[str], says: str) -> None:
    with pytest.raises(TrainError, match=says):
        load(changed(tmp_path, head, row), network=TWO)


def test_a_name_that_is_near(tmp_path: Path) -> None:
    with pytest.raises(TrainError) as caught:
        load(changed(tmp_path, ["rigth", *HEAD[1:]]), network=TWO)
    assert caught.value.hint == (
        "is `rigth` the column right? the network's inputs are left and right: each wants a column "
        "of paths of its name"
    )


def test_one_image_in_many_pairs(tmp_path: Path) -> None:
    row = ["train-right-1.png", "w", "train-left-0.png", "low", "train"]
    assert len(load(changed(tmp_path, HEAD, row), network=TWO).train) == 13


def test_one_class_of_one_output(tmp_path: Path) -> None:
    rows = [[f"train-right-{i}.png", "w", f"train-left-{i}.png", str(i % 2), ""] for i in range(9)]
    with pytest.raises(TrainError, match="has one class of column, w"):
        load(changed(tmp_path, HEAD, *rows, keep=False), network=TWO)


def test_a_damaged_image_of_the_second_input(tmp_path: Path) -> None:
    spec = changed(tmp_path)
    (tmp_path / "train-right-3.png").write_bytes(b"no picture")
    with pytest.raises(TrainError, match=r"train-right-3\.png cannot be decoded as an image"):
        load(spec, network=TWO)


def test_labels_for_all_outputs(tmp_path: Path) -> None:
    data = load(changed(tmp_path, ["right", "note", "left", "label", "split"]), network=TWO)
    assert (data.own, len(data.classes)) == ({}, 3)
    assert data.notes == ("the network takes nothing of the column note in both.csv",)


def test_an_only_input_and_an_only_output_by_their_names(tmp_path: Path) -> None:
    for n in range(6):
        picture(tmp_path / f"{n}.png", seed=n)
    rows = "".join(f"{n}.png,{'ab'[n % 2]},remark {n}\n" for n in range(6))
    (tmp_path / "a.csv").write_text("photo,kind,note\n" + rows)
    data = load(f"csv:{tmp_path / 'a.csv'}", network=ONE)
    assert (data.inputs, data.classes, data.own) == (("",), ("a", "b"), {})
    alone = load(f"csv:{tmp_path / 'a.csv'}")
    assert (alone.classes, alone.own) == (("a", "b"), {}), "remarks differ in every row"
    (tmp_path / "a.csv").write_text("picture,kind\n" + rows.replace(",remark", " remark"))
    with pytest.raises(TrainError, match="has no column path, but picture, kind"):
        load(f"csv:{tmp_path / 'a.csv'}", network=ONE)


def scenes(root: Path) -> Path:
    """rgb/ and depth/ beside masks/."""
    for use, count in (("train", 6), ("test", 3)):
        for n in range(count):
            picture(root / use / "rgb" / f"{n}.png", seed=n)
            picture(root / use / "depth" / f"{n}.png", mode="L", size=(3, 3), seed=n)
            mask(root / use / "masks" / f"{n}.png", [[n % 2] * 5] * 6)
    return root


def test_a_folder_for_each_input_beside_masks(tmp_path: Path) -> None:
    data = load(f"folder:{scenes(tmp_path)}", network=MAPS)
    assert (data.task, data.inputs) == ("segmentation", ("rgb", "depth"))
    assert [data.train.inputs[n].channels for n in data.inputs] == [3, 1]
    assert [Path(s.name(2)).name for s in data.train.inputs.values()] == ["2.png", "2.png"]
    (tmp_path / "train" / "depth" / "3.png").unlink()
    with pytest.raises(TrainError, match=r"train/rgb/3\.png has no counterpart in .*train/depth"):
        load(f"folder:{tmp_path}", network=MAPS)
    shutil.rmtree(tmp_path / "test" / "depth")
    with pytest.raises(TrainError, match="test has no folder depth"):
        load(f"folder:{tmp_path}", network=MAPS)


def test_masks_in_a_table_of_several_inputs(tmp_path: Path) -> None:
    scenes(tmp_path)
    rows = [f"train/depth/{n}.png,train/rgb/{n}.png,train/masks/{n}.png" for n in range(6)]
    (tmp_path / "s.csv").write_text("\n".join(["depth,rgb,mask", *rows]))
    data = load(f"csv:{tmp_path / 's.csv'}", network=MAPS)
    assert (data.task, data.inputs, data.classes) == ("segmentation", ("rgb", "depth"), ("0", "1"))
    Image.new("L", (4, 4)).save(tmp_path / "train" / "masks" / "2.png")
    with pytest.raises(TrainError, match=r"masks/2\.png has 4x4 pixels, but its image .*rgb/2"):
        load(f"csv:{tmp_path / 's.csv'}", network=MAPS)


def test_a_folder_for_each_input_with_one_for_each_class(tmp_path: Path) -> None:
    for name in ("left", "right"):
        for label in ("a", "b", "c"):
            for n in range(5):
                picture(tmp_path / name / label / f"{n}.png", seed=n)
    data = load(f"folder:{tmp_path}", network=TWO)
    assert (data.inputs, data.classes, data.own) == (("left", "right"), ("a", "b", "c"), {})
    for i in range(len(data.train)):
        left, right = (Path(s.name(i)) for s in data.train.inputs.values())
        assert left.relative_to(tmp_path / "left") == right.relative_to(tmp_path / "right")
        assert ("a", "b", "c").index(left.parent.name) == data.train_labels[i]
