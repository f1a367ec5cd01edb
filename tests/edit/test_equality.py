"""The network before and after: PyTorch says that they compute the same."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import archlang
from archlang.backends.torch.reshaped import reshaped
from archlang.edit.convolutionize import Conversion, convolutionize
from archlang.network import Network
from tests.edit.heads import Drawn

SPECS = Path(__file__).parents[2] / "specs"
SEEDS = 120


def modules(made: Conversion) -> tuple[nn.Module, nn.Module]:
    """Both networks in double precision, with the same random weights and statistics."""
    torch.manual_seed(7)
    old, new = (n.to_torch().double().eval() for n in (made.before, made.after))
    state = {
        key: torch.rand_like(x) + 0.5 if x.is_floating_point() and "running" in key else x
        for key, x in old.state_dict().items()
    }
    old.load_state_dict(state)
    new.load_state_dict(reshaped(state, {w.key: w.after for w in made.weights}))
    return old, new


def images(network: Network, batch: int = 2) -> list[Tensor]:
    return [torch.randn(batch, *shape, dtype=torch.double) for shape in network.inputs.values()]


def agree(old: Tensor, new: Tensor) -> None:
    assert new.shape[: old.ndim] == old.shape
    assert set(new.shape[old.ndim :]) <= {1}
    torch.testing.assert_close(new.reshape(old.shape), old, rtol=1e-9, atol=1e-9)


def equal_at_the_original_size(made: Conversion) -> None:
    old, new = modules(made)
    given = images(made.before)
    with torch.no_grad():
        agree(old(*given), new(*given))


def steps(made: Conversion, most: int = 3) -> list[int]:
    """How far apart the windows of neighbouring positions are, along each axis.

    It is how much more each further position takes: the first may see less than it is given.
    """
    (image,), (end,) = made.after.graph.inputs.values(), made.after.graph.outputs.values()
    found = []
    for axis, dim in enumerate(image.output.spatial):
        (name,) = dim.symbols  # type: ignore[attr-defined]
        defaults = made.legal[1].defaults
        sizes = (
            (n, end.output.at({**defaults, name: n}).spatial[axis])
            for n in itertools.count(int(dim))
        )
        firsts: dict[int, int] = {}
        for size, places in sizes:
            firsts.setdefault(places, size)
            if places == most:
                break
        found.append(firsts[most] - firsts[most - 1])
    return found


def windows(large: Tensor, size: tuple[int, ...], step: list[int]) -> Iterator[tuple[int, ...]]:
    """The first corner of each window that fits."""
    ends = zip(large.shape[2:], size, step, strict=True)
    return itertools.product(*(range(0, whole - part + 1, s) for whole, part, s in ends))


def equal_window_by_window(made: Conversion) -> int:
    """Each position of the map is what the network gives for one window; how many there are."""
    old, new = modules(made)
    (shape,) = made.before.inputs.values()
    step = steps(made)
    extra = [s * n + 1 for n, s in enumerate(step, 1)]
    large = torch.randn(1, shape[0], *(n + e for n, e in zip(shape[1:], extra, strict=True)))
    large = large.double()
    with torch.no_grad():
        scores = new(large)
        corners = list(windows(large, shape[1:], step))
        for corner in corners:
            cut = tuple(slice(c, c + n) for c, n in zip(corner, shape[1:], strict=True))
            place = tuple(c // s for c, s in zip(corner, step, strict=True))
            torch.testing.assert_close(
                scores[(..., *place)], old(large[(..., *cut)]), rtol=1e-9, atol=1e-9
            )
    assert len(corners) <= scores[0, 0].numel()
    return len(corners)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_random_heads(seed: int) -> None:
    text = Drawn(seed).text()
    made = convolutionize(archlang.loads(text))
    assert made.legal[1].fully_convolutional
    equal_at_the_original_size(made)
    assert equal_window_by_window(made) > 1


def test_windows_can_fail() -> None:
    made = convolutionize(archlang.loads(Drawn(0).text()))
    padded = made.text.replace("pad=0)", "pad=1)", 1)
    assert padded != made.text
    other = archlang.loads(padded)
    wrong = Conversion(padded, made.before, other, made.changes, ())
    with pytest.raises((AssertionError, RuntimeError, IndexError)):
        equal_window_by_window(wrong)


def spec(name: str, model: str) -> Conversion:
    """A model of the specs, its widest layers narrow, for ten classes."""
    text = (SPECS / f"{name}.arch").read_text("utf-8").replace("4096", "24")
    return convolutionize(archlang.loads(text, model, {"classes": 10}))


@pytest.mark.parametrize("model", ["lenet5", "lenet5_valid"])
def test_lenet(model: str) -> None:
    made = convolutionize(archlang.load(SPECS / "lenet5.arch", model))
    equal_at_the_original_size(made)
    if model == "lenet5_valid":  # no padding anywhere
        assert equal_window_by_window(made) == 6


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("alexnet", "alexnet"),
        ("alexnet", "alexnet_2012"),
        ("alexnet", "alexnet_tower"),
        pytest.param("vgg", "vgg16", marks=pytest.mark.slow),
        ("vgg", "vgg11_bn"),
        ("volume", "voxnet"),
        ("resnet", "resnet18"),
        ("squeezenet", "squeezenet1_1"),
        pytest.param("convnext", "convnext_tiny", marks=pytest.mark.slow),
        ("mobilenet", "mobilenet_v3_small"),
    ],
)
def test_specs(name: str, model: str) -> None:
    made = spec(name, model)
    equal_at_the_original_size(made)
    larger = made.larger()
    assert larger is not None
    _, new = modules(made)
    with torch.no_grad():
        given = [torch.randn(1, *s, dtype=torch.double) for s in larger.inputs.values()]
        assert tuple(new(*given).shape[1:]) == larger.outputs["output"]
    assert min(larger.outputs["output"][1:]) > 1


@pytest.mark.parametrize("model", ["googlenet", "googlenet_2014"])
def test_heads_of_training(model: str) -> None:
    made = spec("googlenet", model)
    old, new = modules(made)
    old.training = new.training = True  # the network alone: its layers stay in evaluation
    given = images(made.before)
    with torch.no_grad():
        before, after = old(*given), new(*given)
    assert before.keys() == after.keys() == {"output", "aux1", "aux2"}
    for name, scores in before.items():
        agree(scores, after[name])


def test_two_inputs() -> None:
    text = (SPECS / "siamese.arch").read_text("utf-8").replace("4096", "24")
    made = convolutionize(archlang.loads(text.replace("38951745", "params"), "siamese"))
    equal_at_the_original_size(made)
    assert list(made.legal[1].names) == ["H", "W"]


def test_reshaped_refuses_what_does_not_fit() -> None:
    state = {"a": torch.zeros(4)}
    with pytest.raises(ValueError, match="alone"):
        reshaped(state, {"b": (4,)})
    with pytest.raises(ValueError, match=r"`a` is \[4\], which \[3\] does not hold"):
        reshaped(state, {"a": (3,)})
    assert reshaped(state, {"a": (2, 2)})["a"].shape == (2, 2)
