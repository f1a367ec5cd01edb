"""Random arguments for each layer: wide draws that mostly suit the tensor."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction
from math import prod
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
    args |= some(r, {"drop_connect": r.choice((0, 0.5, 1))}, 0.1)
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


def even_axis(r: random.Random, s: Shape) -> Args:
    """An axis that has halves, where there is one; the first may go unsaid."""
    along = next((a for a in r.sample(range(len(s)), len(s)) if s[a] % 2 == 0), 0)
    return {"axis": along} if along or r.random() < 0.3 else {}


def cut(r: random.Random, s: Shape, name: str) -> Args:
    """An axis, and what divides it."""
    along = axis(r, s) if r.random() < 0.5 else 0
    return {name: divisor(r, s[along])} | ({"axis": along} if along else {})


def split(r: random.Random, s: Shape) -> Args:
    args = cut(r, s, "parts")
    return args | {"index": r.randint(-args["parts"], args["parts"] - 1)}


def reshape(r: random.Random, s: Shape) -> Args:
    first = divisor(r, prod(s))
    second = divisor(r, prod(s) // first)
    sizes = r.sample((first, second, prod(s) // first // second), 3)
    if r.random() < 0.5:
        sizes[r.randrange(3)] = -1
    return {"sizes": r.choice((tuple(sizes), (-1,), (-1, first), s[::-1]))}


def prelu(r: random.Random, s: Shape) -> Args:
    return some(r, {"num_parameters": r.choice((1, s[0], s[0])), "init": 0.1}, 0.6)


def normalize(r: random.Random, s: Shape) -> Args:
    mean, std = ([r.choice((0.5, -1, 2)) for _ in range(s[0])] for _ in range(2))
    return {"mean": r.choice((mean, 0.5)), "std": r.choice((std, 2))}


def margins(r: random.Random, s: Shape, high: int) -> Any:
    pairs = [[r.randint(0, high), r.randint(0, high)] for _ in s[1:]]
    return r.choice((figure(r, len(s) - 1, 0, high), pairs))


def pad(r: random.Random, s: Shape) -> Args:
    mode = r.choice(("zeros", "reflect", "replicate", "circular"))
    args = {"amount": margins(r, s, 2)} | some(r, {"mode": mode}, 0.8)
    return args | (some(r, {"value": 0.5}) if args.get("mode", "zeros") == "zeros" else {})


def center_crop(r: random.Random, s: Shape) -> Args:
    return {"size": r.choice((r.randint(1, min(s[1:])), tuple(r.randint(1, n) for n in s[1:])))}


RATIOS = (1, 2, 3, *map(Fraction, ("3/2", "1/2", "4/3", "2/3", "1.15", "0.7", "1.1")))


def upsample(r: random.Random, s: Shape) -> Args:
    axes = len(s) - 1
    each: Any = [r.choice(RATIOS) for _ in range(axes)]
    scale = r.choice((r.choice(RATIOS), r.choice(RATIOS), each, figure(r, axes, 1, 2)))
    args: Args = {"scale": scale} if r.random() < 0.7 else {"size": figure(r, axes, 1, 9)}
    modes = ["nearest", "nearest_exact", "linear"]
    modes += {2: ["bilinear", "bicubic"], 3: ["trilinear"]}.get(axes, [])
    args |= some(r, {"mode": r.choice(modes)}, 0.8)
    smooth = not args.get("mode", "nearest").startswith("nearest")
    return args | (some(r, {"align_corners": True}) if smooth else {})


def locally_connected(r: random.Random, s: Shape) -> Args:
    axes = len(s) - 1
    options = {"stride": figure(r, axes, 1, 2), "pad": margins(r, s, 1), "bias": False}
    return {"kernel": figure(r, axes, 1, 3), "channels": r.randint(1, 3)} | some(r, options)


def shuffle(r: random.Random, s: Shape) -> Args:
    return {"factor": r.choice([n for n in (1, 2, 3) if s[0] % n**2 == 0])}


def inplace(r: random.Random, s: Shape) -> Args:
    return some(r, {"inplace": r.random() < 0.7}, 0.2)


def nothing(r: random.Random, s: Shape) -> Args:
    return {}


def norm(r: random.Random, s: Shape) -> Args:
    return some(r, {"eps": 0.001, "affine": r.random() < 0.5})


def lrn(r: random.Random, s: Shape) -> Args:
    options = {"alpha": r.choice((0.1, 1)), "beta": r.choice((0.5, 1)), "k": r.choice((2, 1.5))}
    return {"size": r.randint(1, 6)} | some(r, options)


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
    "groupnorm": ((1, 2, 3, 4, 5), 1, lambda r, s: {"groups": divisor(r, s[0])} | norm(r, s)),
    "instancenorm": (
        (2, 3, 4), 1, lambda r, s: norm(r, s) | some(r, {"momentum": 0.05, "track": True})
    ),
    "rmsnorm": ((1, 2, 3, 4, 5), 1, lambda r, s: norm(r, s) | some(r, {"axis": axis(r, s)})),
    "grn": ((2, 3, 4, 5), 1, lambda r, s: some(r, {"axis": axis(r, s), "eps": 0.001})),
    "normalize": ((1, 2, 3, 4, 5), 1, normalize),
    "lrn": ((2, 3, 4, 5), 1, lrn),
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
    "absolute": ((1, 2, 3, 4), 1, nothing),
    "elu": ((1, 2, 3, 4), 1, lambda r, s: some(r, {"alpha": 0.5}) | inplace(r, s)),
    "relu": ((1, 2, 3, 4, 5), 4, inplace),
    "relu6": ((1, 2, 3, 4), 1, inplace),
    "silu": ((1, 2, 3, 4), 1, inplace),
    "hardswish": ((1, 2, 3, 4), 1, inplace),
    "hardsigmoid": ((1, 2, 3, 4), 1, inplace),
    "celu": ((1, 2, 3, 4), 1, lambda r, s: some(r, {"alpha": 0.5}) | inplace(r, s)),
    "selu": ((1, 2, 3, 4), 1, inplace),
    "mish": ((1, 2, 3, 4), 1, inplace),
    "hardtanh": (
        (1, 2, 3, 4), 1, lambda r, s: some(r, {"min_val": -0.5, "max_val": 2}) | inplace(r, s)
    ),
    "softplus": ((1, 2, 3, 4), 1, lambda r, s: some(r, {"beta": 2, "threshold": 0.5})),
    "log_sigmoid": ((1, 2, 3, 4), 1, nothing),
    "log_softmax": ((1, 2, 3, 4), 1, lambda r, s: some(r, {"axis": axis(r, s)})),
    "prelu": ((1, 2, 3, 4, 5), 1, prelu),
    "maxout": ((1, 2, 3, 4, 5), 1, lambda r, s: cut(r, s, "pieces")),
    "glu": ((1, 2, 3, 4), 1, even_axis),
    "channel_dropout": ((2, 3, 4), 1, lambda r, s: some(r, {"p": 0.2}) | inplace(r, s)),
    "alpha_dropout": ((1, 2, 3, 4), 1, lambda r, s: some(r, {"p": 0.2}) | inplace(r, s)),
    "locally_connected": ((2, 3, 4), 2, locally_connected),
    "upsample": ((2, 3, 4), 3, upsample),
    "pixel_shuffle": ((3,), 2, shuffle),
    "pixel_unshuffle": ((3,), 1, lambda r, s: {"factor": divisor(r, *s[1:])}),
    "pad": ((2, 3, 4), 2, pad),
    "crop": ((2, 3, 4), 1, lambda r, s: {"amount": margins(r, s, 2)}),
    "center_crop": ((2, 3, 4), 1, center_crop),
    "reshape": ((1, 2, 3, 4, 5), 1, reshape),
    "split": ((1, 2, 3, 4, 5), 1, split),
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
