"""What ``check --fix`` writes: the values that were solved, in place of each ``?``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from archlang.cli.common import stop
from archlang.diagnostic import Diagnostic, Note
from archlang.edit.files import rewritten, write
from archlang.elaborate import Program
from archlang.elaborate.files import decode
from archlang.graph import Solved
from archlang.op import format_value
from archlang.source import Edit


class Fixes:
    """Edits by the file that they are for, those of all specs that are checked together."""

    def __init__(self) -> None:
        self.edits: dict[str, dict[int, Edit]] = {}
        self.findings: list[Diagnostic] = []

    def add(self, program: Program, solved: Iterable[Solved]) -> None:
        """Take what was solved in a program; two values for one mark are a finding."""
        for item in solved:
            edit = Edit(item.span, format_value(item.value))
            here = self.edits.setdefault(program.keys[item.span.source], {})
            first = here.setdefault(edit.span.start, edit)
            if first.text != edit.text:
                self.findings.append(_two(first, edit))

    def apply(self, standard: tuple[str, bytes] | None) -> tuple[bytes, list[str]]:
        """Write the files; what standard input becomes, and a line for each value written.

        ``standard`` is the key of standard input and what was read there.
        """
        given = dict([standard]) if standard else {}
        changed: dict[str, bytes] = {}
        for key, edits in self.edits.items():
            name = next(iter(edits.values())).span.source.name
            try:
                data = given[key] if key in given else Path(key).read_bytes()
                if decode(data, name).text != next(iter(edits.values())).span.source.text:
                    stop(f"{name} was changed while it was checked: nothing is written")
                changed[key] = rewritten(data, edits.values())
            except OSError as error:
                stop(f"cannot read {name}: {(error.strerror or 'it is gone').lower()}")
        try:
            write({Path(key): data for key, data in changed.items() if key not in given})
        except OSError as error:
            what = error.filename or "the files"
            stop(f"cannot write {what}: {(error.strerror or 'no reason given').lower()}")
        text = changed.get(standard[0], standard[1]) if standard else b""
        return text, [_line(e) for group in self.edits.values() for e in _sorted(group)]


def _sorted(edits: dict[int, Edit]) -> Sequence[Edit]:
    return [edits[start] for start in sorted(edits)]


def _line(edit: Edit) -> str:
    return f"{edit.span}: wrote {edit.text} for `?`"


def _two(first: Edit, second: Edit) -> Diagnostic:
    return Diagnostic(
        "A212",
        f"this `?` is {first.text} in one model and {second.text} in another: "
        "one text cannot say both",
        first.span,
        related=(Note(second.span, f"here {second.text}"),) if first.span != second.span else (),
        help="make it a parameter of the block, which each model gives its value",
    )
