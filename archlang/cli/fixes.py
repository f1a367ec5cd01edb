"""What ``check --fix`` writes: the values of each ``?``, and the ways out that are safe."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Protocol, TypeAlias, TypeVar

from archlang.cli.common import stop, unified
from archlang.diagnostic import Diagnostic, Fix, Note
from archlang.edit.files import rewritten, write
from archlang.elaborate import Program
from archlang.elaborate.files import decode
from archlang.graph import Solved
from archlang.op import format_value
from archlang.source import Edit, Source
from archlang.syntax.parser import comments

ROUNDS = 100
"""How often what is edited is checked again: each round makes what does not collide."""


class Checked(Protocol):
    """What is asked of a spec that was checked."""

    @property
    def program(self) -> Program: ...
    @property
    def found(self) -> list[Diagnostic]: ...
    @property
    def hidden(self) -> list[Diagnostic]: ...
    @property
    def solved(self) -> list[Solved]: ...
    @property
    def right(self) -> bool: ...


class Way(NamedTuple):
    """One change: its edits by the file that they are for, and a line that says what is done."""

    edits: tuple[tuple[str, Edit], ...]
    said: str


T = TypeVar("T", bound=Checked)
Check: TypeAlias = Callable[[Mapping[str, Source]], list[T]]
"""Checks all specs again, with other texts of some files, by their keys."""


@dataclass
class Fixes:
    """The files of all specs that are checked together, as they are to be.

    ``standard`` is the key of standard input and what was read there. ``unsafe`` makes the first
    way out of each finding too, where none is safe.
    """

    standard: tuple[str, bytes] | None = None
    unsafe: bool = False
    before: dict[str, bytes] = field(default_factory=dict)
    after: dict[str, bytes] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    """How people know each file."""
    lines: list[str] = field(default_factory=list)
    """A line for each thing done."""
    findings: list[Diagnostic] = field(default_factory=list)
    """What stands against writing some values."""
    refused: set[str] = field(default_factory=set)

    def make(self, checked: list[T], check: Check[T]) -> list[T]:
        """Edit until nothing is left to be edited; what is found then.

        What would bring in an error is left out.
        """
        for _ in range(ROUNDS):
            ways = self._ways(checked)
            if not ways:
                break
            checked = self._made(ways, checked, check)
        return checked

    def _made(self, ways: list[Way], checked: list[T], check: Check[T]) -> list[T]:
        """One round: all at once, or one by one where they do not go together."""
        for some in [ways] if len(ways) == 1 else [ways, *([way] for way in ways)]:
            known = dict(self.after)
            self._edit(some)
            after = check(self.texts)
            if _errors(after) <= _errors(checked):
                self.lines += [way.said for way in some]
                return after
            self.after = known
            if len(some) == 1:
                self.refused.add(some[0].said)
        return checked

    @property
    def texts(self) -> dict[str, Source]:
        """The files that are edited, as texts."""
        return {key: decode(data, self.names[key]) for key, data in self.after.items()}

    def _ways(self, checked: Iterable[Checked]) -> list[Way]:
        """What is to be done next: no two edits touch each other."""
        taken: list[tuple[str, Edit]] = []
        ways = []
        for way in dict.fromkeys(w for one in checked for w in self._all(one)):
            free = not any(_touch(a, b) for a in way.edits for b in taken)
            if free and way.said not in self.refused:
                taken += way.edits
                ways.append(way)
        return ways

    def _all(self, one: Checked) -> Iterator[Way]:
        keys = {**one.program.keys, one.program.source: one.program.key}
        for finding in one.found:
            ways = (self._way(finding, fix, keys) for fix in self._chosen(finding))
            left = (w for w in ways if w and w.said not in self.refused and not _loses(w))
            yield from islice(left, 1)
        if one.right and not self.findings:
            for item in one.solved:
                edit = Edit(item.span, format_value(item.value))
                said = f"{edit.span}: wrote {edit.text} for `?`"
                yield Way(((keys[edit.span.source], edit),), said)

    def _chosen(self, finding: Diagnostic) -> Sequence[Fix]:
        """What may be done about a finding: the first that goes is made."""
        safe = [fix for fix in finding.fixes if fix.safe][:1]
        return safe or (finding.fixes if self.unsafe else ())

    def _way(self, finding: Diagnostic, fix: Fix, keys: Mapping[Source, str]) -> Way | None:
        if any(e.span.source not in keys for e in fix.edits):
            return None
        edits = tuple((keys[e.span.source], e) for e in fix.edits)
        return Way(edits, f"{finding.span}: fixed {finding.code}: {fix.text}")

    def _edit(self, ways: Iterable[Way]) -> None:
        edits: dict[str, list[Edit]] = {}
        for way in ways:
            for key, edit in way.edits:
                edits.setdefault(key, []).append(edit)
        for key, group in edits.items():
            self.after[key] = rewritten(self._data(key, group[0].span.source), group)

    def _data(self, key: str, source: Source) -> bytes:
        """A file as it is by now; ends the program where it is not what was checked."""
        if key not in self.after:
            try:
                given = self.standard is not None and key == self.standard[0]
                data = self.standard[1] if given and self.standard else Path(key).read_bytes()
            except OSError as error:
                stop(f"cannot read {source.name}: {(error.strerror or 'it is gone').lower()}")
            if decode(data, source.name).text != source.text:
                stop(f"{source.name} was changed while it was checked: nothing is written")
            self.before[key] = self.after[key] = data
            self.names[key] = source.name
        return self.after[key]

    # What comes of it

    def agree(self, checked: Iterable[Checked]) -> None:
        """Make it a finding where one ``?`` would have two values; then none is written."""
        seen: dict[tuple[str, int], Edit] = {}
        for one in checked:
            for item in one.solved if one.right else ():
                edit = Edit(item.span, format_value(item.value))
                first = seen.setdefault((one.program.keys[item.span.source], item.span.start), edit)
                if first.text != edit.text:
                    self.findings.append(_two(first, edit))

    def write(self) -> bytes:
        """Write the files, all or none; what standard input becomes."""
        key = self.standard[0] if self.standard else None
        changed = {k: d for k, d in self.after.items() if d != self.before[k] and k != key}
        try:
            write({Path(key): data for key, data in changed.items()})
        except OSError as error:
            what = error.filename or "the files"
            stop(f"cannot write {what}: {(error.strerror or 'no reason given').lower()}")
        return self.after.get(key or "", self.standard[1] if self.standard else b"")

    def diff(self) -> Iterator[str]:
        """What would be written, as a unified diff."""
        for key, source in self.texts.items():
            old = decode(self.before[key], source.name).text
            yield from unified(source.name, old, source.text)


def _touch(a: tuple[str, Edit], b: tuple[str, Edit]) -> bool:
    (x, (one, _)), (y, (other, _)) = a, b
    overlap = one.start < other.end and other.start < one.end
    return x == y and (overlap or one.start == other.start)


def _loses(way: Way) -> bool:
    """Whether a comment would be gone."""
    return any(
        edit.span.text != edit.text and len(comments(edit.span.text)) > len(comments(edit.text))
        for _, edit in way.edits
    )


def _errors(checked: Iterable[Checked]) -> set[tuple[str, str, str]]:
    return {
        (d.code, d.message, d.span.source.name)
        for one in checked
        for d in (*one.found, *one.hidden)
        if d.severity == "error"
    }


def _two(first: Edit, second: Edit) -> Diagnostic:
    return Diagnostic(
        "A212",
        f"this `?` is {first.text} in one model and {second.text} in another: "
        "one text cannot say both",
        first.span,
        related=(Note(second.span, f"here {second.text}"),) if first.span != second.span else (),
        help="make it a parameter of the block, which each model gives its value",
    )
