"""``archlang check``: is a spec right?"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from archlang.analyses.cost import total
from archlang.analyses.requirements import check_requirements, required
from archlang.analyses.sizes import legal
from archlang.cli.common import (
    CLEAN,
    FINDINGS,
    USAGE,
    Color,
    InputShapes,
    ModelName,
    Settings,
    Watch,
    color_as,
    parse_inputs,
    parse_settings,
    print_diagnostics,
    read,
    standard_key,
    stop,
)
from archlang.cli.fixes import Fixes
from archlang.cli.formats import LINES, CheckFormat
from archlang.cli.settings import choice
from archlang.collector import paused
from archlang.diagnostic import ArchError, Diagnostic
from archlang.elaborate import Program
from archlang.elaborate.findings import at_most, distinct
from archlang.graph import Graph, Solved
from archlang.inspection import definitions, inspect
from archlang.lints import lint
from archlang.network import ModelChoiceError, choose, input_names
from archlang.source import Source
from archlang.syntax.parser import parse_expression
from archlang.wording import shape_text, si


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
    hidden: list[Diagnostic] = field(default_factory=list)
    """Findings beyond those that are shown."""

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
        CheckFormat.full
    ),
    fix: Annotated[
        bool, typer.Option("--fix", help="Write the safe fixes, and the value of each ?.")
    ] = False,
    unsafe_fixes: Annotated[
        bool, typer.Option("--unsafe-fixes", help="Of all other findings the first fix, too.")
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Write nothing; print what --fix would change.")
    ] = False,
    select: Annotated[
        list[str] | None,
        typer.Option(help="The lints that are wanted: codes, as in A301,A305. All unless said."),
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(help="Lints that are not wanted. Both are repeatable.")
    ] = None,
    color: Annotated[
        Color, typer.Option(help="Colour: in a terminal, or whatever it is printed to.")
    ] = Color.auto,
    watch: Watch = False,
) -> None:
    """Check specs: syntax, names, shapes, assertions, requirements. Nothing is run.

    Every model that has a value for each of its parameters is checked, or the one named. What
    is right, but probably not meant, is a warning. With
    --fix, the fixes that are safe are made, and the value of each ? of a spec that is right is
    written in its place; standard input is printed with them.
    """
    color_as(color)
    if watch:
        given = {**locals(), "watch": False}
        from archlang.cli.watch import again

        if fix or diff:
            stop("--watch follows what you write, and --fix and --diff do it once: say one of them")
        again(files, lambda: check(**given))
    fix = fix or diff
    if fix:
        _possible(set_, "-" in files or diff, format_)
    elif unsafe_fixes:
        stop("--unsafe-fixes says which fixes are made: it goes with --fix or --diff")
    data = sys.stdin.buffer.read() if fix and "-" in files else None
    asked = [_readable(text) for text in require or []]

    def checked(given: Mapping[str, Source]) -> list[Checked]:
        done = []
        for file in files:
            with paused():
                one = check_file(file, model, set_, input_, asked, data, given)
                done.append(_linted(one, select, ignore))
        return done

    done = checked({})
    fixes = Fixes(None if data is None else (standard_key(), data), unsafe_fixes)
    if fix:
        fixes.agree(done)
        done = fixes.make(done, checked)
        _write(fixes, diff)
    found = [d for one in done for d in one.found] + fixes.findings
    stream = sys.stderr if diff or data is not None else sys.stdout
    if format_ is CheckFormat.full:
        _text(done, found, fixes, fix, stream)
    else:
        _as_data(format_, done, found, stream)
    wrong = any(d.severity == "error" for d in found)
    raise typer.Exit(FINDINGS if wrong or (diff and fixes.lines) else CLEAN)


def _as_data(
    format_: CheckFormat, done: list[Checked], found: list[Diagnostic], stream: Any
) -> None:
    """Print findings as something reads them that is no person."""
    if format_ is CheckFormat.json:
        _json(done, found)
    else:
        for line in LINES[format_](found):
            print(line, file=stream)


def _linted(one: Checked, select: list[str] | None, ignore: list[str] | None) -> Checked:
    """With warnings, where it is right; while the limits of its own project hold."""
    if one.right:
        one.found += lint(one.program, one.models, choice(one.file, select, ignore))
    return one


def _possible(settings: list[str] | None, prints: bool, format_: CheckFormat) -> None:
    """End the program where what is asked does not go with fixes."""
    if settings:
        stop("--fix writes what a spec says by itself, so it takes no --set")
    if prints and format_.is_data:
        stop("what --fix prints itself, standard input or a diff, cannot stand beside data")


def _write(fixes: Fixes, diff: bool) -> None:
    if diff:
        sys.stdout.writelines(fixes.diff())
    elif fixes.standard is None:
        fixes.write()
    else:
        sys.stdout.buffer.write(fixes.write())


def _readable(text: str) -> str:
    """A requirement that can be read; ends the program where it cannot."""
    try:
        parse_expression(Source("<require>", text))
    except ArchError as error:
        print_diagnostics(error.diagnostics, sys.stderr)
        raise typer.Exit(USAGE) from None
    return text


def _json(checked: list[Checked], found: list[Diagnostic]) -> None:
    import json  # which what is for people does without

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
    checked: list[Checked], found: list[Diagnostic], fixes: Fixes, fix: bool, stream: Any
) -> None:
    print_diagnostics(found, stream)
    solved = dict.fromkeys(s for one in checked for s in one.solved)
    if solved:
        from archlang.analyses.undetermined import hint

        print_diagnostics([hint(s) for s in solved], stream)
    for line in _aid(found, bool(solved), fix, fixes.unsafe):
        print(f"help: {line}", file=stream)
    for line in [*fixes.lines, *(line for one in checked for line in _lines(one))]:
        print(line, file=stream)


def _aid(found: list[Diagnostic], solved: bool, fix: bool, unsafe: bool) -> Iterator[str]:
    """What `--fix` would do."""
    if solved and not fix:
        yield "`archlang check --fix` writes these values into the spec"
    safe = sum(any(f.safe for f in d.fixes) for d in found)
    if safe and not fix:
        yield (
            f"`archlang check --fix` fixes {safe} of {len(found)}"
            if len(found) > 1
            else ("`archlang check --fix` makes this fix")
        )
    ways = sum(bool(d.fixes) for d in found) - safe
    if ways and fix and not unsafe:
        yield f"`--unsafe-fixes` makes the first fix of {ways} more, which may not be what is meant"


def _lines(one: Checked) -> Iterator[str]:
    """A line for each model that is right."""
    if one.inventory:
        yield f"{one.file}: {one.inventory}"
    for graph in one.models:
        yield f"{one.file}: {graph.name} ok: {_figures(graph)}"


def check_file(
    file: str,
    model: str | None,
    settings: list[str] | None,
    inputs: list[str] | None,
    require: Sequence[str] = (),
    data: bytes | None = None,
    given: Mapping[str, Source] | None = None,
) -> Checked:
    """Check one spec; ``data`` is what standard input holds, where it was read already.

    ``given`` are texts to use in place of those of files, by their keys.
    """
    source, key = read(file, data)
    program = Program((given or {}).get(key, source), key, given)
    return check_program(file, program, model, settings, inputs, require)


def check_program(
    file: str,
    program: Program,
    model: str | None = None,
    settings: list[str] | None = None,
    inputs: list[str] | None = None,
    require: Sequence[str] = (),
    leave: Collection[str] = (),
) -> Checked:
    """The same for a spec that is read already; ``leave`` are models that are known to be right."""
    one = Checked(file, program, list(definitions(program)))
    try:
        chosen = [choose(program, model)] if model else program.complete
        chosen = [name for name in chosen if name not in leave]
    except ModelChoiceError as error:
        if not one.found:
            stop(str(error))
        chosen = []
    if not chosen and not one.found:
        lone = program.lone_findings()
        return Checked(file, program, lone, inventory="" if lone else program.inventory())
    for name in chosen:
        shapes = parse_inputs(inputs, input_names(program, name))
        graph, diagnostics = inspect(
            program, name, parse_settings(settings), shapes, known=one.found
        )
        if graph is not None and not diagnostics:
            diagnostics = check_requirements(graph, [required(graph, text) for text in require])
        one.found.extend(distinct(diagnostics, one.found))
        if graph is not None and not diagnostics and not program.diagnostics:
            one.models.append(graph)
    shown = at_most(one.found)
    seen = set(map(id, shown))
    one.hidden = [d for d in one.found if id(d) not in seen]
    one.found = shown
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
