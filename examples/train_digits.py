"""Compile LeNet-5 to PyTorch and train it on scikit-learn's handwritten digits.

python examples/train_digits.py [EPOCHS]

Needs `pip install '.[torch]'`. Run again with the same arguments, it says what is there already.
"""

from __future__ import annotations

import sys
from pathlib import Path

from safetensors.torch import load_file

import archlang
from archlang.train import Result, train

SPEC = Path(__file__).parents[1] / "specs" / "lenet5.arch"


def main(epochs: int = 5, out: Path = Path("runs/train_digits")) -> Result:
    """Train for some epochs, and load the best epoch's weights into a fresh module."""
    network = archlang.load(SPEC, "lenet5")
    print(f"{network.name}: {network.totals.params:,} parameters, outputs {network.outputs}")

    result = train(network, "digits", {"epochs": epochs, "optimizer": {"lr": 3e-3}}, out)
    print(f"{result.accuracy:.1%} of the test images right after {len(result.history)} epochs")

    module = network.to_torch()
    module.load_state_dict(load_file(result.weights))
    print(f"the weights after epoch {result.best_epoch} are in {result.weights}")
    return result


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
