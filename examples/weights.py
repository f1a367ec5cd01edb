"""Count the weights of a convolution, a locally connected and a fully connected layer.

python examples/weights.py

The three make the same output, and each can be what the one before it is: given a convolution's
filters, the others give what it gives. So the convolution is the special case, and the cheapest.
"""

from __future__ import annotations

from pathlib import Path

import torch
from convolution_as_matrix import filter_matrix

import archlang

SPEC = Path(__file__).with_suffix(".arch")


def main() -> None:
    """Print the figures, then give all three the convolution's filters and compare."""
    names = ("convolution", "locally_connected", "fully_connected")
    networks = {name: archlang.load(SPEC, name) for name in names}
    least = networks["convolution"].totals.params
    for name, network in networks.items():
        totals = network.totals
        ratio = f"{totals.params / least:,.0f}"
        print(f"{name:<18} {totals.params:>10,} weights {totals.macs:>10,} MACs {ratio:>6} times")
    assert networks["locally_connected"].totals.macs == networks["convolution"].totals.macs

    modules = {name: network.to_torch() for name, network in networks.items()}
    maps, height, width = networks["convolution"].outputs["output"]
    (_, weight), (_, bias) = modules["convolution"].named_parameters()
    offsets = bias[:, None, None].expand(maps, height, width)
    given = {
        "locally_connected": (weight.expand(height, width, *weight.shape), offsets),
        "fully_connected": (filter_matrix(weight, height, width, 1, pad=2), offsets.flatten()),
    }
    images = torch.randn(4, *networks["convolution"].inputs["image"])
    with torch.no_grad():
        expected = modules["convolution"](images)
        for name, tensors in given.items():
            for parameter, tensor in zip(modules[name].parameters(), tensors, strict=True):
                parameter.copy_(tensor)
            torch.testing.assert_close(modules[name](images), expected, rtol=1e-4, atol=1e-5)
    print("given the convolution's filters, all three give the same")


if __name__ == "__main__":
    main()
