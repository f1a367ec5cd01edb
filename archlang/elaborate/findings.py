"""What is found while a network is worked out: each mistake once, and what is known in spite of it.

After a mistake the work goes on with what is still known. What it made unknown is `LOST`, and
nothing that follows from it is reported. Where the spec states the shape behind it, by an
assertion or a block's signature, the work goes on from there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence, Set as AbstractSet
from dataclasses import replace
from fractions import Fraction
from typing import Any

from archlang.arguments import LARGEST
from archlang.diagnostic import Diagnostic, Fix, Note, Turn
from archlang.elaborate.problem import SAID, Problem, Stop
from archlang.elaborate.unknown import Trial
from archlang.graph import Graph, Node, Region
from archlang.limits import advice, current
from archlang.ops.input import Input
from archlang.source import Span
from archlang.syntax import ast
from archlang.syntax.node import ANY

MOST_LINES = 8
"""How many other places of one mistake are named."""
EXPLAINED = 100
"""For how many shapes of a model that are not as stated it is told how they came about."""
_PATH = re.compile(r"two parts have the path `(?:[^`]*\.)?([^`.]*?)[-_0-9]*`")
_FOLLOWS = frozenset({"A201", "A202", "A203", "A204", "A208", "A209", "A211"})


class InTurn:
    """Inside is one turn of a loop, or one use of a block; ``place`` says where that is written.

    A class, not a generator: every block of a network is worked out inside one.
    """

    __slots__ = ("at", "outer", "place", "turn")

    def __init__(
        self, at: Findings, span: Span, item: int | None, place: Callable[[], Span]
    ) -> None:
        self.at, self.turn, self.place = at, Turn(span, item, span), place

    def __enter__(self) -> None:
        self.outer = self.at.turns
        self.at.turns = (*self.outer, self.turn)
        self.at.items.append(self.place)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool | None:
        if isinstance(error, Problem):
            error.diagnostic = self.at.placed(error.diagnostic)
        self.at.items.pop()
        self.at.turns = self.outer
        return None


class InUse(InTurn):
    """Inside, findings say that they are in ``what``; one that ends it is recorded so."""

    __slots__ = ("what",)

    def __init__(self, at: Findings, what: str, span: Span) -> None:
        super().__init__(at, span, None, lambda: span)
        self.what = what

    def __enter__(self) -> None:
        self.at.uses.append((self.what, self.turn.span))
        super().__enter__()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        super().__exit__(kind, error, trace)
        said = isinstance(error, Problem) and not isinstance(error, Stop)
        try:
            if isinstance(error, Problem) and said:
                self.at.report(error.diagnostic)
        finally:
            self.at.uses.pop()
        return said


class Findings:
    """Collects what is found about one model.

    Where the spec states a shape that is not the tensor's, nobody can say which of the two is
    meant. ``believes`` says which one the work goes on with.
    """

    def __init__(self, graph: Graph, trial: Trial, believes: str = "inferred") -> None:
        self.graph, self.trial, self.believes = graph, trial, believes
        self.diagnostics: list[Diagnostic] = []
        self.reported: set[tuple[Any, ...]] = set()
        self.told = 0
        """How often something was reported, known or not."""
        self.uses: list[tuple[str, Span]] = []
        trial.uses = self.uses
        self.unmet = False
        """Whether a `require` about sizes is not met: what these lead to says nothing more."""
        self.places: dict[tuple[Any, ...], list[Diagnostic]] = {}
        """Each mistake where it is met besides the first place."""
        self.again = 0
        """How often a mistake was met that is known."""
        self.clashed: set[tuple[Turn, ...]] = set()
        self.unnamed: set[str] = set()
        """The turns of loops in which a path was taken already, and the names of these labels,
        without their numbers."""
        self.disputed = False
        """Whether a stated shape was not the tensor's."""
        self.turns: tuple[Turn, ...] = ()
        self.items: list[Callable[[], Span]] = []
        """Where what each of the ``turns`` is about is written: asked for where something fails."""

    def report(self, diagnostic: Diagnostic) -> None:
        """Record a finding, once, with the blocks it is in."""
        self.told += 1
        if diagnostic is SAID:
            return
        self.trial.refuse(diagnostic)
        follows = self.follows(diagnostic)
        if diagnostic.code == "A111" and self.turns:
            self.clashed.add(self.turns)
            self.unnamed.update(_PATH.findall(diagnostic.message))
        if follows:
            return
        self.unmet = self.unmet or diagnostic.code == "A205"
        diagnostic = self.placed(diagnostic)
        key = identity(diagnostic)
        self.graph.failed.setdefault(key, []).append(diagnostic.turns)
        if key in self.reported:
            self.again += 1
            self.places.setdefault(key, []).append(diagnostic)
            return
        self.reported.add(key)
        notes = [f"in {what}, used at {span}" for what, span in reversed(self.uses)]
        uses = tuple(span for _, span in reversed(self.uses))
        self.diagnostics.append(replace(diagnostic, notes=(*diagnostic.notes, *notes), uses=uses))

    def follows(self, diagnostic: Diagnostic) -> bool:
        """Whether a finding comes of one that is told: of a figure, or of a label in a loop.

        Where one label of a turn is taken, so are the others, and names that they had to give lack.
        """
        if diagnostic.code == "A111" and identity(diagnostic) not in self.reported:
            way = self.turns
            return bool(way) and any(c[: len(way)] == way for c in self.clashed)
        if diagnostic.code == "A103":
            return may_follow(diagnostic, self.unnamed)
        return self.unmet and diagnostic.code in _FOLLOWS

    def found(self) -> list[Diagnostic]:
        """All findings in the order of the text, each with the other places of the same mistake."""
        out = []
        for d in self.diagnostics:
            more = [m for m in self.places.get(identity(d), ()) if m.span.source == d.span.source]
            others = {m.span.line for m in more}
            lines = ", ".join(map(str, sorted(others - {d.span.line})[:MOST_LINES]))
            note = (f"the same on line {lines}",) if lines else ()
            out.append(replace(d, notes=(*d.notes, *note), fixes=tuple(_everywhere(d, more))))
        return sorted(out, key=lambda d: (d.span.source.name, d.span.start))

    def placed(self, diagnostic: Diagnostic) -> Diagnostic:
        """A finding with the way to where it was made."""
        if diagnostic is SAID or diagnostic.turns:
            return diagnostic
        if identity(diagnostic) in self.reported:
            return replace(diagnostic, turns=self.turns)
        pairs = zip(self.turns, self.items, strict=True)
        return replace(diagnostic, turns=tuple(t._replace(place=at()) for t, at in pairs))

    def holds(self, span: Span) -> None:
        """Record that a stage, or what the spec states, is right here."""
        self.graph.ran.append((span, self.turns))

    def settled_by(self, shape: Sequence[Any], like: Node | None, region: Region, span: Span) -> (
        Node | None
    ):  # fmt: skip
        """A tensor of the shape that the spec states, in place of one that is lost or disputed.

        Sizes left open (None) are those of ``like``. None where the shape is not known whole.
        It is no input of the network: ``graph.restored`` tells these from them.
        """
        if like is not None and len(shape) == like.output.rank:
            shape = [b if a is None else a for a, b in zip(shape, like.output.shape, strict=True)]
        if not shape or self.trial.tracing or not all(map(_is_size, shape)):
            return None
        op = Input(shape=list(shape))
        node = Node(len(self.graph.nodes), op, (), op.infer(), "", span, {}, {})
        self.graph.nodes.append(node)
        self.graph.restored[node] = None
        region.parts.append(node)
        return node


