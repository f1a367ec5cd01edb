"""The ``__init__`` of a class, from its template."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from keyword import iskeyword

from torch import nn

from archlang.backends.torch.source.calls import Each, Expr, Made, Pairs, broken, flat
from archlang.backends.torch.source.entries import Entry, every, plain_attribute
from archlang.backends.torch.source.expressions import literal
from archlang.backends.torch.source.template import Template

WIDTH = 96
"""Of the lines of a method, without the indentation of its class."""
_RUN = 3
"""How many equal parts in a row are written as one."""


class Constructor:
    """Writes what a class makes when it is made; ``lines`` are its ``__init__``."""

    def __init__(self, template: Template, flags: Mapping[str, str]) -> None:
        self.template = template
        self.sequence = in_sequence(template)
        self.locals: list[str] = []
        body = self.chain() if self.sequence else self.parts(template.entries, 4)
        kept = [f"    self.{name} = {text}" for name, text in flags.items()]
        lets = self.lets(body + kept)
        start = [] if self.sequence else ["    super().__init__()"]
        parameters = [p.text for p in template.parameters()]
        self.lines = [*_signature(parameters), *start, *lets, *kept, *body]
        self.empty = not parameters and self.lines[1:] == start

    def lets(self, lines: list[str]) -> list[str]:
        names, out = self.template.names, []
        for name in names.lets:
            text = names.let_text(name) if name in self.template.used else None
            if text is not None and any(re.search(rf"\b{name}\b", line) for line in lines):
                out.append((name, f"    {name} = {text}"))
        return [line for _, line in out]

    # Attributes

    def parts(self, entries: list[Entry], indent: int, holder: str = "self") -> list[str]:
        """Statements that set attributes."""
        lines: list[str] = []
        pad, cond = " " * indent, ""
        done: set[str] = set()
        for entry in entries:
            if entry.kind == "loop":
                for inner in entry.body:
                    if inner.attribute and inner.attribute not in done and inner.reached:
                        done.add(inner.attribute)
                        lines += broken(inner.make, f"self.{inner.attribute} = ", "", indent, WIDTH)
                body = [e for e in entry.body if not e.attribute]
                inside = self.parts(body, indent + 4, holder)
                if inside:
                    lines += [f"{pad}{self.header(entry.header, inside)}:", *inside]
                cond = ""
                continue
            if (stateless(entry) and not entry.reached) or entry.attribute in done:
                continue
            done |= {entry.attribute} - {""}
            if entry.cond and entry.cond != cond:
                lines.append(f"{pad}if {entry.cond}:")
            cond = entry.cond
            lines += self.part(entry, indent + 4 * bool(cond), holder)
        return lines

    def header(self, header: str, inside: list[str]) -> str:
        """A ``for`` line; a variable that nothing uses is called ``_``."""
        variables, _, items = header.removeprefix("for ").partition(" in ")
        used = {v for v in variables.split(", ") if any(re.search(rf"\b{v}\b", x) for x in inside)}
        shown = ", ".join(v if v in used else "_" for v in variables.split(", "))
        return f"for {shown} in {items}"

    def part(self, entry: Entry, indent: int, holder: str) -> list[str]:
        if entry.kind == "container":
            return self.container(entry, indent, holder)
        before, make = self.made(entry, indent)
        name = entry.attribute or entry.name
        if plain_attribute(name) and holder == "self":
            return [*before, *broken(make, f"self.{name} = ", "", indent, WIDTH)]
        shown = name if name.startswith('f"') else literal(name)
        method = "register_parameter" if entry.kind == "parameter" else "add_module"
        call = Made(f"{holder}.{method}", [("", shown), ("", make)])
        return [*before, *broken(call, "", "", indent, WIDTH)]

    def container(self, entry: Entry, indent: int, holder: str) -> list[str]:
        """A module that only holds others: a shared network's weights, say."""
        name = self.local("holder")
        pad = " " * indent
        lines = [f"{pad}{name} = nn.Module()", *self.parts(entry.body, indent, name)]
        set_it = f"{holder}.add_module({literal(entry.name)}, {name})"
        return [*lines, f"{pad}{set_it}"]

    def local(self, name: str) -> str:
        """A variable of the constructor that no other part of it uses."""
        self.locals.append(name)
        count = self.locals.count(name)
        return f"{name}{count}" if count > 1 else name

    # Sequences

    def made(self, entry: Entry, indent: int) -> tuple[list[str], Expr]:
        """How an entry is made, and the lines that must come before."""
        if entry.kind != "chain":
            return [], entry.make
        numbered = positional(entry.body)
        if all(simple(e) for e in entry.body):
            return self.at_once(entry.body, numbered, indent)
        local = self.local("layers")
        if numbered:
            lines = [f"{' ' * indent}{local}: list[nn.Module] = []"]
            lines += self.listed(entry.body, local, indent)
            return lines, Made("nn.Sequential", [("", f"*{local}")])
        lines = [f"{' ' * indent}{local}: OrderedDict[str, nn.Module] = OrderedDict()"]
        lines += self.listed(entry.body, local, indent, named=True)
        return lines, Made("nn.Sequential", [("", local)])

    def at_once(self, entries: list[Entry], numbered: bool, indent: int) -> tuple[list[str], Expr]:
        """A sequence as one expression."""
        lines: list[str] = []
        items: list[tuple[str, Expr]] = []
        for entry in entries:
            inner = entry.body[0] if entry.kind == "loop" else entry
            before, make = self.made(inner, indent)
            lines += before
            name = inner.name if inner.name.startswith('f"') else literal(inner.name)
            if entry.kind == "loop":
                item = make if numbered else Made("", [("", name), ("", make)])
                make, name = Each(item, self.header(entry.header, [flat(item)])), ""
            items.append(("" if numbered else name, make))
        if numbered:
            return lines, Made("nn.Sequential", _runs(items))
        return lines, Made("nn.Sequential", [("", _ordered(items))])

    def listed(
        self, entries: list[Entry], local: str, indent: int, named: bool = False
    ) -> list[str]:
        """Statements that add to a list of layers, or to an ordered dict."""
        lines: list[str] = []
        cond = ""
        for entry in entries:
            if entry.kind == "loop":
                inside = self.listed(entry.body, local, indent + 4, named)
                lines += [f"{' ' * indent}{self.header(entry.header, inside)}:", *inside]
                cond = ""
                continue
            if entry.cond and entry.cond != cond:
                lines.append(f"{' ' * indent}if {entry.cond}:")
            cond = entry.cond
            inner = indent + 4 * bool(cond)
            before, make = self.made(entry, inner)
            lines += before
            if named:
                name = entry.name if entry.name.startswith('f"') else literal(entry.name)
                lines += broken(make, f"{local}[{name}] = ", "", inner, WIDTH)
            else:
                lines += broken(Made(f"{local}.append", [("", make)]), "", "", inner, WIDTH)
        return lines

    def chain(self) -> list[str]:
        """The body of a class that is a sequence itself."""
        entries = self.template.entries
        if all(simple(e) for e in entries):
            lines, made = self.at_once(entries, positional(entries), 4)
            assert isinstance(made, Made)
            made.func = "super().__init__"
            return [*lines, *broken(made, "", "", 4, WIDTH)]
        conds = list(dict.fromkeys(e.cond for e in entries))
        if len(conds) == 2 and all(conds) and all(self.flat_part(e) for e in entries):
            lines = []
            there = [e.slot.there for e in entries]
            if there[0] == [not t for t in there[-1]]:
                for cond, head in zip(conds, (f"if {conds[0]}:", "else:"), strict=True):
                    group = [e for e in entries if e.cond == cond]
                    items = [("", e.make) for e in group]
                    lines.append(f"    {head}")
                    lines += broken(Made("super().__init__", items), "", "", 8, WIDTH)
                return lines
        local = self.local("layers")
        lines = [f"    {local}: list[nn.Module] = []", *self.listed(entries, local, 4)]
        return [*lines, f"    super().__init__(*{local})"]

    def flat_part(self, entry: Entry) -> bool:
        return entry.kind == "part"


