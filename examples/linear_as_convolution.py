"""Run a classifier over a large image at once: its fully connected layers as convolutions.

python examples/linear_as_convolution.py
"""

from __future__ import annotations

from pathlib import Path

import torch

import archlang

SPEC = Path(__file__).with_suffix(".arch")
WINDOW, STEP = 28, 4


def main(height: int = 60, width: int = 76) -> None:
    """Compare one pass over a large image with the classifier on each of its windows."""
    linear = archlang.load(SPEC, "with_linear")
    small = archlang.load(SPEC, "with_conv")
    large = archlang.load(SPEC, "with_conv", inputs={"image": (1, height, width)})
    assert linear.totals.params == small.totals.params == large.totals.params
    print(f"{linear.totals.params:,} parameters, as linear layers or as convolutions")

    classifier, slider = linear.to_torch(), small.to_torch()
    kernels = slider.state_dict()
    weights = classifier.state_dict()  # a row of a matrix becomes a kernel: the order is the same
    slider.load_state_dict({k: w.reshape(kernels[k].shape) for k, w in weights.items()})

    image = torch.randn(1, 1, height, width)
    with torch.no_grad():
        answers = slider(image)
        windows = image.unfold(2, WINDOW, STEP).unfold(3, WINDOW, STEP)
        rows, columns = windows.shape[2:4]
        alone = classifier(windows.reshape(rows * columns, 1, WINDOW, WINDOW))
        one = slider(image[..., :WINDOW, :WINDOW])
    assert tuple(answers.shape[1:]) == large.outputs["output"] == (10, rows, columns)
    torch.testing.assert_close(one.flatten(1), alone[:1])
    torch.testing.assert_close(answers, alone.T.reshape(1, 10, rows, columns))
    print(f"on {height}x{width} it gives {rows}x{columns} answers, equal to those of each window")

    apart, together = rows * columns * linear.totals.macs, large.totals.macs
    print(
        f"MACs: {together:,} in one pass, {apart:,} window by window: {apart / together:.1f} times"
    )
    assert together < apart


if __name__ == "__main__":
    main()
