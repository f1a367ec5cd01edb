"""``archlang fmt``: specs in one style."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from archlang.cli.common import CLEAN, FINDINGS, print_diagnostics, read, stop, unified
from archlang.diagnostic import ArchError, Diagnostic
from archlang.edit.files import encoded, write
from archlang.source import Source, edited
from archlang.syntax.formatter import format_range, format_source


class _Spec(NamedTuple):
    """A spec, its bytes as they are, and its text as it should be; none if it cannot be read."""

    name: str
    data: bytes
    source: Source
    text: str | None

    @property
    def changes(self) -> bool:
        return self.text is not None and self.text != self.source.text


def fmt(
    files: Annotated[
        list[str], typer.Argument(help="Specs, folders of specs, or - for standard input.")
    ],
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; say which specs are not formatted.")
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Write nothing; print what would change.")
    ] = False,
    lines: Annotated[
        str | None,
        typer.Option(
            metavar="FIRST:LAST",
            help="Of one spec, format only the statements on these lines, counted from 1.",
        ),
    ] = None,
) -> None:
    """Write specs in one style. What they say, and every comment, stays.

    A spec with a syntax error is left as it is. Standard input is printed formatted.
    """
    found: list[Diagnostic] = []
    names = list({_one(name): name for file in files for name in _specs(file)}.values())
    if lines is not None and len(names) > 1:
        stop(f"--lines says which lines of one spec, and here are {len(names)}")
    some = None if lines is None else _numbers(lines)
    specs = [_read(name, found, some) for name in names]
    changed = [spec for spec in specs if spec.changes]
    if diff:
        for spec in changed:
            sys.stdout.writelines(unified(spec.source.name, spec.source.text, spec.text or ""))
    elif not check:
        _write(specs)
    if names != ["-"] or check:
        told = sys.stderr if diff or "-" in names else sys.stdout
        for line in _report(specs, dry=check or diff):
            print(line, file=told)
    sys.stdout.flush()
    print_diagnostics(found, sys.stderr)
    raise typer.Exit(FINDINGS if found or (changed and (check or diff)) else CLEAN)


def _specs(file: str) -> Iterator[str]:
    """A file itself, or the specs in a folder, but for hidden ones."""
    folder = Path(file)
    if file == "-" or not folder.is_dir():
        yield file
        return
    found = sorted(p for p in folder.rglob("*.arch") if not p.is_dir())
    seen = [p for p in found if not any(n.startswith(".") for n in p.relative_to(folder).parts)]
    if not seen:
        stop(f"{file} holds no .arch file")
    yield from (str(path) for path in seen)


def _one(name: str) -> str:
    """What a file is known by, so that one given twice, or by a link, is written once."""
    return name if name == "-" else str(Path(name).resolve())


def _numbers(text: str) -> tuple[int, int]:
    """The first and the last of some lines; ends the program where they cannot be read."""
    match = re.fullmatch(r"(\d+)(?::(\d+))?", text)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not 1 <= first <= last:
        stop(f"--lines takes two numbers of lines, as in 3:9, not `{text}`")
    return first, last


def _read(name: str, found: list[Diagnostic], lines: tuple[int, int] | None) -> _Spec:
    data = sys.stdin.buffer.read() if name == "-" else b""
    source, key = read(name, data)
    if name != "-":
        data = Path(key).read_bytes()
    try:
        return _Spec(name, data, source, _formatted(source, lines))
    except ArchError as error:
        found += error.diagnostics
        return _Spec(name, data, source, None)


def _formatted(source: Source, lines: tuple[int, int] | None) -> str:
    """The text in the style, or some lines of it; raises ``ArchError`` for a syntax error."""
    if lines is None:
        return format_source(source)
    if lines[0] > source.lines:
        stop(f"{source.name} has {source.lines} lines: line {lines[0]} is not there")
    start, end = source.stretch(*lines)
    return edited(source, format_range(source, start, max(start, end - 1))).text


def _write(specs: list[_Spec]) -> None:
    """Write what changes into the files, and standard input to standard output."""
    changed = {Path(s.name): encoded(s.text or "", s.data) for s in specs if s.changes}
    changed.pop(Path("-"), None)
    try:
        write(changed)
    except OSError as error:
        what = error.filename or "the files"
        stop(f"cannot write {what}: {(error.strerror or 'no reason given').lower()}")
    for spec in specs:
        if spec.name == "-" and spec.text is not None:
            sys.stdout.buffer.write(encoded(spec.text, spec.data))


def _report(specs: list[_Spec], dry: bool) -> Iterator[str]:
    """Which specs changed, and how many there are of each kind."""
    done = "would format" if dry else "formatted"
    for spec in specs:
        if spec.changes:
            yield f"{done} {spec.source.name}"
    changed = sum(spec.changes for spec in specs)
    failed = sum(spec.text is None for spec in specs)
    counts = (
        (changed, "would be formatted" if dry else "formatted"),
        (len(specs) - changed - failed, "in the style already"),
        (failed, "left alone, for a syntax error"),
    )
    yield ", ".join(f"{n} {'file' if n == 1 else 'files'} {what}" for n, what in counts if n)
