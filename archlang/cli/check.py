"""``archlang check``: is a spec right?"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any

import typer

from archlang.analyses.cost import total
from archlang.analyses.requirements import check_requirements, required
from archlang.analyses.sizes import legal
from archlang.cli.common import (
    CLEAN,
    FINDINGS,
    USAGE,
    InputShapes,
    ModelName,
    Settings,
    parse_inputs,
    parse_settings,
    print_diagnostics,
    read,
    standard_key,
    stop,
)
from archlang.diagnostic import ArchError, Diagnostic
from archlang.elaborate import Program
from archlang.graph import Graph, Solved
from archlang.network import ModelChoiceError, choose, input_names, inspect
from archlang.source import Source
from archlang.syntax.parser import parse_expression
from archlang.wording import shape_text, si


class CheckFormat(StrEnum):
    """How findings are told."""

    text = "text"
    json = "json"


@dataclass
class Checked:
    """What a check of one spec found."""

    file: str
    program: Program
    found: list[Diagnostic] = field(default_factory=list)
    models: list[Graph] = field(default_factory=list)
    """The models that are right."""
    inventory: str = ""
    """What it defines, where there is no model to check."""

    @property
    def solved(self) -> list[Solved]:
        """The values of each ``?``."""
        return [s for graph in self.models for s in graph.solved]

    @property
    def right(self) -> bool:
        return not any(d.severity == "error" for d in self.found)


def check(
    files: Annotated[list[str], typer.Argument(help="Specs, or - for standard input.")],
    model: ModelName = None,
    set_: Settings = None,
    input_: InputShapes = None,
    require: Annotated[
        list[str] | None,
        typer.Option(help='A requirement beside the spec\'s: "params <= 5M". Repeatable.'),
    ] = None,
    format_: Annotated[CheckFormat, typer.Option("--format", help="For people, or as data.")] = (
        CheckFormat.text
    ),
    fix: Annotated[
        bool, typer.Option("--fix", help="Write the value of each ? into the specs.")
    ] = False,
) -> None:
    """Check specs: syntax, names, shapes, assertions, requirements. Nothing is run.

    Every model that has a value for each of its parameters is checked, or the one named. With
    --fix, the value of each ? of a spec that is right is written in its place; standard input
    is printed with them.
    """
    data = None
    if fix:
        if set_:
            stop("--fix writes what a spec says by itself, so it takes no --set")
        if "-" in files and format_ is CheckFormat.json:
            stop("--fix prints standard input itself, and cannot print data beside it")
        data = sys.stdin.buffer.read() if "-" in files else None
    asked = [_readable(text) for text in require or []]
    checked = [check_file(file, model, set_, input_, asked, data) for file in files]
    found = [d for one in checked for d in one.found]
    written = _fixed(checked, found, data) if fix else []
    if format_ is CheckFormat.json:
        _json(checked, found)
    else:
        _text(checked, found, written, fix, sys.stdout if data is None else sys.stderr)
    raise typer.Exit(FINDINGS if any(d.severity == "error" for d in found) else CLEAN)


def _readable(text: str) -> str:
    """A requirement that can be read; ends the program where it cannot."""
    try:
        parse_expression(Source("<require>", text))
    except ArchError as error:
        print_diagnostics(error.diagnostics, sys.stderr)
        raise typer.Exit(USAGE) from None
    return text


def _json(checked: list[Checked], found: list[Diagnostic]) -> None:
    from archlang import __version__

    solved = dict.fromkeys(s for one in checked for s in one.solved)
    data = {
        "version": __version__,
        "diagnostics": [d.to_json() for d in found],
        "solved": [s.to_json() for s in solved],
        "models": [_data(one.file, graph) for one in checked for graph in one.models],
    }
    print(json.dumps(data, indent=2, ensure_ascii=False))


def _text(
    checked: list[Checked], found: list[Diagnostic], written: list[str], fix: bool, stream: Any
) -> None:
    print_diagnostics(found, stream)
    solved = dict.fromkeys(s for one in checked for s in one.solved)
    if solved and not written:
        from archlang.analyses.undetermined import hint

        print_diagnostics([hint(s) for s in solved], stream)
        if not fix:
            print("help: `archlang check --fix` writes these values into the spec", file=stream)
    for line in [*written, *(line for one in checked for line in _lines(one))]:
        print(line, file=stream)


def _lines(one: Checked) -> Iterator[str]:
    """A line for each model that is right."""
    if one.inventory:
        yield f"{one.file}: {one.inventory}"
    for graph in one.models:
        yield f"{one.file}: {graph.name} ok: {_figures(graph)}"


def _fixed(checked: list[Checked], found: list[Diagnostic], data: bytes | None) -> list[str]:
    """Write the values of each spec that is right; a line for each, and findings to ``found``."""
    from archlang.cli.fixes import Fixes

    fixes = Fixes()
    for one in checked:
        if one.right:
            fixes.add(one.program, one.solved)
    found.extend(fixes.findings)
    if fixes.findings:
        fixes = Fixes()
    text, lines = fixes.apply(None if data is None else (standard_key(), data))
    if data is not None:
        sys.stdout.buffer.write(text)
    return lines


def check_file(
    file: str,
    model: str | None,
    settings: list[str] | None,
    inputs: list[str] | None,
    require: Sequence[str] = (),
    data: bytes | None = None,
) -> Checked:
    """Check one spec; ``data`` is what standard input holds, where it was read already."""
    program = Program(*read(file, data))
    if program.diagnostics:
        return Checked(file, program, program.diagnostics)
    try:
        chosen = [choose(program, model)] if model else program.complete
    except ModelChoiceError as error:
        stop(str(error))
    if not chosen:
        lone = program.lone_findings()
        return Checked(file, program, lone, inventory="" if lone else program.inventory())
    one = Checked(file, program)
    for name in chosen:
        shapes = parse_inputs(inputs, input_names(program, name))
        graph, diagnostics = inspect(program, name, parse_settings(settings), shapes)
        if graph is not None and not diagnostics:
            diagnostics = check_requirements(graph, [required(graph, text) for text in require])
        one.found.extend(d for d in diagnostics if d not in one.found)
        if graph is not None and not diagnostics:
            one.models.append(graph)
    return one


def _figures(graph: Graph) -> str:
    """What a network takes and gives, what it costs, and the sizes that it takes."""
    totals = total(graph)
    ins = ", ".join(shape_text(n.output.shape) for n in graph.inputs.values())
    outs = ", ".join(shape_text(n.output.shape) for n in graph.outputs.values())
    open_ = legal(graph)
    at = f"; {open_.words()}" if open_.names else ""
    return f"{ins} -> {outs}, {totals.params:,} parameters, {si(totals.macs)} MACs{at}"


def _data(file: str, graph: Graph) -> dict[str, Any]:
    """The same as plain data."""
    return {
        "file": file,
        "model": graph.name,
        "inputs": {n: [int(d) for d in x.output.shape] for n, x in graph.inputs.items()},
        "outputs": {n: [int(d) for d in x.output.shape] for n, x in graph.outputs.items()},
        "totals": total(graph).to_json(),
        "sizes": legal(graph).to_json(),
    }
