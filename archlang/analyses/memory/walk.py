"""One inference, or one training step, tensor by tensor in the order in which it runs.

The forward pass is as ``analyses.kept`` has it. In the backward pass layers take their turns from
the last to the first: each makes the gradients of what it took and of its weights, then what
autograd kept for it goes. A gradient that several layers give is added up in the first one's
memory, where nobody else holds it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from archlang import strides as lie
from archlang.analyses.kept import Forward, Run
from archlang.analyses.memory.ledger import Block, Ledger, Phase
from archlang.analyses.memory.optimizers import Optimizer
from archlang.graph import Node
from archlang.step import BYTES, Storage, Value


class Walk:
    """The tensors of one pass, on top of what is there already.

    ``until`` says for each node how long its tensor is held by Python; ``order`` are the
    parameters as ``module.parameters()`` has them, each node's path and key.
    """

    def __init__(self, forward: Forward, until: Sequence[int], ledger: Ledger) -> None:
        self.pass_, self.ledger = forward, ledger
        self.step = forward.step
        self.until = until
        self.blocks: dict[Storage, Block] = {}
        self.holders: dict[Storage, int] = defaultdict(int)
        self.values = {run.node: run.output for run in forward.runs}

    def forward(self) -> None:
        """The forward pass; in training all that autograd keeps is left at its end."""
        copies = {copy.storage for copy in self.step.copies.values()}
        held = self._runs(self._running(), copies, "forward")
        for index in sorted(held):
            if index < len(self.until):
                self._drop(held[index])
        self._drop(copies)

    def _running(self) -> Iterable[Run]:
        """The layers of the forward pass, with what each keeps."""
        return [run for run in self.pass_.runs if run.node.inputs]

    def _runs(
        self, runs: Iterable[Run], copies: set[Storage], phase: Phase
    ) -> dict[int, list[Storage]]:
        """Layers in turn; what variables still hold afterwards, by the node that ends it."""
        held: dict[int, list[Storage]] = defaultdict(list)
        done = 0
        for run in runs:
            node = run.node
            self.ledger.begin(phase, node.path, str(run.op))
            self._enter(run)
            self._run(run, copies)
            held[self.until[node.index]].append(run.output.storage)
            for index in range(done, node.index + 1):
                self._drop(held.pop(index, ()))
            done = node.index + 1
        return held

    def _enter(self, run: Run) -> None:
        """What is done before a layer."""

    def _run(self, run: Run, copies: set[Storage]) -> None:
        """What one layer makes; what nobody holds afterwards goes, some of it before."""
        stay = {run.output.storage, *run.kept, *copies.intersection(run.made)}
        going = defaultdict(list)
        for storage in run.made:
            if storage not in stay:
                going[run.dropped.get(storage, len(run.made))].append(storage)
        for count, storage in enumerate(run.made, 1):
            self.blocks[storage] = self.ledger.take(storage.bytes, "working")
            for done in going.pop(count, ()):
                self._end(done)
        for storage in copies.intersection(run.made):
            self._hold(storage)
        self._hold(run.output.storage)
        for storage in set(run.kept):
            self._hold(storage, kept=True)

    def _hold(self, storage: Storage, kept: bool = False) -> None:
        if storage.kind == "made":
            self.holders[storage] += 1
            if kept:
                self.ledger.turn(self.blocks[storage], "kept")

    def _drop(self, storages: Iterable[Storage]) -> None:
        for storage in storages:
            if storage.kind == "made":
                self.holders[storage] -= 1
                if not self.holders[storage]:
                    self._end(storage)

    def _end(self, storage: Storage) -> None:
        self.ledger.release(self.blocks.pop(storage))
        self.holders.pop(storage, None)


class _Gradient:
    """A gradient on its way: its memory, and how many hold it.

    ``plain`` is one that lies in the order of its axes, though the tensor may have its channels
    last.
    """

    __slots__ = ("block", "holders", "plain")

    def __init__(self, block: Block, plain: bool = True) -> None:
        self.block, self.holders, self.plain = block, 1, plain


class _Given(NamedTuple):
    """A gradient for one node; autograd adds to a view of one only in a copy."""

    node: Node
    gradient: _Gradient
    viewed: bool = False


class TrainingWalk(Walk):
    """A training step: forward, loss, backward, update. What outlives it is not released.

    ``before`` are the gradients of earlier parts of the batch, which those of this one are
    added to.
    """

    before: Mapping[tuple[str, str], Block] = MappingProxyType({})

    def loss(self) -> None:
        """Cross entropy of each output, and the gradient that the backward pass starts from."""
        self.gradients: dict[Node, _Given] = {}
        self.weights: dict[tuple[str, str], Block] = {}
        ledger = self.ledger
        ledger.begin("forward", "", "cross entropy")
        graph = self.pass_.graph
        ends = [*graph.outputs.values(), *(a.node for a in graph.aux.values())]
        kept: list[tuple[Node, list[Block]]] = []
        for end in ends:
            value = self.values[end]
            size = value.numel * BYTES["float32"]
            wide = ledger.take(size, "working") if value.dtype != "float32" else None
            saved = [ledger.take(n, "kept") for n in (size, BYTES["float32"])]
            if wide is not None:
                ledger.release(wide)
            kept.append((end, saved))
        ledger.begin("backward", "", "cross entropy")
        for end, saved in reversed(kept):
            value = self.values[end]
            sizes = (saved[0].bytes, saved[0].bytes)
            first, second = (ledger.take(size, "working") for size in sizes)
            for block in (first, *saved):
                ledger.release(block)
            self._give(self._as_taken(_Given(end, _Gradient(second))))

    def backward(self) -> None:
        """The gradients, from the last layer to the first."""
        for run in reversed(self.pass_.runs):
            pending = self.gradients.pop(run.node, None)
            if pending is not None:
                saved = self._unpack(run)
                self.ledger.begin("backward", run.node.path, str(run.op))
                self._back(run, pending, saved)
            self._leave(run)

    def _unpack(self, run: Run) -> Iterable[Storage]:
        """What autograd has of what a layer keeps."""
        return set(run.kept)

    def _leave(self, run: Run) -> None:
        """What is done after a layer's turn in the backward pass."""

    def _back(self, run: Run, pending: _Given, saved: Iterable[Storage]) -> None:
        """The turn of one layer."""
        ledger, y, gradient = self.ledger, run.output, pending.gradient
        taken = [(node, self.values[node]) for node in run.node.inputs]
        extra = self._workspace(run, gradient, [x for _, x in taken])
        ledger.shift(min(extra, 0))
        given = [
            self._given(run, node, x, pending)
            for node, x in taken
            if x.grad and y.storage.kind != "weight"
        ]
        weights = self._weight_gradients(run)
        ledger.release(ledger.take(max(extra, 0), "working"))
        ledger.shift(max(-extra, 0))
        self._let_go(gradient)
        self._drop(saved)
        given = [self._as_taken(part) for part in given]
        for key, block in weights:
            self._add_weight(run, key, block)
        for part in given:
            self._give(part)

    def _workspace(self, run: Run, gradient: _Gradient, xs: Sequence[Value]) -> int:
        """Bytes that a layer's turn takes beside the gradients that it gives."""
        own = {key: self.pass_.weights[run.node.path, key] for key in run.node.params}
        self.step.begin(own, turned=self._turned(gradient, xs), plain=gradient.plain)
        return run.op.workspace(self.step, run.output, *xs)

    def _turned(self, gradient: _Gradient, xs: Iterable[Value]) -> bool:
        """Whether a gradient does not lie as the images that a layer took, on a CPU."""
        last = all(x.rank == 4 and lie.suggests_channels_last(*x.lie) for x in xs)
        return last and gradient.plain and self.step.device == "cpu"

    def _given(self, run: Run, node: Node, x: Value, pending: _Given) -> _Given:
        """The gradient of what a layer took: that of its output, a part of it, or a new one."""
        y, gradient = run.output, pending.gradient
        if run.op.passes_gradient and not run.kept and _passes(run, x):
            gradient.holders += 1
            return _Given(node, gradient, viewed=pending.viewed or x.sizes != y.sizes)
        dtype = x.dtype if run.op.merges else y.dtype
        block = self.ledger.take(x.numel * BYTES[dtype], "working")
        return _Given(node, _Gradient(block, run.op.gives_plain(x, gradient.plain)))

    def _as_taken(self, part: _Given) -> _Given:
        """A gradient in the dtype of what it belongs to: autocast's copies are undone."""
        x = self.values[part.node]
        if part.gradient.block.bytes == self.ledger.rounded(x.bytes) or part.viewed:
            return part
        copy = _Gradient(self.ledger.take(x.bytes, "working"), part.gradient.plain)
        self._let_go(part.gradient)
        return _Given(part.node, copy)

    def _weight_gradients(self, run: Run) -> list[tuple[str, Block]]:
        """Those of a layer's weights by key, where autocast copied one in its dtype."""
        found = []
        for key in run.node.params:
            weight = self.pass_.weights[run.node.path, key]
            if not weight.grad:
                continue
            copy = self.step.copies.get(weight.storage)
            size = weight.bytes if copy is None else copy.bytes
            found.append((key, self.ledger.take(size, "working")))
        return found

    def _add_weight(self, run: Run, key: str, block: Block) -> None:
        """Add a weight's gradient to those of its other uses; the first use comes last.

        Only then is that of autocast's copy turned into one of the weight.
        """
        place = run.node.path, key
        if place in self.weights:
            if run.op.weights_viewed:
                self.ledger.release(self.ledger.take(block.bytes, "working"))
            self.ledger.release(block)
            block = self.weights[place]
        self.weights[place] = block
        size = self.ledger.rounded(self.pass_.weights[place].bytes)
        if block.bytes == size:
            self.ledger.turn(block, "gradients")
        elif run.node.first:
            self.weights[place] = self.ledger.take(size, "gradients")
            self.ledger.release(block)
        if run.node.first and place in self.before:
            self.ledger.release(self.weights[place])
            self.weights[place] = self.before[place]

    def _give(self, part: _Given) -> None:
        """Add a gradient to what a node has, in the memory that is there where that is free."""
        part = part._replace(node=self._maker(part.node))
        old = self.gradients.get(part.node)
        if old is None:
            self.gradients[part.node] = part
            return
        if old.viewed or old.gradient.holders > 1:
            size = self.values[part.node].bytes
            total = _Gradient(self.ledger.take(size, "working"), old.gradient.plain)
            self._let_go(old.gradient)
            self.gradients[part.node] = _Given(part.node, total)
        self._let_go(part.gradient)

    def _maker(self, node: Node) -> Node:
        """The node that made the tensor of ``node``: autograd knows none that hands it on."""
        while (before := next(iter(node.inputs), None)) is not None:
            if self.values[before] is not self.values[node]:
                break
            node = before
        return node

    def _let_go(self, gradient: _Gradient) -> None:
        gradient.holders -= 1
        if not gradient.holders:
            self.ledger.release(gradient.block)

    def update(self, optimizer: Optimizer, sizes: Sequence[int]) -> None:
        """The optimizer's own tensors, one parameter after another or all at once."""
        self.ledger.begin("update", "", "")
        last: list[Block] = []
        for round_ in optimizer.rounds(sizes, self.step.device):
            made = [self.ledger.take(size, "working") for size in round_]
            for block in (*last, *made[:-1]):
                self.ledger.release(block)
            last = made[-1:]
        for block in last:
            self.ledger.release(block)
        self.ledger.close()


def _passes(run: Run, x: Value) -> bool:
    """Whether the gradient of ``x`` lies in that of what came out: the same values, or a part."""
    y = run.output
    return x.numel == y.numel or (x.numel < y.numel and not run.op.stretches)
