"""Padding, resampling and local weights as PyTorch has them, or by a loop over positions."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import product
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - as everyone calls it
from torch import nn

from tests.properties.built import Built, axes_of, module
from tests.properties.tree import Args


def each(figure: Any, axes: int) -> tuple[Any, ...]:
    """A figure for each axis."""
    if isinstance(figure, (tuple, list)):
        if len(figure) != axes:
            raise ValueError("as many figures as axes")
        return tuple(figure)
    return (figure,) * axes


def around(amount: Any, axes: int) -> list[int]:
    """What is added before and after each axis, the last axis first."""
    pairs = amount if isinstance(amount, list) else [(n, n) for n in each(amount, axes)]
    return [n for pair in reversed(each(pairs, axes)) for n in pair]


def pad(a: Args, x: torch.Tensor) -> Built:
    amount, mode = around(a["amount"], axes_of(x)), a.get("mode", "zeros")
    if mode != "zeros":
        if "value" in a:
            raise ValueError("no constant to pad with")
        return None, lambda x: F.pad(x, amount, mode)
    return None, lambda x: F.pad(x, amount, value=a.get("value", 0))


def crop(a: Args, x: torch.Tensor) -> Built:
    amount = [-n for n in around(a["amount"], axes_of(x))]
    return None, lambda x: F.pad(x, amount)


def center_crop(a: Args, x: torch.Tensor) -> Built:
    sizes = each(a["size"], axes_of(x))
    if any(size > n for size, n in zip(sizes, x.shape[2:], strict=True)):
        raise ValueError("nothing to crop")

    def cropped(x: torch.Tensor) -> torch.Tensor:
        for dim, size in enumerate(sizes, 2):
            while x.shape[dim] > size:  # from the far end and from the near one, in turn
                far = (x.shape[dim] - size) % 2
                x = x.narrow(dim, 1 - far, x.shape[dim] - 1)
        return x

    return None, cropped


def upsample(a: Args, x: torch.Tensor) -> Built:
    axes = axes_of(x)
    mode = a.get("mode", "nearest").replace("_", "-")
    if mode == "linear":
        mode = ("linear", "bilinear", "trilinear")[axes - 1]
    options: dict[str, Any] = {"mode": mode, "align_corners": a.get("align_corners")}
    if "size" in a:
        options["size"] = each(a["size"], axes)
    if "scale" in a:
        scales = [Fraction(scale) for scale in each(a["scale"], axes)]
        sizes = [n * scale // 1 for n, scale in zip(x.shape[2:], scales, strict=True)]
        whole = all(scale.denominator == 1 for scale in scales)
        key = "scale_factor" if whole or "size" in a else "size"
        options[key] = tuple(map(int, scales if key == "scale_factor" else sizes))
        if min(sizes) < 1:
            raise ValueError("nothing is left")
    return None, lambda x: F.interpolate(x, **options)


def shuffle(kind: type[nn.Module]) -> Callable[[Args, torch.Tensor], Built]:
    def build(a: Args, x: torch.Tensor) -> Built:
        if axes_of(x) != 2:
            raise ValueError("only images")
        return module(kind(a["factor"]))

    return build


class Local(nn.Module):
    """Weights of one convolution a place."""

    def __init__(self, places: list[int], weight: list[int], bias: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(*places, *weight))
        self.bias = nn.Parameter(torch.randn(weight[0], *places)) if bias else None


def locally_connected(a: Args, x: torch.Tensor) -> Built:
    axes = axes_of(x)
    kernel, stride = each(a["kernel"], axes), each(a.get("stride", 1), axes)
    amount = around(a.get("pad", 0), axes)
    padded = F.pad(x, amount).shape[2:]
    places = [(n - k) // s + 1 for n, k, s in zip(padded, kernel, stride, strict=True)]
    if min(places) < 1:
        raise ValueError("the window fits nowhere")
    made = Local(places, [a["channels"], x.shape[1], *kernel], a.get("bias", True))

    def connected(x: torch.Tensor) -> torch.Tensor:
        x = F.pad(x, amount)
        out = x.new_empty(len(x), a["channels"], *places)
        for place in product(*map(range, places)):
            window = x
            for dim, (at, k, s) in enumerate(zip(place, kernel, stride, strict=True), 2):
                window = window.narrow(dim, at * s, k)
            out[(..., *place)] = window.flatten(1) @ made.weight[place].flatten(1).T
        return out if made.bias is None else out + made.bias

    return made, connected
