"""What one forward pass makes, and what autograd keeps of it for the backward pass, in bytes.

Kept are the distinct storages that autograd saves, less parameters, buffers and the model's
inputs: what ``torch.autograd.graph.saved_tensors_hooks`` sees of the compiled module, and still
holds when the pass is over. Autocast's copies of weights and inputs are among them. All weights
need gradients; inputs, if so asked.

On the CPU that is exact, on more than one thread (with one, PyTorch takes another kernel for some
convolutions over volumes, which lays its output out otherwise). On CUDA it is what PyTorch's rules
say without a device: autocast runs other layers in float32 there, and dropout keeps a byte a
value. What only a device tells is left out: the state of random numbers that fused attention
keeps (some ten bytes a layer), its rounding up of the positions, and which kernel it chooses
(taken for one that keeps query, key, value, output and the logarithms of the sums); and the
reserve that cuDNN may want for batch norm, which is empty by default.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod

from archlang.analyses.execution import Execution
from archlang.collector import paused
from archlang.graph import Graph, Node
from archlang.op import Op
from archlang.step import BYTES, Device, Low, Step, Storage, Value
from archlang.types import Dim


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One use of a layer: what came out, the storages it made, and those it keeps.

    ``made`` has every storage that it makes, what it needs for itself alone included; those
    of autocast's copies of weights at their first use. ``kept`` may name weights and inputs.
    """

    node: Node
    op: Op
    output: Value
    made: tuple[Storage, ...]
    kept: tuple[Storage, ...]
    dropped: Mapping[Storage, int]
    """How many storages were made when it let go of one that nothing else needs."""


@dataclass(eq=False)
class Forward:
    """One forward pass, use by use in execution order."""

    graph: Graph
    step: Step
    runs: list[Run] = field(default_factory=list)
    weights: dict[tuple[str, str], Value] = field(default_factory=dict)
    """Each parameter, by its node's path and its key."""

    @cached_property
    def kept(self) -> int:
        """Bytes kept for the backward pass, the loss's own left out."""
        return total(storage for run in self.runs for storage in run.kept)

    @cached_property
    def of_loss(self) -> int:
        """Bytes that cross entropy keeps of its own: log-softmaxes, labels, and a scalar each."""
        if not self.step.training:
            return 0
        ends = {*self.graph.outputs.values(), *(a.node for a in self.graph.aux.values())}
        shapes = [(self.step.batch, *map(int, n.output.shape)) for n in ends]
        labels = {(shape[0], *shape[2:]) for shape in shapes}
        found = sum(prod(shape) + 1 for shape in shapes) * BYTES["float32"]
        return found + sum(map(prod, labels)) * BYTES["int64"]

    def by_run(self, kept: Callable[[Run], Iterable[Storage]] = lambda run: run.kept) -> list[int]:
        """The bytes that each use keeps: what several keep is the first's."""
        seen: set[Storage] = set()
        found = []
        for run in self.runs:
            mine = set(kept(run))
            found.append(total(mine - seen))
            seen |= mine
        return found


def total(storages: Iterable[Storage]) -> int:
    """The bytes of distinct storages, less weights and inputs."""
    return sum(s.bytes for s in set(storages) if s.kind == "made")


@paused()
def forward(
    graph: Graph,
    batch: int = 1,
    autocast: Low | None = None,
    device: Device = "cpu",
    training: bool = True,
    input_grad: bool = False,
    size: Callable[[Dim], int] = int,
    execution: Execution | None = None,
    frozen: Collection[str] = (),
    channels_last: bool = False,
) -> Forward:
    """One forward pass of the compiled network; without ``training``, as in evaluation.

    ``autocast`` is its dtype, or None for float32 throughout. With ``input_grad`` the inputs
    need gradients, too. ``size`` makes of each size what is worked with; ``execution`` says which
    layers run, where it is not that of the graph. With ``channels_last``, weights and inputs of
    four axes lie so. The parameters that ``frozen`` names need no
    gradients.
    """
    execution = execution or Execution(graph)
    step = Step(
        autocast, device, training, batch, input_grad and training, channels_last, size=size
    )
    found = Forward(graph, step)
    values: dict[Node, Value] = {}
    reached = _reached(execution)
    for node in graph.nodes:
        if node.index not in (execution.run if training else execution.live):
            continue
        own = {key: _weight(found, node, key, frozen) for key in node.params}
        step.begin(own, once=node.op.once("") is not None and execution.stretched(node))
        op = execution.layer(node)
        output = op.saved(step, node.output, *(values[n] for n in node.inputs))
        values[node] = output
        kept = tuple(step.kept) if node in reached else ()
        found.runs.append(Run(node, op, output, tuple(step.made), kept, step.dropped))
    return found


def _reached(execution: Execution) -> set[Node]:
    """The nodes that a gradient comes to: autograd lets go of what the others keep.

    A tensor that is every sample's comes from nothing but weights.
    """
    found = set(execution.ends)
    for node in reversed(execution.graph.nodes):
        if node in found and node.op.once("") is None:
            found.update(node.inputs)
    return found


def _weight(found: Forward, node: Node, key: str, frozen: Collection[str]) -> Value:
    """A parameter of a node, one for all uses of its module; autocast has no copy of a frozen one
    at hand.
    """
    place, step, weights = (node.path, key), found.step, found.weights
    if place not in weights:
        sizes = tuple(map(int, node.params[key]))
        storage = Storage(prod(sizes) * BYTES["float32"], "float32", "weight")
        free = node.key(key) not in frozen
        grad = step.training and free
        weights[place] = Value(storage, sizes, step.laid_out(sizes), "float32", grad, leaf=free)
    return weights[place]