def in_sequence(template: Template) -> bool:
    """Whether a class is an ``nn.Sequential`` itself.

    One with labels is where some parts with weights have none, and so no name in Python.
    """
    entries = template.entries
    if not template.chain or positional(entries):
        return template.chain
    unnamed = any(not stateless(e) and not plain_attribute(e.name) for e in _direct(entries))
    return unnamed and all(simple(e) and e.kind != "loop" for e in entries)


def simple(entry: Entry) -> bool:
    """Whether an entry can be part of an expression."""
    if entry.cond:
        return False
    if entry.kind == "loop":
        (inner, *more) = entry.body
        return not more and inner.kind == "part" and not inner.cond
    return entry.kind != "chain" or all(simple(e) for e in entry.body)


def name_layers(template: Template) -> None:
    """Give layers that keep no tensor, and have no label, a name that says what they are."""
    taken = {e.name for e in every(template.entries)}
    given: dict[tuple[str, str], str] = {}

    def visit(entries: list[Entry]) -> None:
        for entry in entries:
            if entry.kind == "loop":
                visit(entry.body)
            elif entry.kind == "chain":
                _name_chain(entry.body)
            elif stateless(entry) and not plain_attribute(entry.name):
                node = entry.slot.first.node
                assert node is not None
                key = (flat(entry.make), entry.cond)
                if key not in given:
                    given[key] = _unused(node.op.name, taken)
                    taken.add(given[key])
                entry.attribute = given[key]

    if in_sequence(template):
        _name_chain(template.entries)
    else:
        visit(template.entries)


