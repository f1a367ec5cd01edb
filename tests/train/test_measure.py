"""What is measured on all images: exactly, whoever reads them."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console
from torch import Tensor

from archlang.train import Data, TrainError, load
from archlang.train.augment import Augment
from archlang.train.colours import normal, recoloured
from archlang.train.data import FileSamples, carved
from archlang.train.draws import uniform
from archlang.train.inputs import Preprocess, Split
from archlang.train.loader import Batches
from archlang.train.measure import colour_axes, mask_counts, value_counts
from archlang.train.prepare import Preparation
from archlang.train.progress import Terminal
from archlang.train.sheet import Layout, sheet
from archlang.train.workers import done
from tests.train.data.files import classes, pairs, picture

MODES = ("centre", "standardise", "mean_image", "channel_mean", "channel_mean_std")


@pytest.fixture(scope="module")
def birds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """35 images of one size and, beside them, 5 of others: those are read one by one."""
    root = tmp_path_factory.mktemp("d") / "birds"
    classes(root, count=20)
    for n in range(5):
        picture(root / "cat" / f"odd{n}.png", size=(4 + n, 9), seed=77 + n)
    return root


def even(root: Path) -> Data:
    """Those of one size alone, which are kept in memory."""
    data = load(f"folder:{root}")
    assert isinstance(data.train, FileSamples)
    chosen = [i for i, size in enumerate(data.train.sizes) if size == (6, 5)]
    return replace(data, train=data.train.subset(torch.tensor(chosen)))


def pixels(data: Data) -> Tensor:
    """All pixels of the training images, float64 [C, n]."""
    parts = [data.train[i][0].flatten(1) for i in range(len(data.train))]
    return torch.cat(parts, 1).double() / 255


@pytest.mark.parametrize("held", [True, False])
def test_any_number_of_workers_measures_the_same(birds: Path, held: bool) -> None:
    def fresh() -> Data:
        return even(birds) if held else load(f"folder:{birds}")

    assert (fresh().train.tensors() is not None) == held
    x = pixels(fresh())
    for mode in MODES:
        found = [
            Preparation.measured(
                *(fresh(), (3, 6, 5), Preprocess.of({"mode": mode})), colours=True, workers=workers
            )
            for workers in (0, 1, 3)
        ]
        assert found[0].plain() == found[1].plain() == found[2].plain()
        if mode == "channel_mean_std":
            assert found[0].mean == pytest.approx(x.mean(1).tolist(), abs=1e-14)
            assert found[0].std == pytest.approx(x.std(1, correction=0).tolist(), abs=1e-14)


@pytest.mark.parametrize("held", [True, False])
def test_progress_is_told(birds: Path, held: bool) -> None:
    data = even(birds) if held else load(f"folder:{birds}")
    heard: list[tuple[int, int]] = []
    value_counts(data.train, 0, lambda read, count: heard.append((read, count)))
    assert [n for n, _ in heard] == sorted({n for n, _ in heard})
    assert heard[-1] == (len(data.train), len(data.train))
    assert len(heard) > 1
    again: list[int] = []
    data.train.tensors(0, lambda read, _: again.append(read))
    assert again == [], "what is in memory is not read again"


def test_progress_is_shown_on_a_terminal() -> None:
    shown = StringIO()
    terminal = Terminal(Console(file=shown, force_terminal=True, width=80))
    for read in (16, 32, 40):
        terminal.reading(read, 40)
    assert "reading images" in shown.getvalue()
    assert "40 of 40" in shown.getvalue()
    silent = StringIO()
    Terminal(Console(file=silent)).reading(1, 2)
    assert silent.getvalue() == ""


@pytest.mark.parametrize("workers", [0, 2])
def test_a_broken_file_is_named(birds: Path, tmp_path: Path, workers: int) -> None:
    for same in (True, False):
        root = classes(tmp_path / str(same), count=20)
        if not same:
            picture(root / "dog" / "odd.png", size=(7, 7))
        data = load(f"folder:{root}")
        assert isinstance(data.train, FileSamples)
        data.train.paths[21].write_bytes(b"no picture")
        with pytest.raises(TrainError, match=f"{data.train.paths[21]} cannot be decoded"):
            value_counts(data.train, workers)


def test_masks_are_counted(tmp_path: Path) -> None:
    data = load(f"folder:{pairs(tmp_path / 'p', 40)}")
    masks = torch.stack([torch.as_tensor(data.train[i][1]) for i in range(len(data.train))])
    wanted = torch.bincount(masks.flatten(), minlength=256)
    for workers in (0, 2):
        assert torch.equal(mask_counts(data.train, workers), wanted)


def test_work_comes_in_order() -> None:
    for workers in (0, 1, 3):
        assert list(done(str, 7, workers)) == list("0123456")
    assert list(done(str, 0, 2)) == []


def test_the_test_and_validation_images_are_not_measured(birds: Path) -> None:
    data = carved(load(f"folder:{birds}", split=Split(valid=0.25)), 0.25, 0)
    assert data.valid is not None
    whole = Preparation.measured(data, (3, 6, 5))
    assert whole.mean == pytest.approx(pixels(data).mean(1).tolist(), abs=1e-14)
    joined = replace(data, train=load(f"folder:{birds}").train)
    assert Preparation.measured(joined, (3, 6, 5)).mean != whole.mean


def coloured(count: int = 300) -> Data:
    """Colours that lie along (2, 1, 0), and a little along the rest."""
    random = torch.Generator().manual_seed(0)
    draws = (
        torch.randn(3, count, 4, 4, generator=random)
        * torch.tensor([20, 6, 2.0])[:, None, None, None]
    )
    axes = torch.linalg.qr(torch.tensor([[2.0, 1, 0], [0, 1, 1], [1, 0, 1]]).T)[0]
    x = torch.einsum("kc,knhw->nchw", axes.T, draws) + 128
    images, labels = x.round().clamp(0, 255).to(torch.uint8), torch.arange(count) % 2
    return Data.held("coloured", ("a", "b"), (images, labels), (images[:4], labels[:4]))


def test_colour_axes_are_numpy_s() -> None:
    data = coloured()
    x = data.train_images.movedim(1, 0).reshape(3, -1).double() / 255
    values, vectors = np.linalg.eigh(np.cov(x.numpy(), bias=True))
    axes = colour_axes(data.train)
    for axis, value, vector in zip(axes, values[::-1], vectors.T[::-1], strict=True):
        assert float(axis.norm()) == pytest.approx(value, rel=1e-9)
        assert abs(float(axis @ torch.tensor(vector.copy()))) == pytest.approx(value, rel=1e-9)
        assert float(axis[axis.abs().argmax()]) > 0
    main = axes[0] / axes[0].norm()
    assert abs(float(main @ torch.tensor([2.0, 1, 0]).double()) / 5**0.5) > 0.99


def test_colours_move_along_the_axes() -> None:
    """Krizhevsky et al. 2012: by alpha times an eigenvalue times its vector, alpha normal."""
    axes = torch.tensor([[0.2, 0.1, 0.0], [0.0, 0.0, 0.05], [0.0, 0.0, 0.0]]).double()
    images = torch.full((4000, 3, 2, 3), 128, dtype=torch.uint8)
    noisy = Augment(pca_noise=0.5)
    numbers = torch.arange(4000)
    seen = recoloured(noisy, images, numbers, axes, seed=1, epoch=0)
    moved = (seen.double() - 128) / 255
    assert torch.equal(moved.amax((2, 3)), moved.amin((2, 3))), "one move for a whole image"
    by = moved[:, :, 0, 0]
    assert torch.allclose(by.mean(0), torch.zeros(3).double(), atol=0.006)
    assert torch.allclose(by.std(0), torch.tensor([0.1, 0.05, 0.025]).double(), atol=0.004)
    assert float((by[:, 0] - 2 * by[:, 1]).abs().max()) < 1.5 * 1.5 / 255
    again = recoloured(noisy, images[:7], numbers[:7], axes, seed=1, epoch=0)
    assert torch.equal(again, seen[:7])
    other = recoloured(noisy, images, numbers, axes, seed=1, epoch=1)
    assert not torch.equal(other, seen)
    assert recoloured(Augment(), images, numbers, axes, seed=1, epoch=0) is images


def test_normal_numbers() -> None:
    draws = normal(uniform(3, torch.arange(20_000), 2)).flatten()
    assert float(draws.mean()) == pytest.approx(0, abs=0.02)
    assert float(draws.std()) == pytest.approx(1, abs=0.02)
    assert float((draws.abs() < 1).double().mean()) == pytest.approx(0.6827, abs=0.01)
    assert bool(normal(torch.zeros(1).double()).isfinite().all())


def test_colours_are_carried_along() -> None:
    prepare = Preparation.measured(coloured(), (3, 4, 4), colours=True)
    back = Preparation.of(prepare.plain())
    assert prepare.colours is not None
    assert back.colours is not None
    assert torch.equal(back.colours, prepare.colours)
    assert Preparation.measured(coloured(), (3, 4, 4)).colours is None


def test_batches_and_sheets_have_the_noise() -> None:
    data = coloured(40)
    prepare = Preparation.measured(data, (3, 4, 4), Preprocess.of({"mode": "none"}), colours=True)
    noisy = Augment(pca_noise=5.0)
    batches = Batches(data.train, prepare, noisy, batch_size=8, seed=3)
    for step, (images, _) in zip((6, 7), batches.start(6), strict=False):
        numbers = batches.indices(step)
        stored = data.train_images[numbers]
        moved = recoloured(noisy, stored, numbers, prepare.colours, seed=3, epoch=step // 5)
        assert not torch.equal(moved, stored)
        assert torch.equal((images * 255).round().to(torch.uint8), moved)
    plain, drawn = (sheet(data, how, layout=Layout(2, 3)) for how in (Augment(), noisy))
    assert not torch.equal(plain, drawn)
