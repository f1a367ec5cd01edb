"""Each layer in a small network whose worst moment it brings about, or is close to."""

from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    """What stands before a layer: the shape that comes in, and a layer with weights."""

    input: str
    first: str


PLACES = {
    "image": Place("[3, 8, 8]", "conv(3x3, 16)"),
    "vector": Place("[16]", "linear(64)"),
    "sequence": Place("[3, 64]", "conv(3, 16)"),
    "volume": Place("[3, 4, 4, 4]", "conv(3x3x3, 16)"),
}
BATCH = {"vector": 512}
"""How many samples, where not 32: so that what depends on the number of threads is little."""

ONCE = [
    ("image", "prelu(16)"),
    ("image", "maxout(2)"),
    ("image", "absolute"),
    ("image", "global_maxpool"),
    ("image", "layernorm(axis=0)"),
    ("image", "rmsnorm(axis=0)"),
    ("image", "instancenorm(affine=true)"),
    ("image", "upsample(2)"),
    ("image", "pad(1, mode=circular)"),
    ("image", "conv(3x3, 16, pad_mode=reflect)"),
    ("image", "conv(5x5, 16, stride=2, pad_mode=circular)"),
    ("image", "locally_connected(3x3, 4)"),
    ("image", "add { identity | conv(3x3, 16) }"),
    ("image", "mul { identity | identity | identity }"),
    ("vector", "groupnorm(4)"),
    ("sequence", "attention(4, dropout=0.1)"),
]
"""What takes memory of its own in the backward pass, or beside its output: measured always."""

_IMAGE = """
relu; relu(inplace=true); leaky_relu(0.2); leaky_relu(inplace=true); elu; elu(inplace=true); celu;
celu(inplace=true); selu; selu(inplace=true); hardtanh; hardtanh(inplace=true); relu6;
relu6(inplace=true); sigmoid; tanh; softplus; log_sigmoid; gelu; silu; silu(inplace=true); mish;
mish(inplace=true); hardswish; hardswish(inplace=true); hardsigmoid; hardsigmoid(inplace=true);
softmax; softmax(axis=-1); log_softmax; prelu; maxout(4, axis=1); maxout(2, axis=-1); glu;
glu(axis=1); global_avgpool; adaptive_avgpool(1); adaptive_avgpool(4); adaptive_maxpool(1);
adaptive_maxpool(4); maxpool(2x2); maxpool(3x3, stride=1, pad=1); avgpool(2x2);
avgpool(3x3, stride=1, pad=1); bn; bn(affine=false); groupnorm(4); groupnorm(4, affine=false);
instancenorm; instancenorm(track=true); instancenorm(affine=true, track=true);
instancenorm -> leaky_relu -> dropout; layernorm; layernorm(affine=false); layernorm(axis=1);
layernorm(axis=0, affine=false); rmsnorm; rmsnorm(affine=false); rmsnorm(axis=1); lrn(5); grn;
grn(axis=2); dropout; dropout(inplace=true); dropout(1); channel_dropout;
channel_dropout(inplace=true); alpha_dropout; drop_path(0.2); upsample(2, mode=linear);
upsample(2, mode=bicubic); upsample(2, mode=nearest_exact); upsample(0.5);
upsample(1.15, mode=bicubic); upsample(2, mode=linear, align_corners=true); pixel_shuffle(2);
pixel_unshuffle(2); channel_shuffle(4); pad(1); pad(1, value=0.5); pad(1, mode=reflect);
pad(1, mode=replicate); pad([[1, 0], [0, 2]], mode=circular); crop(1); center_crop(4); identity;
flatten; reshape(4, 256); permute(1, 2, 0); slice(0, 2); split(2, 1); normalize(0.5, 0.5);
locally_connected(3x3, 4, pad=1, bias=false); conv(3x3, 16); conv(3x3, 16, pad_mode=replicate);
conv(3x3, 16, pad_mode=circular); conv(3x3, 16, pad=[[1, 0], [0, 1]]); conv(3x3, 16, groups=16);
conv_transpose(2x2, 8, stride=2); linear(16, axis=0); linear(16, axis=-1);
linear(16, axis=0, drop_connect=0.5); add { conv(3x3, 16) | identity };
add { conv(1x1, 16) | identity | identity }; residual { conv(3x3, 16) -> relu };
sub { conv(3x3, 16) | identity }; mul { conv(3x3, 16) | identity };
gate { global_avgpool -> linear(16) -> sigmoid }; concat { conv(3x3, 16) | identity };
dense { conv(3x3, 8) }; add { identity | parameter([16, 8, 8]) };
mul { identity | parameter([16]) }; layernorm(axis=0) -> conv(3x3, 16);
layernorm(axis=0) -> conv(3x3, 16, pad_mode=circular); layernorm(axis=0) -> rmsnorm(axis=0)
"""
_VECTOR = """
prelu(64); maxout(2); glu; bn; layernorm; rmsnorm; softmax; dropout; alpha_dropout; linear(64);
linear(64, drop_connect=0.5); add { linear(64) | identity }; log_sigmoid; absolute
"""
_SEQUENCE = """
prelu(16); maxout(2); bn; groupnorm(4); instancenorm(affine=true); layernorm(axis=0); rmsnorm;
rmsnorm(axis=0); lrn(5); grn; maxpool(2); maxpool(3, stride=1, pad=1); avgpool(2);
adaptive_avgpool(4); adaptive_maxpool(4); global_maxpool; upsample(2); upsample(2, mode=linear);
pad(1, mode=reflect); pad(1, mode=circular); conv(3, 16, pad_mode=reflect);
conv(3, 16, pad_mode=circular); conv(3, 16, pad=[[2, 0]]); conv_transpose(2, 8, stride=2);
locally_connected(3, 4); linear(64); permute(1, 0) -> relu
"""
_VOLUME = """
prelu(16); maxout(2); bn; groupnorm(4); instancenorm; layernorm(axis=0); rmsnorm(axis=0); lrn(5);
grn; maxpool(2x2x2); avgpool(2x2x2); adaptive_avgpool(2); adaptive_maxpool(2); global_maxpool;
upsample(2); upsample(2, mode=linear); pad(1, mode=reflect); pad(1, mode=circular);
conv(3x3x3, 16, pad_mode=reflect); conv(3x3x3, 16, pad_mode=circular);
conv_transpose(2x2x2, 8, stride=2); locally_connected(3x3x3, 4)
"""


def _listed(place: str, text: str) -> list[tuple[str, str]]:
    return [(place, " ".join(layer.split())) for layer in text.split(";")]


REST = [
    *_listed("image", _IMAGE),
    *_listed("vector", _VECTOR),
    *_listed("sequence", _SEQUENCE),
    *_listed("volume", _VOLUME),
]
"""All others: each layer that there is, in each form that runs otherwise."""


def spec(place: str, layer: str) -> str:
    """The network of a layer: what it takes is kept for `tanh`, so that its turn takes most."""
    shape, first = PLACES[place]
    body = f"{first} -> tanh -> {layer}\n    flatten -> linear(3)"
    return f"model m {{\n    input x: {shape}\n    {body}\n}}"
