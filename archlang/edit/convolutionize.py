"""Flattened maps and linear layers made convolutions, in the text of a spec.

A linear layer behind a flattened map is a convolution whose kernel is as large as the map; one
behind it is a convolution of 1x1. Long et al. 2015, Fully convolutional networks for semantic
segmentation; Sermanet et al. 2014, OverFeat. The network then takes larger inputs, and gives a map
of scores: at each position what the network it came from gives for one window.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from archlang.analyses.sizes import Legal, legal
from archlang.diagnostic import ArchError, Note
from archlang.edit.comparison import alike, different, dropping, given, lengthened, tensors
from archlang.edit.heads import Fault, Heads, find
from archlang.edit.restated import Restated, larger, named_inputs, refusal
from archlang.edit.text import Edit, Range, aligned, applied, places, without
from archlang.elaborate import Program
from archlang.elaborate.unknown import Trial
from archlang.graph import Graph, Node
from archlang.network import Network, from_program
from archlang.op import Op, format_value
from archlang.source import Source
from archlang.syntax import ast
from archlang.types import Shape, symbols


class Weight(NamedTuple):
    """A tensor of the state dict: its key, its shape before and after."""

    key: str
    before: Shape
    after: Shape


class Change(NamedTuple):
    """A layer and the one that takes its place; None where it is left out."""

    path: str
    before: Op
    after: Op | None


class Larger(NamedTuple):
    """Input shapes, and the shapes that come out for them."""

    inputs: dict[str, Shape]
    outputs: dict[str, Shape]


@dataclass(frozen=True)
class Conversion:
    """A spec whose heads are convolutions, and the network before and after.

    ``text`` is the new spec; ``faults`` are heads that were left as they are, ``dropped`` the
    models that would have become other networks, and are left out of it.
    """

    text: str
    before: Network
    after: Network
    changes: tuple[Change, ...]
    faults: tuple[Fault, ...]
    dropped: tuple[str, ...] = ()

    @property
    def weights(self) -> list[Weight]:
        """Every learned tensor and buffer of the networks, in order."""
        old, new = tensors(self.before.graph), tensors(self.after.graph)
        return [Weight(key, shape, new[key]) for key, shape in old.items()]

    @property
    def legal(self) -> tuple[Legal, Legal]:
        """The legal sizes before and after."""
        return legal(self.before.graph), legal(self.after.graph)

    def larger(self) -> Larger | None:
        """The outputs for inputs of twice the sizes; None where the spec forbids those."""
        shapes = larger(self.after.graph)
        try:
            return Larger(shapes, self.after.at(shapes).outputs)
        except ArchError:
            return None


def convolutionize(network: Network, target: Path | None = None) -> Conversion:
    """The spec of a network with its heads turned into convolutions, for the sizes of the spec.

    ``target`` is the file that the new spec is for, the same as the old one's unless said. All
    but the heads stays as it is written, but for other models that would become other networks:
    these are left out. The new spec is checked: the same parameters under the same keys, the
    same multiply-accumulates and outputs, but for axes of 1, and no largest size. Raises
    ``ArchError`` where a head cannot become a convolution.
    """
    program, settings = network.program, network.settings
    source, key = program.source, program.key
    before = network.at({})
    if own := [s for s in before.graph.solved if s.span.source == source]:
        values = (Edit(s.span.start, s.span.end, format_value(s.value)) for s in own)
        source = Source(source.name, applied(source.text, values))
        before = from_program(Program(source, key), before.name, settings)
    heads = find(before.graph)
    if not heads.changed:
        raise _nothing(before, heads)
    text = applied(source.text, named_inputs(before.graph, _file(before.program), heads))
    program = Program(Source(source.name, text), key)
    # What its signatures state of fixed sizes need not hold of open ones yet: it is restated.
    solved = {s.span: s.value for s in before.graph.solved}
    graph, found = program.elaborate(before.name, settings, trial=Trial(solved))
    if graph is None:
        raise ArchError(found)
    heads = find(graph)
    restated = Restated(graph, _file(program), heads)
    edits = [*restated.edits(), *_uses(_file(program), key, target)]
    at = key if target is None else str(target.resolve())

    def load(text: str) -> Network:
        shown = source.name if target is None else str(target)
        return from_program(Program(Source(shown, text), at), before.name, settings)

    text, gone, after = _settled(restated, edits, load, list(tensors(before.graph)))
    _check(before, after, graph, heads)
    dropped = different(before, after)
    if dropped:
        text = dropping(after, dropped)
        after = load(text)
    changes = tuple(_changes(graph, heads, gone))
    return Conversion(text, before, after, changes, heads.faults, tuple(dropped))


def _changes(graph: Graph, heads: Heads, gone: set[Range]) -> Iterator[Change]:
    for index, recast in heads.layers.items():
        node = graph.nodes[index]
        out = recast.idle and (node.span.start, node.span.end) in gone
        yield Change(node.path, node.op, None if out else recast.op)


def _file(program: Program) -> ast.File:
    assert program.module is not None
    return program.module.env.file


def _nothing(before: Network, heads: Heads) -> ArchError:
    """Why there is no head to convert."""
    if heads.faults:
        return _refused(heads.faults[0])
    message = f"{before.name} has no head: it flattens no map, and pools none to one size"
    return refusal(message, before.graph.root.span)


def _refused(fault: Fault) -> ArchError:
    related = tuple(Note(n.span, "the head begins here") for n in fault.begins if n != fault.node)
    message = f"{fault.why}, so this head cannot become a convolution"
    return refusal(message, fault.node.span, related=related)


def _uses(file: ast.File, key: str, target: Path | None) -> list[Edit]:
    """Edits by which ``use`` finds its files from another folder."""
    edits: list[Edit] = []
    here, there = Path(key).resolve().parent, target.resolve().parent if target else None
    if there is None or here == there:
        return edits
    for item in file.items:
        if isinstance(item, ast.UseFile) and not item.path.startswith("std/"):
            path = Path(os.path.relpath(here / item.path, there)).as_posix()
            edits.append(Edit(item.start, item.end, f'use "{path}"'))
    return edits


def _settled(
    restated: Restated,
    edits: list[Edit],
    load: Callable[[str], Network],
    keys: list[str],
) -> tuple[str, set[Range], Network]:
    """The new text, which stages it has no more, and its network.

    What has nothing to do any more is left out where the keys of all weights stay; where they
    would not, it becomes a layer that passes on what it takes, and keeps its number.
    """

    def tried(left_out: set[Range]) -> tuple[str, set[Range], Network]:
        text, gone = _text(restated, edits, left_out)
        return text, gone, load(text)

    def good(left_out: set[Range]) -> tuple[str, set[Range], Network] | None:
        try:
            made = tried(left_out)
        except ArchError:
            return None
        return made if list(tensors(made[2].graph)) == keys else None

    if made := good(restated.idle):
        return made
    try:
        best = tried(set())
    except ArchError as error:
        raise _not_right(restated, error) from None
    for place in sorted(restated.idle):
        best = good({*best[1], place}) or best
    return best


def _text(restated: Restated, edits: list[Edit], left_out: set[Range]) -> tuple[str, set[Range]]:
    """The text with edits made and stages left out, and which of these could be."""
    found = places(restated.file)
    by_pipe: dict[int, set[Range]] = {}
    for place in left_out & found.keys():
        by_pipe.setdefault(found[place].pipe.start, set()).add(place)
    cuts: list[Edit] = []
    gone: set[Range] = set()
    for leaving in by_pipe.values():
        at = found[min(leaving)]
        numbers = {found[place].number for place in leaving}
        cut = without(restated.text, at.pipe, numbers, len(at.stmts) == 1)
        if cut is not None:
            cuts += cut
            gone |= leaving
    kept = [e for e in edits if not any(c.start <= e.start and e.end <= c.end for c in cuts)]
    kept += cuts
    edited = [*kept, *aligned(restated.text, restated.file, kept)]
    return applied(restated.text, edited), gone


def _not_right(restated: Restated, error: ArchError) -> ArchError:
    """The finding for a spec that does not hold with its head as convolutions."""
    graph = restated.graph
    first = graph.nodes[min(restated.heads.layers)]
    notes = [f"line {d.span.line} would be wrong: {d.message}" for d in error.diagnostics]
    related = [f"  {d.span.source.line(d.span.line).strip()}" for d in error.diagnostics]
    said = [text for pair in zip(notes, related, strict=True) for text in pair]
    message = "with this head as convolutions, the rest of the spec would not be right"
    return refusal(message, first.span, *said)


def _check(before: Network, after: Network, graph: Graph, heads: Heads) -> None:
    """Raise where the new network is not what it has to be."""
    made = given(after.graph)
    for name, node in given(before.graph).items():
        if not lengthened(node.output, made[name].output):
            message = f"`{name}` is a flattened map, which no convolution follows"
            at = graph.nodes[node.index]
            raise refusal(message, at.span, "it would come out as the map that it is")
    if not alike(before, after):
        first = graph.nodes[min(heads.layers)]
        raise refusal("with this head as convolutions, the network has other weights", first.span)
    _check_sizes(after, graph, heads)


def _check_sizes(after: Network, graph: Graph, heads: Heads) -> None:
    found = legal(after.graph)
    mapped = [n for n in after.graph.outputs.values() if n.output.rank > 1]
    grows = any(symbols(size) for n in mapped for size in n.output.spatial)
    if (found.fully_convolutional or found.fixed_by is None) and grows:
        return
    if heads.faults:
        raise _refused(heads.faults[0])
    if found.fixed_by is not None:
        at = _same_place(found.fixed_by, graph)
        message = f"the weights of `{at.path}`, {at.op}, are made for one size of the input"
        raise refusal(message, at.span, "they would be so with its head as convolutions, too")
    first = graph.nodes[min(heads.layers)]
    raise refusal("the output has one size, whatever the size of the input", first.span)


def _same_place(node: Node, graph: Graph) -> Node:
    return next((n for n in graph.nodes if n.path == node.path), graph.nodes[0])
