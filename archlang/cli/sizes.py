"""``archlang sizes``: which input sizes a network takes, and what its figures are there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from typing import Annotated, Any

import typer

from archlang.analyses.memory.growth import kept_form
from archlang.analyses.sizes import Growth, Legal, Near, growth, legal
from archlang.cli.common import File, InputShapes, ModelName, Settings, load_network, stop
from archlang.cli.table import Cells, text_table
from archlang.network import Network
from archlang.types import Shape, symbols

ROWS = 200
"""How many sizes a table may have."""
MOST_TRIED = 2000
"""The largest size that a figure is held against."""
LEFT = 14
NAMES = {"macs": "MACs", "neurons": "neurons", "saved_bytes": "saved bytes"}
"""What the figures are called."""


class SizesFormat(StrEnum):
    """What is printed."""

    text = "text"
    json = "json"


def sizes(
    file: File,
    model: ModelName = None,
    set_: Settings = None,
    input_: InputShapes = None,
    near: Annotated[
        int | None, typer.Option(min=1, help="A size to find the nearest legal ones to.")
    ] = None,
    table: Annotated[
        str | None, typer.Option(help="Figures over sizes: FIRST:LAST:STEP, such as 128:512:32.")
    ] = None,
    format_: Annotated[SizesFormat, typer.Option("--format", "-f", help="Printed as.")] = (
        SizesFormat.text
    ),
) -> None:
    """Say for which input sizes a network is legal, exactly. Nothing is run.

    Sizes are those that the spec names, as in `input image: [3, H=224, W=224]`.
    """
    network = load_network(file, model, set_, input_)
    found, figures = legal(network.graph), _growth(network)
    at = row_sizes(table, network) if table else []
    if format_ is SizesFormat.json:
        print(json.dumps(_data(network, found, figures, near, at), ensure_ascii=False))
        return
    inputs = ", ".join(f"{n} {x.output.symbolic}" for n, x in network.graph.inputs.items())
    print(f"{network.name}   {inputs}\n")
    lines = FIXED if not found.names else _lines(network, found, figures, near)
    print("\n".join(lines))
    if at:
        print()
        head = ("size", *NAMES.values(), "output")
        rows = [_row(network, found, figures, size) for size in at]
        for line, _ in text_table(head, rows, right=range(4), shrink=0, width=None):
            print(line)


def _growth(network: Network) -> Growth:
    """The figures as functions of the size; what is kept held against some other legal sizes."""
    open_ = legal(network.graph, training=True)
    figures = growth(network.graph)
    if not open_.names or open_.square.least is None:
        return figures
    default = max(open_.defaults.values())
    square = open_.square
    tried = {square.least, square.below(default - 1), square.above(2 * default)}
    others = (network.at(_inputs(network, n)).graph for n in tried if n and n <= MOST_TRIED)
    return replace(figures, saved_bytes=kept_form(network.graph, others))


def _inputs(network: Network, size: int) -> dict[str, Shape]:
    """The inputs with all open sizes the same."""
    return {
        name: tuple(size if symbols(d) else int(d) for d in node.output.shape)
        for name, node in network.graph.inputs.items()
    }


def row_sizes(text: str, network: Network) -> list[int]:
    """The sizes that ``--table FIRST:LAST:STEP`` asks for; ends the program where it is not so."""
    if not legal(network.graph).names:
        hint = "name them, as in `input image: [3, H=224, W=224]`"
        stop("--table is over the sizes that the input names, and it names none", hint=hint)
    try:
        first, last, step = map(int, text.split(":"))
        rows = range(first, last + 1, step)
    except ValueError:
        stop(f"--table takes FIRST:LAST:STEP, not {text}", hint="for example --table 128:512:32")
    if first < 1 or len(rows) > ROWS:
        stop(f"--table takes sizes from 1, at most {ROWS} of them; {text} has {len(rows)}")
    return list(rows)


FIXED = (
    "The input has the sizes that the spec gives, and no others.",
    "To leave one open, name it: `input image: [3, H=224, W=224]`.",
)
"""What to say of an input whose sizes have no names."""


def _lines(network: Network, found: Legal, figures: Growth, near: int | None) -> Iterator[str]:
    def row(name: str, text: str) -> str:
        return f"{name:<{LEFT}}{text}"

    yield row("legal", found.words())
    training = legal(network.graph, training=True)
    if training.region != found.region:
        yield row("in training", training.words())
    least = found.square.least
    if least is not None:
        yield row("smallest", " = ".join(found.names) + f" = {least}")
    if found.fully_convolutional:
        yield row("larger", "any larger size of these takes the same weights")
    else:
        yield row("larger", f"no: {_why_fixed(found)}")
    for asked in found.near(near) if near is not None else []:
        yield row(f"near {near}", _near(asked))
    for name, node in network.graph.outputs.items():
        yield row(name, f"{node.output.symbolic}, here {node.output}")
    for figure, form in vars(figures).items():
        yield row(NAMES[figure], "not known for every size" if form is None else str(form))
    for unstated in found.unstated:
        yield row("not stated", f"{unstated.span}: {unstated.why}")


def _why_fixed(found: Legal) -> str:
    if found.fixed_by is None:
        return "what the spec requires limits the size"
    node = found.fixed_by
    return f"the weights of `{node.path}`, {node.op}, are made for one size"


def _near(asked: Near) -> str:
    names = " = ".join(asked.names)
    if asked.legal:
        return f"{names} = {asked.size} is legal"
    below = "none below" if asked.below is None else f"{asked.below} below"
    if asked.above is None:
        return f"{names}: {below}, none above"
    pad = asked.above - asked.size
    return f"{names}: {below}, {asked.above} above (pad by {pad}: {pad // 2} and {pad - pad // 2})"


def _data(
    network: Network, found: Legal, figures: Growth, near: int | None, at: list[int]
) -> dict[str, Any]:
    from archlang import __version__

    data: dict[str, Any] = {
        "version": __version__,
        "model": network.name,
        "sizes": found.to_json(),
        "training": legal(network.graph, training=True).to_json(),
        "totals": figures.to_json(),
        "outputs": {n: x.output.symbolic for n, x in network.graph.outputs.items()},
    }
    if near is not None:
        data["near"] = [asked.to_json() for asked in found.near(near)]
    if at:
        data["table"] = [_figures(found, figures, size) for size in at]
    return data


def _figures(found: Legal, figures: Growth, size: int) -> dict[str, Any]:
    point = dict.fromkeys(found.names, size)
    is_legal = found.holds(point)
    values = figures.at(point) if is_legal else dict.fromkeys(NAMES)
    return {"size": size, "legal": is_legal, **values}


def _row(network: Network, found: Legal, figures: Growth, size: int) -> Cells:
    known = _figures(found, figures, size)
    if not known["legal"]:
        return Cells((str(size), "not legal", *[""] * len(NAMES)), plain=True)
    point = dict.fromkeys(found.names, size)
    values = ["" if known[k] is None else f"{known[k]:,}" for k in NAMES]
    shapes = (node.output.at(point) for node in network.graph.outputs.values())
    return Cells((str(size), *values, ", ".join(map(str, shapes))))
