"""All lints of a spec: what is found, less what is not wanted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from archlang.diagnostic import Diagnostic, Fix
from archlang.elaborate import Program
from archlang.graph import Graph, Node
from archlang.inspection import inspect
from archlang.lints.choice import Choice, ignored
from archlang.lints.layers import LINTS, Subject
from archlang.lints.names import lone, unused
from archlang.source import Span


def lint(
    program: Program, graphs: Sequence[Graph], choice: Choice | None = None
) -> list[Diagnostic]:
    """The warnings about a spec, in the order of its text, each place once.

    ``graphs`` are its models, those that are right. What is found in files that it uses is told
    too, unless they are of the standard library. A way out is offered where the spec as edited
    has the same models, and nothing new is found in it.
    """
    choice = choice or Choice()
    found = _found(program, graphs, choice)
    known = {(d.code, d.span.text) for d in found}
    names = {graph.name for graph in graphs}
    out = []
    for finding in found:
        ways = tuple(_proven(program, names, finding, choice, known))
        out.append(replace(finding, fixes=ways, help="" if ways else finding.help))
    return out


def _found(program: Program, graphs: Sequence[Graph], choice: Choice) -> list[Diagnostic]:
    own = [f for f in program.files if not program.keys[f.source].startswith("std/")]
    comments = {file.source: ignored(file.source, file) for file in own}
    found: dict[tuple[str, Span], Diagnostic] = {}
    for finding in _all(program, graphs, choice):
        said = comments.get(finding.span.source)
        if said is not None and not said.covers(finding):
            found.setdefault((finding.code, finding.span), finding)
    if "A308" in choice and {g.name for g in graphs} >= set(program.complete):
        for said in comments.values():
            found.update({("A308", finding.span): finding for finding in said.findings(choice)})
    return sorted(found.values(), key=lambda d: (d.span.source.name, d.span.start, d.code))


def _all(program: Program, graphs: Iterable[Graph], choice: Choice) -> Iterator[Diagnostic]:
    if "A302" in choice and program.module is not None:
        yield from unused(program.module)
    if "A309" in choice and program.module is not None:
        yield from lone(program.module)
    subjects = [Subject(graph) for graph in graphs]
    for code, rule in LINTS.items():
        if code in choice:
            found = [pair for subject in subjects for pair in rule.find(subject)]
            spared = _spared(subjects, found) if rule.every else set()
            yield from (finding for node, finding in found if node.span not in spared)


def _spared(subjects: Iterable[Subject], found: list[tuple[Node, Diagnostic]]) -> set[Span]:
    """The places of findings at which other layers stand that are right."""
    if not found:
        return set()
    odd = {id(node) for node, _ in found}
    places = {node.span for node, _ in found}
    nodes = (n for subject in subjects for n in subject.nodes)
    return {n.span for n in nodes if n.span in places and id(n) not in odd}


def _proven(
    program: Program,
    names: Collection[str],
    finding: Diagnostic,
    choice: Choice,
    known: set[tuple[str, str]],
) -> Iterator[Fix]:
    """The ways out of a finding after which it is gone, and nothing else has come."""
    for fix in finding.fixes:
        made = program.edited(fix.edits)
        if made is None or made.diagnostics or set(made.complete) != set(program.complete):
            continue
        looked = {name: inspect(made, name) for name in made.complete}
        graphs = [g for g, errors in looked.values() if g is not None and not errors]
        others = [n for n in looked if n not in names]
        if len(graphs) == len(looked) and all(_same(program, made, n) for n in others):
            left = {(d.code, d.span.text) for d in _found(made, graphs, choice)}
            if left < known:
                yield fix


def _same(program: Program, made: Program, name: str) -> bool:
    """Whether a model that was not looked at has the layers that it had."""
    (old, _), (new, _) = (inspect(p, name) for p in (program, made))
    if old is None or new is None:
        return False
    return [str(n.op) for n in old.nodes] == [str(n.op) for n in new.nodes]
