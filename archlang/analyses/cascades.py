"""Findings that come of one mistake: what the statements that fail have in common."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from archlang.analyses.reached import nodes
from archlang.analyses.rechecks import Look, Rechecks
from archlang.diagnostic import Diagnostic, Fix, Note
from archlang.elaborate import Program
from archlang.graph import Graph
from archlang.op import Op
from archlang.source import Edit, Span
from archlang.syntax import ast

_AXES = ["C", "H", "W", "D", "L"]
"""What the sizes that arrive are named."""
SEVERAL = 3
"""Of so many statements that fail alike it is what all of them use that is wrong."""


def of_one_use(
    program: Program, model: str, found: list[Diagnostic], look: Look
) -> list[Diagnostic]:
    """The findings about a model, with one for all stated shapes that fail behind uses of a block.

    So it is where no shape that the same body states behind one holds, and no way out is known but
    to state others.
    """
    failed = {d.span: d for d in found if d.code == "A201" and not d.shows and _restated(d)}
    if len(failed) < SEVERAL:
        return found
    told: dict[Span, Diagnostic] = {}
    gone: set[Span] = set()
    for name, shapes in _stated(program):
        of = [[s for s in failed if s.within(shape)] for shape in shapes]
        same = [span for spans in of for span in spans if span not in gone]
        if len(same) >= SEVERAL and all(of):
            gone.update(same)
            alike = [failed[s] for s in same]
            first = alike[0]
            related = (*first.related, *(Note(d.span, d.label) for d in alike[1:]))
            notes = (*first.notes, f"nothing that is stated behind `{name}` holds here")
            one = replace(first, related=related, notes=notes, shows=tuple(same), fixes=())
            others = [d for d in found if d.span not in gone]
            fixes = _together(Rechecks(program, model, look, one, others), alike)
            told[same[0]] = replace(one, fixes=fixes)
    return [told.get(d.span, d) for d in found if d.span in told or d.span not in gone]


def of_signature(
    program: Program, model: str, graph: Graph | None, found: list[Diagnostic], look: Look
) -> list[Diagnostic]:
    """The findings about a model, with one for all uses of a block that does not take what arrives.

    So it is where a name in the block has no meaning, or where no use of several gives it that:
    what it says that it takes may be the slip.
    """
    out = list(found)
    for file, block, takes in _signed(program) if len(found) > 1 else ():
        refused = [d for d in out if d.message.startswith(f"`{block.name}` takes [")]
        whole = file.span(block)
        odd = next((d for d in out if d.code == "A103" and d.span.within(whole)), None)
        if refused and odd is not None:
            names = [odd.span.text]
        elif len(refused) >= SEVERAL and not _taken(graph, block):
            odd, names = _no_use(block, file.span(takes), refused), _AXES[: len(takes.dims)]
        else:
            continue
        out = [d for d in out if d not in (*refused, odd)]
        checks = Rechecks(program, model, look, odd, out)
        dims = [file.span(d.value) for d in takes.dims if isinstance(d.value, ast.Name)]
        ways = (_dim_named(n, d) for d in dims for n in names if n not in {s.text for s in dims})
        fixes = tuple(islice((w for w in ways if checks.holds(w.edits)), 1))
        shows = (odd.span, *(d.span for d in refused))
        out.append(replace(odd, fixes=fixes or odd.fixes, shows=shows))
    return sorted(out, key=lambda d: found.index(d) if d in found else -1)


def _taken(graph: Graph | None, block: ast.Block) -> bool:
    """Whether any use of a block in a model takes what arrives."""
    every = graph.root.regions() if graph is not None else ()
    return any(r.definition is block and r.result is not None for r in every)


def _no_use(block: ast.Block, takes: Span, refused: list[Diagnostic]) -> Diagnostic:
    """What is said of a block whose uses all give it something else than it takes."""
    message = f"`{block.name}` takes {takes.text}, and no use gives it that"
    related = tuple(Note(d.span, d.message.partition(", not ")[2]) for d in refused)
    return Diagnostic("A209", message, takes, "likely wrong here", related)


def _signed(program: Program) -> Iterator[tuple[ast.File, ast.Block, ast.ShapeSpec]]:
    """The user's blocks that say what they take."""
    for file in program.files:
        for item in () if file.source.standard else file.items:
            if isinstance(item, ast.Block) and item.signature:
                yield file, item, item.signature.takes


def _dim_named(name: str, dim: Span) -> Fix:
    return Fix(f"`{name}` instead of `{dim.text}` in what it takes", (Edit(dim, name),))


def _restated(finding: Diagnostic) -> bool:
    """Whether all that mends a stated shape is to state another."""
    return all(e.span.within(finding.span) for f in finding.fixes for e in f.edits)


def _together(rechecks: Rechecks, found: list[Diagnostic]) -> tuple[Fix, ...]:
    """What mends each of some findings, as one where it mends them all."""
    if not all(d.fixes for d in found):
        return ()
    edits = tuple(e for d in found for e in d.fixes[0].edits)
    fix = Fix("state what comes out, behind each", edits)
    return (fix,) if rechecks.holds(edits) else ()


def _stated(program: Program) -> Iterator[tuple[str, list[Span]]]:
    """The shapes that an item of the user states behind uses of a block, and its name."""
    for file in program.files:
        for item in () if file.source.standard else file.items:
            behind: dict[str, list[Span]] = {}
            for stmt in nodes(item):
                if isinstance(stmt, ast.Pipe) and stmt.shape is not None:
                    for name in dict.fromkeys(_used(stmt.chain)):
                        behind.setdefault(name, []).append(file.span(stmt.shape))
            yield from behind.items()


def _used(chain: ast.Chain) -> Iterator[str]:
    """What a chain uses that is no layer."""
    for stage in chain.stages:
        used = stage.stage if isinstance(stage, ast.Repeat) else stage
        if isinstance(used, ast.Use) and used.name not in Op.registry:
            yield used.name
