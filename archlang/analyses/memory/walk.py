"""One inference, or one training step, tensor by tensor in the order in which it runs.

The forward pass is as ``analyses.kept`` has it. In the backward pass layers take their turns from
the last to the first: each makes the gradients of what it took and of its weights, then what
autograd kept for it goes. A gradient that several layers give is added up in the first one's
memory, where nobody else holds it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from math import prod

from archlang.analyses.kept import Forward, Run
from archlang.analyses.memory.ledger import Block, Ledger
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
        drops: dict[int, list[Storage]] = defaultdict(list)
        done = 0
        for run in self.pass_.runs:
            node = run.node
            if not node.inputs:
                continue
            self.ledger.begin("forward", node.path, str(run.op))
            for storage in run.made:
                self.blocks[storage] = self.ledger.take(storage.bytes, "working")
                if storage in copies:
                    self._hold(storage)
            self._hold(run.output.storage)
            drops[self.until[node.index]].append(run.output.storage)
            for storage in set(run.kept):
                self._hold(storage, kept=True)
            for storage in run.made:
                if not self.holders[storage]:
                    self._end(storage)
            for index in range(done, node.index + 1):
                self._drop(drops.pop(index, ()))
            done = node.index + 1
        for index in range(done, len(self.until)):
            self._drop(drops.pop(index, ()))
        self._drop(copies)

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
    """A gradient on its way: its memory, and how many hold it."""

    __slots__ = ("block", "holders")

    def __init__(self, block: Block) -> None:
        self.block, self.holders = block, 1


class TrainingWalk(Walk):
    """A training step: forward, loss, backward, update. What outlives it is not released."""

    def loss(self) -> None:
        """Cross entropy of each output, and the gradient that the backward pass starts from."""
        self.gradients: dict[Node, _Gradient] = {}
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
            self._give(end, self._as(second, value))

    def _as(self, block: Block, value: Value) -> _Gradient:
        """A gradient in the dtype of what it belongs to."""
        wanted = value.numel * BYTES[value.dtype]
        if wanted != value.numel * BYTES["float32"]:
            copy = self.ledger.take(wanted, "working")
            self.ledger.release(block)
            block = copy
        return _Gradient(block)

    def backward(self) -> None:
        """The gradients, from the last layer to the first."""
        for run in reversed(self.pass_.runs):
            gradient = self.gradients.pop(run.node, None)
            if gradient is not None:
                self.ledger.begin("backward", run.node.path, str(run.op))
                self._back(run, gradient)

    def _back(self, run: Run, gradient: _Gradient) -> None:
        """The turn of one layer."""
        ledger, y = self.ledger, run.output
        taken = [(n, self.values[n]) for n in run.node.inputs]
        given: list[tuple[Node, _Gradient]] = []
        wide: list[tuple[Node, Value, _Gradient]] = []
        for node, x in taken if y.storage.kind != "weight" else ():
            if not x.grad:
                continue
            if run.op.passes_gradient and not run.kept and _passes(run, x):
                gradient.holders += 1
                given.append((node, gradient))
                continue
            dtype = x.dtype if x.numel != y.numel else y.dtype
            made = _Gradient(ledger.take(x.numel * BYTES[dtype], "working"))
            if dtype == x.dtype:
                given.append((node, made))
            else:
                wide.append((node, x, made))
        low = self._weight_gradients(run)
        extra = ledger.take(
            run.op.workspace(self.step, y, *(x for _, x in taken)), "working"
        )
        ledger.release(extra)
        self._let_go(gradient)
        self._drop(set(run.kept))
        for place, block, size in low:
            self._add_weight(place, ledger.take(size, "gradients"))
            ledger.release(block)
        for node, x, made in wide:
            given.append((node, self._as_dtype(made, x)))
        for node, part in given:
            self._give(node, part)

    def _as_dtype(self, gradient: _Gradient, x: Value) -> _Gradient:
        copy = _Gradient(self.ledger.take(x.numel * BYTES[x.dtype], "working"))
        self._let_go(gradient)
        return copy

    def _weight_gradients(self, run: Run) -> list[tuple[tuple[str, str], Block, int]]:
        """Make those of a layer's weights; gives those that are still in autocast's dtype."""
        low = []
        for key, shape in run.node.params.items():
            place = (run.node.path, key)
            count = prod(int(n) for n in shape)
            if self.step.autocast and self.pass_.weights[place].storage in self.step.copies:
                block = self.ledger.take(count * BYTES[self.step.autocast], "working")
                low.append((place, block, count * 4))
            else:
                self._add_weight(place, self.ledger.take(count * 4, "gradients"))
        return low

    def _add_weight(self, place: tuple[str, str], block: Block) -> None:
        """A weight's gradient; that of another use is added to it."""
        if place in self.weights:
            self.ledger.release(block)
        else:
            self.weights[place] = block

    def _give(self, node: Node, gradient: _Gradient) -> None:
        """Add a gradient to what a node has; in the memory that is there, where nobody else holds it."""
        old = self.gradients.get(node)
        if old is None:
            self.gradients[node] = gradient
            return
        if old.holders > 1:
            value = self.values[node]
            total = _Gradient(self.ledger.take(value.numel * BYTES[value.dtype], "working"))
            self._let_go(old)
            self.gradients[node] = total
        self._let_go(gradient)

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
