"""What a spec claims of its sizes, proven for every legal input, or refuted by the least one.

Branches that come together must agree, assertions and signatures must hold: not at the size that
a network is checked with alone, but at every size that its layers, weights and requirements leave.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from itertools import product

from archlang.analyses.sizes import Asked, Legal, condition, conditions, legal, stated
from archlang.diagnostic import Diagnostic, Fix, Note
from archlang.graph import Graph, Node, Stated
from archlang.sizes.claims import Claim, Compared
from archlang.sizes.regions import EVERYWHERE, Region
from archlang.sizes.sets import EVERY, TooLongError
from archlang.source import Edit, Span
from archlang.syntax import ast
from archlang.types import Dim, form_of

STEPS = 6
"""How many layers back a finding tells how a size came about."""
NEARBY = (1, 2, 3, 5, 8, 16)
"""How far from the default a counterexample is looked for where no region can be stated."""


def prove(graph: Graph) -> list[Diagnostic]:
    """What does not hold for every legal size of the input.

    The fixes are proposals: the requirements that would make it hold.
    """
    found = legal(graph)
    if not found.names:
        return []
    if limits := [u for u in found.unstated if u.limit]:
        return [_too_long(limits[0].span, limits[0].why)]  # the first is the cause of the others
    try:
        return [*_merges(graph, found), *_statements(graph, found)]
    except TooLongError as error:
        return [_too_long(graph.root.span, str(error))]


def _too_long(span: Span, why: str) -> Diagnostic:
    fix = "a size without a name, as in `[3, 224, 224]`, needs no proof"
    message = "what the sizes are for every input cannot be worked out"
    return Diagnostic("A001", message, span, notes=(why,), help=fix)


@dataclass(frozen=True)
class _Fault:
    """A merge, where its branches agree, and an input for which they do not."""

    node: Node
    where: Region
    asked: Asked
    at: Mapping[str, int]


def _merges(graph: Graph, found: Legal) -> Iterator[Diagnostic]:
    """Merges whose branches differ for an input that is legal but for that."""
    asked = conditions(graph)
    merges = [a for a in asked if a.why == "merge"]
    if not merges:
        return
    rest = found.domain
    for other in asked:
        if other.why != "merge":
            rest = rest & stated(other)[0]
    faults = [f for f in (_fault(a, rest, found) for a in merges) if f is not None]
    by_place: dict[Span, list[_Fault]] = {}
    for fault in _needed(faults, rest):
        by_place.setdefault(fault.node.span, []).append(fault)
    places = list(by_place.values())
    everywhere = _where(f for here in places for f in here)
    for here in places:
        yield _disagreement(graph, here, found, everywhere if here is places[0] else EVERYWHERE)


def _where(faults: Iterable[_Fault]) -> Region:
    """Where all of these merges agree."""
    return reduce(Region.__and__, (f.where for f in faults), EVERYWHERE)


def _fault(asked: Asked, rest: Region, found: Legal) -> _Fault | None:
    assert asked.node is not None
    where = asked.claim.region()
    if where is None:
        at = _nearby(asked.claim, found, asked.span)
        return None if at is None else _Fault(asked.node, EVERYWHERE, asked, at)
    bad = rest - where
    return None if bad.empty else _Fault(asked.node, where, asked, _least(bad, found))


def _needed(faults: list[_Fault], rest: Region) -> list[_Fault]:
    """The faults without those that are gone once the later ones are."""
    kept = list(faults)
    for fault in faults:
        others = rest
        for other in kept:
            if other is not fault:
                others = others & other.where
        if fault.where != EVERYWHERE and (others - fault.where).empty:
            kept.remove(fault)
    return kept


def _least(bad: Region, found: Legal) -> dict[str, int]:
    """The least input of a region; the default's sizes where they are in it."""
    points = []
    for box in bad.boxes:
        point = {}
        for name in found.names:
            sizes, default = box.get(name, EVERY), found.defaults[name]
            point[name] = default if default in sizes else sizes.least or default
        points.append(point)
    return min(points, key=lambda p: sum(p[n] != found.defaults[n] for n in p) or sum(p.values()))


