"""``archlang diff``: what has become of one network in another."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Annotated

import typer

from archlang.analyses.differences import Weights, scopes, tensors
from archlang.cli.common import (
    CLEAN,
    FINDINGS,
    USAGE,
    InputShapes,
    Settings,
    network_of,
    read,
    stop,
    use_color,
)
from archlang.cli.table import Cells, text_table
from archlang.columns import COLUMNS
from archlang.comparison import Comparison, Figure, Line, compare
from archlang.elaborate import Program
from archlang.network import Network
from archlang.op import format_value
from archlang.wording import shape_text, si

SHOWN = 8
"""How many keys or scopes of one kind are listed."""
MODEL = re.compile(r"(?P<file>.*):(?P<model>[^\W\d]\w*)")


class DiffFormat(StrEnum):
    """What a comparison is printed as."""

    text = "text"
    json = "json"


def diff(
    a: Annotated[str, typer.Argument(metavar="A", help="FILE or FILE:MODEL; - is standard input.")],
    b: Annotated[
        str | None,
        typer.Argument(metavar="B", help="The same, or :MODEL of A's file. Without it, A's model."),
    ] = None,
    set_: Settings = None,
    set_a: Annotated[list[str] | None, typer.Option(help="As --set, for A alone.")] = None,
    set_b: Annotated[list[str] | None, typer.Option(help="As --set, for B alone.")] = None,
    input_: InputShapes = None,
    input_a: Annotated[list[str] | None, typer.Option(help="As --input, for A alone.")] = None,
    input_b: Annotated[list[str] | None, typer.Option(help="As --input, for B alone.")] = None,
    depth: Annotated[
        int, typer.Option("--depth", "-d", min=1, help="Levels of scopes to open.")
    ] = 3,
    format_: Annotated[DiffFormat, typer.Option("--format", "-f", help="Printed as.")] = (
        DiffFormat.text
    ),
) -> None:
    """Say what has become of network A in B: layers, numbers, and the weights that still load.

    Ends with 0 where they are equal, 1 where they differ, 2 where they cannot be compared.
    """
    if b is None and not (set_a or set_b or input_a or input_b):
        stop(
            "there is nothing to compare A with",
            hint="name a second network, or set A and B apart, as with --set-b classes=10",
        )
    first, second = networks(
        a,
        b or "",
        [[*(set_ or []), *(own or [])] for own in (set_a, set_b)],
        [[*(input_ or []), *(own or [])] for own in (input_a, input_b)],
    )
    found = compare(first, second)
    if format_ is DiffFormat.json:
        from archlang import __version__

        print(json.dumps(found.to_json(__version__), ensure_ascii=False))
    else:
        _text(found, depth)
    raise typer.Exit(CLEAN if found.equal else FINDINGS)


def networks(
    a: str, b: str, settings: Sequence[list[str]], inputs: Sequence[list[str]]
) -> tuple[Network, Network]:
    """Both networks; the second's file and model are the first's where they are not said.

    Ends the program where one of them cannot be had.
    """
    try:
        file, model = _named(a)
        program = Program(*read(file))
        first = network_of(program, model, settings[0], inputs[0], how=f"{file}:{{0}}")
        other, model = _named(b)
        if other and other != file:
            file, program = other, Program(*read(other))
        if model is None and first.name in program.models:
            model = first.name
        second = network_of(program, model, settings[1], inputs[1], how=f"{file}:{{0}}")
    except typer.Exit:  # whatever was found, they cannot be compared
        raise typer.Exit(USAGE) from None
    return first, second


def _named(text: str) -> tuple[str, str | None]:
    """The file and the model of ``FILE:MODEL``."""
    found = None if os.path.exists(text) else MODEL.fullmatch(text)
    return (found["file"], found["model"]) if found else (text, None)


def _text(found: Comparison, depth: int) -> None:
    color = use_color(sys.stdout)
    width = os.get_terminal_size().columns if sys.stdout.isatty() else None
    print(f"{_title(found.a, found.b)} → {_title(found.b, found.a)}\n")
    if found.equal:
        print("equal: they compute the same, and weights of one load in the other")
        return
    rows = list(_rows(found.lines(), depth))
    head = ("  part", "layer", "output", "parameters", "MACs")
    for line, plain in text_table(head, rows, right=(3, 4), shrink=1, width=width):
        print(f"\033[2m{line}\033[0m" if color and plain else line)
    for name, (x, y) in found.differences.outputs.items():
        print(f"\noutput {name}: {x or 'none'} → {y or 'none'}", end="")
    print()
    figures = [_figure(n, f) for n, f in found.figures.items() if f.a or f.b]
    for line, _ in text_table(
        ("", "A", "B", "change"), figures, right=(1, 2), shrink=3, width=width
    ):
        print(line)
    print()
    print("\n".join(_weights(found)))


def _title(network: Network, other: Network) -> str:
    """A network's name, with its file, settings and inputs where they tell it from the other."""
    told = []
    if network.settings != other.settings:
        told += [f"{k}={v}" for k, v in network.settings.items() if other.settings.get(k) != v]
    apart = network.source.name != other.source.name
    title = f"{network.source.name}:{network.name}" if apart else network.name
    title += f"({', '.join(told)})" if told else ""
    if network.inputs != other.inputs:
        title += "".join(f" {n} {shape_text(s)}" for n, s in network.inputs.items())
    return title


