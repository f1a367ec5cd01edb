"""Masks: the class of each pixel, by one network or several, at the image's own size."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import replace
from io import BytesIO
from math import log
from pathlib import Path

import numpy as np
import pytest
import torch
import torchmetrics.functional.classification as metrics
from PIL import Image
from torch import Tensor
from torch.nn import functional as F  # noqa: N812
from typer.testing import CliRunner, Result

import archlang
from archlang.cli.app import program as made
from archlang.train import TrainError, UsageError, evaluate, load, segment, trained
from archlang.train.data import IGNORE
from archlang.train.inputs import Preprocess
from archlang.train.loader import EvaluationBatches
from archlang.train.palette import colours, laid_over
from archlang.train.prepare import Preparation
from archlang.train.saved import Trained
from archlang.train.uncertainty import Spread, entropy
from tests.train.data.files import pairs, picture
from tests.train.trained import run

program = made(["train", "evaluate", "predict"])
SPEC = "model s { input x: [1, 8, 6]; conv(3x3, 8) -> relu -> dropout(0.5) -> conv(1x1, 3) }"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    pairs(home / "set" / "train", 8, size=(8, 6))
    pairs(home / "set" / "test", 5, size=(8, 6))
    for seed in range(2):
        network = archlang.loads(SPEC)
        run(home / str(seed), network, f"folder:{home / 'set'}", seed=seed, epochs=2)
    return home


@pytest.fixture
def one(home: Path) -> Trained:
    return trained(home / "0", device="cpu")


def logits_of(one: Trained, home: Path) -> tuple[Tensor, Tensor]:
    data = load(f"folder:{home / 'set'}")
    batches = list(EvaluationBatches(data.test, one.prepare, batch_size=2))
    return torch.cat([one.logits(x) for x, _ in batches]), torch.cat([y for _, y in batches])


@pytest.mark.parametrize("batch_size", [1, 3, 8])
def test_masks_are_the_most_probable_classes(one: Trained, home: Path, batch_size: int) -> None:
    logits, _ = logits_of(one, home)
    found = list(segment(one, home / "set/test/images", batch_size=batch_size))
    assert [Path(f.name).name for f in found] == [f"{i}.png" for i in range(5)]
    for got, wanted in zip(found, logits, strict=True):
        assert torch.equal(got.mask.long(), wanted.argmax(0))
        p = wanted.double().softmax(0)
        assert torch.allclose(got.entropy.double(), -(p * p.log()).sum(0), atol=1e-6)
        assert float(got.mutual_information.abs().max()) == 0
        counts = torch.bincount(wanted.argmax(0).flatten(), minlength=3) / 48
        assert got.shares == pytest.approx(counts.tolist())


def test_scores_against_torchmetrics(one: Trained, home: Path) -> None:
    logits, masks = logits_of(one, home)
    for size in (1, 2, 5):
        found = evaluate(one, f"folder:{home / 'set'}", batch_size=size)
        how = {"num_classes": 3, "average": None}
        iou = metrics.multiclass_jaccard_index(logits, masks, **how)
        dice = metrics.multiclass_f1_score(logits, masks, **how)
        assert [s.iou for s in found.per_class] == pytest.approx(iou.tolist())
        assert [s.dice for s in found.per_class] == pytest.approx(dice.tolist())
        assert (found.iou, found.dice) == pytest.approx((iou.mean().item(), dice.mean().item()))
        right = metrics.multiclass_accuracy(logits, masks, num_classes=3, average="micro")
        assert found.accuracy == pytest.approx(right.item())
        assert found.loss == pytest.approx(F.cross_entropy(logits.double(), masks).item())


def test_draws_are_averaged(home: Path) -> None:
    """An ensemble's maps are those of ``Spread``, which is tested by its mathematics."""
    images = home / "set/test/images"
    members = [trained(home / str(seed), device="cpu") for seed in range(2)]
    p = torch.stack([logits_of(m, home)[0].double().softmax(1) for m in members])
    spread = Spread.of(p.movedim(2, -1).reshape(2, -1, 3))
    found = list(segment(members, images))
    for name in ("entropy", "mutual_information"):
        got = torch.cat([getattr(f, name).flatten() for f in found]).double()
        assert torch.allclose(got, getattr(spread, name), atol=1e-6)
    assert found[0].draws == 2
    assert float(found[0].mutual_information.max()) > 0
    again = list(segment(members[0], images, 4, seed=1))
    same = list(segment(members[0], images, 4, seed=1))
    other = list(segment(members[0], images, 4, seed=2))
    assert torch.equal(again[0].entropy, same[0].entropy)
    assert not torch.equal(again[0].entropy, other[0].entropy)
    assert float(again[0].mutual_information.min()) >= 0