def _nearby(claim: Claim, found: Legal, by: Span | None = None) -> dict[str, int] | None:
    """An input near the default, legal but ``by`` this merge, for which a claim does not hold."""
    others = [u.claim for u in found.unstated if u.claim is not None and u.span != by]
    steps = [0, *NEARBY, *(-n for n in NEARBY)]
    for moves in product(steps, repeat=len(found.names)):
        moved = zip(found.names, moves, strict=True)
        point = {name: found.defaults[name] + step for name, step in moved}
        if min(point.values()) < 1 or point not in found.region:
            continue
        if claim.holds(point) is False and not any(c.holds(point) is False for c in others):
            return point
    return None


def _disagreement(
    graph: Graph, faults: list[_Fault], found: Legal, everywhere: Region
) -> Diagnostic:
    """The finding about one place; the first also proposes what makes all merges agree."""
    first = faults[0]
    node, ends = first.node, _ends(first)
    values = [_value(dim, first.at) for _, _, dim in ends]
    where = _where(faults)
    said = dict.fromkeys((condition(where & everywhere), condition(where)))
    fixes = tuple(fix for text in said for fix in _required(graph, text))
    unless = f" unless {found.describe(where)}" if where != EVERYWHERE else " for some inputs"
    if len(ends) == 1:  # the other side is the 1 that it is stretched from
        return Diagnostic(
            "A211",
            f"a branch of `{node.op.name}` is stretched at this size alone{unless}",
            node.span,
            f"at {_point(first.at, first.asked.claim)} its size is {values[0]}, not 1",
            related=tuple(_causes(node, ends)),
            fixes=fixes,
        )
    notes = [f"branch {number}: {_trace(end, dim)}" for number, end, dim in ends]
    if 1 in values:
        notes.append("PyTorch would stretch the size of 1 without a word")
    return Diagnostic(
        "A211",
        f"branches of `{node.op.name}` have different sizes{unless}",
        node.span,
        f"at {_point(first.at, first.asked.claim)} they are {' and '.join(map(str, values))}",
        related=tuple(_causes(node, ends)),
        notes=tuple(notes),
        fixes=fixes,
    )


def _required(graph: Graph, said: str | None) -> tuple[Fix, ...]:
    """The missing requirement, written behind the model's inputs, where the language can say it."""
    model, env = graph.root.definition, graph.root.env
    if not said or model is None or env is None:
        return ()
    inputs = [s for b in model.body.branches for s in b.stmts if isinstance(s, ast.Input)]
    span = env.span(inputs[-1])
    number, _ = span.source.position(span.end)
    line = span.source.line(number)
    start = span.source.text.rfind("\n", 0, span.end) + 1
    rest = line[span.end - start :].strip()
    at, lead = span.end, "; "
    if not rest or rest.startswith("#"):
        indent = line[: len(line) - len(line.lstrip())]
        at, lead = start + len(line), f"\n{indent}"
    text = f"require {said}"
    return (Fix(f"state it: `{text}`", (Edit(Span(span.source, at, at), f"{lead}{text}"),)),)


def _value(dim: Dim | Fraction, at: Mapping[str, int]) -> object:
    form = form_of(dim)
    value = None if form is None else form.at(at)
    return "?" if value is None else value


def _point(at: Mapping[str, int], claim: Claim) -> str:
    """The sizes of an input that a claim is about."""
    assert isinstance(claim, Compared)
    names = frozenset[str]().union(*(f.names for f in (claim.left, claim.right) if f is not None))
    return " and ".join(f"{n} = {at[n]}" for n in sorted(names))


def _path(node: Node, dim: Dim) -> Iterator[tuple[Node, str]]:
    """The layers that made a size, from the last back, and what each made it."""
    while node.inputs:
        axis = next((i for i, d in enumerate(node.output.shape) if d is dim), None)
        before = node.inputs[0].output
        if axis is None or before.rank != node.output.rank:
            return
        if before.shape[axis] is not dim and form_of(before.shape[axis]) != form_of(dim):
            yield node, str(form_of(dim))
        node, dim = node.inputs[0], before.shape[axis]


def _ends(fault: _Fault) -> list[tuple[int, Node, Dim]]:
    """The branches that the two sizes come from, counted from 1, their last nodes, the sizes."""
    assert fault.asked.sides is not None
    found = []
    for dim in fault.asked.sides:
        for number, end in enumerate(fault.node.inputs, 1):
            if any(d is dim for d in end.output.shape) and not (dim == 1 and type(dim) is int):
                found.append((number, end, dim))
                break
    return sorted(found, key=lambda row: row[0])


