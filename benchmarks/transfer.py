"""ResNet-18 learns five of the ten digits, then the other five: fine-tuned, and from scratch.

``python -m benchmarks.transfer`` prints the test accuracy of both at equal steps, seed by seed.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import archlang
from archlang.train import Data, Result, load, train

SPEC = Path(__file__).parents[1] / "specs" / "resnet.arch"
SEEDS, FIRST, SECOND = 3, 4, 1
"""How many seeds, and how many epochs of the first half and of the second."""


def half(data: Data, second: bool) -> Data:
    """Five of the ten classes."""

    def part(images: Any, labels: Any) -> tuple[Any, Any]:
        mine = (labels >= 5) == second
        return images[mine], labels[mine] - 5 * second

    return Data.held(
        "second" if second else "first",
        data.classes[5:] if second else data.classes[:5],
        part(data.train_images, data.train_labels),
        part(data.test_images, data.test_labels),
    )


def main() -> None:
    """Train, and print."""
    network = archlang.load(SPEC, "resnet18", {"classes": "5"}, {"image": (3, 32, 32)})
    digits = load("digits")

    def run(data: Data, out: Path, **recipe: Any) -> Result:
        fields = {"batch_size": 64, "optimizer": {"name": "adamw", "lr": 1e-3}, **recipe}
        return train(network, data, fields, out, progress=False)

    print("seed  from scratch  fine-tuned")
    with TemporaryDirectory() as folder:
        home = Path(folder)
        for seed in range(SEEDS):
            first = home / f"first{seed}"
            run(half(digits, False), first, epochs=FIRST, seed=seed)
            few: dict[str, Any] = {"epochs": SECOND, "seed": seed}
            scratch = run(half(digits, True), home / f"scratch{seed}", **few)
            init = {"weights": str(first), "fresh": ["fc"]}
            tuned = run(half(digits, True), home / f"tuned{seed}", **few, init=init)
            print(f"{seed:4}  {scratch.accuracy:12.2%}  {tuned.accuracy:10.2%}", flush=True)


if __name__ == "__main__":
    main()
