"""``archlang check``: is a spec right?"""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from typing import Annotated, Any

import typer

from archlang.analyses.cost import total
from archlang.analyses.sizes import Legal, legal
from archlang.cli.common import (
    CLEAN,
    FINDINGS,
    InputShapes,
    ModelName,
    Settings,
    input_names,
    parse_inputs,
    parse_settings,
    print_diagnostics,
    read,
    stop,
)
from archlang.elaborate import Program
from archlang.graph import Graph
from archlang.network import ModelChoiceError, choose, inspect
from archlang.report import shape_text, si


class CheckFormat(StrEnum):
    """How findings are told."""

    text = "text"
    json = "json"


def check(
    files: Annotated[list[str], typer.Argument(help="Specs, or - for standard input.")],
    model: ModelName = None,
    set_: Settings = None,
    input_: InputShapes = None,
    format_: Annotated[CheckFormat, typer.Option("--format", help="For people, or as data.")] = (
        CheckFormat.text
    ),
) -> None:
    """Check specs: syntax, names, shapes, assertions, requirements. Nothing is run.

    Every model that has a value for each of its parameters is checked, or the one named.
    """
    found: list[Any] = []
    lines: list[str] = []
    models: list[dict[str, Any]] = []
    for file in files:
        diagnostics, said = check_file(file, model, set_, input_, models)
        found.extend(diagnostics)
        lines.extend(said)
    if format_ is CheckFormat.json:
        from archlang import __version__

        data = {
            "version": __version__,
            "diagnostics": [d.to_json() for d in found],
            "models": models,
        }
        print(json.dumps(data, indent=2, ensure_ascii=False))
    else:
        print_diagnostics(found, sys.stdout)
        for line in lines:
            print(line)
    raise typer.Exit(FINDINGS if any(d.severity == "error" for d in found) else CLEAN)


def check_file(
    file: str,
    model: str | None,
    settings: list[str] | None,
    inputs: list[str] | None,
    models: list[dict[str, Any]],
) -> tuple[list[Any], list[str]]:
    """The findings of one spec, and a line for each model that is right.

    What is known of these is added to ``models``, as plain data.
    """
    source, key = read(file)
    program = Program(source, key)
    if program.diagnostics:
        return program.diagnostics, []
    try:
        chosen = [choose(program, model)] if model else program.complete
    except ModelChoiceError as error:
        stop(str(error))
    if not chosen:
        lone = program.lone_findings()
        return lone, [] if lone else [f"{file}: {program.inventory()}"]
    found: list[Any] = []
    lines = []
    for name in chosen:
        shapes = parse_inputs(inputs, input_names(program, name))
        graph, diagnostics = inspect(program, name, parse_settings(settings), shapes)
        found.extend(d for d in diagnostics if d not in found)
        if graph is not None and not diagnostics:
            totals = total(graph)
            ins = ", ".join(shape_text(n.output.shape) for n in graph.inputs.values())
            outs = ", ".join(shape_text(n.output.shape) for n in graph.outputs.values())
            open_ = legal(graph)
            models.append(_data(file, graph, totals.to_json(), open_))
            at = f"; {open_.words()}" if open_.names else ""
            lines.append(
                f"{file}: {name} ok: {ins} -> {outs}, "
                f"{totals.params:,} parameters, {si(totals.macs)} MACs{at}"
            )
    return found, lines


def _data(file: str, graph: Graph, totals: dict[str, Any], sizes: Legal) -> dict[str, Any]:
    """What is known of a model that is right: shapes at the default size, and for which it is."""
    return {
        "file": file,
        "model": graph.name,
        "inputs": {n: [int(d) for d in x.output.shape] for n, x in graph.inputs.items()},
        "outputs": {n: [int(d) for d in x.output.shape] for n, x in graph.outputs.items()},
        "totals": totals,
        "sizes": sizes.to_json(),
    }
