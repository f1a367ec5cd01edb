"""Every layer's figures, worked out by hand, and what each refuses.

Shapes leave the batch out. `neurons` are the scalars of the output, where not said. A window
of k over n, moved by s, finds floor((n - k) / s) + 1 places; a convolution has one weight
for each output channel, input channel of its group and place in its kernel, and multiplies
each of them once for each output position.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod


def sizes(shape: str) -> tuple[int, ...]:
    """The sizes of "3x32x32"."""
    return tuple(int(size) for size in shape.split("x"))


@dataclass(frozen=True)
class Case:
    """A layer, what arrives, what comes out, and its figures for one sample."""

    spec: str
    takes: str
    gives: str
    params: int = 0
    macs: int = 0
    buffers: int = 0
    neurons: int | None = None

    @property
    def new(self) -> int:
        return prod(sizes(self.gives)) if self.neurons is None else self.neurons


@dataclass(frozen=True)
class Refused:
    """A layer that cannot take what arrives: the code, and words of the message."""

    spec: str
    takes: str
    code: str
    says: str


CONVOLUTIONS = [
    # 3*3*3 = 27 weights a filter
    Case("conv(3x3, 64, stride=2)", "3x32x32", "64x16x16", params=1792, macs=442368, neurons=16384),
    Case("conv(5x5, 6, pad=2)", "1x28x28", "6x28x28", params=156, macs=117600),
    # AlexNet's first: 96 * 363 = 34,848 weights
    Case("conv(11x11, 96, stride=4, pad=0)", "3x227x227", "96x55x55", params=34944, macs=105415200),
    Case("conv(3, 8)", "4x10", "8x10", params=104, macs=960),
    Case("conv(3x3x3, 2)", "1x4x5x6", "2x4x5x6", params=56, macs=6480),
    Case("conv(3, 2, bias=false)", "1x4x5x6", "2x4x5x6", params=54, macs=6480),
    Case("conv(3x3, 8, groups=8)", "8x6x6", "8x6x6", params=80, macs=2592),
    Case("conv(3x3, 6, groups=2)", "4x5x5", "6x5x5", params=114, macs=2700),
    Case("conv(3x1, 4, bias=false)", "2x5x7", "4x5x7", params=24, macs=840),
    # the kernel spreads to 5: `same` pads by 2, `valid` loses 4
    Case("conv(3x3, 4, dilation=2)", "2x9x9", "4x9x9", params=76, macs=5832),
    Case("conv(3x3, 4, pad=valid, dilation=2)", "2x9x9", "4x5x5", params=76, macs=1800),
    Case("conv(3x3, 4, stride=2x1, dilation=1x2)", "2x9x9", "4x5x9", params=76, macs=3240),
    Case("conv(4x4, 8, stride=2, pad=1)", "3x8x8", "8x4x4", params=392, macs=6144),
    # padding that differs: 6 + 0 + 1 - 2 = 5 and 6 + 2 + 0 - 2 = 6
    Case("conv(3x3, 4, pad=[[0, 1], [2, 0]])", "2x6x6", "4x5x6", params=76, macs=2160),
    Case("conv(2, 4, pad=[[1, 0]])", "2x6", "4x6", params=20, macs=96),
    Case(
        "conv(3x3x3, 2, pad=[[1, 0], [0, 1], [1, 1]], pad_mode=replicate)",
        "1x4x4x4",
        "2x3x3x4",
        params=56,
        macs=1944,
    ),
    Case(
        "conv(3x3, 4, pad=[[0, 1], [2, 0]], pad_mode=reflect)",
        "2x6x6",
        "4x5x6",
        params=76,
        macs=2160,
    ),
    Case("conv(3x3, 4, pad_mode=reflect)", "2x6x6", "4x6x6", params=76, macs=2592),
    Case("conv(3x3, 4, pad_mode=replicate)", "2x6x6", "4x6x6", params=76, macs=2592),
    Case("conv(3, 4, pad_mode=circular)", "2x6", "4x6", params=28, macs=144),
    # each input spreads over the kernel: (n - 1) * stride + k, less the padding
    Case("conv_transpose(2x2, 32, stride=2)", "64x14x14", "32x28x28", params=8224, macs=1605632),
    Case(
        "conv_transpose(3x3, 4, stride=2, pad=1, output_pad=1)",
        "2x5x5",
        "4x10x10",
        params=76,
        macs=1800,
    ),
    Case("conv_transpose(4, 3, stride=2, pad=1)", "2x5", "3x10", params=27, macs=120),
    Case("conv_transpose(3, 4, dilation=2, groups=2)", "2x5", "4x9", params=16, macs=60),
    Case(
        "conv_transpose(2x2x2, 2, stride=2, bias=false)",
        "4x2x3x4",
        "2x4x6x8",
        params=64,
        macs=1536,
    ),
]

LINEARS = [
    Case("linear(10)", "400", "10", params=4010, macs=4000),
    Case("linear(10, bias=false)", "400", "10", params=4000, macs=4000),
    # 197 positions, each 768 * 3072 products
    Case("linear(3072)", "197x768", "197x3072", params=2362368, macs=464781312),
    Case("linear(8, axis=0)", "6x4x5", "8x4x5", params=56, macs=960),
    Case("linear(8, axis=-1, bias=false)", "6x4x5", "6x4x8", params=40, macs=960),
    Case("linear(3, axis=0)", "4x5", "3x5", params=15, macs=60),
]

POOLS = [
    Case("maxpool(2x2)", "64x224x224", "64x112x112"),
    Case("maxpool(3x3, stride=2, pad=1)", "64x112x112", "64x56x56"),
    Case("maxpool(3x3, stride=2)", "96x54x54", "96x26x26"),
    Case("maxpool(3x3, stride=2, ceil=true)", "96x54x54", "96x27x27"),
    # ceil(5 / 2) + 1 = 4 windows, but the fourth would start at 6, in the padding after 5
    Case("maxpool(2x2, stride=2, pad=1, ceil=true)", "3x5x5", "3x3x3"),
    Case("maxpool(3, stride=1, dilation=2)", "2x9", "2x5"),
    Case("maxpool(3, stride=2, pad=1)", "4x7", "4x4"),
    Case("maxpool(2x3x1)", "1x4x6x5", "1x2x2x5"),
    Case("avgpool(2x2)", "6x28x28", "6x14x14"),
    Case("avgpool(3x3, stride=1, pad=1, count_include_pad=false)", "2x5x5", "2x5x5"),
    Case("avgpool(3, stride=2, ceil=true)", "2x6", "2x3"),
    Case("avgpool(5, stride=3, ceil=true)", "1x3", "1x1"),
    Case("avgpool(2x2x2)", "3x4x6x8", "3x2x3x4"),
    Case("avgpool(3x2, stride=1x2, pad=1x0)", "2x5x6", "2x5x3"),
    Case("global_avgpool", "2048x7x7", "2048"),
    Case("global_avgpool", "8x5", "8"),
    Case("global_avgpool", "8x2x3x4", "8"),
    Case("global_maxpool", "2048x7x7", "2048"),
    Case("global_maxpool", "8x5", "8"),
    Case("adaptive_avgpool(6x6)", "256x13x13", "256x6x6"),
    Case("adaptive_avgpool(7)", "3x4", "3x7"),
    Case("adaptive_avgpool(2)", "3x4x5x6", "3x2x2x2"),
    Case("adaptive_maxpool(4x2)", "8x13x13", "8x4x2"),
    Case("adaptive_maxpool(2)", "8x7", "8x2"),
]

# two figures a channel are learned; two and a counter are kept
NORMS = [
    Case("bn", "64x56x56", "64x56x56", params=128, buffers=129),
    Case("bn(eps=0.001, momentum=0.01)", "10", "10", params=20, buffers=21),
    Case("bn", "8x5", "8x5", params=16, buffers=17),
    Case("bn(affine=false)", "8x2x3x4", "8x2x3x4", buffers=17),
    Case("layernorm(eps=1e-6)", "197x768", "197x768", params=1536),
    Case("layernorm", "10", "10", params=20),
    Case("layernorm(eps=1e-6, axis=0)", "96x7x7", "96x7x7", params=192),
    Case("layernorm(affine=false)", "2x3x4", "2x3x4"),
]

ACTIVATIONS = [
    Case("relu", "64x56x56", "64x56x56"),
    Case("relu(inplace=true)", "64x56x56", "64x56x56", neurons=0),
    Case("leaky_relu(0.2)", "8x5", "8x5"),
    Case("leaky_relu(inplace=true)", "8x5", "8x5", neurons=0),
    Case("elu(alpha=0.5)", "8x5", "8x5"),
    Case("elu(inplace=true)", "8x5", "8x5", neurons=0),
    Case("relu6", "8x5", "8x5"),
    Case("relu6(inplace=true)", "8x5", "8x5", neurons=0),
    Case("sigmoid", "8", "8"),
    Case("tanh", "8", "8"),
    Case("softmax", "1000", "1000"),
    Case("softmax(axis=-1)", "5x8", "5x8"),
    Case("gelu", "197x3072", "197x3072"),
    Case("silu", "8x5x5", "8x5x5"),
    Case("silu(inplace=true)", "8x5x5", "8x5x5", neurons=0),
    Case("hardswish", "8x5x5", "8x5x5"),
    Case("hardswish(inplace=true)", "8x5x5", "8x5x5", neurons=0),
    Case("hardsigmoid", "8", "8"),
    Case("hardsigmoid(inplace=true)", "8", "8", neurons=0),
    # in evaluation, what arrives is what leaves
    Case("dropout", "4096", "4096", neurons=0),
    Case("dropout(0.2, inplace=true)", "4096", "4096", neurons=0),
    Case("drop_path(0.1)", "96x7x7", "96x7x7", neurons=0),
    Case("drop_path(1)", "96x7x7", "96x7x7", neurons=0),
]

SHAPES = [
    Case("identity", "64x7x7", "64x7x7", neurons=0),
    Case("flatten", "16x5x5", "400", neurons=0),
    Case("flatten", "10", "10", neurons=0),
    Case("flatten(start=1)", "768x14x14", "768x196", neurons=0),
    Case("flatten(end=1)", "2x3x4", "6x4", neurons=0),
    Case("flatten(start=-2, end=-1)", "2x3x4", "2x12", neurons=0),
    Case("permute(1, 0)", "768x196", "196x768", neurons=0),
    Case("permute(1, 2, 0)", "96x56x28", "56x28x96", neurons=0),
    Case("slice(0, 58)", "116x28x28", "58x28x28", neurons=0),
    Case("slice(-58, -1, axis=0)", "116x28x28", "57x28x28", neurons=0),
    Case("slice(0, 1)", "197x768", "1x768", neurons=0),
    Case("permute(-1, 0)", "768x196", "196x768", neurons=0),
    Case("slice(1, 9)", "3x4", "2x4", neurons=0),
    Case("slice(2, 5, axis=-1)", "3x4x6", "3x4x3", neurons=0),
    Case("channel_shuffle(2)", "116x28x28", "116x28x28"),
    Case("channel_shuffle(3)", "6x5", "6x5"),
    Case("parameter([1, 768], batch=true)", "196x768", "1x768", params=768, neurons=0),
    Case("parameter([96, 1, 1], init=0.5)", "96x7x7", "96x1x1", params=96, neurons=0),
    # weights (3 + 1) * D * D and biases 4 * D; products 4 * T * D * D + 2 * T * T * D
    Case("attention(12)", "197x768", "197x768", params=2362368, macs=524391936),
    Case("attention(3, bias=false)", "5x6", "5x6", params=144, macs=1020),
    Case("attention(2, dropout=0.1)", "5x6", "5x6", params=168, macs=1020),
]

# the neurons of a merge are its own and its branches'
MERGES = [
    Case(
        "add { conv(3x3, 3) | identity }",
        "3x32x32",
        "3x32x32",
        params=84,
        macs=82944,
        neurons=6144,
    ),
    Case("add { identity | identity | relu }", "3x4", "3x4", neurons=24),
    Case(
        "residual { conv(3x3, 64) -> relu }",
        "64x56x56",
        "64x56x56",
        params=36928,
        macs=115605504,
        neurons=602112,
    ),
    Case(
        "residual { conv(3x3, 8, stride=2) | conv(1x1, 8, stride=2) }",
        "4x6x6",
        "8x3x3",
        params=336,
        macs=2880,
        neurons=216,
    ),
    Case("mul { identity | global_avgpool -> sigmoid }", "8x7x7", "8x7x7", neurons=408),
    Case(
        "mul { identity | conv(1x1, 1) }",
        "8x5x5",
        "8x5x5",
        params=9,
        macs=200,
        neurons=225,
    ),
    Case("mul { global_maxpool | identity | global_avgpool }", "8x5", "8x5", neurons=56),
    Case("mul { identity | parameter([8, 1, 1]) }", "8x5x5", "8x5x5", params=8, neurons=200),
    Case(
        "gate { global_avgpool -> linear(64) -> sigmoid }",
        "64x56x56",
        "64x56x56",
        params=4160,
        macs=4096,
        neurons=200896,
    ),
    Case(
        "concat { conv(1x1, 64) | conv(3x3, 128) }",
        "192x28x28",
        "192x28x28",
        params=233664,
        macs=183042048,
        neurons=301056,
    ),
    Case("concat(axis=1) { identity | identity }", "2x3x4", "2x6x4", neurons=48),
    Case(
        "concat { parameter([1, 768], batch=true) | identity }",
        "196x768",
        "197x768",
        params=768,
        neurons=151296,
    ),
    # batch norm and relu make 64 * 49 each, the convolution 32 * 49, the join 96 * 49
    Case(
        "dense { bn -> relu -> conv(3x3, 32, bias=false) }",
        "64x7x7",
        "96x7x7",
        params=18560,
        macs=903168,
        buffers=129,
        neurons=12544,
    ),
]

CASES = [
    *CONVOLUTIONS, *LINEARS, *POOLS, *NORMS, *ACTIVATIONS, *SHAPES, *MERGES,
]  # fmt: skip

REFUSED = [
    Refused("conv(4x4, 8)", "3x8x8", "A207", "even kernel"),
    Refused("conv(3x3, 8)", "3x8", "A202", "`kernel` 3x3 is for 2 axes"),
    Refused("conv(3, 8)", "8", "A202", "needs a tensor [C, L]"),
    Refused(
        "conv(7x7, 8, pad=1)", "3x4x4", "A202", "larger than the input, 4 (6 with its padding)"
    ),
    Refused("conv(3x3, 8, groups=2)", "3x8x8", "A202", "`groups` 2 does not divide"),
    Refused("conv(3x3, 8, pad=8, pad_mode=reflect)", "3x8x8", "A202", "by at most 7, not 8"),
    Refused("conv(3x3, 8, pad=9, pad_mode=circular)", "3x8x8", "A202", "by at most 8, not 9"),
    Refused("conv(3x3, 8, pad=[[1, 1]])", "3x8x8", "A202", "gives 1 pairs"),
    Refused("conv_transpose(3x3, 8, output_pad=1)", "3x8x8", "A202", "`output_pad` 1"),
    Refused("conv_transpose(2x2, 8, pad=3)", "3x2x2", "A208", "nothing is left"),
    Refused("linear(10)", "16x5x5", "A206", "`linear` would act on the last axis of [16, 5, 5]"),
    Refused("linear(10, axis=2)", "16x5", "A202", "there is no axis 2"),
    Refused("maxpool(3x3, pad=2)", "3x8x8", "A202", "`pad` 2 is more than half of the kernel, 3"),
    Refused("maxpool(3x3, dilation=2, pad=2)", "3x8x8", "A202", "more than half of the kernel"),
    Refused("avgpool(9x9, pad=1)", "3x5x5", "A202", "the window, 9, is larger than the input, 5"),
    Refused("avgpool(3, pad=1)", "1x2x2x2", "A202", "without padding"),
    Refused("global_avgpool", "8", "A202", "needs a tensor [C, L]"),
    Refused("adaptive_avgpool(2x2)", "8x5", "A202", "`size` 2x2 is for 2 axes"),
    Refused("bn", "1x2x3x4x5", "A202", "not one of 5 axes"),
    Refused("bn(eps=-1)", "3x4", "A202", "`eps` must be at least 0"),
    Refused("layernorm(axis=1)", "8", "A202", "there is no axis 1"),
    Refused("softmax(axis=1)", "8", "A202", "there is no axis 1"),
    Refused("flatten(start=2)", "3x4", "A202", "there is no axis 2"),
    Refused("flatten(start=1, end=0)", "3x4", "A202", "comes after `end`"),
    Refused("permute(0, 1)", "3x4x5", "A202", "each axis of the tensor once, 0, 1, 2"),
    Refused("permute", "3x4", "A202", "not none"),
    Refused("slice(2, 2)", "3x4", "A208", "nothing is left"),
    Refused("slice(3, 9)", "3x4", "A208", "nothing is left of an axis of 3"),
    Refused("channel_shuffle(2)", "3x4x4", "A202", "`groups` 2 does not divide"),
    Refused("channel_shuffle(2)", "4", "A202", "two or more axes"),
    Refused("parameter([])", "4", "A202", "at least one size"),
    Refused("attention(5)", "4x8", "A202", "`heads` 5 does not divide"),
    Refused("attention(2)", "4x8x8", "A202", "needs a tensor [T, D]"),
    Refused("add { identity | maxpool(2x2) }", "3x8x8", "A203", "[3, 8, 8] and [3, 4, 4]"),
    Refused("add { identity | conv(1x1, 1) }", "3x8x8", "A204", "[3, 8, 8] and [1, 8, 8]"),
    Refused("residual { flatten }", "3x8", "A203", "branches of `residual` are [24] and [3, 8]"),
    Refused("residual { global_avgpool }", "3x3", "A204", "[3] and [3, 3]"),
    Refused("mul { identity | maxpool(2x2) }", "3x8x8", "A203", "equal, or 1"),
    Refused("mul { identity | flatten(start=1) }", "3x8x8", "A203", "or to be a vector [C]"),
    Refused("gate { linear(5, axis=0) }", "3x8", "A203", "branches of `gate`"),
    Refused("concat { identity | maxpool(2x2) }", "3x8x8", "A203", "joined along axis 0"),
    Refused("concat(axis=3) { identity | identity }", "3x8x8", "A202", "there is no axis 3"),
    Refused("dense { flatten }", "3x8", "A203", "only tensors of as many axes"),
    Refused("conv(0, 8)", "3x8x8", "A105", "must be at least 1"),
    Refused("conv(3x3, 8, bias=1)", "3x8x8", "A105", "must be `true` or `false`"),
    Refused("dropout(1.5)", "8", "A105", "is a probability, from 0 to 1, not 1.5"),
    Refused("parameter(3)", "8", "A105", "must be a list of sizes"),
]
