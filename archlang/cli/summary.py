"""``archlang summary``: a network layer by layer."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from archlang.analyses.sizes import input_sizes, legal
from archlang.cli.common import (
    File,
    InputShapes,
    ModelName,
    Settings,
    Watch,
    load_network,
    stop,
    use_color,
)
from archlang.cli.table import Cells, text_table
from archlang.columns import COLUMNS, DEFAULT_COLUMNS, Value
from archlang.network import Network
from archlang.report import (
    Row,
    input_text,
    layer_records,
    rows,
    sizes_text,
    to_json,
    training_only,
    walk,
)
from archlang.spelling import nearest
from archlang.wording import bytes_text, shape_text, si

if TYPE_CHECKING:
    from archlang.analyses.compat import Tool

HEADER = ("path", "layer", "output", "size")
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
    watch: Watch = False,
) -> None:
    """Summarise a network: shapes, parameters, MACs, layer by layer. Nothing is run."""
    if watch:
        given = {**locals(), "watch": False}
        from archlang.cli.watch import again

        again([file], lambda: summary(**given))
    chosen = _known("--columns", [name.strip() for name in columns.split(",")], COLUMNS)
    tools = _tools(compat or [])
    network = load_network(file, model, set_, input_)
    match format_:
        case SummaryFormat.json:
            import json  # which what is for people does without

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


Line: TypeAlias = tuple[str, str, str, str, list[Value]]
"""Path, layer, output, its sizes as functions of the input's, and the figures of columns."""


def _cells(network: Network, columns: list[str]) -> Iterator[Line]:
    numbers = {name: COLUMNS[name].of(network.graph) for name in columns}
    nodes = (node for node in network.graph.nodes if node.inputs)
    for node, r in zip(nodes, layer_records(network.graph), strict=True):
        values = [r.get(name, of[node.index]) for name, of in numbers.items()]
        shape = node.output.shape
        yield r["path"], r["layer"], shape_text(shape), sizes_text(shape), values


def _sums(network: Network, columns: list[str]) -> list[Value]:
    totals = network.totals.to_json()
    return [totals.get(n) or COLUMNS[n].total(network.graph) for n in columns]


def _csv(network: Network, columns: list[str]) -> None:
    import csv

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow((*HEADER, *columns))
    writer.writerows((*texts, *values) for *texts, values in _cells(network, columns))


def _markdown(network: Network, columns: list[str]) -> Iterator[str]:
    yield f"| {' | '.join((*HEADER, *columns))} |"
    yield f"|---|---|---|---|{'--:|' * len(columns)}"
    for path, layer, output, size, values in _cells(network, columns):
        said = f"`{size}`" if size else ""
        numbers = " | ".join(_exact(v) for v in values)
        yield f"| {path} | `{layer}` | {output} | {said} | {numbers} |"
    totals = " | ".join(f"**{_exact(v)}**" for v in _sums(network, columns))
    yield f"| **total** | | | | {totals} |"


def _latex(network: Network, columns: list[str]) -> Iterator[str]:
    def safe(text: str) -> str:
        return text.replace("_", r"\_").replace("%", r"\%").replace("&", r"\&").replace("#", r"\#")

    yield rf"\begin{{tabular}}{{llll{'r' * len(columns)}}}"
    yield r"\hline"
    yield " & ".join((*HEADER, *columns)) + r" \\"
    yield r"\hline"
    for path, layer, output, size, values in _cells(network, columns):
        said = rf"\texttt{{{safe(size)}}}" if size else ""
        numbers = " & ".join(_exact(v) for v in values)
        yield rf"{safe(path)} & \texttt{{{safe(layer)}}} & {output} & {said} & {numbers} \\"
    yield r"\hline"
    totals = " & ".join(_exact(v) for v in _sums(network, columns))
    yield rf"total & & & & {totals} \\"
    yield r"\hline"
    yield r"\end{tabular}"


def _text(network: Network, columns: list[str], depth: int, fold: bool) -> None:
    inputs = ", ".join(f"{n} {input_text(x)}" for n, x in network.graph.inputs.items())
    found = rows(network.graph, fold=fold, columns=columns)
    shown = [_row(level, row) for level, row in walk(found, depth)]
    color = use_color(sys.stdout)
    width = os.get_terminal_size().columns if sys.stdout.isatty() else None
    name = f"\033[1m{network.name}\033[0m" if color else network.name
    print(f"{name}   {inputs}\n")
    headers = (COLUMNS[name].header for name in columns)
    head: tuple[str, ...] = ("part", "layer", "output", _size_head(network), *headers)
    if not any(row.texts[SIZE] for row in shown):
        head, shown = _without(SIZE, head), [Cells(_without(SIZE, r.texts), r.plain) for r in shown]
    right = range(len(head) - len(columns), len(head))
    for line, plain in text_table(head, shown, right=right, shrink=1, width=width):
        print(f"\033[2m{line}\033[0m" if color and plain else line)
    print()
    _lines(_totals(network, columns))


def _size_head(network: Network) -> str:
    """``size, W as H``: one side is said for all that go the same way."""
    first, *rest = list(input_sizes(network.graph)) or [""]
    return f"size, {' and '.join(rest)} as {first}" if rest else "size"


def _without(column: int, texts: tuple[str, ...]) -> tuple[str, ...]:
    return (*texts[:column], *texts[column + 1 :])


def _row(level: int, row: Row) -> Cells:
    copies = f" ×{row.copies}" if row.copies > 1 else ""
    each = " each" if row.copies > 1 else ""
    cells = (
        "  " * level + row.name,
        f"{row.what}{copies}".strip(),
        shape_text(row.output),
        row.size,
        *(
            _value(name, v) + (each if isinstance(v, int) else "") if v else ""
            for name, v in row.values.items()
        ),
    )
    return Cells(cells, plain=not (row.params or row.children))


def _value(name: str, value: Value) -> str:
    return si(value) if COLUMNS[name].short and isinstance(value, int) else _exact(value)


def _exact(value: Value) -> str:
    return f"{value:,}" if isinstance(value, int) else value


def _totals(network: Network, columns: list[str]) -> Iterator[str]:
    t = network.totals
    for name, node in network.graph.outputs.items():
        yield f"{name:<11}{node.output.shown}"
    if aux := training_only(network.graph):
        yield f"parameters {t.params:,}  ({t.params - aux:,} without what runs in training only)"
    else:
        yield f"parameters {t.params:,}  ({bytes_text(4 * t.params)} in float32)"
    yield f"buffers    {t.buffers:,}"
    yield f"MACs       {t.macs:,}  ({si(t.macs)}; FLOPs {si(t.flops)})"
    yield f"neurons    {t.neurons:,}"
    yield f"depth      {t.depth}"
    for name in columns:
        if name not in t.to_json():
            yield f"{COLUMNS[name].header:<10} {_exact(COLUMNS[name].total(network.graph))}"
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
