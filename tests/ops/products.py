"""Figures of the layers that multiply, worked out by hand.

A window of k over n, moved by s, finds floor((n - k) / s) + 1 places; a convolution has one
weight for each output channel, input channel of its group and place in its kernel, and
multiplies each of them once for each output position.
"""

from __future__ import annotations

from tests.ops.case import Case

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
    Case("linear(3, drop_connect=0.5)", "4", "3", params=15, macs=12),
    Case("linear(3, axis=0, bias=false, drop_connect=1)", "4x5", "3x5", params=12, macs=60),
]

ATTENTION = [
    # weights (3 + 1) * D * D and biases 4 * D; products 4 * T * D * D + 2 * T * T * D
    Case("attention(12)", "197x768", "197x768", params=2362368, macs=524391936),
    Case("attention(3, bias=false)", "5x6", "5x6", params=144, macs=1020),
    Case("attention(2, dropout=0.1)", "5x6", "5x6", params=168, macs=1020),
]

# each of the 23 * 23 places has 16 * (16 * 9) weights and 16 biases
LOCAL = [
    Case("locally_connected(3x3, 16)", "16x25x25", "16x23x23", params=1227280, macs=1218816),
    Case("locally_connected(3, 4, stride=2, pad=1, bias=false)", "2x7", "4x4", params=96, macs=96),
    Case(
        "locally_connected(2x3, 2, stride=1x2, pad=[[0, 1], [2, 0]])",
        "3x4x5",
        "2x4x3",
        params=456,
        macs=432,
    ),
    Case("locally_connected(2, 3)", "1x2x3x3", "3x1x2x2", params=108, macs=96),
]

PRODUCTS = [*CONVOLUTIONS, *LINEARS, *ATTENTION, *LOCAL]
