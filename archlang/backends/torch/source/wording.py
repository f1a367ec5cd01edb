"""Names for what a spec leaves unnamed, and names that follow from a loop."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from archlang.backends.torch.source.expressions import UnsayableError, Writer
from archlang.backends.torch.source.holes import Point
from archlang.backends.torch.source.names import Names
from archlang.backends.torch.source.parts import Member, Unit, walk
from archlang.elaborate.scope import Env
from archlang.syntax import ast


def label_texts(names: Names, wanted: list[str], points: list[Point]) -> Iterator[str]:
    """What may give a label in each turn of a loop: the spec's own, or a number that grows."""
    writer = Writer(names.spoken, names.env.values)
    for label in walk(names.definition):
        if isinstance(label, ast.Label) and label.indices:
            try:
                yield f'f"{label.name}{"".join(_index(i, writer) for i in label.indices)}"'
            except UnsayableError:
                continue
    if names.loops and all(w.isdigit() for w in wanted):
        loop = names.loops[-1]
        turns = [p.values.get(loop) for p in points]
        if len(wanted) > 1 and all(isinstance(t, int) for t in turns):
            start = int(wanted[0])
            for step in range(1, 12):
                scaled = loop if step == 1 else f"{step} * {loop}"
                yield f'f"{{{scaled} + {start}}}"' if start else f'f"{{{scaled}}}"'


def _index(index: ast.Expr, writer: Writer) -> str:
    if isinstance(index, ast.String):
        if set(index.value) & set("{}\"\\'"):
            raise UnsayableError(index)
        return index.value
    text = writer.text(index)
    if '"' in text or "'" in text:
        raise UnsayableError(index)
    return f"{{{text}}}"


def cap_words(name: str) -> str:
    """A name in the style of classes: ``basic_block`` is ``BasicBlock``."""
    words = "".join(word[:1].upper() + word[1:] for word in name.split("_"))
    return words if words[:1].isalpha() else f"Net{words}"


def settings(unit: Unit) -> set[str]:
    """The parameters of a model that can be given other values, and all else be kept.

    They are only ever handed on, as they are, to layers and blocks; a whole number to ones
    that nothing with weights comes after.
    """
    definition, env = unit.owner.definition, unit.owner.env
    assert definition is not None
    assert env is not None
    found = set()
    for name in (p.name for p in definition.params):
        value = env.values.get(name)
        uses = _handed_on(name, definition, env)
        if uses is None or isinstance(value, bool) or not isinstance(value, (int, Fraction)):
            continue
        if isinstance(value, Fraction) or _nothing_after(unit, env.file.source.name, uses):
            found.add(name)
    return found


def _handed_on(
    name: str, definition: ast.Block | ast.Model, env: Env, depth: int = 0
) -> list[tuple[int, int]] | None:
    """The parts that a parameter is given to as it is; None where it is used otherwise."""
    nodes = walk([s for b in definition.body.branches for s in b.stmts])
    checks = _checks(nodes)
    count = sum(isinstance(n, ast.Name) and n.name == name and id(n) not in checks for n in nodes)
    uses: list[tuple[int, int]] = []
    partials = {
        n.name: n.value
        for n in nodes
        if isinstance(n, ast.Let) and isinstance(n.value, ast.Call) and n.value.name in env.blocks
    }
    parts: list[ast.Use | ast.Call] = [n for n in nodes if isinstance(n, ast.Use)]
    for part in [*parts, *partials.values()]:
        given = [a for a in part.args or [] if _is(a.value, name)]
        count -= len(given)
        if given and not all(_takes_it(part, a, env, depth) for a in given):
            return None
        if given and isinstance(part, ast.Use):
            uses.append((part.start, part.end))
        elif given:
            names = [n for n, value in partials.items() if value is part]
            uses += [(n.start, n.end) for n in nodes if isinstance(n, ast.Use) and n.name in names]
    return uses if count == 0 else None


def _checks(nodes: list[ast.Node]) -> set[int]:
    """What only requirements ask about: their conditions, and the lets that these alone use."""
    inside: set[int] = set()
    for node in nodes:
        if isinstance(node, ast.Require):
            inside |= {id(n) for n in walk(node.condition)}
    for let in reversed([n for n in nodes if isinstance(n, ast.Let)]):
        uses = [n for n in nodes if isinstance(n, ast.Name) and n.name == let.name]
        if uses and all(id(n) in inside for n in uses):
            inside |= {id(n) for n in walk(let.value)}
    return inside


def _is(node: ast.Expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.name == name


def _takes_it(use: ast.Use | ast.Call, argument: ast.Argument, env: Env, depth: int) -> bool:
    """Whether what is used hands the argument on too, where it is a block."""
    block = env.blocks.get(use.name)
    if depth > 8 or (block is None and use.name in env.values):
        return False
    if block is None:
        return True
    named = {a.name for a in use.args or []}
    free = [p.name for p in block.node.params if p.name not in named]
    plain = [a for a in use.args or [] if a.name is None]
    name = argument.name or free[plain.index(argument)]
    return _handed_on(name, block.node, block.env, depth + 1) is not None


def _nothing_after(unit: Unit, file: str, uses: list[tuple[int, int]]) -> bool:
    """Whether no weights depend on what the parts written at ``uses`` give."""
    own: set[int] = set()
    for member in _members(unit.members):
        if member.key[0] == file and member.key[1:] in uses:
            nodes = member.unit.scope.nodes if member.unit else [member.node] if member.node else []
            own |= {n.index for n in nodes}
    after: set[int] = set()
    for node in unit.scope.nodes:
        if any(n.index in after or n.index in own for n in node.inputs):
            after.add(node.index)
            if node.params and node.index not in own:
                return False
    return True


def _members(members: list[Member]) -> Iterator[Member]:
    """Members, and those of scopes that are no blocks."""
    for member in members:
        yield member
        if member.unit is not None and member.unit.scope.region.env is None:
            yield from _members(member.unit.members)
        yield from _members(member.parts)
