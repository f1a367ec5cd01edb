"""Random arguments for each layer: wide draws that mostly suit the tensor, and flaws."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, TypeAlias

from tests.properties.tree import Args, Layer, Shape

Draw: TypeAlias = Callable[[random.Random, Shape], Args]
CHANNELS = (1, 2, 3, 4, 6, 8)


def figure(r: random.Random, axes: int, low: int, high: int) -> Any:
    """A number, or one for each axis."""
    if r.random() < 0.6 or axes < 2:
        return r.randint(low, high)
    return tuple(r.randint(low, high) for _ in range(axes))


def some(r: random.Random, args: Args, chance: float = 0.35) -> Args:
    """A part of optional arguments."""
    return {name: value for name, value in args.items() if r.random() < chance}


def divisor(r: random.Random, *numbers: int) -> int:
    """Something that divides all numbers."""
    return r.choice([d for d in range(1, 9) if all(n % d == 0 for n in numbers)])


def conv(r: random.Random, s: Shape) -> Args:
    axes = len(s) - 1
    channels = r.choice(CHANNELS)
    odd = r.choice((1, 3, 3, 5)) if r.random() < 0.8 else (3, 1, 5)[:axes]
    args = {"kernel": odd if odd != (3,) else 3, "channels": channels}
    if r.random() < 0.35:
        args["kernel"] = figure(r, axes, 1, 4)
        pairs = [[r.randint(0, 2), r.randint(0, 2)] for _ in range(axes)]
        args["pad"] = r.choice(("valid", figure(r, axes, 0, 2), pairs))
    options = {
        "stride": figure(r, axes, 1, 3),
        "dilation": figure(r, axes, 1, 3),
        "groups": divisor(r, s[0], channels),
        "bias": r.random() < 0.3,
        "pad_mode": r.choice(("zeros", "reflect", "replicate", "circular")),
    }
    return args | some(r, options)


def conv_transpose(r: random.Random, s: Shape) -> Args:
    axes = len(s) - 1
    channels = r.choice(CHANNELS)
    options = {
        "stride": figure(r, axes, 1, 3),
        "pad": figure(r, axes, 0, 2),
        "output_pad": figure(r, axes, 0, 1),
        "dilation": figure(r, axes, 1, 2),
        "groups": divisor(r, s[0], channels),
        "bias": r.random() < 0.3,
    }
    return {"kernel": figure(r, axes, 1, 4), "channels": channels} | some(r, options)


def pool(**more: tuple[Any, ...]) -> Draw:
    def draw(r: random.Random, s: Shape) -> Args:
        axes = len(s) - 1
        args: Args = {"kernel": figure(r, axes, 1, 4)}
        options = {"stride": figure(r, axes, 1, 3), "pad": r.randint(0, 1), "ceil": True}
        return args | some(r, options | {k: r.choice(v) for k, v in more.items()})

    return draw


def adaptive(r: random.Random, s: Shape) -> Args:
    return {"size": figure(r, len(s) - 1, 1, 6)}


def linear(r: random.Random, s: Shape) -> Args:
    args: Args = {"features": r.choice(CHANNELS)} | some(r, {"bias": False})
    if len(s) >= 3 or r.random() < 0.2:
        args["axis"] = axis(r, s)
    return args


def axis(r: random.Random, s: Shape) -> int:
    return r.randint(-len(s), len(s) - 1)


def permute(r: random.Random, s: Shape) -> Args:
    axes = r.sample(range(len(s)), len(s))
    return {"axes": tuple(a - len(s) if r.random() < 0.1 else a for a in axes)}


def flatten(r: random.Random, s: Shape) -> Args:
    start = r.randint(0, len(s) - 1)
    return some(r, {"start": start, "end": r.choice((-1, r.randint(start, len(s) - 1)))})


def slice_(r: random.Random, s: Shape) -> Args:
    along = axis(r, s)
    low, high = sorted(r.sample(range(s[along] + 1), 2))
    low, high = (n - s[along] if n and r.random() < 0.3 else n for n in (low, high))
    high = high or s[along] + r.choice((0, 0, 3))
    return {"start": low, "end": high} | ({"axis": along} if along else {})


def parameter(r: random.Random, s: Shape) -> Args:
    shape = list(s) if r.random() < 0.5 else [r.randint(1, 4) for _ in range(r.randint(1, 3))]
    return {"shape": shape} | some(r, {"init": r.choice((1, 0.5, -2)), "batch": True})


def inplace(r: random.Random, s: Shape) -> Args:
    return some(r, {"inplace": r.random() < 0.7}, 0.2)


def nothing(r: random.Random, s: Shape) -> Args:
    return {}


def norm(r: random.Random, s: Shape) -> Args:
    return some(r, {"eps": 0.001, "affine": r.random() < 0.5})


DRAWS: dict[str, tuple[tuple[int, ...], int, Draw]] = {
    "conv": ((2, 3, 4), 12, conv),
    "conv_transpose": ((2, 3, 4), 4, conv_transpose),
    "maxpool": ((2, 3, 4), 3, pool(dilation=(1, 2))),
    "avgpool": ((2, 3, 4), 3, pool(count_include_pad=(True, False))),
    "global_avgpool": ((2, 3, 4), 1, nothing),
    "global_maxpool": ((2, 3, 4), 1, nothing),
    "adaptive_avgpool": ((2, 3, 4), 1, adaptive),
    "adaptive_maxpool": ((2, 3, 4), 1, adaptive),
    "linear": ((1, 2, 3, 4), 4, linear),
    "attention": (
        (2,), 3, lambda r, s: {"heads": divisor(r, s[1])} | some(r, {"bias": False, "dropout": 0.5})
    ),
    "bn": ((1, 2, 3, 4), 3, lambda r, s: norm(r, s) | some(r, {"momentum": 0.05})),
    "layernorm": ((1, 2, 3, 4, 5), 2, lambda r, s: norm(r, s) | some(r, {"axis": axis(r, s)})),
    "channel_shuffle": ((2, 3, 4), 1, lambda r, s: {"groups": divisor(r, s[0])}),
    "flatten": ((1, 2, 3, 4, 5), 1, flatten),
    "permute": ((1, 2, 3, 4, 5), 1, permute),
    "slice": ((1, 2, 3, 4, 5), 1, slice_),
    "parameter": ((1, 2, 3, 4), 1, parameter),
    "softmax": ((1, 2, 3, 4), 1, lambda r, s: some(r, {"axis": axis(r, s)})),
    "dropout": ((1, 2, 3, 4), 1, lambda r, s: some(r, {"p": r.choice((0, 1))}) | inplace(r, s)),
    "drop_path": ((1, 2, 3, 4), 1, lambda r, s: {"p": r.choice((0, 0.2, 0.9))}),
    "identity": ((1, 2, 3, 4), 1, nothing),
    "leaky_relu": ((1, 2, 3, 4, 5), 1, lambda r, s: some(r, {"slope": 0.2}) | inplace(r, s)),
    "elu": ((1, 2, 3, 4), 1, lambda r, s: some(r, {"alpha": 0.5}) | inplace(r, s)),
    "relu": ((1, 2, 3, 4, 5), 4, inplace),
    "relu6": ((1, 2, 3, 4), 1, inplace),
    "silu": ((1, 2, 3, 4), 1, inplace),
    "hardswish": ((1, 2, 3, 4), 1, inplace),
    "hardsigmoid": ((1, 2, 3, 4), 1, inplace),
    "sigmoid": ((1, 2, 3, 4), 1, nothing),
    "tanh": ((1, 2, 3, 4), 1, nothing),
    "gelu": ((1, 2, 3, 4), 1, nothing),
}  # fmt: skip
"""For each layer: the ranks it takes, how often it is drawn, and its arguments."""


def layer(r: random.Random, s: Shape) -> Layer:
    """A layer that suits the number of axes; its figures may still not fit."""
    fitting = {n: (w, d) for n, (ranks, w, d) in DRAWS.items() if len(s) in ranks}
    name = r.choices(list(fitting), [w for w, _ in fitting.values()])[0]
    return Layer(name, fitting[name][1](r, s))


# Flaws


def too_large(r: random.Random, s: Shape) -> Layer:
    name = r.choice(("conv", "maxpool", "avgpool"))
    args: Args = {"kernel": max(s[1:], default=3) + r.randint(1, 3), "pad": 0}
    return Layer(name, args | ({"channels": 4} if name == "conv" else {}))


def no_divisor(r: random.Random, s: Shape) -> Layer:
    choices = [
        Layer("conv", {"kernel": 1, "channels": 6, "groups": r.choice((4, 5, s[0] + 1))}),
        Layer("conv_transpose", {"kernel": 1, "channels": 4, "groups": s[0] + 1}),
        Layer("channel_shuffle", {"groups": s[0] + 1}),
        Layer("attention", {"heads": s[-1] + 1}),
    ]
    return r.choice(choices)


def even(r: random.Random, s: Shape) -> Layer:
    args: Args = {"kernel": r.choice((2, 4)), "channels": 4}
    return Layer("conv", args | some(r, {"pad": "same", "stride": 2, "dilation": 2}))


def other_axes(r: random.Random, s: Shape) -> Layer:
    """Figures for another number of axes, or a layer for another rank."""
    odd = (3,) * r.choice([n for n in (2, 3, 4) if n != len(s) - 1])
    choices = [
        Layer("conv", {"kernel": odd, "channels": 4}),
        Layer("conv", {"kernel": 3, "channels": 4, "stride": odd, "pad": 1}),
        Layer("conv", {"kernel": 3, "channels": 4, "pad": [[0, 1]] * len(odd)}),
        Layer("conv_transpose", {"kernel": odd, "channels": 4}),
        Layer("maxpool", {"kernel": odd}),
        Layer("avgpool", {"kernel": 3, "stride": odd, "pad": 1}),
        Layer("adaptive_avgpool", {"size": odd}),
    ]
    name = r.choice(list(DRAWS))
    any_rank = Layer(
        name, DRAWS[name][2](r, tuple(r.randint(2, 4) for _ in range(r.randint(2, 4))))
    )
    return r.choice([*choices, any_rank, any_rank, any_rank])


def pad_too_large(r: random.Random, s: Shape) -> Layer:
    choices = [
        Layer("maxpool", {"kernel": 3, "stride": 1, "pad": 2}),
        Layer("avgpool", {"kernel": 2, "pad": 2}),
        Layer(
            "conv",
            {
                "kernel": 3,
                "channels": 2,
                "pad": max(s[1:], default=2) + r.randint(-1, 1),
                "pad_mode": r.choice(("reflect", "circular")),
            },
        ),
        Layer("conv_transpose", {"kernel": 2, "channels": 2, "pad": max(s) + 1}),
        Layer("conv_transpose", {"kernel": 2, "channels": 2, "stride": 2, "output_pad": 2}),
    ]
    return r.choice(choices)


def forgotten_flatten(r: random.Random, s: Shape) -> Layer:
    return Layer("linear", {"features": r.choice(CHANNELS)})


def wrong_axis(r: random.Random, s: Shape) -> Layer:
    axis = r.choice((len(s), -len(s) - 1))
    choices = [
        Layer("linear", {"features": 3, "axis": axis}),
        Layer("layernorm", {"axis": axis}),
        Layer("softmax", {"axis": axis}),
        Layer("slice", {"start": 0, "end": 1, "axis": axis}),
        Layer("flatten", {"start": axis}),
        Layer("flatten", {"start": len(s) - 1, "end": 0}),
        Layer("permute", {"axes": (0,) * len(s) if len(s) > 1 else (0, 1)}),
        Layer("permute", {"axes": tuple(range(len(s) + 1))}),
    ]
    return r.choice(choices)


def nothing_left(r: random.Random, s: Shape) -> Layer:
    choices = [
        Layer("slice", {"start": s[0], "end": s[0]}),
        Layer("slice", {"start": s[0], "end": s[0] + 1}),
        Layer("slice", {"start": -1, "end": 0}),
        Layer("parameter", {"shape": [2, 0]}),
        Layer("linear", {"features": 0, "axis": 0}),
        Layer("conv", {"kernel": 3, "channels": 0}),
    ]
    return r.choice(choices)


def bad_figure(r: random.Random, s: Shape) -> Layer:
    choices = [
        Layer("dropout", {"p": 1.5}),
        Layer("dropout", {"p": -0.1}),
        Layer("conv", {"kernel": 3, "channels": 4, "stride": 0}),
        Layer("conv", {"kernel": 3, "channels": 4, "pad": -1}),
        Layer("conv", {"kernel": 3, "channels": 4, "dilation": 0}),
        Layer("conv", {"kernel": 3, "channels": 4, "groups": 0}),
        Layer("maxpool", {"kernel": 0}),
        Layer("maxpool", {"kernel": 2, "stride": 0}),
        Layer("avgpool", {"kernel": 2, "pad": -1}),
        Layer("adaptive_avgpool", {"size": 0}),
    ]
    return r.choice(choices)


FLAWS = (
    too_large, no_divisor, even, other_axes, pad_too_large, forgotten_flatten, wrong_axis,
    nothing_left, bad_figure,
)  # fmt: skip


def flawed(r: random.Random, s: Shape) -> tuple[str, Layer]:
    """A layer that is most likely wrong, and what is wrong with it."""
    flaw = r.choice(FLAWS)
    return flaw.__name__, flaw(r, s)
