"""Layers that are most likely wrong for the tensor that arrives, by what is wrong with them."""

from __future__ import annotations

import random
from fractions import Fraction

from tests.properties.draws import CHANNELS, DRAWS, some
from tests.properties.tree import Args, Layer, Shape


def too_large(r: random.Random, s: Shape) -> Layer:
    name = r.choice(("conv", "maxpool", "avgpool"))
    args: Args = {"kernel": max(s[1:], default=3) + r.randint(1, 3), "pad": 0}
    return Layer(name, args | ({"channels": 4} if name == "conv" else {}))


def no_divisor(r: random.Random, s: Shape) -> Layer:
    choices = [
        Layer("conv", {"kernel": 1, "channels": 6, "groups": r.choice((4, 5, s[0] + 1))}),
        Layer("conv_transpose", {"kernel": 1, "channels": 4, "groups": s[0] + 1}),
        Layer("channel_shuffle", {"groups": s[0] + 1}),
        Layer("groupnorm", {"groups": s[0] + 1}),
        Layer("maxout", {"pieces": s[-1] + 1, "axis": -1}),
        Layer("split", {"parts": s[0] + 1, "index": 0}),
        Layer("pixel_shuffle", {"factor": s[0] + 1}),
        Layer("pixel_unshuffle", {"factor": s[-1] + 1}),
        Layer("glu", {"axis": next((a for a, n in enumerate(s) if n % 2), 0)}),
        Layer("reshape", {"sizes": (-1, s[0] * s[-1] + 1)}),
        Layer("prelu", {"num_parameters": s[0] + 1}),
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
        Layer("upsample", {"scale": odd}),
        Layer("upsample", {"size": odd}),
        Layer("pad", {"amount": odd}),
        Layer("crop", {"amount": [[0, 1]] * len(odd)}),
        Layer("locally_connected", {"kernel": odd, "channels": 2}),
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
        Layer(
            "pad",
            {
                "amount": max(s[1:], default=2) + r.randint(-1, 1),
                "mode": r.choice(("reflect", "circular")),
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
        Layer("rmsnorm", {"axis": axis}),
        Layer("grn", {"axis": axis}),
        Layer("softmax", {"axis": axis}),
        Layer("log_softmax", {"axis": axis}),
        Layer("maxout", {"pieces": 1, "axis": axis}),
        Layer("split", {"parts": 1, "index": 0, "axis": axis}),
        Layer("split", {"parts": 1, "index": r.choice((1, -2))}),
        Layer("glu", {"axis": axis}),
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
        Layer("crop", {"amount": max(s[1:], default=1) // 2 + 1}),
        Layer("center_crop", {"size": max(s[1:], default=1) + 1}),
        Layer("upsample", {"scale": Fraction(1, max(s) + 1)}),
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
        Layer("upsample", {"scale": r.choice((0, -1))}),
        Layer("pad", {"amount": 1, "mode": "reflect", "value": 0.5}),
        Layer("celu", {"alpha": 0}),
        Layer("hardtanh", {"min_val": r.choice((1, 2))}),
        Layer("normalize", {"mean": 0, "std": r.choice((0, [0] * s[0]))}),
        Layer("normalize", {"mean": [0] * (s[0] + 1), "std": 1}),
        Layer("reshape", {"sizes": r.choice(((-1, -1), (0, -1), (), (*s, 2)))}),
    ]
    return r.choice(choices)


def no_mode(r: random.Random, s: Shape) -> Layer:
    """Ways to make more positions that contradict one another, or suit other axes."""
    mode = {2: "bilinear", 3: "trilinear"}.get(len(s), "bicubic")
    choices: list[Args] = [
        {},
        {"scale": 2, "size": 3},
        {"scale": 2, "mode": mode},
        {"scale": 2, "align_corners": True},
    ]
    return Layer("upsample", r.choice(choices))


def one_value(r: random.Random, s: Shape) -> Layer:
    """A norm over what has a single value, where each channel has."""
    return r.choice((Layer("instancenorm"), Layer("groupnorm", {"groups": s[0]})))


FLAWS = (
    too_large, no_divisor, even, other_axes, pad_too_large, forgotten_flatten, wrong_axis,
    nothing_left, bad_figure, no_mode, one_value,
)  # fmt: skip


def flawed(r: random.Random, s: Shape) -> tuple[str, Layer]:
    """A layer that is most likely wrong, and what is wrong with it."""
    flaw = r.choice(FLAWS)
    return flaw.__name__, flaw(r, s)
