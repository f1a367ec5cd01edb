"""What is odd in the text alone: names that nothing uses, merges that merge nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from typing import NamedTuple

from archlang.diagnostic import Diagnostic, Fix, Note
from archlang.elaborate.files import Module
from archlang.op import Op
from archlang.source import Edit, Span
from archlang.syntax import ast
from archlang.syntax.parser import comments


class _Given(NamedTuple):
    """A name, what it names, and the part of the text in which it may be used."""

    name: str
    what: str
    span: Span
    scope: tuple[ast.Node, ...]
    whole: Span | None = None
    """All that goes where it goes, for what can be left out."""
    safe: bool = True
    """Whether no other file may want it."""


def unused(module: Module) -> Iterator[Diagnostic]:
    """The names of a file that nothing in it uses, but for what others may bring in from it.

    A file without a model is such for all its blocks and functions.
    """
    file = module.env.file
    names = _Names()
    for given in (*_file(module, names), *_inside(file)):
        if not given.name.startswith("_") and not any(
            given.name in names.of(node) for node in given.scope
        ):
            out = (_line_out(given.whole),) if given.whole else ()
            what = given.what.removeprefix("anything of ")
            safe = given.safe and not (given.whole and comments(given.whole.text))
            yield Diagnostic(
                "A302",
                f"nothing uses {given.what}",
                given.span,
                "" if given.whole else "a name that begins with `_` may be left unused",
                severity="warning",
                fixes=(Fix(f"leave {what} out", out, safe),) if out else (),
            )


def _file(module: Module, used: _Names) -> Iterator[_Given]:
    """What stands at the top: in a file with models, for their sake."""
    file = module.env.file
    if not module.models:
        return
    for item in file.items:
        others = tuple(i for i in file.items if i is not item)
        span = file.span(item)
        match item:
            case ast.Block():
                yield _Given(item.name, f"block `{item.name}`", _head(span, item.name), others)
            case ast.Let():
                what = f"`{item.name}`"
                own = item.params is None  # functions are there for other files too
                yield _Given(item.name, what, _head(span, item.name), others, span, own)
            case ast.UseFile():
                names = [n for n, at in module.taken.items() if at == span]
                if not any(n in used.of(node) for node in others for n in names):
                    yield _Given("", f'anything of `use "{item.path}"`', span, (), span)


def _inside(file: ast.File) -> Iterator[_Given]:
    """Parameters, and what bodies define."""
    for item in file.items:
        if isinstance(item, ast.Block | ast.Model):
            signature = getattr(item, "signature", None)
            scope = (item.body, *((signature,) if signature else ()))
            for param in item.params:
                defaults = tuple(p.default for p in item.params if p.default and p is not param)
                yield _parameter(file, param, item.name, (*scope, *defaults))
            yield from _defined(file, item.body)
        elif isinstance(item, ast.Let) and item.params:
            for param in item.params:
                yield _parameter(file, param, item.name, (item.value,))


def lone(module: Module) -> Iterator[Diagnostic]:
    """The merges that are written with one branch, which is then all that they come to."""
    file = module.env.file
    waiting: list[object] = [file.items]
    while waiting:
        node = waiting.pop()
        waiting.extend(_children(node))
        op = Op.registry.get(node.name) if isinstance(node, ast.Merge) else None
        if not isinstance(node, ast.Merge) or op is None or not op.merges or op.implicit:
            continue
        if len(node.body.branches) == 1:
            head = Span(file.source, node.start, node.start + len(node.name))
            whole = Edit(Span(file.source, node.start, node.body.start), "")
            sugar = (n for n, o in Op.registry.items() if issubclass(o, op) and o.implicit)
            fixes = [Fix(f"`{n}` merges it with what arrives", (Edit(head, n),)) for n in sugar]
            fixes = [*_barred(file, node.body.branches[0]), *fixes]
            yield Diagnostic(
                "A309",
                f"`{node.name}` has one branch, so it merges nothing",
                head,
                related=(Note(file.span(node.body.branches[0]), "the only branch"),),
                severity="warning",
                fixes=(*fixes, Fix("braces alone do the same", (whole,))),
            )


def _barred(file: ast.File, branch: ast.Branch) -> Iterator[Fix]:
    """The edits that make a branch of each line, where there are several."""
    stmts = branch.stmts
    lines = [file.span(s).line for s in stmts]
    if len(set(lines)) == len(stmts) > 1 and all(isinstance(s, ast.Pipe) for s in stmts):
        at = (Span(file.source, s.start, s.start) for s in stmts)
        yield Fix("each line is a branch of its own", tuple(Edit(a, "| ") for a in at))


def _parameter(file: ast.File, param: ast.Param, owner: str, scope: tuple[ast.Node, ...]) -> _Given:
    span = _head(file.span(param), param.name)
    return _Given(param.name, f"parameter `{param.name}` of `{owner}`", span, scope)


def _defined(file: ast.File, body: ast.Body) -> Iterator[_Given]:
    for branch in body.branches:
        for stmt in branch.stmts:
            others = tuple(s for s in branch.stmts if s is not stmt)
            span = file.span(stmt)
            match stmt:
                case ast.Let():
                    yield _Given(stmt.name, f"`{stmt.name}`", _head(span, stmt.name), others, span)
                case ast.Shared():
                    what = f"shared `{stmt.name}`"
                    yield _Given(stmt.name, what, _head(span, stmt.name), others, span)
            for inner in _bodies(stmt):
                yield from _defined(file, inner)


def _head(span: Span, name: str) -> Span:
    """Where a name stands at the head of its definition."""
    at = span.start + max(0, span.text.find(name))
    return Span(span.source, at, at + len(name))


def _bodies(node: object) -> Iterator[ast.Body]:
    """The bodies that stand in a node, the outermost."""
    for child in _children(node):
        if isinstance(child, ast.Body):
            yield child
        else:
            yield from _bodies(child)


def _children(node: object) -> Iterator[object]:
    if isinstance(node, list | tuple):
        yield from node
    elif isinstance(node, ast.Node):
        kind: type = type(node)
        yield from (getattr(node, name) for name in _fields(kind))


@cache
def _fields(kind: type) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind) if f.compare)


NAMED: dict[type, str] = {
    ast.Name: "name", ast.Call: "name", ast.Use: "name", ast.Reference: "name",
    ast.Merge: "name", ast.Aux: "name", ast.Alias: "target",
}  # fmt: skip
"""The nodes that use a name, and the field that has it."""


class _Names:
    """The names that parts of a text use, each part looked through once."""

    def __init__(self) -> None:
        self.known: dict[int, frozenset[str]] = {}

    def of(self, node: ast.Node) -> frozenset[str]:
        """The names that are used in a part."""
        if id(node) not in self.known:
            found: set[str] = set()
            waiting: list[object] = [node]
            while waiting:
                one = waiting.pop()
                if (name := NAMED.get(type(one))) is not None:
                    found.add(getattr(one, name))
                waiting.extend(_children(one))
            self.known[id(node)] = frozenset(found)
        return self.known[id(node)]


def _line_out(span: Span) -> Edit:
    """The edit that leaves a statement out, with its line where nothing else stands there."""
    text = span.source.text
    start = text.rfind("\n", 0, span.start) + 1
    end = text.find("\n", span.end)
    end = len(text) if end < 0 else end + 1
    before, behind = text[start : span.start], text[span.end : end]
    if not before.strip() and not behind.strip():
        return Edit(Span(span.source, start, end), "")
    blank = len(behind) - len(behind.lstrip(" \t"))
    return Edit(Span(span.source, span.start, span.end + blank), "")