def _everywhere(first: Diagnostic, more: Sequence[Diagnostic]) -> Iterator[Fix]:
    """The ways out of a mistake that is made several times, each at all of its places."""
    for number, fix in enumerate(first.fixes):
        ways = [fix, *(d.fixes[number] for d in more if len(d.fixes) == len(first.fixes))]
        yield replace(fix, edits=tuple(dict.fromkeys(e for way in ways for e in way.edits)))


def _is_size(size: Any) -> bool:
    return isinstance(size, int) and not isinstance(size, (bool, Fraction)) and 1 <= size <= LARGEST


NOT_A_LAYER = "is a tensor, and takes no arguments"


_OF_ARGUMENTS = re.compile(r" has no parameter | is given `\w+` twice")
"""Of what takes arguments: where that is changed, all of its uses are wrong alike."""


def identity(diagnostic: Diagnostic) -> tuple[Any, ...]:
    """What makes two findings one mistake: where they are; for a name what is wrong with it."""
    said = diagnostic.message
    if diagnostic.code == "A103" or said.endswith(NOT_A_LAYER) or _OF_ARGUMENTS.search(said):
        return diagnostic.code, diagnostic.message
    return diagnostic.code, diagnostic.place


def at_use(found: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Findings in blocks of the standard library, told where the spec uses these: one for a use."""
    out: list[Diagnostic] = []
    seen: set[Span] = set()
    for finding in found:
        use = next((s for s in finding.uses if not s.source.standard), None)
        if use is None or not finding.span.source.standard:
            out.append(finding)
        elif use not in seen:
            seen.add(use)
            inside = Note(finding.span, finding.label or "found here")
            related = (inside, *finding.related)
            out.append(replace(finding, span=use, label="", related=related))
    return out


def distinct(found: Sequence[Diagnostic], known: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Findings without those that are known already, as of another model with the same block."""
    if not found or not known:
        return list(found)
    places = {identity(d) for d in known}
    blamed = {place for d in known for place in d.shows}
    return [d for d in found if identity(d) not in places and d.place not in blamed]


def at_most(found: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Findings in the order of the text, no more of them than are shown."""
    found = sorted(found, key=lambda d: (d.span.source.name, d.span.start))
    most = current().findings
    if len(found) <= most:
        return found
    message = f"{len(found) - most:,} more findings are not shown"
    last = Diagnostic("A001", message, found[most].span, "the first of them",
                      help=advice("findings"), severity="hint")  # fmt: skip
    return [*found[:most], last]


def in_both(found: list[Diagnostic], other: list[Diagnostic]) -> list[Diagnostic]:
    """The findings that hold whichever side of a dispute is meant."""
    places = {identity(d) for d in other}
    return [d for d in found if identity(d) in places]


def labels(stmt: ast.Stmt) -> Iterator[str]:
    """The names of tensors that a statement would have given, those in its bodies too."""
    match stmt:
        case ast.Input():
            yield stmt.name
        case ast.Pipe():
            if stmt.label and not stmt.label.indices:
                yield stmt.label.name
        case ast.If() | ast.For():
            for body in bodies(stmt):
                for branch in body.branches:
                    for inner in branch.stmts:
                        yield from labels(inner)


def values(stmt: ast.Stmt) -> Iterator[str]:
    """The names of values that a statement would have given, those in its bodies too."""
    match stmt:
        case ast.Input():
            yield from (d.name for d in stmt.shape.dims if d.name is not None)
        case ast.Let() | ast.Shared():
            yield stmt.name
        case ast.Pipe(label=ast.Label(name="let", indices=[])):  # of one that lacks its name
            yield from (s.name for s in stmt.chain.stages if isinstance(s, ast.Use))
        case ast.If() | ast.For():
            yield from stmt.targets if isinstance(stmt, ast.For) else ()
            for body in bodies(stmt):
                for branch in body.branches:
                    for inner in branch.stmts:
                        yield from values(inner)


def bodies(stmt: ast.If | ast.For) -> Iterator[ast.Body]:
    """The bodies of an ``if`` with all it goes on with, or of a ``for``."""
    if isinstance(stmt, ast.For):
        yield stmt.body
        return
    yield stmt.then
    if isinstance(stmt.otherwise, ast.If):
        yield from bodies(stmt.otherwise)
    elif stmt.otherwise is not None:
        yield stmt.otherwise


_UNKNOWN = re.compile(r"unknown [a-z ]+ `([^`]*)`")


def may_follow(diagnostic: Diagnostic, damaged: AbstractSet[str]) -> bool:
    """Whether a finding may come from text that cannot be read, of which the words are known."""
    if diagnostic is SAID:
        return True
    if diagnostic.code in ("A112", "A114"):
        return bool(damaged)
    match = _UNKNOWN.match(diagnostic.message) if diagnostic.code == "A103" else None
    if match is None:
        return False
    name = match.group(1)
    label = name.rstrip("0123456789-_")  # as `name[i]` makes of `name`
    run_together = any(word.startswith(name) for word in damaged)  # `H500` of `H=500`
    return run_together or not damaged.isdisjoint((label, ANY))
