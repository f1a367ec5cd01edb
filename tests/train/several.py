"""A network with two inputs and two outputs, and data for it: what each input shows is told."""

from __future__ import annotations

import csv
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from archlang.train import Data

SPEC = """
model both {
    input left: [1, 8, 8]
    input right: [3, 6, 10]
    a = left -> conv(3x3, 4) -> groupnorm(2) -> relu -> flatten -> linear(16)
    b = right -> conv(3x3, 4) -> groupnorm(2) -> relu -> flatten -> linear(16)
    both = concat { a | b } -> relu
    row = both -> linear(3)
    column = both -> linear(4)
    output row, column
}
"""
ROWS, COLUMNS = ("high", "low", "middle"), ("w", "x", "y", "z")


def part(count: int, seed: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """A bright row of the left image is one label, a bright column of the right the other."""
    random = torch.Generator().manual_seed(seed)
    row = torch.arange(count) % 3
    column = torch.randint(0, 4, (count,), generator=random)
    left = torch.randint(0, 120, (count, 1, 8, 8), generator=random)
    right = torch.randint(0, 120, (count, 3, 6, 10), generator=random)
    for i in range(count):
        left[i, :, 2 * int(row[i]) : 2 * int(row[i]) + 3] += 120
        right[i, :, :, 2 * int(column[i]) : 2 * int(column[i]) + 3] += 120
    return {"left": left.byte(), "right": right.byte()}, {"row": row, "column": column}


def both(train: int = 49, test: int = 20) -> Data:
    """In memory."""
    return Data.held("both", {"row": ROWS, "column": COLUMNS}, part(train, 0), part(test, 1))


def written(root: Path, train: int = 49, test: int = 20) -> Path:
    """The same as a table of files."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / "both.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["right", "column", "left", "row", "split"])
        for use, (images, labels) in (("train", part(train, 0)), ("test", part(test, 1))):
            for i in range(len(labels["row"])):
                names = {name: f"{use}-{name}-{i}.png" for name in images}
                for name, pixels in images.items():
                    array = pixels[i].permute(1, 2, 0).squeeze(-1).contiguous().numpy()
                    Image.fromarray(array).save(root / names[name])
                row, column = ROWS[int(labels["row"][i])], COLUMNS[int(labels["column"][i])]
                table.writerow([names["right"], column, names["left"], row, use])
    return root / "both.csv"