def _trace(end: Node, dim: Dim) -> str:
    """How a size came about: ``H, maxpool H//2, conv_transpose 2*(H//2)``, the last layers."""
    steps = list(_path(end, dim))
    shown = [f"{step.op.name} {size}" for step, size in reversed(steps[:STEPS])]
    start = ["…"] if len(steps) > STEPS else []
    return ", ".join([*start, *shown]) if shown else str(form_of(dim))


def _causes(node: Node, ends: list[tuple[int, Node, Dim]]) -> Iterator[Note]:
    """The last layer of each branch that changed the size."""
    for number, end, dim in ends:
        for step, size in _path(end, dim):
            if step.span != node.span:
                yield Note(step.span, f"branch {number}: makes it {size}")
                break


# Assertions and signatures


@dataclass(frozen=True)
class _Broken:
    """Something said of a size, where it holds (None where that cannot be stated), where not."""

    said: Stated
    claim: Compared
    where: Region | None
    at: Mapping[str, int]


def _statements(graph: Graph, found: Legal) -> Iterator[Diagnostic]:
    """Assertions and signatures that some legal input breaks; each place is said once.

    What holds wherever those before it hold is not said: it is one mistake.
    """
    seen: set[object] = set()
    by_place: dict[tuple[int, str, str, int], list[_Broken]] = {}
    for said in graph.stated:
        left, right = form_of(said.said), form_of(said.node.output.shape[said.axis])
        if left is None or right is None or left == right:
            continue  # what cannot be stated is checked at the default alone
        claim = Compared(left, "==", right)
        if said.span in seen or (claim, said.span) in seen:
            continue
        seen.add((claim, said.span))
        if (broken := _broken(said, claim, found)) is not None:
            seen.add(said.span)
            place = (said.node.index, said.code, said.span.source.name, said.span.line)
            by_place.setdefault(place, []).append(broken)
    said_of: list[list[_Broken]] = []
    for together in by_place.values():
        if not _follows(graph, together, said_of, found):
            said_of.append(together)
            yield _not_for_all(graph, together)


def _follows(
    graph: Graph, together: list[_Broken], before: list[list[_Broken]], found: Legal
) -> bool:
    """Whether what is said of a tensor holds where all holds that is said on the way to it."""
    reached = graph.reaching([together[0].said.node])
    if not any(b[0].said.node.index in reached for b in before):
        return False
    on_way = [b.where for t in before if t[0].said.node.index in reached for b in t]
    if None in on_way or any(b.where is None for b in together):
        return False
    region = reduce(Region.__and__, (w for w in on_way if w is not None), found.region)
    return all((region - b.where).empty for b in together if b.where is not None)


def _broken(said: Stated, claim: Compared, found: Legal) -> _Broken | None:
    where = claim.region()
    if where is None:
        at = _nearby(claim, found)
    else:
        bad = found.region - where
        at = None if bad.empty else _least(bad, found)
    return None if at is None else _Broken(said, claim, where, at)


def _not_for_all(graph: Graph, together: list[_Broken]) -> Diagnostic:
    """The finding for all that is said of one tensor at one place."""
    first, last = together[0], together[-1]
    said, at = first.said, first.at
    is_, stated_ = _value(said.node.output.shape[said.axis], at), _value(said.said, at)
    notes = [f"at {_point(at, first.claim)} it is {is_}, not {stated_}"]
    if isinstance(stated_, Fraction):
        notes.append("`/` is exact; `ceil` or `floor` say which way to round")
    where, missing = EVERYWHERE, None
    for broken in together:
        if broken.where is None:
            missing = f"{broken.claim.left} == {broken.claim.right}"
        else:
            where = where & broken.where
    what = "shape assertion" if said.code == "A201" else "signature"
    lefts, rights = zip(*((str(b.claim.left), str(b.claim.right)) for b in together), strict=True)
    return Diagnostic(
        said.code,
        f"the {what} does not hold for every size of the input",
        Span(said.span.source, said.span.start, last.said.span.end),
        f"specified {', '.join(lefts)}; inferred {', '.join(rights)}",
        notes=tuple(notes),
        fixes=_required(graph, missing or condition(where)),
    )
