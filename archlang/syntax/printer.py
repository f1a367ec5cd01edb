"""From the syntax tree back to text: parsing what is printed gives the same tree."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch

from archlang.syntax import ast

INDENT = "    "
_BINDS = {
    "or": 1, "and": 2, "==": 4, "!=": 4, "<": 4, "<=": 4, ">": 4, ">=": 4,
    "+": 5, "-": 5, "*": 6, "/": 6, "//": 6, "%": 6, "**": 8,
}  # fmt: skip
_CONDITIONAL, _NOT, _NEGATIVE, _ATOM = 0, 3, 7, 9


def print_file(file: ast.File) -> str:
    """The spec in one style, comments left out."""
    lines = [f"archlang {file.version}"] if file.version else []
    for item in file.items:
        lines.append(_item(item))
    return "\n".join(lines) + "\n" if lines else ""


@singledispatch
def print_expression(node: ast.Node) -> str:
    """An expression as a user would write it, with the fewest parentheses."""
    raise TypeError(f"no printed form for {type(node).__name__}")


def _tight(node: ast.Expr, least: int) -> str:
    """``node``, in parentheses where it binds looser than ``least``."""
    text = print_expression(node)
    return text if _binding(node) >= least else f"({text})"


def _binding(node: ast.Expr) -> int:
    match node:
        case ast.Conditional():
            return _CONDITIONAL
        case ast.Binary():
            return _BINDS[node.operator]
        case ast.Unary():
            return _NOT if node.operator == "not" else _NEGATIVE
        case _:
            return _ATOM


@print_expression.register
def _(node: ast.Number) -> str:
    return node.text


@print_expression.register
def _(node: ast.Truth) -> str:
    return "true" if node.value else "false"


@print_expression.register
def _(node: ast.Unknown) -> str:
    return "?"


@print_expression.register
def _(node: ast.SizeLiteral) -> str:
    return "x".join(map(str, node.values))


@print_expression.register
def _(node: ast.String) -> str:
    return f'"{node.value}"'


@print_expression.register
def _(node: ast.Name) -> str:
    return node.name


@print_expression.register
def _(node: ast.ListLiteral) -> str:
    return f"[{', '.join(map(print_expression, node.items))}]"


@print_expression.register
def _(node: ast.Comprehension) -> str:
    body, iterable = print_expression(node.body), print_expression(node.iterable)
    return f"[{body} for {', '.join(node.targets)} in {iterable}]"


@print_expression.register
def _(node: ast.Unary) -> str:
    if node.operator == "not":
        return f"not {_tight(node.operand, _NOT)}"
    return f"-{_tight(node.operand, _NEGATIVE)}"


@print_expression.register
def _(node: ast.Binary) -> str:
    binds = _BINDS[node.operator]
    if node.operator == "**":
        return f"{_tight(node.left, _ATOM)}**{_tight(node.right, _NEGATIVE)}"
    compares = binds == 4  # comparisons do not chain
    left = _tight(node.left, binds + 1 if compares else binds)
    right = _tight(node.right, _NOT if node.operator == "and" else binds + 1)
    space = "" if node.operator in "*/" else " "
    return f"{left}{space}{node.operator}{space}{right}"


@print_expression.register
def _(node: ast.Conditional) -> str:
    then, test = _tight(node.then, 1), _tight(node.test, 1)
    return f"{then} if {test} else {print_expression(node.otherwise)}"


@print_expression.register
def _(node: ast.Call) -> str:
    return node.name + _args(node.args)


@print_expression.register
def _(node: ast.Index) -> str:
    return f"{_tight(node.base, _ATOM)}[{print_expression(node.index)}]"


@print_expression.register
def _(node: ast.Slice) -> str:
    low, high = (print_expression(e) if e else "" for e in (node.low, node.high))
    return f"{_tight(node.base, _ATOM)}[{low}:{high}]"


def _args(args: Sequence[ast.Argument] | None) -> str:
    if args is None:
        return ""
    parts = [(f"{a.name}=" if a.name else "") + print_expression(a.value) for a in args]
    return f"({', '.join(parts)})"


def _shape(shape: ast.ShapeSpec) -> str:
    dims = [(f"{d.name}=" if d.name else "") + print_expression(d.value) for d in shape.dims]
    return f"[{', '.join([*dims, '...'] if shape.rest else dims)}]"


def _params(params: Sequence[ast.Param] | None) -> str:
    if not params:
        return "" if params is None else "()"
    parts = [p.name + (f" = {print_expression(p.default)}" if p.default else "") for p in params]
    return f"({', '.join(parts)})"


def _item(item: ast.Item) -> str:
    match item:
        case ast.UseFile():
            return f'use "{item.path}"'
        case ast.Let():
            return _statement(item, "")
        case ast.Alias():
            return f"model {item.name} = {item.target}{_args(item.args)}"
        case ast.Model():
            return f"model {item.name}{_params(item.params or None)} {_body(item.body, '')}"
        case ast.Block():
            signature = ""
            if item.signature:
                gives = item.signature.gives
                signature = f" : {_shape(item.signature.takes)}" + (
                    f" -> {_shape(gives)}" if gives else ""
                )
            return (
                f"block {item.name}{_params(item.params or None)}{signature} {_body(item.body, '')}"
            )


def _body(body: ast.Body, indent: str) -> str:
    if not body.branches:
        return "{ }"
    inner = indent + INDENT
    if len(body.branches) == 1:
        lines = [inner + _statement(s, inner) for s in body.branches[0].stmts]
    else:
        deep = inner + "  "
        lines = [
            f"{inner}| {_statement(s, deep)}" if i == 0 else deep + _statement(s, deep)
            for branch in body.branches
            for i, s in enumerate(branch.stmts)
        ]
    for i, line in enumerate(lines[1:]):
        if line.startswith(("else =", "else["), len(line) - len(line.lstrip())):
            lines[i] += ";"  # of a label alone; the word takes a line break before it to itself
    return "{\n" + "\n".join(lines) + f"\n{indent}}}"


def _statement(stmt: ast.Stmt, indent: str) -> str:
    match stmt:
        case ast.Pipe():
            label = ""
            if stmt.label:
                indices = ", ".join(map(print_expression, stmt.label.indices))
                label = f"{stmt.label.name}[{indices}] = " if indices else f"{stmt.label.name} = "
            shape = f" : {_shape(stmt.shape)}" if stmt.shape else ""
            return f"{label}{_chain(stmt.chain, indent)}{shape}"
        case ast.Shared():
            return f"shared {stmt.name} = {_chain(stmt.chain, indent)}"
        case ast.Aux():
            return " ".join(
                [f"aux {stmt.name}", *(f"{a.name}={print_expression(a.value)}" for a in stmt.args)]
            )
        case ast.Input():
            return f"input {stmt.name}: {_shape(stmt.shape)}"
        case ast.Output():
            return f"output {', '.join(n.name for n in stmt.names)}"
        case ast.Require():
            message = "" if stmt.message is None else f' : "{stmt.message}"'
            return f"require {print_expression(stmt.condition)}{message}"
        case ast.Let():
            return f"let {stmt.name}{_params(stmt.params)} = {print_expression(stmt.value)}"
        case ast.If():
            text = f"if {print_expression(stmt.test)} {_body(stmt.then, indent)}"
            if isinstance(stmt.otherwise, ast.If):
                return f"{text} else {_statement(stmt.otherwise, indent)}"
            return (
                text if stmt.otherwise is None else f"{text} else {_body(stmt.otherwise, indent)}"
            )
        case ast.For():
            targets = ", ".join(stmt.targets)
            return f"for {targets} in {print_expression(stmt.iterable)} {_body(stmt.body, indent)}"


def _chain(chain: ast.Chain, indent: str) -> str:
    return " -> ".join(_stage(s, indent) for s in chain.stages)


def _stage(stage: ast.Stage, indent: str) -> str:
    match stage:
        case ast.Use():
            return stage.name + _args(stage.args)
        case ast.Reference():
            return f"{stage.name}[{', '.join(map(print_expression, stage.indices))}]"
        case ast.Group():
            return _body(stage.body, indent)
        case ast.Merge():
            return f"{stage.name}{_args(stage.args)} {_body(stage.body, indent)}"
        case ast.Repeat():
            return f"{_stage(stage.stage, indent)} x {_tight(stage.count, _ATOM)}"
