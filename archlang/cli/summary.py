"""``archlang summary``: a network layer by layer."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

import typer

from archlang.analyses.sizes import input_sizes, legal
from archlang.cli.common import (
    File,
    InputShapes,
    ModelName,
    Settings,
    load_network,
    use_color,
)
from archlang.cli.table import Cells, text_table
from archlang.network import Network
from archlang.report import (
    Row,
    input_text,
    layer_records,
    rows,
    shape_text,
    si,
    sizes_text,
    to_json,
    training_only,
    walk,
)

HEADER = ("path", "layer", "output", "size", "params", "macs")
SIZE = 3
"""The column of the sizes that depend on the input's: left out where there are none."""


class SummaryFormat(StrEnum):
    """What a summary is printed as."""

    text = "text"
    json = "json"
    csv = "csv"
    markdown = "markdown"
    latex = "latex"


def summary(
    file: File,
    model: ModelName = None,
    set_: Settings = None,
    input_: InputShapes = None,
    depth: Annotated[
        int, typer.Option("--depth", "-d", min=1, help="Levels of scopes to open.")
    ] = 3,
    fold: Annotated[bool, typer.Option(help="Show equal neighbours as one row ×N.")] = True,
    format_: Annotated[SummaryFormat, typer.Option("--format", "-f", help="Printed as.")] = (
        SummaryFormat.text
    ),
) -> None:
    """Summarise a network: shapes, parameters, MACs, layer by layer. Nothing is run."""
    network = load_network(file, model, set_, input_)
    match format_:
        case SummaryFormat.json:
            from archlang import __version__

            print(json.dumps(to_json(network, __version__), ensure_ascii=False))
        case SummaryFormat.csv:
            _csv(network)
        case SummaryFormat.markdown:
            _lines(_markdown(network))
        case SummaryFormat.latex:
            _lines(_latex(network))
        case SummaryFormat.text:
            _text(network, depth, fold)


def _lines(lines: Iterator[str]) -> None:
    print("\n".join(lines))


def _cells(network: Network) -> Iterator[tuple[str, str, str, str, int, int]]:
    nodes = (n for n in network.graph.nodes if n.inputs)
    for r, node in zip(layer_records(network.graph), nodes, strict=True):
        shape = node.output.shape
        yield r["path"], r["layer"], shape_text(shape), sizes_text(shape), r["params"], r["macs"]


def _csv(network: Network) -> None:
    import csv

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(_cells(network))


def _markdown(network: Network) -> Iterator[str]:
    yield f"| {' | '.join(HEADER)} |"
    yield "|---|---|---|---|--:|--:|"
    for path, layer, output, size, params, macs in _cells(network):
        said = f"`{size}`" if size else ""
        yield f"| {path} | `{layer}` | {output} | {said} | {params:,} | {macs:,} |"
    totals = network.totals
    yield f"| **total** | | | | **{totals.params:,}** | **{totals.macs:,}** |"


def _latex(network: Network) -> Iterator[str]:
    def safe(text: str) -> str:
        return text.replace("_", r"\_").replace("%", r"\%").replace("&", r"\&").replace("#", r"\#")

    yield r"\begin{tabular}{llllrr}"
    yield r"\hline"
    yield " & ".join(HEADER) + r" \\"
    yield r"\hline"
    for path, layer, output, size, params, macs in _cells(network):
        said = rf"\texttt{{{safe(size)}}}" if size else ""
        figures = f"{output} & {said} & {params:,} & {macs:,}"
        yield rf"{safe(path)} & \texttt{{{safe(layer)}}} & {figures} \\"
    yield r"\hline"
    totals = network.totals
    yield rf"total & & & & {totals.params:,} & {totals.macs:,} \\"
    yield r"\hline"
    yield r"\end{tabular}"


def _text(network: Network, depth: int, fold: bool) -> None:
    inputs = ", ".join(f"{n} {input_text(x)}" for n, x in network.graph.inputs.items())
    shown = [_row(level, row) for level, row in walk(rows(network.graph, fold=fold), depth)]
    color = use_color(sys.stdout)
    width = os.get_terminal_size().columns if sys.stdout.isatty() else None
    name = f"\033[1m{network.name}\033[0m" if color else network.name
    print(f"{name}   {inputs}\n")
    head: tuple[str, ...] = (
        "part", "layer", "output", _size_head(network), "parameters", "MACs",
    )  # fmt: skip
    if not any(row.texts[SIZE] for row in shown):
        head, shown = _without(SIZE, head), [Cells(_without(SIZE, r.texts), r.plain) for r in shown]
    right = (len(head) - 2, len(head) - 1)
    for line, plain in text_table(head, shown, right=right, shrink=1, width=width):
        print(f"\033[2m{line}\033[0m" if color and plain else line)
    print()
    _lines(_totals(network))


def _size_head(network: Network) -> str:
    """``size, W as H``: one side is said for all that go the same way."""
    first, *rest = list(input_sizes(network.graph)) or [""]
    return f"size, {' and '.join(rest)} as {first}" if rest else "size"


def _without(column: int, texts: tuple[str, ...]) -> tuple[str, ...]:
    return (*texts[:column], *texts[column + 1 :])


def _row(level: int, row: Row) -> Cells:
    copies = f" ×{row.copies}" if row.copies > 1 else ""
    each = " each" if row.copies > 1 and (row.params or row.macs) else ""
    cells = (
        "  " * level + row.name,
        f"{row.what}{copies}".strip(),
        shape_text(row.output),
        row.size,
        f"{row.params:,}{each}" if row.params else "",
        f"{si(row.macs)}{each}" if row.macs else "",
    )
    return Cells(cells, plain=not (row.params or row.children))


def _totals(network: Network) -> Iterator[str]:
    t = network.totals
    for name, node in network.graph.outputs.items():
        yield f"{name:<11}{node.output.shown}"
    if aux := training_only(network.graph):
        yield f"parameters {t.params:,}  ({t.params - aux:,} without what runs in training only)"
    else:
        yield f"parameters {t.params:,}  ({4 * t.params / 1e6:,.1f} MB in float32)"
    yield f"buffers    {t.buffers:,}"
    yield f"MACs       {t.macs:,}  ({si(t.macs)}; FLOPs {si(t.flops)})"
    yield f"neurons    {t.neurons:,}"
    yield f"depth      {t.depth}"
    if (found := legal(network.graph)).names:
        yield f"sizes      {found.words()}"
