"""Arguments that are refused where what takes them is to blame: its parameters, in its head."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, TypeAlias

from archlang.analyses.reached import nodes
from archlang.analyses.rechecks import Look
from archlang.diagnostic import Diagnostic, Fix
from archlang.elaborate import Program
from archlang.elaborate.declared import misnamed
from archlang.elaborate.problem import at_name
from archlang.source import Edit, Span
from archlang.syntax import ast

Head: TypeAlias = "ast.Block | ast.Model | ast.Let"
_NO_PARAMETER = re.compile(r"`(\w+)` has no parameter `(\w+)`")
_TOO_MANY = re.compile(r"`(\w+)` is given more arguments than it has")
SEVERAL = 3
"""Of so many uses that are wrong alike it is what they use that is."""


def of_head(
    program: Program, name: str, finding: Diagnostic, look: Look
) -> tuple[Diagnostic, Span, str, str] | None:
    """The finding, the place in a head to blame for it, and what is said there and of the use."""
    if finding.code != "A104":
        return None
    if match := _NO_PARAMETER.match(finding.message):
        return _of_name(program, name, finding, look, *match.groups())
    if match := _TOO_MANY.match(finding.message):
        return _of_all(program, finding, match.group(1))
    return None


def _of_name(
    program: Program, model: str, finding: Diagnostic, look: Look, owner: str, name: str
) -> tuple[Diagnostic, Span, str, str] | None:
    """A parameter of another name than the one that is given, and used in the body."""
    for file, item in _declared(program, owner):
        for param in item.params or []:
            at = file.span(param)._replace(end=param.start + len(param.name))
            if misnamed(file, name, param.name, at):
                fix = Fix(f"name it `{name}`", (Edit(at, name),))
                mends = _mends(program, model, fix, look)
                fixes, help = ((fix,), "") if mends else ((), finding.help)
                said = f"likely wrong here: nothing uses `{param.name}`"
                return replace(finding, fixes=fixes, help=help), at, said, "given here"
    return None


def _of_all(
    program: Program, finding: Diagnostic, name: str
) -> tuple[Diagnostic, Span, str, str] | None:
    """The parameters of what has several uses, of which all give it more than it has."""
    uses = [u for file in _own(program) for u in nodes(file.items) if _uses(u, name)]
    for file, item in _declared(program, name):
        takes = len(item.params or [])
        if len(uses) >= SEVERAL and all(len(u.args) > takes for u in uses):
            at = at_name(file.span(item), item.name)
            return finding, at, "likely wrong here: all give it more", "used here"
    return None


def _declared(program: Program, name: str) -> Iterator[tuple[ast.File, Head]]:
    """The blocks, models and functions of a name that the user can change."""
    assert program.module is not None
    models = program.module.models.values()
    inside = [
        s for m in models if isinstance(m, ast.Model) for b in m.body.branches for s in b.stmts
    ]
    for file in _own(program):
        for item in [*file.items, *(inside if file is program.files[-1] else ())]:
            taking = isinstance(item, ast.Let) and item.params is not None
            if (taking or isinstance(item, ast.Block | ast.Model)) and item.name == name:
                yield file, item


def _own(program: Program) -> Iterator[ast.File]:
    """The files that the user can change."""
    return (f for f in program.files if not f.source.standard)


def _mends(program: Program, model: str, fix: Fix, look: Look) -> bool:
    """Whether a model has no errors with a fix made."""
    made = program.edited(fix.edits)
    if made is None or made.diagnostics or model not in made.complete:
        return False
    return not any(d.severity == "error" for d in look(made, model)[1])


def _uses(node: Any, name: str) -> bool:
    """Whether a node of the tree gives arguments to what has a name."""
    return isinstance(node, ast.Use | ast.Call) and node.name == name and node.args is not None
