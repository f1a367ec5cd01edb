"""How a size came about: the layers of the path to it, where they stand, and what they assume."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from archlang.diagnostic import Note
from archlang.graph import Node
from archlang.source import Source, Span

TRACE = 8
"""How many layers back a shape error tells how a size came about."""
PLACES = 3
"""How many of these it shows."""
BACK = 500
"""How many layers are gone back at most."""
_NAMES = {2: "CL", 3: "CHW", 4: "CDHW"}


def trace(node: Node, axis: int) -> str:
    """How a size came about: ``28 conv 28 avgpool 14``, the last layers of one path."""
    steps: list[Node] = []
    for current in _back(node):
        steps.append(current)
        if len(steps) > TRACE:
            break
    steps.reverse()
    text = str(int(steps[0].output.shape[axis]))
    for step in steps[1:]:
        text += f" {step.op.name} {int(step.output.shape[axis])}"
    return ("… " if steps[0].inputs else "") + text


def _back(node: Node) -> Iterator[Node]:
    """From a node towards the input, over layers that keep the number of axes."""
    for _ in range(BACK):
        if node.params or not node.inputs or node.inputs[0].output != node.output:
            yield node
            if not node.inputs or node.inputs[0].output.rank != node.output.rank:
                return
        node = node.inputs[0]


def axis_names(node: Node) -> str:
    """A letter for each axis of a map, the channels' first; nothing for what is none."""
    return _NAMES.get(node.output.rank, "")


def same_traces(node: Node, axes: Iterable[int]) -> Iterator[tuple[str, str]]:
    """For each axis its name and trace; axes that went the same way are said once."""
    names = axis_names(node)
    lines: dict[str, list[str]] = {}
    for axis in axes:
        if axis < len(names) and " " in (text := trace(node, axis)).replace("… ", ""):
            lines.setdefault(text, []).append(names[axis])
    for text, who in lines.items():
        yield who[0], text + (f", and {' and '.join(who[1:])} the same" if who[1:] else "")


def trace_notes(node: Node, axes: Iterable[int], lead: str = "") -> list[str]:
    """The same as notes."""
    return [f"{lead}{name}: {how}" for name, how in same_traces(node, axes)]


def map_axes(node: Node) -> range:
    """The axes of a map, without the channels."""
    return range(1, len(axis_names(node)))


def differing(nodes: Sequence[Node]) -> list[int]:
    """The axes along which tensors of one rank differ."""
    shapes = [n.output.shape for n in nodes]
    if len({len(s) for s in shapes}) > 1:
        return []
    return [i for i, sizes in enumerate(zip(*shapes, strict=True)) if len(set(map(int, sizes))) > 1]


def makers(node: Node, axes: Sequence[int], source: Source) -> list[Note]:
    """The layers that made sizes what they are, those written in ``source``, the last ones first.

    Each with what it did to them, and what it took to be so because the spec does not say it.
    """
    names = axis_names(node)
    shown = [a for a in axes if a < len(names)]
    found: dict[Span, Note] = {}
    for step in _back(node):
        if len(found) == PLACES or not step.inputs or not shown:
            break
        before, after = step.inputs[0].output.shape, step.output.shape
        if step.span.source != source or len(before) != len(after):
            continue
        moved = [a for a in shown if int(before[a]) != int(after[a])]
        texts = [_unsaid(step)] if any(shown) else []
        if moved:
            who = " and ".join(names[a] for a in moved)
            texts.insert(0, f"{who} {int(before[moved[0]])} to {int(after[moved[0]])}")
        if text := ", ".join(filter(None, texts)):
            found.setdefault(step.span, Note(step.span, text))
        shown = [a for a in shown if a or a not in moved]  # one layer makes all of the channels
    return list(found.values())


def _unsaid(node: Node) -> str:
    """What a layer takes to be so that its text does not say."""
    assumed, said = node.op.assumes(), node.op.model_fields_set
    return next((f"`{f}` defaults to {v}" for f, v in assumed.items() if f not in said), "")
