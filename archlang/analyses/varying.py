"""Which input sizes one module of a network takes, beside those that it was worked out at.

A network is worked out at one input size. Another size may be refused, or ask for other
layers or weights: nothing but working it out again says. So that is what is done here, at a
few sizes around; two graphs are one module where all that runs was written the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TypeAlias

from archlang.diagnostic import Diagnostic
from archlang.graph import Graph, Node
from archlang.op import module_text
from archlang.types import Shape, symbols

WorkedOut: TypeAlias = Callable[[Mapping[str, Shape]], tuple[Graph | None, Sequence[Diagnostic]]]
"""The network at other input shapes, by the inputs' names; no graph where it is refused."""

STEPS = (1, 2, 4, 8, 16, 32, 64, 3, 6, 12, 24, 48, 5, 10, 20, 40, 7, 14, 28, 56)
"""The steps that sizes are tried in; the first that fits is taken."""


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis of an input, the batch not counted.

    Every size that is ``size`` and a multiple of ``step`` is taken by the same module, as far
    as tried; ``smaller`` are some of those below, the largest first. A ``step`` of 0 says that
    the size may not vary, and ``reason`` says why. ``name`` is the size's in the spec, or "".
    """

    input: str
    axis: int
    name: str
    size: int
    step: int
    smaller: tuple[int, ...] = ()
    reason: str = ""


def varying(graph: Graph, again: WorkedOut) -> list[Axis]:
    """For each axis of each input whether its size may vary; ``again`` works the network out."""
    sizes = {
        name: int(dim)
        for node in graph.inputs.values()
        for dim in node.output.shape
        for name in symbols(dim)
    }
    probe = _Probe(graph, again)
    steps: dict[str, int] = {}
    found: dict[str, tuple[int, tuple[int, ...], str]] = {}
    for name, size in sizes.items():
        step, reason = _step(probe, name, size)
        together = {n: sizes[n] + s for n, s in steps.items()}
        if step and (reason := probe({**together, name: size + step})):
            step = 0
        smaller = tuple(n for n in _halves(size, step) if not probe({name: n})) if step else ()
        found[name] = (step, smaller, reason)
        if step:
            steps[name] = step
    return [
        _axis(input_, axis, int(dim), "".join(symbols(dim)), found)
        for input_, node in graph.inputs.items()
        for axis, dim in enumerate(node.output.shape)
    ]


def _axis(
    input_: str, axis: int, size: int, name: str, found: dict[str, tuple[int, tuple[int, ...], str]]
) -> Axis:
    if not name:
        return Axis(input_, axis, "", size, 0, reason="the spec gives it no name")
    step, smaller, reason = found[name]
    return Axis(input_, axis, name, size, step, smaller, reason)


class _Probe:
    """Why the same module does not take other sizes, by their names; "" where it does."""

    def __init__(self, graph: Graph, again: WorkedOut) -> None:
        self.graph = graph
        self.again = again
        self.known: dict[tuple[tuple[str, int], ...], str] = {}
        self.layers = _layers(graph)

    def __call__(self, sizes: Mapping[str, int]) -> str:
        key = tuple(sorted(sizes.items()))
        if key not in self.known:
            self.known[key] = self._ask(sizes)
        return self.known[key]

    def _ask(self, sizes: Mapping[str, int]) -> str:
        shapes = {
            name: tuple(
                next((sizes[s] for s in symbols(dim) if s in sizes), int(dim))
                for dim in node.output.shape
            )
            for name, node in self.graph.inputs.items()
        }
        graph, findings = self.again(shapes)
        if graph is None:
            message = next((d.message for d in findings if d.severity == "error"), "refused")
            return f"another size is refused: {message}"
        for mine, other in zip_longest(self.layers, _layers(graph)):
            if mine is None or other is None or mine[:2] != other[:2]:
                return "what runs depends on it"
            if mine != other:
                return f"`{mine[1]}` is made for it"
        return ""


def _layers(graph: Graph) -> list[tuple[object, ...]]:
    """What runs in evaluation: for each layer what it takes, its path, and how it is built."""
    live = graph.live()
    given = set(graph.inputs.values())
    ends = [(tuple(graph.outputs), tuple(n.index for n in graph.outputs.values()))]
    return [*map(_layer, (n for n in graph.nodes if n.index in live and n not in given)), *ends]


def _layer(node: Node) -> tuple[object, ...]:
    takes = tuple(n.index for n in node.inputs)
    return takes, node.path, module_text(node.op, node.tensors), node.params


def _step(probe: _Probe, name: str, size: int) -> tuple[int, str]:
    """The step in which a size may vary; 0, and why, where it may not.

    That a layer is made for the size says more than that some size beside it is refused.
    """
    reasons: list[str] = []
    for step in STEPS:
        double = size + -(-size // step) * step
        tried = (size + step, size + 2 * step, size + 3 * step, double)
        reason = next(filter(None, (probe({name: n}) for n in tried)), "")
        if not reason:
            return step, ""
        reasons.append(reason)
    refused = [r for r in reasons if r.startswith("another size is refused")]
    return 0, next((r for r in reasons if r not in refused), reasons[0])


def _halves(size: int, step: int) -> list[int]:
    """Half of a size, a quarter and so on, moved by whole steps."""
    found = []
    target = size // 2
    while target >= 1:
        found.append(size - -(-(size - target) // step) * step)
        target //= 2
    return [n for n in dict.fromkeys(found) if n >= 1]
