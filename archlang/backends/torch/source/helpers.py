"""Functions that a spec defines, as Python functions of the source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from archlang.backends.torch.source.expressions import (
    FUNCTIONS,
    UnsayableError,
    Writer,
    evaluate,
    python_value,
)
from archlang.elaborate.values import Function
from archlang.syntax import ast

WIDTH = 100
_ROUNDING = ("ceil", "floor", "round", "len")


@dataclass(slots=True)
class Helpers:
    """The functions that expressions call, by the name that Python gives them."""

    lines: dict[str, list[str]] = field(default_factory=dict)
    callables: dict[str, Callable[..., Any]] = field(default_factory=dict)
    nodes: dict[str, ast.Let] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)

    def name(self, function: Function) -> str:
        """The Python function of one of the spec; raises ``UnsayableError`` where it has none."""
        name = function.node.name
        if name not in self.nodes:
            self.define(name, function)
        if self.nodes[name] is not function.node:
            raise UnsayableError(name)
        return name

    def define(self, name: str, function: Function) -> None:
        node = function.node
        names = {p.name: p.name.lower() for p in node.params or []}
        if len(set(names.values())) < len(names) or not name.isidentifier() or name[:1].isupper():
            raise UnsayableError(name)
        values = function.env.values
        writer = Writer(names, values, functions=functions(values, self))
        kinds, shown = {}, []
        for param in node.params or []:
            default = None if param.default is None else evaluate(writer.text(param.default), {})
            kinds[param.name] = "int" if isinstance(default, int) else "float"
            ending = "" if param.default is None else f" = {default!r}"
            shown.append(f"{names[param.name]}: {kinds[param.name]}{ending}")
        kind = self.kind(node.value, kinds, values)
        body = writer.text(node.value)
        self.lines[name] = [
            f"def {name}({', '.join(shown)}) -> {kind}:",
            f'    """``{name}`` of the spec."""',
            *_returned(body),
        ]
        given = ", ".join(s.replace(": int", "").replace(": float", "") for s in shown)
        self.callables[name] = evaluate(f"lambda {given}: {body}", self.callables)
        self.nodes[name], self.kinds[name] = node, kind

    def kind(self, node: ast.Expr, kinds: Mapping[str, str], values: Mapping[str, Any]) -> str:
        """The type of an expression, as a type checker finds it; raises for all but numbers."""

        def of(*nodes: ast.Expr) -> str:
            return "float" if "float" in [self.kind(n, kinds, values) for n in nodes] else "int"

        match node:
            case ast.Name() if node.name in kinds:
                return kinds[node.name]
            case ast.Name() | ast.Number():
                value = node.value if isinstance(node, ast.Number) else values.get(node.name)
                return "int" if isinstance(python_value(value), int) else "float"
            case ast.Binary(operator="/"):
                return "float"
            case ast.Binary(operator="+" | "-" | "*" | "//" | "%"):
                return of(node.left, node.right)
            case ast.Unary(operator="-"):
                return of(node.operand)
            case ast.Conditional():
                return of(node.then, node.otherwise)
            case ast.Call() if node.name in _ROUNDING:
                return "int"
            case ast.Call() if node.name in ("min", "max") and len(node.args) > 1:
                return of(*(a.value for a in node.args))
            case ast.Call() if isinstance(values.get(node.name), Function):
                return self.kinds[self.name(values[node.name])]
        raise UnsayableError(node)


def _returned(body: str) -> list[str]:
    """A ``return``; one that is too long is broken at its last brackets."""
    line = f"    return {body}"
    if len(line) <= WIDTH:
        return [line]
    at, depth = len(body) - 1, 0
    while body.endswith(")") and at >= 0:
        depth += {")": 1, "(": -1}.get(body[at], 0)
        if depth == 0:
            break
        at -= 1
    inner = body[at + 1 : -1]
    if not body.endswith(")") or at == 0 or max(at + 12, len(inner) + 8) > WIDTH:
        raise UnsayableError(body)
    return [f"    return {body[: at + 1]}", f"        {inner}", "    )"]


def functions(values: Mapping[str, Any], helpers: Helpers) -> dict[str, Callable[[], str]]:
    """What gives each function of a body its Python name."""
    found = {n: v for n, v in values.items() if isinstance(v, Function) and n not in FUNCTIONS}
    return {n: partial(helpers.name, f) for n, f in found.items()}
