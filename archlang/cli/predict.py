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
    from archlang.train import Predictions, Trained
    from archlang.train.given import Images


class PredictFormat(StrEnum):
    """What predictions are printed as."""

    text = "text"
    json = "json"
    csv = "csv"


Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="IMAGE|FOLDER…",
        help="Images, folders of them, or a table (.csv); of several inputs INPUT=IMAGE for each.",
    ),
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
Masks = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Where the masks of a segmentation go, as PNG files."),
]
Output = Annotated[
    str | None, typer.Option(metavar="NAME", help="Of several outputs this one; or the first.")
]
Seed = Annotated[int, typer.Option(min=0, help="Of the dropout.")]
BatchSize = Annotated[
    int | None, typer.Option(min=1, help="Images at once; 64, or 8 for masks, if not given.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, …")]


def predict(
    run: RunPath,
    images: Files,
    ensemble: Others = None,
    mc_dropout: Passes = None,
    top: Top = 3,
    format_: Format = PredictFormat.text,
    masks: Masks = None,
    output: Output = None,
    seed: Seed = 0,
    batch_size: BatchSize = None,
    device: Device = "auto",
) -> None:
    """Name what images show, or mark it in them, by a trained network or by several together."""
    need_torch("predicting")
    with explained():
        from archlang.train import trained
        from archlang.train.given import named

        runs = [trained(path, device=device) for path in (run, *(ensemble or []))]
        given = named(images, tuple(runs[0].prepares), runs[0].network.name)
        how: dict[str, Any] = {"seed": seed, "output": output, "device": device}
        how["batch_size"] = batch_size
        rows = _predicted(runs, given, mc_dropout, masks, top, how)
    if len(names := runs[0].output_names) > 1 and "output" not in rows[0]:
        others = ", ".join(name for name in names if name != (output or names[0]))
        typer.echo(f"note: this is output `{output or names[0]}`; --output: {others}", err=True)
    match format_:
        case PredictFormat.json:
            about = {"members": len(runs), "passes": mc_dropout or 1}
            print(json.dumps({**about, "images": rows}, ensure_ascii=False))
        case PredictFormat.csv:
            _print_csv(rows)
        case PredictFormat.text:
            _print_tables(rows)


def _predicted(
    runs: list[Trained],
    images: Images,
    passes: int | None,
    masks: Path | None,
    top: int,
    how: dict[str, Any],
) -> list[dict[str, Any]]:
    """An image each; where outputs have classes of their own, one for each of these."""
    one, each = runs[0], how["output"] is None and bool(runs[0].own)
    names = one.output_names if each else (how["output"],)
    maps = [name for name in names if one.per_pixel(name)]
    if masks is not None and not maps:
        maps = [names[0]]  # which says what keeps it from having masks
    found: list[list[dict[str, Any]]] = []
    for name in names:
        of: dict[str, Any] = {**how, "output": name}
        of["batch_size"] = how["batch_size"] or (8 if name in maps else 64)
        if name in maps:
            from archlang.cli.masks import marked

            folder = masks / name if masks and name and len(maps) > 1 else masks
            rows = marked(runs, images, passes, folder=folder, top=top, **of)
        else:
            from archlang.train import ensemble as together

            rows = list(_rows(together(runs, images, passes, **of), top))
        about = {"output": name} if each else {}
        found.append([{"image": row["image"], **about, **row} for row in rows])
    return [row for rows in zip(*found, strict=True) for row in rows]


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
            **{k: row[k] for k in _ABOUT if k in row},
            "rank": rank,
            **entry,
            **{k: v for k, v in row.items() if k not in (*_ABOUT, "top")},
        }
        for row in rows
        for rank, entry in enumerate(row["top"], start=1)
    ]
    columns = dict.fromkeys(name for row in flat for name in row)
    writer = csv.DictWriter(sys.stdout, list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)


_ABOUT = ("image", "output")
"""What a line is about, before what it says."""
_FIGURES = {
    "variance": ".4f",
    "entropy": ".4f",
    "mutual_information": ".4f",
    "disagreement": ".2%",
}
"""What a table has of several draws, and how it is written."""


def _figures(row: dict[str, Any]) -> dict[str, float]:
    return {**row["top"][0], **row}


def _measure(row: dict[str, Any]) -> str:
    """What a row has of each class."""
    return "share" if "share" in row["top"][0] else "probability"


def _print_tables(rows: list[dict[str, Any]]) -> None:
    """A table of the probabilities, and one of the shares, where there are both."""
    kinds = dict.fromkeys(map(_measure, rows))
    for number, kind in enumerate(kinds):
        if number:
            print()
        _print_table([row for row in rows if _measure(row) == kind])


def _print_table(rows: list[dict[str, Any]]) -> None:
    """A line for each image."""
    what = _measure(rows[0])
    columns = {name: form for name, form in _FIGURES.items() if name in _figures(rows[0])}
    about = [name for name in _ABOUT if name in rows[0]]
    head = [*about, "class", what, *(name.replace("_", " ") for name in columns)]
    if len(rows[0]["top"]) > 1:
        head.append("then")
    body: list[Cells] = []
    for row in rows:
        first, *rest = row["top"]
        figures = _figures(row)
        cells = [*(row[name] for name in about), first["class"], f"{first[what]:.2%}"]
        cells += [format(figures[name], form) for name, form in columns.items()]
        if rest:
            cells.append(", ".join(f"{e['class']} {e[what]:.2%}" for e in rest))
        body.append(Cells(tuple(cells)))
    right = range(len(about) + 1, len(about) + 2 + len(columns))
    for line, _ in text_table(tuple(head), body, right=right, shrink=0, width=None):
        print(line)