def _rows(lines: Sequence[Line], depth: int, level: int = 0) -> Iterator[Cells]:
    for line in lines:
        yield _row(line, level)
        for name, text in line.notes:
            yield Cells(("", f"  {name} {text}", "", "", ""), plain=True)
        if level + 1 < depth:
            yield from _rows(line.children, depth, level + 1)


def _row(line: Line, level: int) -> Cells:
    alike = ", ".join(f"{n:,} {kind}" for kind, n in line.alike.items())
    what = f"… {alike}" if alike else line.what
    copies = f" ×{line.copies}" if line.copies > 1 else ""
    each = " each" if copies and (line.params or line.macs) else ""
    cells = (
        f"{line.mark or ' '} {'  ' * level}{line.name}",
        f"{what}{copies}".strip(),
        line.output,
        f"{line.params:+,}{each}" if line.params else "",
        f"{_signed(line.macs)}{each}" if line.macs else "",
    )
    return Cells(cells, plain=not line.mark)


def _signed(value: int) -> str:
    return f"{'-' if value < 0 else '+'}{si(abs(value))}"


def _figure(name: str, figure: Figure) -> Cells:
    a, b = (_value(v) for v in (figure.a, figure.b))
    change = "equal"
    if figure.difference:
        percent = "" if figure.percent is None else f"  ({figure.percent:+.2f} %)"
        change = f"{figure.difference:+,}{percent}"
    elif figure.a != figure.b:
        change = "differs"
    title = COLUMNS[name].header if name in COLUMNS else name.replace("_", " ")
    return Cells((title, a, b, change))


def _value(value: object) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{value:,}"
    return "none" if value is None else format_value(value)


def _weights(found: Comparison) -> Iterator[str]:
    w = found.weights
    mine, theirs = (tensors(n.graph) for n in (found.a, found.b))
    yield "weights of A in B"
    yield (
        f"  load by their keys   {len(w.loads):,} of {len(theirs):,} tensors, "
        f"{w.params['loads']:,} of {w.params['all']:,} parameters"
    )
    differing = w.differing.items()
    shapes = [f"{k} {shape_text(x)} → {shape_text(y)}" for k, (x, y) in differing]
    moved = list(dict.fromkeys(_move(a, b) for b, a in w.moved.items()))
    yield from _keys("to another layer", len(w.astray), _scopes(w.astray, theirs))
    yield from _keys("of other shapes", len(shapes), shapes)
    yield from _keys("only in B", len(w.missing), _scopes(w.missing, theirs))
    yield from _keys("only in A", len(w.unexpected), _scopes(w.unexpected, mine))
    yield from _keys("moved, A to B", len(w.moved), moved)
    if w.moved:
        yield (
            f"  by structure         {len(w.aligned):,} of {len(theirs):,} tensors, "
            f"{w.params['aligned']:,} of {w.params['all']:,} parameters"
        )
    yield f"  load_state_dict      {_verdict(w)}"


def _verdict(weights: Weights) -> str:
    if weights.strict:
        return "takes them"
    if weights.differing:
        return "refuses them; with strict=False too, unless those of other shapes are left out"
    return "refuses them; with strict=False it takes those that load"


def _move(a: str, b: str) -> str:
    """A key in A and in B, the same end of both left out."""
    (scope, _, end), (other, _, same) = a.rpartition("."), b.rpartition(".")
    return f"{scope}.* → {other}.*" if scope and other and end == same else f"{a} → {b}"


def _scopes(keys: Sequence[str], every: Iterable[str]) -> list[str]:
    found = scopes(keys, every).items()
    return [f"{scope}.*" if scope not in keys else scope for scope, _ in found]


def _keys(what: str, count: int, texts: Sequence[str]) -> Iterator[str]:
    if not count:
        return
    shown = texts[:SHOWN]
    yield f"  {what:<20} {count:,}"
    yield from (f"    {text}" for text in shown)
    if len(texts) > SHOWN:
        yield f"    … {len(texts) - SHOWN:,} more"
