"""Edits after which branches agree for every legal size: each is made, and the spec checked again.

A merge that fails is met from its branches. Layers in them say which other arguments they could
have had, and others could stand at the end of a branch to bring it to the sizes of its neighbour.
What would come out is first worked out on the graph alone, for inputs of any size. What agrees is
written into the text, and the text is checked as any other; where that leaves further findings of
the kind, these are met in turn. A way that leaves none is a fix.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import reduce
from itertools import islice
from typing import NamedTuple

from archlang.analyses.changes import Change, again, changes, merges_at
from archlang.analyses.definitions import STEPS, difference, joined
from archlang.analyses.guesses import accepted, before, stated
from archlang.analyses.projections import projections, steady
from archlang.analyses.reached import having
from archlang.analyses.rechecks import Look, Rechecks
from archlang.analyses.rounding import rounded
from archlang.analyses.sizes import domain, legal
from archlang.analyses.slips import Slips
from archlang.diagnostic import Diagnostic, Fix
from archlang.elaborate import Program
from archlang.graph import Clash, Graph
from archlang.op import LayerError
from archlang.sizes.claims import Compared
from archlang.sizes.regions import EVERYWHERE, NOWHERE, Region
from archlang.sizes.sets import EVERY, TooLongError
from archlang.source import Edit
from archlang.types import Heard, Tensor, form_of

MERGES = frozenset({"A203", "A204", "A211"})
"""The findings about merges."""
CLAIMS = frozenset({"A201", "A202"})
"""The findings about what is stated: as it comes out, or for every size."""
FINDINGS, SEARCHES = 5, 40
"""For how many findings of a model, and of all models of a spec, a way out is looked for."""
OFFERED = 2
"""How many numbers that may be slips are offered for a finding."""
PROPOSALS, OPEN_PROPOSALS = 20, 1
"""For how many findings of a model what they propose themselves is tried; each time, what a ``?``
leaves open is solved for again."""
TRIES = 10
"""How often a spec is checked again for one finding."""
WIDTH = 3
"""How many ways to meet one merge are followed."""
AGAIN = frozenset({"A104", "A105", "A202"})
"""The findings about layers that hide others of the kind further on."""
LAYERS = 50_000
"""How many layers are worked out again for one finding."""


def mended(
    program: Program,
    name: str,
    graph: Graph | None,
    found: list[Diagnostic],
    look: Look,
    *,
    as_written: bool = True,
) -> list[Diagnostic]:
    """The findings about a model, with the ways out that hold; those that do not are left out.

    What was meant is guessed where the model is looked at ``as_written``: what would mend it at
    another size could break it at its own.
    """
    slips = None if graph is None else Slips(program, name, graph, found)
    searched = max(0, min(FINDINGS, SEARCHES - program.spent["searches"]))
    program.spent["searches"] += min(searched, len(found))
    proposed = (PROPOSALS if graph is not None else OPEN_PROPOSALS) if searched else 0
    out = []
    for finding in found:
        if not (searched or proposed):  # of what is found in thousands none is looked at further
            out.append(replace(finding, fixes=()))
            continue
        others = [d for d in found if d is not finding]
        search, fixes, help = _Search(program, name, graph, look, finding, others), [], finding.help
        if searched and graph is not None and finding.code in MERGES:
            searched -= 1
            fixes += search.found_for(graph, finding)
        if proposed and finding.fixes:
            proposed -= 1
            own = list(search.proposed_by(finding.fixes, again=finding.code in AGAIN))
            fixes, help = fixes + own, "" if own else help
        # What is to be required takes sizes away, so of what is stated it is the last way.
        guess = as_written and (finding.code in CLAIMS or not fixes)
        if searched and graph is not None and slips is not None and guess:
            searched -= finding.code not in MERGES
            fixes = search.guessed(graph, finding, slips) + fixes
        if graph is not None and finding.code in MERGES:
            for ways in (steady, projections):
                fixes += search.proposed_by(ways(graph, finding, program.source))
        out.append(replace(finding, fixes=tuple(fixes), help=help))
    return out


@dataclass(frozen=True)
class _Step:
    """One edit, and its words."""

    edit: Edit
    said: str


class Fit(NamedTuple):
    """How well merges go with a change, the better the less."""

    rank: int
    """0 for every size, 1 for sizes without end."""
    moved: bool
    """Whether they come out in another size at the default, where they came out there before."""
    least: int
    """The least size that the layers take."""


class _Search:
    """The search for ways out of one finding; ``others`` are the findings beside it."""

    def __init__(
        self,
        program: Program,
        name: str,
        graph: Graph | None,
        look: Look,
        finding: Diagnostic,
        others: list[Diagnostic],
    ) -> None:
        self.program, self.name, self.graph = program, name, graph
        self.finding = finding
        self.checks = Rechecks(program, name, look, finding, others)
        self.tries, self.layers = TRIES, LAYERS

    def found_for(self, graph: Graph, finding: Diagnostic) -> list[Fix]:
        """The best way to edit layers, if there is one."""
        made = self.follow(self.program, graph, finding, ())
        return [] if made is None else [made]

    def guessed(self, graph: Graph, finding: Diagnostic, slips: Slips) -> list[Fix]:
        """What may be meant: what a layer takes, or another number, or what comes out."""

        def some(ways: Iterator[Iterator[Fix]]) -> list[Fix]:
            return [f for w in ways for f in islice(self.proposed_by(islice(w, TRIES)), 1)]

        source = self.program.source
        found = some(accepted(graph, finding, source))
        if not found:
            found = list(islice(self.proposed_by(slips.fixes(finding, self.shared())), OFFERED))
        states = [f for f in found if f.edits[0].span.within(finding.span)]
        if len(states) == len(found):
            found = some(before(graph, finding, source)) + found
        if states:
            return found
        whole = some(iter([rounded(self.program, self.name, graph, finding)]))
        return found + (whole or some(stated(graph, finding, source)))

    def proposed_by(self, fixes: Iterable[Fix], again: bool = False) -> Iterator[Fix]:
        """Those of some ways that hold, or do with the same ``again`` further on."""
        for fix in fixes:
            if self.checks.holds(fix.edits):
                yield fix
            elif again and (way := self.onward(fix)):
                yield way

    def onward(self, fix: Fix) -> Fix | None:
        """A way that only leads to the same slip further on, with the ways out of all of these."""
        made, ways = self.checks.edited(self.program, fix.edits), [fix]
        while made is not None and len(ways) <= STEPS:
            left = self.checks.left(made)[1]
            if not left:
                holds = self.checks.elsewhere(made) and not self.checks.remains(made)
                return joined(self.program.source, made, ways) if holds else None
            first, edit = left[0], ways[-1].edits[-1]
            if _slip(first) != _slip(self.finding) or not first.fixes:
                return None
            if first.fixes[0].edits[0].span.start < edit.span.start + len(edit.text):
                return None
            ways.append(first.fixes[0])
            made = self.checks.edited(made, first.fixes[0].edits)
        return None

    def shared(self) -> str | None:
        """Another model that has the finding, of the first that could have it; None for none."""
        others = (n for n in having(self.program, self.finding.span) if n != self.name)
        first = next(others, None)
        return first if first and self.checks.has(self.program, first) else None

    def follow(
        self, program: Program, graph: Graph, finding: Diagnostic, steps: tuple[_Step, ...]
    ) -> Fix | None:
        """The first way on from here that leaves nothing to find."""
        for step in islice(self.steps(program, graph, finding, bool(steps)), WIDTH):
            changed = self.checks.edited(program, (step.edit,)) if self.tries else None
            if changed is None:
                continue
            self.tries -= 1
            made, left = self.checks.left(changed)
            if made is None:
                continue
            taken = (*steps, step)
            if not left and self.checks.elsewhere(changed):
                return Fix(self.words(taken, made), difference(self.program.source, changed))
            if left and left[0].code in MERGES:
                further = self.follow(changed, made, left[0], taken)
                if further is not None:
                    return further
        return None

    def words(self, steps: tuple[_Step, ...], made: Graph) -> str:
        """What is done, and what is then known."""
        said = " and ".join(dict.fromkeys(s.said for s in steps))
        found = legal(made)
        known = made.whole and found.names
        then = f"then legal for {found.words()}" if known else "then the branches agree"
        outputs = self.graph.outputs if self.graph is not None else {}
        before = {n: str(x.output) for n, x in outputs.items()}
        after = {n: str(x.output) for n, x in made.outputs.items()}
        moved = [f"; `{n}` becomes {shape}" for n, shape in after.items() if before.get(n) != shape]
        return f"{said}: {then}{''.join(moved) if before else ''}"

    def steps(
        self, program: Program, graph: Graph, finding: Diagnostic, later: bool
    ) -> Iterator[_Step]:
        """Ways to make the merges of a finding agree, the best first.

        What agrees for some sizes only is a way where they do not agree at the default size yet,
        for a requirement can follow; that alone is no way that is not known.
        """
        merges = merges_at(graph, finding.span)
        ranked: list[tuple[Fit, int, _Step]] = []
        for order, change in enumerate(changes(graph, merges, program.source)):
            fit = self.fit(graph, merges, change)
            if fit is not None and (fit.rank == 0 or finding.code != "A211"):
                ranked.append((fit, order, _Step(change.edit, change.said)))
        yield from (step for _, _, step in sorted(ranked, key=lambda row: row[:2]))
        if later:
            for fix in finding.fixes:
                yield from (_Step(e, f"`{e.text.lstrip('; ').strip()}`") for e in fix.edits)

    def fit(self, graph: Graph, merges: list[Clash], change: Change) -> Fit | None:
        """How well merges go with a change; None where they do not."""
        nodes = graph.nodes[: 1 + max(n.index for m in merges for n in m.inputs)]
        self.layers -= len(nodes)
        if self.layers < 0:
            return None
        try:
            made = again(nodes, change)
            allowed = reduce(Region.__and__, _assumed(graph), domain(made))
            where, moved = EVERYWHERE, False
            for merge in merges:
                ends = [made[n.index].output for n in merge.inputs]
                came, agree = _met(merge, ends, change)
                where = where & agree
                moved = moved or (not graph.clashes and came.shape != merge.inputs[0].output.shape)
            if (allowed - where).empty:
                return Fit(0, moved, _least(allowed))
            boxes = (allowed & where).boxes
        except (LayerError, TooLongError):
            return None
        names = {n for box in boxes for n in box}
        endless = any(not any(box.get(n, EVERY).bounded for n in names) for box in boxes)
        return Fit(1, moved, _least(allowed)) if endless else None


def _slip(finding: Diagnostic) -> str:
    """What a message says of any names and numbers."""
    return re.sub(r"`[^`]*`|\d+", "", f"{finding.code} {finding.message}")


def _least(region: Region) -> int:
    """The least size that all sides may have at once; 0 of nowhere."""
    return region.square(tuple({n for box in region.boxes for n in box})).least or 0


def _met(merge: Clash, ends: list[Tensor], change: Change) -> tuple[Tensor, Region]:
    """What a merge makes of branches, and where they agree; raises ``LayerError``."""
    if change.bridge is not None:
        number, layer = change.bridge
        ends[number] = layer.infer(ends[number])
    where = EVERYWHERE
    with Heard() as heard:
        came = merge.op.infer(*ends)
    for left, right, relation in heard.conditions:
        region = Compared(form_of(left), relation, form_of(right)).region()
        where = where & (NOWHERE if region is None else region)
    return came, where


def _assumed(graph: Graph) -> Iterator[Region]:
    """Where what the spec requires holds, as far as that can be said."""
    for assumed in graph.assumed:
        region = assumed.claim.region()
        if region is not None:
            yield region
