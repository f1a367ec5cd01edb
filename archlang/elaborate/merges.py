"""Merges: branches that run on one tensor, and how they come together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NoReturn

from archlang.diagnostic import Diagnostic, Fix, Note
from archlang.elaborate.missing import lose, unreached
from archlang.elaborate.problem import Problem, fail, unknown
from archlang.elaborate.scope import Env, Lost, Place, Wire
from archlang.elaborate.stages import Stages
from archlang.elaborate.strange import as_copies
from archlang.elaborate.traces import differing, trace_notes
from archlang.elaborate.values import BlockDef, Partial, describe
from archlang.graph import Clash, Node, Region
from archlang.op import Op
from archlang.source import Edit, Span
from archlang.spelling import nearest
from archlang.syntax import ast


class Merges(Stages):
    """The rules of ``add``, ``mul``, ``concat`` and their sugar."""

    def merge(self, stage: ast.Merge, at: Place, wire: Wire) -> Wire:
        env, span = at.env, at.env.span(stage)
        head = Span(span.source, stage.start, stage.start + len(stage.name))
        value = env.find(stage.name)
        if value is None:
            _unknown(stage, head, env)
        if not isinstance(value, Partial) or isinstance(value.target, BlockDef) or (
            not value.target.merges
        ):  # fmt: skip
            fail("A110", f"`{stage.name}` is {describe(value)} that takes no branches", head)
        given = (*value.given, *self.evaluator.given(stage.args or [], env))
        op, bound = self.layers.make(value.target, given, head, self.trial)
        region = Region("merge", op.name, None, span)
        place = at.within(region)
        ends = self.branches(stage, op, place, wire)
        if not ends:
            fail("A110", f"every branch of `{stage.name}` is left out", head)
        if any(isinstance(end, Lost) for end, _ in ends):
            lost = [end for end, _ in ends]
            missing = unreached(self.graph, at.scope.merge(op.name), place, lost, head, op)
            known = [end for end, _ in ends if isinstance(end, Node)]
            at_least = op.known(*(n.output for n in known)) if known else None
            return known[at_least] if at_least is not None else missing
        nodes = tuple(self.needed(end, head) for end, _ in ends)
        if len(nodes) == 1:
            return nodes[0]
        self.trial.merge(op, nodes, head)
        path = at.scope.merge(op.name)
        try:
            made = self.node(op, nodes, place, path, head, bound, written=span)
            self.holds(head)
            return made
        except Problem as problem:
            self.graph.clashes.append(Clash(op, nodes, head, region))
            told = type(problem)(_told(problem.diagnostic, [note for _, note in ends], nodes))
            lose(self.graph, told, op.name, place, nodes, head, op)
            raise told from None

    def branches(self, stage: ast.Merge, op: Op, at: Place, wire: Wire) -> list[tuple[Wire, Note]]:
        """The ends of the branches that are there, and where each was written."""
        written_branches = stage.body.branches
        if op.most is not None and len(written_branches) > op.most:
            spans = [at.env.span(branch) for branch in written_branches]
            most = "one branch: the other is its input" if op.most == 1 else f"{op.most} branches"
            ways = _without_input(spans) if op.most == 1 else ()
            fail("A110", f"`{stage.name}` takes {most}", spans[op.most], fixes=ways)
        if 0 < len(written_branches) < op.least:
            first = at.env.span(written_branches[0])
            message = f"`{stage.name}` takes {op.least} branches, and here is one"
            fail("A110", message, first, "the only branch", fixes=_beside(first))
        ends: list[tuple[Wire, Note]] = []
        for number, branch in enumerate(written_branches, 1):
            span = at.env.span(branch)
            region = Region("branch", str(number), None, span)
            at.region.parts.append(region)
            end, present = self.inside(branch, branch, at.moved(region), wire)
            if not present:
                at.region.parts.pop()
            else:
                ends.append((end, Note(span, f"branch {number}")))
        if len(written_branches) == 1 and op.implicit:
            close = Span(at.env.file.source, stage.end - 1, stage.end)
            region = Region("branch", "identity", None, close)
            place = 0 if op.implicit == "first" else len(ends)
            at.region.parts.insert(place, region)
            ends.insert(place, (wire, Note(close, "implicit identity")))
        return ends


def _told(finding: Diagnostic, notes: Sequence[Note], nodes: Sequence[Node]) -> Diagnostic:
    """A finding about a merge, with what each branch comes to, and how."""
    pairs = list(zip(notes, nodes, strict=True))
    related = tuple(replace(n, text=f"{n.text}: {x.output.shown}") for n, x in pairs)
    axes = differing(nodes)
    ways = [way for note, x in pairs for way in trace_notes(x, axes, f"{note.text}, ")]
    return replace(finding, related=related, notes=(*finding.notes, *ways))


def _without_input(branches: list[Span]) -> tuple[Fix, ...]:
    """Of two branches the one alone that is not what arrives, where the other says just that."""
    if len(branches) != 2:
        return ()
    first, second = branches
    if first.text.strip() == "identity":
        kept, left_out = second, first._replace(end=second.start)
    elif second.text.strip() == "identity":
        kept, left_out = first, second._replace(start=first.end)
    else:
        return ()
    return (Fix(f"`{' '.join(kept.text.split())}` alone", (Edit(left_out, ""),)),)


def _beside(branch: Span) -> tuple[Fix, ...]:
    """The edits that put what arrives beside an only branch: which is meant, nobody can say."""
    before = Edit(Span(branch.source, branch.start, branch.start), "identity | ")
    behind = Edit(Span(branch.source, branch.end, branch.end), " | identity")
    return (
        Fix("`identity` first: what arrives less this", (before,)),
        Fix("`identity` second: this less what arrives", (behind,)),
    )


def _unknown(stage: ast.Merge, span: Span, env: Env) -> NoReturn:
    if stage.name == "else":
        fail("A101", "`else` stands right behind the `}` of an `if`", span)
    as_copies(stage, span, env)
    if nearest(stage.name, ["else"]) and span.source.text[: span.start].rstrip().endswith("}"):
        fix = Fix("write `else`", (Edit(span, "else"),), safe=True)
        said = f"unknown merge `{stage.name}`"
        fail("A103", said, span, help="did you mean `else`?", fixes=(fix,))
    merges = [n for n, op in Op.registry.items() if op.merges]
    unknown("merge", stage.name, merges, span)
