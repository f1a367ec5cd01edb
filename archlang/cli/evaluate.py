"""``archlang evaluate``: how good a trained network is, class by class."""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archlang.cli.output import check_plot, write_files
from archlang.cli.table import Cells, text_table
from archlang.cli.trained import RunPath, explained, need_torch

if TYPE_CHECKING:
    from archlang.train import Evaluation

WIDEST = 12
"""Up to how many classes the matrix is printed; of more, the most frequent errors are."""


class EvaluateFormat(StrEnum):
    """What a score is printed as."""

    text = "text"
    json = "json"


class Part(StrEnum):
    """What of a data set is scored."""

    test = "test"
    validation = "validation"
    training = "training"


DataSet = Annotated[
    str | None,
    typer.Option("--data", "-d", help="NAME or NAME:PATH; the run's own if not given."),
]
PartOf = Annotated[Part, typer.Option(help="Which of its images.")]
Format = Annotated[EvaluateFormat, typer.Option("--format", "-f", help="Printed as.")]
Plot = Annotated[Path | None, typer.Option(help="Draw the confusion matrix: .svg, .png or .pdf.")]
BatchSize = Annotated[
    int | None, typer.Option(min=1, help="Images at once; as in training if not given.")
]
Workers = Annotated[int, typer.Option(min=0, help="Processes that read images.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, …")]


def evaluate(
    run: RunPath,
    data: DataSet = None,
    part: PartOf = Part.test,
    format_: Format = EvaluateFormat.text,
    plot: Plot = None,
    batch_size: BatchSize = None,
    workers: Workers = 0,
    device: Device = "auto",
) -> None:
    """Score a trained network: accuracy, loss, each class, what is taken for what."""
    need_torch("evaluating")
    if plot is not None:
        check_plot(plot)
    with explained():
        from archlang.train import evaluate as score, trained
        from archlang.train.workers import crowded

        one = trained(run, device=device)
        found = score(one, data, part=part, batch_size=batch_size, workers=workers)
    if format_ is EvaluateFormat.json:
        print(json.dumps({"run": str(run), **found.plain()}, ensure_ascii=False))
    else:
        weights = "the running mean of the weights" if one.averaged else "weights"
        _print(found, weights + (f" of epoch {one.epoch}" if one.epoch is not None else ""))
    for note in filter(None, (*found.notes, crowded(workers))):
        typer.echo(f"note: {note}", err=True)
    if plot is not None:
        for number, scored in enumerate(found.outputs or (found,)):
            path = plot.with_stem(f"{plot.stem}-{scored.output}") if number else plot
            _draw(scored, path)
            typer.echo(f"confusion matrix: {path}", err=True)


def _print(found: Evaluation, weights: str) -> None:
    """The scores, and of what."""
    place = f" ({found.source})" if found.source not in ("", found.data) else ""
    print(f"{found.model} on {found.data}{place}: {found.part} images, {weights}")
    for scored in found.outputs or (found,):
        if scored.output:
            print(f"\noutput `{scored.output}`")
        print("\n".join(_lines(scored)))


def _draw(found: Evaluation, plot: Path) -> None:
    from archlang.plots.confusion import draw

    what = f"{found.model}.{found.output}" if found.output else found.model
    title = f"{what} on {found.data}: {found.accuracy:.2%} of {found.count:,}"

    def write(path: Path) -> list[Path]:
        draw(found.table.tolist(), found.classes, title, path)
        return [path]

    write_files(plot, write)


def _lines(found: Evaluation) -> Iterator[str]:
    pixels = found.task == "segmentation"
    of = f"{found.correct:,} of {found.count:,}{' pixels' if pixels else ''}"
    yield f"accuracy   {found.accuracy:.2%} ({of})"
    if pixels:
        yield f"mean IoU   {found.iou:.2%}"
        yield f"mean Dice  {found.dice:.2%}"
    if found.top5 is not None:
        yield f"top 5      {found.top5:.2%}"
    yield f"loss       {found.loss:.4f} nats"
    yield ""
    names = ("class", "pixels" if pixels else "images", "accuracy", "precision")
    head = (*names, "IoU", "Dice") if pixels else names
    body = [
        Cells(
            (
                score.name,
                f"{score.count:,}",
                *map(_percent, (score.accuracy, score.precision)),
                *(map(_percent, (score.iou, score.dice)) if pixels else ()),
            )
        )
        for score in found.per_class
    ]
    yield from _table(head, body)
    yield ""
    yield from _confusion(found)


def _confusion(found: Evaluation) -> Iterator[str]:
    """The matrix, or what of it matters most."""
    if len(found.classes) <= WIDEST:
        rows = found.table.tolist()
        short = max(map(len, found.classes)) <= 6
        heads = found.classes if short else tuple(map(str, range(len(found.classes))))
        named = found.classes if short else [f"{i} {n}" for i, n in enumerate(found.classes)]
        body = [
            Cells((name, *(f"{count:,}" if count else "·" for count in row)))
            for name, row in zip(named, rows, strict=True)
        ]
        yield from _table(("is \\ taken for", *heads), body)
        return
    pairs = found.confusions()
    if not pairs:
        yield "nothing is taken for anything else"
        return
    yield from _table(
        ("is", "taken for", "times"), [Cells((a, b, f"{count:,}")) for a, b, count in pairs], 2
    )


def _table(head: tuple[str, ...], body: list[Cells], first: int = 1) -> Iterator[str]:
    right = range(first, len(head))
    for line, _ in text_table(head, body, right=right, shrink=0, width=None):
        yield line


def _percent(share: float) -> str:
    return f"{share:.2%}" if share == share else "–"
