"""Random layers on random shapes: PyTorch accepts what we accept, and gives what we say."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
import torch

from archlang.op import LayerError, Op
from archlang.types import Tensor
from tests.ops.pytorch import Layer, multiplications, shapes_by_key

Made = tuple[str, dict[str, Any], list[tuple[int, ...]]]
OURS = {"A204", "A206", "A207", "A208"}
"""Codes of the refusals of what PyTorch would run."""


def figures(r: random.Random, axes: int, low: int, high: int) -> Any:
    """A number, or one for each axis."""
    if r.random() < 0.5:
        return r.randint(low, high)
    return tuple(r.randint(low, high) for _ in range(axes))


def image(r: random.Random, axes: int, channels: int, high: int = 9) -> tuple[int, ...]:
    return (channels, *(r.randint(1, high) for _ in range(axes)))


def a_conv(r: random.Random) -> Made:
    axes = r.randint(1, 3)
    pairs = [[r.randint(0, 3), r.randint(0, 3)] for _ in range(axes)]
    fields = {
        "kernel": figures(r, axes, 1, 4),
        "channels": r.choice((2, 4, 6)),
        "stride": figures(r, axes, 1, 3),
        "pad": r.choice(("same", "valid", figures(r, axes, 0, 3), pairs)),
        "dilation": figures(r, axes, 1, 3),
        "groups": r.choice((1, 1, 2, 3)),
        "bias": r.random() < 0.5,
        "pad_mode": r.choice(("zeros", "reflect", "replicate", "circular")),
    }
    return "conv", fields, [image(r, axes, r.choice((2, 4, 6)))]


def a_conv_transpose(r: random.Random) -> Made:
    axes = r.randint(1, 3)
    fields = {
        "kernel": figures(r, axes, 1, 4),
        "channels": r.choice((2, 4, 6)),
        "stride": figures(r, axes, 1, 3),
        "pad": figures(r, axes, 0, 3),
        "output_pad": figures(r, axes, 0, 2),
        "dilation": figures(r, axes, 1, 3),
        "groups": r.choice((1, 1, 2, 3)),
        "bias": r.random() < 0.5,
    }
    return "conv_transpose", fields, [image(r, axes, r.choice((2, 4, 6)), high=6)]


def a_pool(r: random.Random) -> Made:
    axes = r.randint(1, 3)
    fields = {
        "kernel": figures(r, axes, 1, 5),
        "pad": figures(r, axes, 0, 2),
        "ceil": r.random() < 0.5,
    }
    if r.random() < 0.7:
        fields["stride"] = figures(r, axes, 1, 5)
    name = r.choice(("maxpool", "avgpool"))
    if name == "maxpool":
        fields["dilation"] = figures(r, axes, 1, 3)
    else:
        fields["count_include_pad"] = r.random() < 0.5
    return name, fields, [image(r, axes, 2)]


def a_whole_pool(r: random.Random) -> Made:
    axes = r.randint(1, 3)
    name = r.choice(("adaptive_avgpool", "adaptive_maxpool", "global_avgpool", "global_maxpool"))
    fields = {"size": figures(r, axes, 1, 5)} if name.startswith("adaptive") else {}
    return name, fields, [image(r, axes, 3)]


def a_plain_layer(r: random.Random) -> Made:
    """A layer that takes any number of axes."""
    shape = image(r, r.randint(0, 4), r.choice((2, 4, 6)), high=6)
    axis = r.randint(-len(shape) - 1, len(shape))
    name, fields = r.choice(
        (
            ("linear", {"features": 5, "axis": axis, "bias": r.random() < 0.5}),
            ("linear", {"features": 5}),
            ("bn", {"affine": r.random() < 0.5, "eps": r.choice((0.001, 0, -0.001))}),
            ("layernorm", {"axis": axis, "affine": r.random() < 0.5}),
            ("groupnorm", {"groups": r.randint(1, 6), "affine": r.random() < 0.5}),
            ("instancenorm", {"affine": r.random() < 0.5, "track": r.random() < 0.5}),
            ("rmsnorm", {"axis": axis, "affine": r.random() < 0.5}),
            ("lrn", {"size": r.randint(1, 7), "beta": r.random()}),
            ("prelu", {"num_parameters": r.randint(1, 6)}),
            ("glu", {"axis": axis}),
            ("maxout", {"pieces": r.randint(1, 3), "axis": axis}),
            ("softmax", {"axis": axis}),
            ("log_softmax", {"axis": axis}),
            ("channel_shuffle", {"groups": r.randint(1, 4)}),
            ("attention", {"heads": r.randint(1, 3), "bias": r.random() < 0.5}),
            ("parameter", {"shape": [3, 1], "batch": r.random() < 0.5}),
            ("drop_path", {"p": r.random()}),
        )
    )
    return name, fields, [shape]


def a_resampling(r: random.Random) -> Made:
    axes = r.randint(1, 3)
    modes = ("nearest", "nearest_exact", "linear", "bilinear", "bicubic", "trilinear")
    ratios = [Fraction(r.randint(1, 9), r.randint(1, 9)) for _ in range(axes)]
    grid = {"size": figures(r, axes, 1, 7)} if r.random() < 0.3 else {"scale": ratios}
    margins = [[r.randint(0, 4), r.randint(0, 4)] for _ in range(axes)]
    name, fields = r.choice(
        (
            ("upsample", grid | {"mode": r.choice(modes), "align_corners": r.random() < 0.3}),
            (
                "pad",
                {
                    "amount": r.choice((figures(r, axes, 0, 4), margins)),
                    "mode": r.choice(("zeros", "reflect", "replicate", "circular")),
                },
            ),
            (
                "locally_connected",
                {
                    "kernel": figures(r, axes, 1, 4),
                    "channels": r.randint(1, 3),
                    "stride": figures(r, axes, 1, 3),
                    "pad": r.choice((figures(r, axes, 0, 2), margins)),
                    "bias": r.random() < 0.5,
                },
            ),
        )
    )
    return name, fields, [image(r, axes, r.choice((1, 4, 9)))]


def a_shuffle(r: random.Random) -> Made:
    name = r.choice(("pixel_shuffle", "pixel_unshuffle"))
    return name, {"factor": r.randint(1, 3)}, [image(r, 2, r.choice((1, 4, 9)))]


def a_place(r: random.Random, size: int) -> int:
    return r.randint(-size - 2, size + 2)


def a_rearrangement(r: random.Random) -> Made:
    shape = image(r, r.randint(0, 3), 3, high=4)
    name = r.choice(("flatten", "permute", "slice"))
    axes = list(range(len(shape) if r.random() < 0.8 else 2))
    r.shuffle(axes)
    axes = [a - len(shape) if r.random() < 0.2 else a for a in axes]
    ends = range(-len(shape), len(shape) + 1)
    axis = r.randint(-len(shape), len(shape) - 1)
    size = shape[axis]
    fields = {
        "flatten": {"start": r.choice(ends), "end": r.choice(ends)},
        "permute": {"axes": axes},
        "slice": {"start": a_place(r, size), "end": a_place(r, size), "axis": axis},
    }[name]
    return name, fields, [shape]


def a_merge(r: random.Random) -> Made:
    name = r.choice(("add", "sub", "concat", "mul"))
    shape = image(r, r.randint(0, 3), 2, high=3)
    shapes = [shape]
    for _ in range(1 if name == "sub" else r.randint(0, 2)):
        other = list(shape)
        if r.random() < 0.5:
            other[r.randrange(len(other))] = r.randint(1, 3)
        shapes.append(tuple(other[: 1 if r.random() < 0.2 else None][r.random() < 0.1 :] or [2]))
    fields = {"axis": r.randint(0, len(shape) - 1)} if name == "concat" else {}
    return name, fields, shapes


def refused(op: Op, error: LayerError, inputs: list[torch.Tensor]) -> None:
    """Hold a refusal against PyTorch."""
    assert error.message
    assert error.field is None or error.field in type(op).model_fields
    shapes = [tuple(x.shape[1:]) for x in inputs]
    if error.code == "A204":
        sum(x[:1] for x in inputs)
    elif op.name == "mul":
        with pytest.raises(RuntimeError):
            sum(x[:1] for x in inputs)
    elif error.code not in OURS:
        with pytest.raises((RuntimeError, ValueError, AssertionError, IndexError, AttributeError)):
            Layer(op, *shapes).eval()(*(x[:1] for x in inputs))  # any batch must run


def check(made: Made, batch: int) -> None:
    """Hold the layer against PyTorch."""
    name, fields, shapes = made
    op = Op.registry[name](**fields)
    xs = tuple(Tensor(shape) for shape in shapes)
    inputs = [torch.randn(batch, *shape) for shape in shapes]
    try:
        y = op.infer(*xs)
    except LayerError as error:
        refused(op, error, inputs)
        return
    layer = Layer(op, *shapes).eval()
    value, macs = multiplications(layer, *inputs)
    assert tuple(value.shape) == (batch, *y.shape)
    assert all(size >= 1 for size in y.shape)
    assert shapes_by_key(layer) == (op.params(*xs), op.buffers(*xs))
    assert op.macs(y, *xs) == macs


MAKERS: list[tuple[Callable[[random.Random], Made], int]] = [
    (a_conv, 600),
    (a_conv_transpose, 300),
    (a_pool, 600),
    (a_whole_pool, 100),
    (a_plain_layer, 500),
    (a_resampling, 400),
    (a_shuffle, 50),
    (a_rearrangement, 200),
    (a_merge, 200),
]


@pytest.mark.parametrize(("maker", "times"), MAKERS, ids=[m.__name__ for m, _ in MAKERS])
def test_pytorch_agrees(maker: Callable[[random.Random], Made], times: int) -> None:
    r = random.Random(7)
    torch.manual_seed(7)
    for _ in range(times):
        made = maker(r)
        try:
            check(made, batch=r.randint(1, 3))
        except Exception as error:
            pytest.fail(f"{made}: {type(error).__name__}: {error}")
