"""``archlang predict``: what images show, and how sure that is."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archlang.cli.table import Cells, text_table
from archlang.cli.trained import RunPath, explained, need_torch

if TYPE_CHECKING:
    from archlang.train import Predictions


class PredictFormat(StrEnum):
    """What predictions are printed as."""

    text = "text"
    json = "json"
    csv = "csv"


Files = Annotated[
    list[Path], typer.Argument(metavar="IMAGE|FOLDER…", help="Images, or folders of them.")
]
Others = Annotated[
    list[Path] | None,
    typer.Option(
        "--ensemble", "-e", metavar="RUN", help="A run to average with the first. Repeatable."
    ),
]
Passes = Annotated[
    int | None,
    typer.Option("--mc-dropout", min=1, metavar="PASSES", help="Run so often with dropout on."),
]
Top = Annotated[int, typer.Option("--top", "-k", min=1, help="Classes named for an image.")]
Format = Annotated[PredictFormat, typer.Option("--format", "-f", help="Printed as.")]
Seed = Annotated[int, typer.Option(min=0, help="Of the dropout.")]
BatchSize = Annotated[int, typer.Option(min=1, help="Images at once.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, …")]


def predict(
    run: RunPath,
    images: Files,
    ensemble: Others = None,
    mc_dropout: Passes = None,
    top: Top = 3,
    format_: Format = PredictFormat.text,
    seed: Seed = 0,
    batch_size: BatchSize = 64,
    device: Device = "auto",
) -> None:
    """Name what images show, by a trained network or by several together."""
    need_torch("predicting")
    with explained():
        from archlang.train.inference import ensemble as together

        runs = [run, *(ensemble or [])]
        found = together(runs, images, mc_dropout, seed=seed, batch_size=batch_size, device=device)
    rows = list(_rows(found, top))
    match format_:
        case PredictFormat.json:
            about = {"members": found.members, "passes": found.passes}
            print(json.dumps({**about, "images": rows}, ensure_ascii=False))
        case PredictFormat.csv:
            _print_csv(rows)
        case PredictFormat.text:
            _print_table(rows)


def _rows(found: Predictions, top: int) -> Iterator[dict[str, Any]]:
    """An image each: its classes, and, of several draws, how they differ."""
    spread = found.spread
    for i, (name, ranks) in enumerate(zip(found.names, found.ranks(top).tolist(), strict=True)):
        classes: list[dict[str, Any]] = [
            {"class": found.classes[k], "probability": float(spread.mean[i, k])} for k in ranks
        ]
        if spread.draws == 1:
            yield {"image": name, "top": classes}
            continue
        for entry, k in zip(classes, ranks, strict=True):
            entry["variance"] = float(spread.variance[i, k])
        row = {
            "entropy": float(spread.entropy[i]),
            "mutual_information": float(spread.mutual_information[i]),
            "disagreement": float(spread.disagreement[i]),
        }
        yield {"image": name, "top": classes, **row}


def _print_csv(rows: list[dict[str, Any]]) -> None:
    """A line for each class of each image, the most probable first."""
    flat = [
        {
            "image": row["image"],
            "rank": rank,
            **entry,
            **{k: v for k, v in row.items() if k not in ("image", "top")},
        }
        for row in rows
        for rank, entry in enumerate(row["top"], start=1)
    ]
    writer = csv.DictWriter(sys.stdout, list(flat[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)


def _print_table(rows: list[dict[str, Any]]) -> None:
    """A line for each image."""
    drawn = "entropy" in rows[0]
    head = ["image", "class", "probability"]
    if drawn:
        head += ["variance", "entropy", "mutual information", "disagreement"]
    if len(rows[0]["top"]) > 1:
        head.append("then")
    body: list[Cells] = []
    for row in rows:
        first, *rest = row["top"]
        cells = [row["image"], first["class"], f"{first['probability']:.2%}"]
        if drawn:
            cells += [
                f"{first['variance']:.4f}",
                f"{row['entropy']:.4f}",
                f"{row['mutual_information']:.4f}",
                f"{row['disagreement']:.2%}",
            ]
        if rest:
            cells.append(", ".join(f"{e['class']} {e['probability']:.2%}" for e in rest))
        body.append(Cells(tuple(cells)))
    right = range(2, 7 if drawn else 3)
    for line, _ in text_table(tuple(head), body, right=right, shrink=0, width=None):
        print(line)
