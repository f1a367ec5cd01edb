"""What the commands share: reading specs, and ending with the right exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from archlang.diagnostic import ArchError, Diagnostic, Frame
from archlang.elaborate import Program
from archlang.elaborate.files import decode, read_source
from archlang.inspection import definitions
from archlang.network import ModelChoiceError, Network, choose, from_program, input_names
from archlang.source import Source
from archlang.spelling import nearest
from archlang.types import Shape

CLEAN, FINDINGS, USAGE = 0, 1, 2

File = Annotated[str, typer.Argument(help="A .arch file, or - for standard input.")]
ModelName = Annotated[
    str | None, typer.Option("--model", "-m", help="Which model, where the file has several.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", help="A model parameter, such as classes=10. Repeatable."),
]
InputShapes = Annotated[
    list[str] | None,
    typer.Option("--input", help="An input shape, such as 3x128x128 or left=1x28x28. Repeatable."),
]

Watch = Annotated[
    bool, typer.Option("--watch", help="Do it again whenever the file, or one it uses, is saved.")
]


class Color(StrEnum):
    """Whether what is printed has colour; ``auto`` is where it is seen in a terminal."""

    always = "always"
    auto = "auto"
    never = "never"


_color = ContextVar("_color", default=Color.auto)


def color_as(choice: Color) -> None:
    """From now on colour is as it was asked for."""
    _color.set(choice)


def stop(message: str, code: int = USAGE, hint: str = "") -> NoReturn:
    """End with a message on standard error."""
    color = use_color(sys.stderr)
    head, aid = ("\033[1;31merror\033[0m", "\033[1;36mhelp\033[0m") if color else ("error", "help")
    print(f"{head}: {message}", file=sys.stderr)
    if hint:
        print(f"{aid}: {hint}", file=sys.stderr)
    raise typer.Exit(code)


def use_color(stream: Any) -> bool:
    """Whether a stream takes colour: a terminal does, unless ``NO_COLOR`` is set.

    ``FORCE_COLOR`` gives colour to what is no terminal too. What ``--color`` says comes first.
    """
    if _color.get() is not Color.auto:
        return _color.get() is Color.always
    if os.environ.get("NO_COLOR"):
        return False
    return os.environ.get("FORCE_COLOR", "0") not in ("", "0") or bool(stream.isatty())


def width_of(stream: Any) -> int | None:
    """The columns that a stream has: as ``COLUMNS`` says, or its terminal; None where neither."""
    said = os.environ.get("COLUMNS", "")
    if said.isdecimal() and int(said):
        return int(said)
    return (os.get_terminal_size(stream.fileno()).columns or None) if stream.isatty() else None


def frame_of(stream: Any) -> Frame:
    """How findings are framed: by lines in a terminal that shows them, else by ASCII.

    All is ASCII where a stream takes nothing else, and in a terminal without a name.
    """
    encoding = (getattr(stream, "encoding", None) or "utf-8").lower().replace("-", "")
    if encoding not in ("utf8", "utf16", "utf8sig"):
        return "ascii"
    if not stream.isatty():
        return "plain"
    return "ascii" if os.environ.get("TERM") == "dumb" else "boxes"


def print_diagnostics(diagnostics: Sequence[Diagnostic], stream: Any) -> None:
    """Every finding for people, and how many there are."""
    width, color, frame = width_of(stream), use_color(stream), frame_of(stream)
    for diagnostic in diagnostics:
        shown = diagnostic.render(
            color=color, width=width or 100, frame=frame, wrap=stream.isatty()
        )
        print(shown, end="\n\n", file=stream)
    errors = len([d for d in diagnostics if d.severity == "error"])
    if errors:
        print(f"{errors} error{'s' if errors > 1 else ''}", file=stream)


def unified(name: str, before: str, after: str) -> Iterator[str]:
    """The lines of a unified diff of one file."""
    from difflib import unified_diff  # few commands need it

    old, new = (text.splitlines(keepends=True) for text in (before, after))
    for line in unified_diff(old, new, name, name):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def standard_key() -> str:
    """The key of standard input: ``use`` looks next to where the program was started."""
    return str(Path.cwd() / "<stdin>")


def read(file: str, data: bytes | None = None) -> tuple[Source, str]:
    """The text of ``FILE`` and the key that ``use`` finds its neighbours by.

    ``data`` is what standard input holds, where it was read already. From now on the limits hold
    that the project of the file sets.
    """
    from archlang.cli.settings import hold  # it ends the program by `stop`

    hold(file)
    if file == "-":
        return decode(sys.stdin.buffer.read() if data is None else data, "<stdin>"), standard_key()
    path = Path(file)
    try:
        return read_source(path, file), str(path.resolve())
    except IsADirectoryError:
        specs = sorted(p.name for p in path.glob("*.arch"))
        stop(f"{file} is a folder", hint=f"it has {', '.join(specs)}" if specs else "")
    except FileNotFoundError:
        try:
            beside = [p.name for p in path.parent.glob("*.arch")]
        except OSError:
            beside = []
        guess = nearest(path.name, beside)
        stop(
            f"there is no file {file}",
            hint=f"did you mean {path.parent / guess}?" if guess else "",
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the name is not valid"
        stop(f"cannot read {file}: {reason.lower()}")


def parse_settings(given: list[str] | None) -> dict[str, str]:
    """``--set`` values: parameter to the text of an expression."""
    settings = {}
    for item in given or []:
        name, equals, value = item.partition("=")
        if not equals or not name.strip() or not value.strip():
            stop(f"--set takes NAME=VALUE, not {item}", hint="for example --set classes=10")
        settings[name.strip()] = value.strip()
    return settings


def parse_inputs(given: list[str] | None, names: Sequence[str]) -> dict[str, Shape]:
    """``--input`` shapes by the input's name; one without a name is for the only input."""
    shapes: dict[str, Shape] = {}
    for item in given or []:
        name, equals, text = item.rpartition("=")
        if not equals and len(names) != 1:
            stop(
                "the model has several inputs: say which one --input is for",
                hint=f"for example --input {names[0] if names else 'image'}={text}",
            )
        try:
            shape = tuple(int(n) for n in text.split("x"))
        except ValueError:
            stop(f"--input takes a shape such as 3x128x128, not {item}")
        shapes[name or names[0]] = shape
    return shapes


def load_network(
    file: str, model: str | None, settings: list[str] | None, inputs: list[str] | None
) -> Network:
    """The network that a command works on; ends the program where there is none."""
    return network_of(Program(*read(file)), model, settings, inputs)


def network_of(
    program: Program,
    model: str | None,
    settings: list[str] | None,
    inputs: list[str] | None,
    how: str = "--model {0}",
) -> Network:
    """The network of a program, as ``load_network``; ``how`` says how a model is chosen."""
    name = chosen(program, model, how)
    shapes = parse_inputs(inputs, input_names(program, name))
    try:
        return from_program(program, name, parse_settings(settings), shapes)
    except ArchError as error:
        print_diagnostics(error.diagnostics, sys.stderr)
        raise typer.Exit(FINDINGS) from None


def chosen(program: Program, model: str | None, how: str = "--model {0}") -> str:
    """The name of the model that is meant; ends the program where there is none."""
    if program.diagnostics:
        print_diagnostics(definitions(program), sys.stderr)
        raise typer.Exit(FINDINGS)
    try:
        return choose(program, model)
    except ModelChoiceError as error:
        hint = (
            ""
            if model or not program.complete
            else f"choose one with {how.format('MODEL')}, as in {how.format(program.complete[0])}"
        )
        stop(str(error), hint=hint)
