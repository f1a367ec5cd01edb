"""Each layer as PyTorch has it, built for the tensor that arrives. No word of archlang's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - as everyone calls it
from torch import nn

from tests.properties import norms, spatial
from tests.properties.built import Built, RefusedError, axes_of, dim_of, module
from tests.properties.tree import Args


def conv(a: Args, x: torch.Tensor) -> Built:
    axes = axes_of(x)
    kernel, dilation = (
        v if isinstance(v, tuple) else (v,) * axes for v in (a["kernel"], a.get("dilation", 1))
    )
    pad: Any = a.get("pad", "same")
    if pad == "same":
        if any(k % 2 == 0 for k in kernel):
            raise RefusedError("even")
        pad = tuple(d * (k - 1) // 2 for k, d in zip(kernel, dilation, strict=True))
    uneven = isinstance(pad, list)
    mode = a.get("pad_mode", "zeros")
    made = getattr(nn, f"Conv{axes}d")(
        x.shape[1],
        a["channels"],
        kernel,
        stride=a.get("stride", 1),
        padding=0 if uneven or pad == "valid" else pad,
        dilation=a.get("dilation", 1),
        groups=a.get("groups", 1),
        bias=a.get("bias", True),
        padding_mode="zeros" if uneven else mode,
    )
    if not uneven:
        return module(made)
    if len(pad) != axes:
        raise ValueError("as many pairs as axes")
    around = [n for pair in reversed(pad) for n in pair]
    return made, lambda x: made(F.pad(x, around, mode="constant" if mode == "zeros" else mode))


def conv_transpose(a: Args, x: torch.Tensor) -> Built:
    return module(
        getattr(nn, f"ConvTranspose{axes_of(x)}d")(
            x.shape[1],
            a["channels"],
            a["kernel"],
            stride=a.get("stride", 1),
            padding=a.get("pad", 0),
            output_padding=a.get("output_pad", 0),
            groups=a.get("groups", 1),
            bias=a.get("bias", True),
            dilation=a.get("dilation", 1),
        )
    )


def linear(a: Args, x: torch.Tensor) -> Built:
    axis = a.get("axis")
    if axis is None and x.dim() > 3:
        raise RefusedError("linear")
    dim = dim_of(-1 if axis is None else axis, x)
    made = nn.Linear(x.shape[dim], a["features"], bias=a.get("bias", True))
    return made, lambda x: made(x.movedim(dim, -1)).movedim(-1, dim)


def attention(a: Args, x: torch.Tensor) -> Built:
    if x.dim() != 3:
        raise ValueError("attention is over (batch, positions, features)")
    made = nn.MultiheadAttention(
        x.shape[2], a["heads"], a.get("dropout", 0.0), a.get("bias", True), batch_first=True
    )
    return made, lambda x: made(x, x, x, need_weights=False)[0]


def maxpool(a: Args, x: torch.Tensor) -> Built:
    kind = getattr(nn, f"MaxPool{axes_of(x)}d")
    stride, dilation = a.get("stride"), a.get("dilation", 1)
    return module(
        kind(a["kernel"], stride, a.get("pad", 0), dilation, ceil_mode=a.get("ceil", False))
    )


def avgpool(a: Args, x: torch.Tensor) -> Built:
    kind = getattr(nn, f"AvgPool{axes_of(x)}d")
    counted = a.get("count_include_pad", True)
    return module(
        kind(a["kernel"], a.get("stride"), a.get("pad", 0), a.get("ceil", False), counted)
    )


def global_avgpool(a: Args, x: torch.Tensor) -> Built:
    axes_of(x)
    return None, lambda x: x.flatten(2).mean(2)


def global_maxpool(a: Args, x: torch.Tensor) -> Built:
    axes_of(x)
    return None, lambda x: x.flatten(2).max(2).values


def adaptive_avgpool(a: Args, x: torch.Tensor) -> Built:
    return module(getattr(nn, f"AdaptiveAvgPool{axes_of(x)}d")(a["size"]))


def adaptive_maxpool(a: Args, x: torch.Tensor) -> Built:
    return module(getattr(nn, f"AdaptiveMaxPool{axes_of(x)}d")(a["size"]))


def flatten(a: Args, x: torch.Tensor) -> Built:
    start, end = dim_of(a.get("start", 0), x), dim_of(a.get("end", -1), x)
    return module(nn.Flatten(start, end))


def permute(a: Args, x: torch.Tensor) -> Built:
    order = [0, *(dim_of(axis, x) for axis in a["axes"])]
    return None, lambda x: x.permute(order)


def slice_(a: Args, x: torch.Tensor) -> Built:
    dim = dim_of(a.get("axis", 0), x)
    chosen = (slice(None),) * dim + (slice(a["start"], a["end"]),)
    return None, lambda x: x[chosen]


def reshape(a: Args, x: torch.Tensor) -> Built:
    if not a["sizes"] or 0 in a["sizes"]:
        raise ValueError("no size")
    return None, lambda x: x.reshape(x.shape[0], *a["sizes"])


def split(a: Args, x: torch.Tensor) -> Built:
    dim = dim_of(a.get("axis", 0), x)
    size, over = divmod(x.shape[dim], a["parts"])
    if over:
        raise ValueError("parts of different sizes")
    return None, lambda x: torch.split(x, size, dim)[a["index"]]


def maxout(a: Args, x: torch.Tensor) -> Built:
    dim, pieces = dim_of(a.get("axis", 0), x), a["pieces"]
    if x.shape[dim] % pieces:
        raise ValueError("groups of different sizes")

    def largest(x: torch.Tensor) -> torch.Tensor:
        last = x.movedim(dim, -1)
        pooled = torch.stack([last[..., i::pieces] for i in range(pieces)]).max(0).values
        return pooled.movedim(-1, dim)

    return None, largest


def channel_dropout(a: Args, x: torch.Tensor) -> Built:
    return module(getattr(nn, f"Dropout{axes_of(x)}d")(a.get("p", 0.5)))


def parameter(a: Args, x: torch.Tensor) -> Built:
    if any(size < 1 for size in a["shape"]):
        raise RefusedError("size")
    stored = (1, *a["shape"]) if a.get("batch", False) else tuple(a["shape"])
    made = nn.Parameter(torch.full(stored, float(a.get("init", 0.0))))
    return made, lambda x: made.expand(x.shape[0], *a["shape"])


def drop_path(a: Args, x: torch.Tensor) -> Built:
    return module(nn.Dropout(a["p"]))  # the same where nothing is dropped


def activation(kind: type[nn.Module], **names: str) -> Callable[[Args, torch.Tensor], Built]:
    def build(a: Args, x: torch.Tensor) -> Built:
        options = {names.get(k, k): v for k, v in a.items() if k != "inplace"}
        return module(kind(**options))

    return build


LAYERS: dict[str, Callable[[Args, torch.Tensor], Built]] = {
    "conv": conv,
    "conv_transpose": conv_transpose,
    "linear": linear,
    "attention": attention,
    "bn": norms.bn,
    "layernorm": norms.layernorm,
    "groupnorm": norms.groupnorm,
    "instancenorm": norms.instancenorm,
    "rmsnorm": norms.rmsnorm,
    "grn": norms.grn,
    "lrn": norms.lrn,
    "normalize": norms.normalize,
    "maxpool": maxpool,
    "avgpool": avgpool,
    "global_avgpool": global_avgpool,
    "global_maxpool": global_maxpool,
    "adaptive_avgpool": adaptive_avgpool,
    "adaptive_maxpool": adaptive_maxpool,
    "flatten": flatten,
    "permute": permute,
    "slice": slice_,
    "parameter": parameter,
    "drop_path": drop_path,
    "dropout": activation(nn.Dropout),
    "identity": activation(nn.Identity),
    "channel_shuffle": lambda a, x: module(nn.ChannelShuffle(a["groups"])),
    "softmax": lambda a, x: module(nn.Softmax(dim_of(a.get("axis", 0), x))),
    "reshape": reshape,
    "split": split,
    "pad": spatial.pad,
    "crop": spatial.crop,
    "center_crop": spatial.center_crop,
    "upsample": spatial.upsample,
    "pixel_shuffle": spatial.shuffle(nn.PixelShuffle),
    "pixel_unshuffle": spatial.shuffle(nn.PixelUnshuffle),
    "locally_connected": spatial.locally_connected,
    "channel_dropout": channel_dropout,
    "alpha_dropout": activation(nn.AlphaDropout),
    "log_softmax": lambda a, x: module(nn.LogSoftmax(dim_of(a.get("axis", 0), x))),
    "glu": lambda a, x: module(nn.GLU(dim_of(a.get("axis", 0), x))),
    "maxout": maxout,
    "absolute": lambda a, x: (None, torch.abs),
    "prelu": activation(nn.PReLU),
    "celu": activation(nn.CELU),
    "selu": activation(nn.SELU),
    "hardtanh": activation(nn.Hardtanh),
    "softplus": activation(nn.Softplus),
    "log_sigmoid": activation(nn.LogSigmoid),
    "mish": activation(nn.Mish),
    "relu": activation(nn.ReLU),
    "leaky_relu": activation(nn.LeakyReLU, slope="negative_slope"),
    "elu": activation(nn.ELU),
    "relu6": activation(nn.ReLU6),
    "sigmoid": activation(nn.Sigmoid),
    "tanh": activation(nn.Tanh),
    "gelu": activation(nn.GELU),
    "silu": activation(nn.SiLU),
    "hardswish": activation(nn.Hardswish),
    "hardsigmoid": activation(nn.Hardsigmoid),
}
"""How PyTorch computes each layer: what holds its weights, and the function."""
MERGES = ("add", "sub", "residual", "mul", "gate", "concat", "dense")
