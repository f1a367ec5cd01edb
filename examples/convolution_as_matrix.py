"""A convolution as a product of matrices, in two ways, equal to the compiled layer.

python examples/convolution_as_matrix.py

1. The images are laid out as vectors, and the filters spread over one large, sparse matrix.
2. The filters are laid out as vectors, and the windows of an image side by side (im2col).

Both take several channels, filters and images, a stride, and zeros around the image.
"""

from __future__ import annotations

from itertools import product

import torch
from torch import Tensor, nn
from torch.nn.functional import pad as padded

import archlang

SPEC = """
model layer(kernel, maps, stride, pad) {
    input image: [C=3, H=8, W=9]
    conv = conv(kernel, maps, stride=stride, pad=pad)
}
"""


def places(size: int, kernel: int, stride: int, pad: int) -> int:
    """How many places a window finds along an axis."""
    return (size + 2 * pad - kernel) // stride + 1


def filter_matrix(weight: Tensor, height: int, width: int, stride: int, pad: int) -> Tensor:
    """The matrix of filters (maps, channels, high, wide) for images of one size.

    It has a row for each output (map, row, column), a column for each input (channel, row, column).
    """
    maps, channels, high, wide = weight.shape
    rows, columns = places(height, high, stride, pad), places(width, wide, stride, pad)
    matrix = weight.new_zeros(maps, rows, columns, channels, height, width)
    for i, j, u, v in product(range(rows), range(columns), range(high), range(wide)):
        y, x = i * stride - pad + u, j * stride - pad + v
        if 0 <= y < height and 0 <= x < width:  # what lies on the padding would meet a zero
            matrix[:, i, j, :, y, x] = weight[:, :, u, v]
    return matrix.reshape(maps * rows * columns, channels * height * width)


def windows(images: Tensor, high: int, wide: int, stride: int, pad: int) -> Tensor:
    """Every window as a column: (batch, channels * high * wide, places)."""
    height, width = images.shape[2:]
    rows, columns = places(height, high, stride, pad), places(width, wide, stride, pad)
    images = padded(images, (pad, pad, pad, pad))
    shifted = [
        images[:, :, u : u + stride * rows : stride, v : v + stride * columns : stride]
        for u, v in product(range(high), range(wide))
    ]  # for each place in the kernel, what every window has there
    return torch.stack(shifted, dim=2).flatten(3).flatten(1, 2)


def both_ways(conv: nn.Conv2d, images: Tensor, stride: int, pad: int) -> tuple[Tensor, Tensor]:
    """What a convolution gives, by the filter matrix and by im2col: (batch, maps, places)."""
    batch, _, height, width = images.shape
    maps, _, high, wide = conv.weight.shape
    matrix = filter_matrix(conv.weight, height, width, stride, pad)
    linearised = (images.flatten(1) @ matrix.T).reshape(batch, maps, -1)
    gathered = conv.weight.flatten(1) @ windows(images, high, wide, stride, pad)
    return linearised + conv.bias[:, None], gathered + conv.bias[:, None]


def main() -> None:
    """Show a small matrix, then compare both ways with the compiled convolution."""
    print("a filter of 2x2 over an image of 3x3: each row is one place of the window")
    small = torch.arange(1.0, 5.0).reshape(1, 1, 2, 2)
    print("\n".join(" ".join(f"{v:.0f}" for v in row) for row in filter_matrix(small, 3, 3, 1, 0)))

    settings = {"kernel": "3x2", "maps": 4, "stride": 2, "pad": 1}
    network = archlang.loads(SPEC, settings=settings)
    images = torch.randn(5, *network.inputs["image"])
    with torch.no_grad():
        conv = network.to_torch().conv
        expected = conv(images).flatten(2)
        for result in both_ways(conv, images, stride=2, pad=1):
            torch.testing.assert_close(result, expected)
    shapes = network.inputs["image"], network.outputs["output"]
    print(f"both ways equal the convolution: {shapes[0]} to {shapes[1]}")

    products = conv.weight.numel() * expected.shape[-1]
    print(f"im2col multiplies {products} times an image; archlang counts {network.totals.macs}")
    assert products == network.totals.macs


if __name__ == "__main__":
    main()