def _name_chain(entries: list[Entry]) -> None:
    """The same for a sequence with labels: all its parts then have one."""
    taken = {e.name for e in entries}
    named = not positional(entries) and all(e.kind != "loop" for e in entries)
    for entry in entries:
        if entry.kind == "chain":
            _name_chain(entry.body)
        node = entry.slot.first.node if entry.kind == "part" else None
        if named and node is not None and stateless(entry) and not plain_attribute(entry.name):
            entry.name = _unused(node.op.name, taken)
            taken.add(entry.name)


def _unused(name: str, taken: set[str]) -> str:
    found, count = name, 2
    while found in taken or iskeyword(found) or hasattr(nn.Module(), found):
        found, count = f"{name}{count}", count + 1
    return found


def stateless(entry: Entry) -> bool:
    """Whether a part keeps no tensor, so that its name is in no state."""
    return entry.kind == "part" and all(m.stateless for m in entry.slot.found if m is not None)


def positional(entries: list[Entry]) -> bool:
    """Whether the parts of a sequence are numbered from 0 in every instance."""
    rows: dict[str, list[str]] = {}
    for entry in _direct(entries):
        for member in entry.slot.found:
            if member is not None:
                rows.setdefault(member.path.rpartition(".")[0], []).append(member.name)
    return all(sorted(row, key=_order) == list(map(str, range(len(row)))) for row in rows.values())


def _order(name: str) -> tuple[int, str]:
    return (int(name), "") if name.isdigit() else (-1, name)


def _direct(entries: list[Entry]) -> Iterator[Entry]:
    """The parts of a sequence, those in loops among them."""
    for entry in entries:
        if entry.kind == "loop":
            yield from _direct(entry.body)
        else:
            yield entry


def _runs(items: list[tuple[str, Expr]]) -> list[tuple[str, Expr]]:
    """Equal parts in a row as one."""
    out: list[tuple[str, Expr]] = []
    start = 0
    while start < len(items):
        end = start + 1
        while end < len(items) and flat(items[end][1]) == flat(items[start][1]):
            end += 1
        same = end - start
        if same >= _RUN:
            out.append(("", Each(items[start][1], f"for _ in range({same})")))
        else:
            out += items[start:end]
        start = end
    return out


def _ordered(items: list[tuple[str, Expr]]) -> Expr:
    """An ``OrderedDict`` of named parts."""
    rows = _named_runs(items)
    if len(rows) == 1 and isinstance(rows[0][1], Each) and not rows[0][0]:
        return Made("OrderedDict", [("", Each(rows[0][1].item, rows[0][1].header, star=False))])
    names = [n.strip('"') for n, _ in rows]
    if all(plain_attribute(n) for n in names):
        return Made("OrderedDict", [(n, e) for n, (_, e) in zip(names, rows, strict=True)])
    return Made("OrderedDict", [("", Pairs(rows))])


_ENDING = re.compile(r'"(.*?)(\d+)"')


def _named_runs(items: list[tuple[str, Expr]]) -> list[tuple[str, Expr]]:
    """Equal parts in a row, whose names count on, as one."""
    out: list[tuple[str, Expr]] = []
    start = 0
    while start < len(items):
        end = start + 1
        first = _ENDING.fullmatch(items[start][0])
        while first is not None and end < len(items):
            wanted = f'"{first[1]}{int(first[2]) + end - start}"'
            if items[end][0] != wanted or flat(items[end][1]) != flat(items[start][1]):
                break
            end += 1
        if first is not None and end - start >= _RUN and not set(first[1]) & set("{}\\"):
            low = int(first[2])
            counted = f"range({low}, {low + end - start})" if low else f"range({end - start})"
            name = f'f"{first[1]}{{i}}"'
            pair = Made("", [("", name), ("", items[start][1])])
            out.append(("", Each(pair, f"for i in {counted}")))
        else:
            out += items[start:end]
        start = end
    return out


def _signature(parameters: list[str]) -> list[str]:
    given = ", ".join(["self", *parameters])
    line = f"def __init__({given}) -> None:"
    if len(line) <= WIDTH:
        return [line]
    if len(given) + 4 <= WIDTH:
        return ["def __init__(", f"    {given}", ") -> None:"]
    return ["def __init__(", *(f"    {p}," for p in ["self", *parameters]), ") -> None:"]
