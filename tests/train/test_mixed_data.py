"""Tables with a column of labels and one of masks, and the same in memory."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from typer.testing import CliRunner

from archlang import loads
from archlang.cli.app import program as made
from archlang.train import (
    Data,
    TrainError,
    UsageError,
    load,
    train,
)
from archlang.train.data import Columns
from tests.train.mixed import CLASSES, KINDS, PLACES, RECIPE, SPEC, part, written


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("table"))


def held(targets: dict[str, Tensor], **classes: tuple[str, ...]) -> Data:
    images, _ = part(12, 0)
    return Data.held("mine", {**CLASSES, **classes}, (images, targets), (images, targets))


def test_targets_of_the_other_kind(table: Path, tmp_path: Path) -> None:
    text = table.read_text()
    swapped = table.with_name("swapped.csv")
    swapped.write_text(text.replace("where,path,kind", "kind,path,where"))
    with pytest.raises(TrainError) as caught:
        train(loads(SPEC), f"csv:{swapped}", RECIPE, tmp_path, progress=False)
    assert "`mixed.kind` yields [2], and swapped's masks take" in caught.value.message
    assert "`kind` of swapped are masks: give it labels" in (caught.value.hint or "")
    _, targets = part(12, 0)
    labels = held({**targets, "where": targets["kind"]})
    with pytest.raises(TrainError) as caught:
        train(loads(SPEC), labels, RECIPE, tmp_path, progress=False)
    assert "`mixed.where` yields [3, 12, 16], and a classifier yields" in caught.value.message
    assert "`where` of mine are labels: give it masks" in (caught.value.hint or "")
    assert not (tmp_path / "last.pt").exists()


def test_masks_in_memory_that_do_not_fit() -> None:
    _, targets = part(12, 0)
    small = targets["where"][:, 1:]
    with pytest.raises(TrainError, match="masks of `where` have 11x16 pixels, but its images 12x1"):
        held({**targets, "where": small})
    wrong = targets["where"].clone()
    wrong[7, 3, 3] = 3
    says = (
        "3 classes of `where`, but a pixel of a training mask of `where` is 3, in that of image 7"
    )
    with pytest.raises(TrainError, match=says):
        held({**targets, "where": wrong})
    with pytest.raises(TrainError, match=r"masks `where` are \[12, 12, 16\], but `two` \[12, 11"):
        held({**targets, "two": small}, two=PLACES)


def spoilt(table: Path, root: Path, mask: np.ndarray[Any, Any]) -> str:
    """The table with another mask for its fourth row."""
    for path in table.parent.iterdir():
        (root / path.name).write_bytes(path.read_bytes())
    Image.fromarray(mask).save(root / "train-mask-3.png")
    return f"csv:{root / table.name}"


def test_masks_in_files_that_do_not_fit(table: Path, tmp_path: Path) -> None:
    network = loads(SPEC)
    data = spoilt(table, tmp_path, np.zeros((5, 5), np.uint8))
    with pytest.raises(TrainError, match=r"train-mask-3\.png has 5x5 pixels, but its image"):
        load(data, network=network)
    data = spoilt(table, tmp_path, np.full((12, 16), 7, np.uint8))
    with pytest.raises(TrainError) as caught:
        train(network, data, RECIPE, tmp_path / "out", progress=False)
    assert "masks take one number for each class at each pixel: [8, 12, 16]" in caught.value.message
    assert "the highest class of a pixel is 7" in (caught.value.hint or "")
    (tmp_path / "train-mask-3.png").unlink()
    with pytest.raises(TrainError, match=r"line 5 names .*train-mask-3\.png, which does not exist"):
        load(data, network=network)


def test_columns_label_and_mask(table: Path, tmp_path: Path) -> None:
    text = table.read_text().replace("where,path,kind", "mask,path,label")
    named = table.with_name("named.csv")
    named.write_text(text)
    with pytest.raises(UsageError) as caught:
        load(f"csv:{named}", network=loads(SPEC))
    assert "has both columns, label and mask" in caught.value.message
    assert (
        caught.value.hint == "the network's outputs are kind and where: name the columns as these"
    )
    spec = SPEC.replace("kind", "label").replace("where", "mask")
    data = load(f"csv:{named}", network=loads(spec))
    assert data.own == {"label": KINDS, "mask": PLACES}
    assert (data.task_of("label"), data.task_of("mask")) == ("classification", "segmentation")
    assert load(f"csv:{named}").own == data.own


def test_a_split_has_its_share_of_each_class(table: Path) -> None:
    rows = list(csv.reader(table.read_text().splitlines()))
    unsplit = table.with_name("unsplit.csv")
    unsplit.write_text("\n".join(",".join(row[:3]) for row in rows))
    data = load(f"csv:{unsplit}", network=loads(SPEC))
    assert isinstance(data.test, Columns)
    labels = torch.cat([data.train.answers["kind"], data.test.answers["kind"]])
    counts = torch.bincount(labels)
    kept = torch.bincount(data.test.answers["kind"])
    assert kept.tolist() == [round(0.2 * count) for count in counts.tolist()]


def test_what_data_says(table: Path) -> None:
    said = CliRunner().invoke(made(["data"]), ["data", f"csv:{table}"]).stdout
    head = "mixed: segmentation with 3 classes of `where`, classification with 2 classes of `kind`"
    assert said.splitlines()[0] == head
    counts = torch.bincount(part(49, 0)[1]["where"].flatten().long(), minlength=256)
    for name in PLACES:
        rows = (line.split()[:2] for line in said.splitlines())
        assert [name, f"{int(counts[int(name)]):,}"] in rows
