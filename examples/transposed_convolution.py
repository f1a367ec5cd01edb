"""A transposed convolution is the transpose of a convolution's matrix.

python examples/transposed_convolution.py

The matrix of a convolution takes images to maps; its transpose takes maps back to the size of the
images. It brings back the size, not the values: that would be the inverse, which a matrix with
fewer rows than columns does not have.
"""

from __future__ import annotations

import torch
from convolution_as_matrix import filter_matrix

import archlang

SPEC = """
model down(maps = 5, stride = 2, pad = 1) {
    input image: [C=3, H=8, W=9]
    conv = conv(3x3, maps, stride=stride, pad=pad, bias=false)
}

# What the stride leaves over at the end of an axis is added there again.
model up(channels = 3, stride = 2, pad = 1, extra = 0x0) {
    input maps: [M=5, h=4, w=5]
    conv = conv_transpose(3x3, channels, stride=stride, pad=pad, output_pad=extra, bias=false)
}
"""


def main(height: int = 8, width: int = 9, stride: int = 2, pad: int = 1) -> None:
    """Take images down and up again, by the layers and by the matrix."""
    settings = {"stride": stride, "pad": pad}
    down = archlang.loads(SPEC, "down", settings, {"image": (3, height, width)})
    left_over = [(size + 2 * pad - 3) % stride for size in (height, width)]
    settings["extra"] = "x".join(map(str, left_over))
    up = archlang.loads(SPEC, "up", settings, {"maps": down.outputs["output"]})
    assert up.outputs["output"] == down.inputs["image"]

    forward, backward = down.to_torch(), up.to_torch()
    weight = forward.conv.weight  # (5, 3, 3, 3): the same weight serves both directions
    backward.load_state_dict(forward.state_dict())
    matrix = filter_matrix(weight, height, width, stride, pad).double()
    images = torch.randn(2, *down.inputs["image"], dtype=torch.double)
    with torch.no_grad():
        maps = forward.double()(images)
        back = backward.double()(maps)
        torch.testing.assert_close(maps.flatten(1), images.flatten(1) @ matrix.T)
        torch.testing.assert_close(back.flatten(1), maps.flatten(1) @ matrix)
    ends = down.inputs["image"], up.inputs["maps"]
    print(f"convolution: {ends[0]} to {ends[1]}, matrix {tuple(matrix.shape)}")
    print(f"transposed:  {ends[1]} to {ends[0]}, matrix {tuple(matrix.T.shape)}")

    # the gradient of a convolution by its input is its transposed convolution
    images.requires_grad_()
    (gradient,) = torch.autograd.grad((forward(images) * maps).sum(), images)
    torch.testing.assert_close(gradient, back)
    assert not torch.allclose(back, images)
    print("going back restores the size, not the values; it is how gradients go back")


if __name__ == "__main__":
    main()
