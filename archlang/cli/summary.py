"""``archlang summary``: a network layer by layer."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Collection, Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from archlang.analyses.sizes import legal
from archlang.cli.common import (
    File,
    InputShapes,
    ModelName,
    Settings,
    load_network,
    stop,
    use_color,
)
from archlang.cli.table import Cells, text_table
from archlang.network import Network
from archlang.op import nearest
from archlang.report import (
    COLUMNS,
    DEFAULT_COLUMNS,
    Row,
    layer_records,
    rows,
    shape_text,
    si,
    to_json,
    training_only,
    walk,
)

if TYPE_CHECKING:
    from archlang.analyses.compat import Tool

HEADER = ("path", "layer", "output")


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
    columns: Annotated[
        str, typer.Option(help=f"Numbers of each layer, such as params,norm: {', '.join(COLUMNS)}.")
    ] = ",".join(DEFAULT_COLUMNS),
    compat: Annotated[
        list[str] | None,
        typer.Option(help="Another tool's count beside ours, such as fvcore. Repeatable."),
    ] = None,
    format_: Annotated[SummaryFormat, typer.Option("--format", "-f", help="Printed as.")] = (
        SummaryFormat.text
    ),
) -> None:
    """Summarise a network: shapes, parameters, MACs, layer by layer. Nothing is run."""
    chosen = _known("--columns", [name.strip() for name in columns.split(",")], COLUMNS)
    tools = _tools(compat or [])
    network = load_network(file, model, set_, input_)
    match format_:
        case SummaryFormat.json:
            from archlang import __version__

            data = to_json(network, __version__)
            if tools:
                from archlang.analyses.compat import addends

                data["compat"] = {t.name: addends(network.graph, t) for t in tools}
            print(json.dumps(data, ensure_ascii=False))
        case SummaryFormat.csv:
            _csv(network, chosen)
        case SummaryFormat.markdown:
            _lines(_markdown(network, chosen))
        case SummaryFormat.latex:
            _lines(_latex(network, chosen))
        case SummaryFormat.text:
            _text(network, chosen, depth, fold)
            for tool in tools:
                _lines(_compared(network, tool))


def _known(option: str, names: list[str], known: Collection[str]) -> list[str]:
    """The names, if all are known; else ends the program."""
    for name in names:
        if name not in known:
            guess = nearest(name, list(known))
            hint = f"did you mean {guess}?" if guess else f"there are {', '.join(known)}"
            stop(f"{option} has no {name or 'empty name'}", hint=hint)
    return names


def _lines(lines: Iterator[str]) -> None:
    print("\n".join(lines))


def _cells(network: Network, columns: list[str]) -> Iterator[tuple[str, str, str, list[int]]]:
    numbers = {name: COLUMNS[name].of(network.graph) for name in columns}
    nodes = (node for node in network.graph.nodes if node.inputs)
    for node, r in zip(nodes, layer_records(network.graph), strict=True):
        values = [r.get(name, of[node.index]) for name, of in numbers.items()]
        yield r["path"], r["layer"], shape_text(tuple(r["output"])), values


def _sums(network: Network, columns: list[str]) -> list[int]:
    totals = network.totals.to_json()
    return [totals.get(n, sum(COLUMNS[n].of(network.graph))) for n in columns]


def _csv(network: Network, columns: list[str]) -> None:
    import csv

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow((*HEADER, *columns))
    writer.writerows((*texts, *values) for *texts, values in _cells(network, columns))


def _markdown(network: Network, columns: list[str]) -> Iterator[str]:
    yield f"| {' | '.join((*HEADER, *columns))} |"
    yield f"|---|---|---|{'--:|' * len(columns)}"
    for path, layer, output, values in _cells(network, columns):
        yield f"| {path} | `{layer}` | {output} | {' | '.join(f'{v:,}' for v in values)} |"
    totals = " | ".join(f"**{v:,}**" for v in _sums(network, columns))
    yield f"| **total** | | | {totals} |"


def _latex(network: Network, columns: list[str]) -> Iterator[str]:
    def safe(text: str) -> str:
        return text.replace("_", r"\_").replace("%", r"\%").replace("&", r"\&").replace("#", r"\#")

    yield rf"\begin{{tabular}}{{lll{'r' * len(columns)}}}"
    yield r"\hline"
    yield " & ".join((*HEADER, *columns)) + r" \\"
    yield r"\hline"
    for path, layer, output, values in _cells(network, columns):
        numbers = " & ".join(f"{v:,}" for v in values)
        yield rf"{safe(path)} & \texttt{{{safe(layer)}}} & {output} & {numbers} \\"
    yield r"\hline"
    totals = " & ".join(f"{v:,}" for v in _sums(network, columns))
    yield rf"total & & & {totals} \\"
    yield r"\hline"
    yield r"\end{tabular}"


def _text(network: Network, columns: list[str], depth: int, fold: bool) -> None:
    inputs = ", ".join(f"{n} {shape_text(s)}" for n, s in network.inputs.items())
    found = rows(network.graph, fold=fold, columns=columns)
    shown = [_row(level, row) for level, row in walk(found, depth)]
    color = use_color(sys.stdout)
    width = os.get_terminal_size().columns if sys.stdout.isatty() else None
    name = f"\033[1m{network.name}\033[0m" if color else network.name
    print(f"{name}   {inputs}\n")
    head = ("part", "layer", "output", *(COLUMNS[name].header for name in columns))
    right = range(3, len(head))
    for line, plain in text_table(head, shown, right=right, shrink=1, width=width):
        print(f"\033[2m{line}\033[0m" if color and plain else line)
    print()
    _lines(_totals(network, columns))


def _row(level: int, row: Row) -> Cells:
    copies = f" ×{row.copies}" if row.copies > 1 else ""
    each = " each" if row.copies > 1 and any(row.values.values()) else ""
    cells = (
        "  " * level + row.name,
        f"{row.what}{copies}".strip(),
        shape_text(row.output),
        *(f"{_value(name, value)}{each}" if value else "" for name, value in row.values.items()),
    )
    return Cells(cells, plain=not (row.params or row.children))


def _value(name: str, value: int) -> str:
    return si(value) if COLUMNS[name].short else f"{value:,}"


def _totals(network: Network, columns: list[str]) -> Iterator[str]:
    t = network.totals
    for name, shape in network.outputs.items():
        yield f"{name:<11}{shape_text(shape)}"
    if aux := training_only(network.graph):
        yield f"parameters {t.params:,}  ({t.params - aux:,} without what runs in training only)"
    else:
        yield f"parameters {t.params:,}  ({4 * t.params / 1e6:,.1f} MB in float32)"
    yield f"buffers    {t.buffers:,}"
    yield f"MACs       {t.macs:,}  ({si(t.macs)}; FLOPs {si(t.flops)})"
    yield f"neurons    {t.neurons:,}"
    yield f"depth      {t.depth}"
    for name in columns:
        if name not in t.to_json():
            yield f"{COLUMNS[name].header:<10} {sum(COLUMNS[name].of(network.graph)):,}"
    if (found := legal(network.graph)).names:
        yield f"sizes      {found.words()}"


def _tools(names: list[str]) -> list[Tool]:
    if not names:
        return []
    from archlang.analyses.compat import TOOLS

    return [TOOLS[name] for name in _known("--compat", names, TOOLS)]


def _compared(network: Network, tool: Tool) -> Iterator[str]:
    """A tool's total with its addends, and what it makes of ours."""
    from archlang.analyses.compat import addends

    found = addends(network.graph, tool)
    total, ours = sum(found.values()), network.totals.macs
    yield ""
    yield f"{tool.name:<26}{total:>18,}  {tool.calls}"
    for what, count in found.items():
        yield f"  {what:<24}{count:>18,}"
    yield f"MACs{ours:>40,}  {total - ours:+,} by {tool.name}"
