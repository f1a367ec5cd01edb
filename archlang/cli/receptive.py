"""``archlang receptive``: which part of the input each layer sees."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import typer

from archlang.analyses.receptive import (
    AxisField,
    Sight,
    TensorField,
    field_of,
    find,
    places_seen,
    positions,
    sight,
)
from archlang.analyses.receptive.places import Runs
from archlang.cli.common import File, InputShapes, ModelName, Settings, load_network, stop
from archlang.cli.output import check_plot, write_files
from archlang.cli.table import Cells, text_table
from archlang.graph import Graph, Node
from archlang.network import Network
from archlang.report import Row, rows, walk
from archlang.types import symbols
from archlang.wording import shape_text

LEFT = 12
MOST = 6
"""Phases and stretches that are told one by one."""


class ReceptiveFormat(StrEnum):
    """What is printed."""

    text = "text"
    json = "json"


def receptive(
    file: File,
    model: ModelName = None,
    set_: Settings = None,
    input_: InputShapes = None,
    at: Annotated[
        str | None, typer.Option(help="One tensor: a module path, a label, an output.")
    ] = None,
    position: Annotated[
        str | None, typer.Option(help="A place of it, such as 3x3; the middle if unsaid.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the field over the input: a .png, .svg or .pdf.")
    ] = None,
    depth: Annotated[
        int, typer.Option("--depth", "-d", min=1, help="Levels of scopes to open.")
    ] = 2,
    format_: Annotated[ReceptiveFormat, typer.Option("--format", "-f", help="Printed as.")] = (
        ReceptiveFormat.text
    ),
) -> None:
    """Say which part of the input each layer sees: size, stride, centre. Nothing is run.

    With `--plot`, the gradient of an output is drawn beside it, where PyTorch is installed.
    """
    network = load_network(file, model, set_, input_)
    graph = network.graph
    node = _node(network, at) if at or plot or position else None
    place = _position(graph, node, position) if node else None
    if plot is not None:
        check_plot(plot)
    if format_ is ReceptiveFormat.json:
        print(json.dumps(_data(network, node if at else None, place), ensure_ascii=False))
    elif at and node and place is not None:
        print("\n".join(_at(network, node, place)))
    else:
        _table(network, depth)
        print("\n".join(_totals(network)))
    if plot is not None and node and place is not None:
        _draw(network, node, place, plot)


def _node(network: Network, at: str | None) -> Node:
    try:
        if at is not None:
            return find(network.graph, at)
        return find(network.graph, network.receptive_field().path)
    except ValueError as error:
        stop(str(error), hint="" if at else "say which tensor with --at")


def _position(graph: Graph, node: Node, text: str | None) -> tuple[int, ...]:
    try:
        place = tuple(int(i) for i in text.split("x")) if text else None
    except ValueError:
        stop(f"--position takes a place such as 3x3, not {text}")
    axes = positions(graph, node)
    if place is None:
        return tuple(int(node.output.shape[axis]) // 2 for axis in axes)
    try:
        places_seen(graph, node, place)
    except ValueError as error:
        stop(f"--position {text}: {error}")
    return place


def _table(network: Network, depth: int) -> None:
    inputs = ", ".join(f"{n} {shape_text(s)}" for n, s in network.inputs.items())
    print(f"{network.name}   {inputs}\n")
    found = rows(network.graph)
    shown = [_row(network.graph, level, row) for level, row in walk(found, depth) if _tells(row)]
    width = os.get_terminal_size().columns if sys.stdout.isatty() else None
    head = ("part", "layer", "output", "field", "stride", "centre", "padding")
    for line, _ in text_table(head, shown, right=(3, 4, 5, 6), shrink=1, width=width):
        print(line)
    print()


def _tells(row: Row) -> bool:
    """Whether a row is worth a line: layers that leave every place where it was are not."""
    if row.children or not row.results:
        return bool(row.results)
    node = row.results[0]
    windows = node.op.window(node.output, *node.tensors)
    return any(w is None or any(tuple(r) != (a, *OWN) for a, r in enumerate(w)) for w in windows)


OWN = (1, 1, 0, 0, 1, "zeros", False, False, 0)
"""How a layer looks that looks at its own place alone."""


def _row(graph: Graph, level: int, row: Row) -> Cells:
    copies = f" ×{row.copies}" if row.copies > 1 else ""
    ends = [field_of(graph, n) for n in (row.results[0], row.results[-1])]
    figures = (_range(name, ends) for name in ("size", "stride", "centre", "padding"))
    return Cells(
        ("  " * level + row.name, f"{row.what}{copies}".strip(), shape_text(row.output), *figures)
    )


def _range(name: str, ends: list[TensorField]) -> str:
    first, last = (_figure(name, field) for field in ends)
    return first if first == last else f"{first} – {last}"


def _figure(name: str, field: TensorField) -> str:
    """A figure of a field, one for all axes where they agree."""
    texts = [_text(name, axis) for axis in field.axes]
    return texts[0] if len(set(texts)) == 1 else "x".join(t or "–" for t in texts)


def _text(name: str, axis: AxisField) -> str:
    value = getattr(axis, name)
    if value is None:
        return ("whole" if axis.whole else "varies") if name == "size" else ""
    return number(value)


def number(value: int | Fraction) -> str:
    """A figure as people write it."""
    return str(value) if Fraction(value).denominator == 1 else f"{float(value):g}"


def _totals(network: Network) -> Iterator[str]:
    seen = sight(network.graph)
    if seen.map is None:
        yield _line("field", "no tensor is a map of the input")
    else:
        where = f"{seen.map.path} {shape_text(seen.map.shape)}, the last map"
        yield _line("field", f"{_figure('size', seen.map)} at {where}")
        yield from _about(network.graph, seen.map)
    yield _line("sees all", _sees_all(seen))
    for name, axes in seen.unseen.items():
        sizes = network.inputs[name]
        for axis, runs in enumerate(axes):
            if runs:
                where = _axis_name(network.graph, name, axis)
                yield _line("unseen", f"{where}: {_places(runs)} of {sizes[axis]}")


def _sees_all(seen: Sight) -> str:
    if seen.sees_all:
        return "yes: each output depends on the whole input"
    if any(map(any, seen.unseen.values())):
        return "no: no output depends on what is unseen"
    return "no: an output depends on a part of the input"


def _about(graph: Graph, field: TensorField) -> Iterator[str]:
    """Paths, phases and what sees the whole input besides."""
    told: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for axis in field.axes:
        told.setdefault(tuple(_of_axis(axis)), []).append(_axis_name(graph, axis.input, axis.axis))
    for lines, names in told.items():
        which = f" ({', '.join(names)})" if len(told) > 1 else ""
        for name, text in lines:
            yield _line(name, text + which)


def _of_axis(axis: AxisField) -> Iterator[tuple[str, str]]:
    if axis.narrowest is not None and axis.widest is not None:
        if axis.narrowest != axis.widest:
            centre = "all of one centre" if axis.aligned else "not all of one centre"
            ends = f"{number(axis.narrowest)} to {number(axis.widest)}"
            yield "paths", f"from {ends}, {centre}"
        elif not axis.aligned:
            yield "paths", "not all of one centre"
    if axis.phases:
        sizes = [p.size for p in axis.phases]
        listed = (
            ", ".join(map(str, sizes))
            if len(sizes) <= MOST
            else (f"from {min(sizes)} to {max(sizes)}")
        )
        yield "phases", f"{len(sizes)}: {listed}"
    if axis.whole:
        yield "whole", "some paths see the whole axis (gates, norms, attention): left out above"


def _axis_name(graph: Graph, name: str, axis: int) -> str:
    node = graph.inputs[name]
    open_ = "".join(symbols(node.output.shape[axis]))
    label = open_ or f"axis {axis}"
    return label if len(graph.inputs) == 1 else f"{name} {label}"


def _line(name: str, text: str) -> str:
    return f"{name:<{LEFT}}{text}"


def _places(runs: Runs) -> str:
    shown = [str(a) if a == b else f"{a} to {b}" for a, b in runs]
    most = MOST if len(shown) > MOST + 1 else len(shown)
    more = f" and {len(shown) - most} more" if len(shown) > most else ""
    return ", ".join(shown[:most]) + more


def _at(network: Network, node: Node, place: tuple[int, ...]) -> Iterator[str]:
    field = field_of(network.graph, node)
    yield f"{node.path or '/'.join(network.inputs)}   {shape_text(field.shape)}\n"
    for name, label in (("size", "field"), ("stride",) * 2, ("centre",) * 2, ("padding",) * 2):
        if field.axes and (text := _figure(name, field)):
            yield _line(label, text)
    yield from _about(network.graph, field)
    spot = "x".join(map(str, place))
    yield _line("place", f"{spot}, which sees") if spot else "It sees"
    for name, axes in places_seen(network.graph, node, place).items():
        for axis in (a.axis for a in field.axes if a.input == name):
            where = _axis_name(network.graph, name, axis)
            yield _line(
                where, f"{_places(axes[axis]) or 'nothing'} of {network.inputs[name][axis]}"
            )


def _data(network: Network, node: Node | None, place: tuple[int, ...] | None) -> dict[str, Any]:
    from archlang import __version__

    graph = network.graph
    data: dict[str, Any] = {
        "version": __version__,
        "model": network.name,
        "inputs": {n: list(s) for n, s in network.inputs.items()},
        **sight(graph).to_json(),
        "outputs": {n: field_of(graph, x).to_json() for n, x in graph.outputs.items()},
    }
    if node is None:
        data["layers"] = [field_of(graph, n).to_json() for n in graph.nodes if n.inputs]
    elif place is not None:
        seen = places_seen(graph, node, place)
        data["at"] = {
            **field_of(graph, node).to_json(),
            "position": list(place),
            "places": {n: [list(map(list, runs)) for runs in axes] for n, axes in seen.items()},
        }
    return data


def _draw(network: Network, node: Node, place: tuple[int, ...], path: Path) -> None:
    from archlang.plots.receptive import draw

    def write(target: Path) -> list[Path]:
        draw(network.graph, node, place, target)
        return [target]

    try:
        write_files(path, write)
    except ValueError as error:
        stop(f"cannot draw {path}: {error}")
    print(f"written to {path}")
