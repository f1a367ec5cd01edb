"""Find where a pattern is in an image, by convolution.

python examples/find_pattern.py

A convolution with the pattern for its filter answers everywhere: how much is this window like the
pattern? Taken plainly, any bright spot outshines the pattern. So the filter's mean is taken off,
and the answer divided by how much the window varies: the normalised cross-correlation, which is 1
where the pattern is, at whatever brightness and contrast, and less everywhere else.
"""

from __future__ import annotations

import torch
from torch import Tensor

import archlang

SPEC = """
model matcher(k) {
    input image: [1, H=48, W=64]
    match = conv(k, 1, pad=0, bias=false)        : [1, H - k[0] + 1, W - k[1] + 1]
}
"""

FACE = """
..#####..
.#.....#.
#..#.#..#
#.......#
#..###..#
.#.....#.
..#####..
"""


def pattern() -> Tensor:
    """A face of 7x9."""
    return torch.tensor([[float(c == "#") for c in row] for row in FACE.split()])


def matched(images: Tensor, filter_: Tensor) -> Tensor:
    """The answers of a filter (k, l) on images (batch, 1, H, W), by the compiled network."""
    size = "x".join(map(str, filter_.shape))
    shape = tuple(images.shape[1:])
    network = archlang.loads(SPEC, settings={"k": size}, inputs={"image": shape})
    module = network.to_torch().to(images.dtype)
    module.load_state_dict({"match.weight": filter_[None, None]})
    with torch.no_grad():
        answers: Tensor = module(images)
    return answers


def correlation(images: Tensor, template: Tensor) -> Tensor:
    """The normalised cross-correlation of every window with a template, from -1 to 1."""
    centred = template - template.mean()
    ones, count = torch.ones_like(template), template.numel()
    variation = matched(images**2, ones) - matched(images, ones) ** 2 / count
    return matched(images, centred) / (centred.norm() * variation.clamp_min(1e-12).sqrt())


def place_of_largest(answers: Tensor) -> tuple[int, int]:
    """Row and column of the largest answer for one image."""
    row, column = divmod(int(answers.argmax()), answers.shape[-1])
    return row, column


def main(row: int = 30, column: int = 12, seed: int = 0) -> None:
    """Put the pattern into a noisy image with a bright corner, and find it."""
    torch.manual_seed(seed)
    template = pattern().double()
    image = 0.15 * torch.randn(1, 1, 48, 64, dtype=torch.double)
    image[..., :16, 40:] += 3
    image[..., row : row + 7, column : column + 9] += template

    plain = place_of_largest(matched(image, template))
    answers = correlation(image, template)
    found = place_of_largest(answers)
    print(f"the pattern is at {(row, column)}")
    print(f"plain correlation says {plain}, in the bright corner")
    print(f"normalised correlation says {found}, where it is {answers.max():.2f}")
    assert found == (row, column) != plain
    assert place_of_largest(correlation(0.2 * image + 7, template)) == found


if __name__ == "__main__":
    main()
