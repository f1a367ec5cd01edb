"""What is found about a spec: its definitions, and each of its models, with the ways out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from archlang.analyses.proofs import prove
from archlang.analyses.requirements import check_requirements
from archlang.collector import paused
from archlang.diagnostic import Diagnostic
from archlang.elaborate import Program
from archlang.elaborate.findings import at_use, distinct
from archlang.elaborate.unknown import Trial
from archlang.frames import roomy
from archlang.graph import Graph, Solved
from archlang.limits import current
from archlang.types import Shape


def definitions(program: Program) -> list[Diagnostic]:
    """What is found about a program's definitions, with the ways out that hold."""
    if not any(d.fixes for d in program.diagnostics):
        return program.diagnostics
    from archlang.analyses.definitions import defined

    return defined(program, lambda made, name: _look(made, name, None, None))


def inspect(
    program: Program,
    name: str,
    settings: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Shape] | None = None,
    solved: Sequence[Solved] | None = None,
    known: Sequence[Diagnostic] = (),
) -> tuple[Graph | None, list[Diagnostic]]:
    """The graph of a model, and everything found about it, its requirements included.

    A ``?`` without a value in ``solved`` is solved for, at the input shapes of the spec: what it
    is does not depend on ``inputs``. What is ``known`` already is not said again.
    """
    graph, found = examine(program, name, settings, inputs, solved, known)
    return (graph if graph is not None and graph.whole else None), found


@roomy
def examine(
    program: Program,
    name: str,
    settings: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Shape] | None = None,
    solved: Sequence[Solved] | None = None,
    known: Sequence[Diagnostic] = (),
) -> tuple[Graph | None, list[Diagnostic]]:
    """As ``inspect``, but with what there is of the graph where it is not whole.

    There is none where a ``?`` has no value: ``Program.work_out`` has what comes before it.
    """

    def look(program: Program, model: str) -> tuple[Graph | None, list[Diagnostic]]:
        given = (settings, inputs) if model == name else (None, None)
        return _look(program, model, *given)

    plain = not settings and not inputs
    with paused():
        if plain and known:
            from archlang.analyses.rechecks import repeats

            if repeats(program, name, known):
                return None, []
        graph, found = _look(program, name, settings, inputs, solved)
        wrong = any(d.severity == "error" for d in found)
        found = distinct(found, known)
        if found:
            from archlang.analyses.blame import blamed, explained
            from archlang.analyses.cascades import of_one_use, of_signature
            from archlang.analyses.repairs import mended

            for other in known:
                gone = explained(program, name, other, found, look)
                found = [d for d in found if d not in gone]
            found = mended(program, name, graph, found, look, as_written=plain)
            found = program.placed(name, found)
            found = blamed(program, name, graph, found, look) if plain else found
            found = of_signature(program, name, graph, at_use(found), look)
            found = of_one_use(program, name, found, look)
            said = {(d.span, d.code, d.message) for d in known if d.shows}
            found = [d for d in found if (d.span, d.code, d.message) not in said]
        if wrong and graph is not None:
            graph.whole = False
    return graph, found


def _look(
    program: Program,
    name: str,
    settings: Mapping[str, Any] | None,
    inputs: Mapping[str, Shape] | None,
    solved: Sequence[Solved] | None = None,
) -> tuple[Graph | None, list[Diagnostic]]:
    """What there is of a model's graph, and what is found about it; None where a `?` is open.

    As it is written it is worked out once: what mends another model asks for it again.
    """
    if settings or inputs or solved is not None:
        return _worked_out(program, name, settings, inputs, solved)
    key = name, current()
    if key not in program.looks:
        program.looks[key] = _worked_out(program, name, None, None, None)
    look: tuple[Graph | None, list[Diagnostic]] = program.looks[key]
    return look


def _worked_out(
    program: Program,
    name: str,
    settings: Mapping[str, Any] | None,
    inputs: Mapping[str, Shape] | None,
    solved: Sequence[Solved] | None,
) -> tuple[Graph | None, list[Diagnostic]]:
    trial = Trial({s.span: s.value for s in solved or ()})
    graph, found = program.work_out(name, settings, inputs, trial)
    if trial.open is not None and solved is None:
        from archlang.analyses.undetermined import determined

        solved, why = determined(lambda t: program.elaborate(name, settings, None, t))
        return (None, why) if why else _worked_out(program, name, settings, inputs, solved)
    if graph.whole:
        graph.solved = tuple(solved or ())
        found = [*found, *check_requirements(graph), *prove(graph)]
    return graph, found
