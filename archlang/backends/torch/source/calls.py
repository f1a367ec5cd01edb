"""Constructor calls as trees of text, for the printer."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from archlang.backends.torch.source.expressions import literal
from archlang.backends.torch.source.parts import Call

Expr: TypeAlias = "str | Made | Each | Pairs"


@dataclass(slots=True)
class Made:
    """``func(args)``; an argument has its name in front where it is given by name."""

    func: str
    args: list[tuple[str, Expr]] = field(default_factory=list)


@dataclass(slots=True)
class Each:
    """``*(item for … in …)``; without ``star``, no star and no parentheses."""

    item: Expr
    header: str
    star: bool = True


@dataclass(slots=True)
class Pairs:
    """``[(name, item), …]``; an item without a name stands as it is."""

    items: list[tuple[str, Expr]]


def made(call: Call) -> Made:
    """A call whose arguments are all numbers or such calls."""
    return Made(
        call.func,
        [
            ("" if i < call.positional else name, written(value))
            for i, (name, value) in enumerate(call.args.items())
        ],
    )


def written(value: Any) -> Expr:
    """A value as source."""
    return made(value) if isinstance(value, Call) else parsed(literal(value))


def flat(expr: Expr) -> str:
    """An expression on one line."""
    match expr:
        case str():
            return expr
        case Made():
            return f"{expr.func}({', '.join(_argument(n, flat(a)) for n, a in expr.args)})"
        case Each():
            inner = f"{flat(expr.item)} {expr.header}"
            return f"*({inner})" if expr.star else inner
        case Pairs():
            return f"[{', '.join(flat(_pair(n, e)) for n, e in expr.items)}]"


def _pair(name: str, expr: Expr) -> Expr:
    """A name and an item; what stands for several pairs has no name."""
    return Made("", [("", name), ("", expr)]) if name else expr


def _argument(name: str, text: str) -> str:
    return f"{name}={text}" if name else text


def parsed(text: str) -> Expr:
    """The calls and tuples of Python text, so that it can be broken."""

    def build(node: ast.expr) -> Expr:
        shown = ast.get_source_segment(text, node) or ""
        if isinstance(node, ast.Call) and not node.keywords:
            func = ast.get_source_segment(text, node.func) or ""
            return Made(func, [("", build(a)) for a in node.args])
        if isinstance(node, ast.Tuple) and len(node.elts) > 1:
            return Made("", [("", build(e)) for e in node.elts])
        if isinstance(node, ast.List) and node.elts:
            return Pairs([("", build(e)) for e in node.elts])
        return shown

    return build(ast.parse(text, mode="eval").body) if set(text) & set("([") else text


def broken(expr: Expr, before: str, after: str, indent: int, width: int) -> list[str]:
    """Lines for ``before expr after``, broken where they are longer than ``width``.

    Brackets open at the end of a line; what is in them goes on one line of its own where
    it fits, else on one for each item.
    """
    pad = " " * indent
    line = f"{pad}{before}{flat(expr)}{after}"
    if len(line) <= width or isinstance(expr, str):
        return [line]
    inner = indent + 4
    match expr:
        case Made():
            opening, closing = f"{expr.func}(", ")"
            rows = [(f"{n}=" if n else "", e) for n, e in expr.args]
            alone = len(rows) == 1 and not rows[0][0]
        case Each():
            opening, closing = ("*(", ")") if expr.star else ("", "")
            rows, alone = [("", expr.item)], True
        case Pairs():
            opening, closing, alone = "[", "]", False
            rows = [("", _pair(n, e)) for n, e in expr.items]
    lines = [f"{pad}{before}{opening}"]
    if isinstance(expr, Each):
        if not expr.star:
            return [*broken(expr.item, before, "", indent, width), f"{pad}{expr.header}{after}"]
        lines += broken(expr.item, "", "", inner, width)
        lines.append(f"{' ' * inner}{expr.header}")
        return [*lines, f"{pad}{closing}{after}"]
    together = " " * inner + ", ".join(f"{name}{flat(e)}" for name, e in rows)
    if len(together) <= width and not isinstance(expr, Pairs):
        lines.append(together)
    else:
        for name, e in rows:
            lines += broken(e, name, "" if alone else ",", inner, width)
    return [*lines, f"{pad}{closing}{after}"]