@pytest.mark.parametrize("wanted", [1, 5])
def test_freed_memory_is_kept_until_no_more_masks_are_wanted(
    one: Trained, home: Path, wanted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    class Library:
        def mallopt(self, what: int, value: int) -> None:
            told.append("set")

        def malloc_trim(self, pad: object) -> None:
            told.append("trimmed")

    monkeypatch.setattr("archlang.train.heap._glibc", Library)
    masks = segment(one, home / "set/test/images", batch_size=2)
    assert isinstance(masks, Generator)
    assert not told
    for _ in range(wanted):
        next(masks)
        assert told == ["set", "set"]
    masks.close()
    assert told == ["set", "set", "set", "trimmed"]


def test_masks_have_the_size_of_the_image(one: Trained, tmp_path: Path) -> None:
    (found,) = segment(one, picture(tmp_path / "a.png", size=(40, 12), mode="L"))
    assert found.mask.shape == (40, 12)
    assert bool(found.seen.all())
    (same,) = segment(one, picture(tmp_path / "b.png", size=(8, 6), mode="L"))
    assert same.mask.shape == (8, 6)


def test_what_a_crop_leaves_out_is_not_marked(one: Trained, tmp_path: Path) -> None:
    prepare = replace(one.prepare, fit="crop", crop_share=0.5)
    cropping = replace(one, prepare=prepare)
    (found,) = segment(cropping, picture(tmp_path / "a.png", size=(16, 24), mode="L"))
    # The middle 8 x 6 of the image at 16 x 24, which covers 8 x 6 twice: nothing is resized.
    assert prepare.region(16, 24) == (4, 9, 8, 6)
    assert bool(found.seen[4:12, 9:15].all())
    assert int(found.seen.sum()) == 48
    assert sum(found.shares) == pytest.approx(1)
    assert float(found.entropy[~found.seen].max()) == 0


def test_a_region_is_what_is_kept() -> None:
    """A picture of its own coordinates says which of them are kept."""
    for height, width in ((40, 60), (64, 32), (33, 47)):
        prepare = Preparation((1, 16, 16), (0.0,), (1.0,), "none", "crop", 0.8)
        rows = torch.linspace(0, 255, height).round().to(torch.uint8)
        x = rows[:, None].expand(height, width)[None, None]
        top, _, h, _ = prepare.region(height, width)
        kept = prepare.sized(x)[0, 0, :, 0]
        assert float(kept[0]) == pytest.approx(255 * top / height, abs=12)
        assert float(kept[-1]) == pytest.approx(255 * (top + h) / height, abs=12)


def test_pictures_of_masks(one: Trained, tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png", size=(8, 6), mode="L")
    (found,) = segment(one, path)
    found.mask[0, 0] = IGNORE
    file = Image.open(BytesIO(found.mask_png()))
    assert file.mode == "P"
    assert np.array_equal(np.array(file), found.mask.numpy())
    flat = file.getpalette()
    assert flat is not None
    assert [tuple(flat[3 * k : 3 * k + 3]) for k in range(3)] == list(colours(3))
    over = np.array(Image.open(BytesIO(found.overlay_png())))
    grey = np.array(Image.open(path)).astype(float)
    assert tuple(over[0, 0]) == (grey[0, 0],) * 3
    for y, x in ((1, 1), (7, 5)):
        colour = np.array(found.palette[int(found.mask[y, x])])
        assert np.array_equal(over[y, x], ((grey[y, x] + colour) / 2).astype(np.uint8))
    most = torch.full((8, 6), log(3))
    assert np.array(Image.open(BytesIO(found.map_png(most)))).min() == 255
    assert np.array(Image.open(BytesIO(found.map_png(0 * most)))).max() == 0


def test_colours() -> None:
    """Pascal VOC's, where eight are not enough; its published values for 8 and 20."""
    table = colours(256)
    assert len(set(table)) == 256
    assert table[:2] == ((0, 0, 0), (230, 159, 0))
    assert (table[8], table[20]) == ((64, 0, 0), (0, 64, 128))
    given = ((1, 2, 3), (4, 5, 6))
    assert colours(2, given) == given
    over = laid_over(torch.full((1, 3, 1, 2), 100), torch.tensor([[[1, 255]]]), given, 255)
    assert over[0, :, 0].T.tolist() == [[52, 52, 53], [100, 100, 100]]


def test_the_palette_of_the_masks_is_kept(tmp_path: Path) -> None:
    root = pairs(tmp_path / "set", 6, size=(8, 6))
    for path in (root / "masks").iterdir():
        file = Image.open(path)
        marked = Image.frombytes("P", file.size, file.tobytes())
        marked.putpalette([9, 8, 7, 200, 0, 0, 0, 0, 200])
        marked.save(path)
    run(tmp_path / "run", archlang.loads(SPEC), f"folder:{root}", epochs=1)
    assert trained(tmp_path / "run").palette("output") == ((9, 8, 7), (200, 0, 0), (0, 0, 200))


def test_refusals(one: Trained, home: Path, tmp_path: Path) -> None:
    run(tmp_path / "classes")
    with pytest.raises(UsageError, match="tells one class for an image, so there are no masks"):
        segment(tmp_path / "classes", home / "set/test/images")
    cropping = replace(one, prepare=replace(one.prepare, fit="crop"))
    with pytest.raises(UsageError, match="see the same ones"):
        segment([one, cropping], home / "set/test/images")
    bare = archlang.loads("model b { input x: [1, 8, 6]; conv(1x1, 3) }")
    run(tmp_path / "bare", bare, f"folder:{home / 'set'}", epochs=1)
    with pytest.raises(UsageError, match="`b` has no dropout"):
        segment(tmp_path / "bare", home / "set/test/images", 5)
    broken = one.network.to_torch()
    torch.nn.init.constant_(next(broken.parameters()), float("nan"))
    with pytest.raises(TrainError, match=r"not finite for .*0\.png"):
        next(segment(replace(one, module=broken.eval()), home / "set/test/images"))


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(program, [*map(str, arguments)])


def test_the_command(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    out, images = tmp_path / "out", "set/test/images"
    result = invoke("predict", "0", images, "--masks", out, "--mc-dropout", 3, "-f", "json")
    assert result.exit_code == 0, result.stderr
    rows = json.loads(result.stdout)["images"]
    found = list(segment("0", images, 3))
    for row, one in zip(rows, found, strict=True):
        assert np.array_equal(np.array(Image.open(row["mask"])), one.mask.numpy())
        assert Image.open(row["overlay"]).mode == "RGB"
        assert Image.open(row["entropy_map"]).mode == "L"
        assert Path(row["mutual_information_map"]).is_file()
        assert row["entropy"] == pytest.approx(float(one.entropy.double().mean()))
        shares = {entry["class"]: entry["share"] for entry in row["top"]}
        assert shares == pytest.approx(dict(zip("012", one.shares, strict=True)))
    assert len(list(out.iterdir())) == 4 * 5
    # Written masks can be learned from: they hold classes.
    assert Image.open(out / "0.png").mode == "P"
    text = invoke("predict", "0", images).stdout.splitlines()
    assert text[0].split() == ["image", "class", "share", "entropy", "then"]
    plain = invoke("predict", "0", f"{images}/1.png", "-f", "csv").stdout.splitlines()
    assert plain[0] == "image,rank,class,share,entropy"
    twice = invoke("predict", "0", f"{images}/1.png", "set/train/images/1.png", "--masks", out)
    assert twice.exit_code == 2
    assert "would both be" in twice.stderr
    over = invoke("predict", "0", images, "--masks", images)
    assert over.exit_code == 2
    assert "would be written over" in over.stderr


def test_scored_by_the_command(home: Path) -> None:
    found = evaluate(home / "0", device="cpu")
    lines = invoke("evaluate", home / "0", "--device", "cpu").stdout.splitlines()
    assert lines[2:4] == [f"mean IoU   {found.iou:.2%}", f"mean Dice  {found.dice:.2%}"]
    assert lines[6].split()[-2:] == ["IoU", "Dice"]
    assert lines[8].split()[-1] == f"{found.per_class[0].dice:.2%}"
    assert found.plain()["dice"] == found.dice


def test_no_pixel_with_a_class(one: Trained, home: Path) -> None:
    data = load(f"folder:{home / 'set'}")
    held = data.test.tensors()
    assert held is not None
    held[1].fill_(IGNORE)
    with pytest.raises(TrainError, match="no test pixel of set has a class"):
        evaluate(one, data)


def test_preprocess_is_measured_on_what_is_learned_from(home: Path) -> None:
    spec = f"folder:{home / 'set'}"
    one = Preparation.measured(load(spec), (1, 8, 6), Preprocess())
    data = load(spec)
    fewer = data.train.subset(torch.arange(3))
    other = Preparation.measured(replace(data, train=fewer, valid=data.train), (1, 8, 6))
    assert other.mean != one.mean
    x = torch.stack([fewer[i][0] for i in range(3)]).double() / 255
    assert other.mean == pytest.approx((x.mean().item(),))
    assert entropy(torch.ones(1)).item() == 0
