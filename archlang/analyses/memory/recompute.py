"""Activation checkpointing: blocks that keep what arrives, and are computed again when due.

As ``torch.utils.checkpoint`` does it, not reentrant, and as ``backends.torch.recompute`` uses it. A
block is computed again when the first of its layers wants what it kept, and only until the last
tensor that was kept is there. Each goes when its layer has its gradients; the block's input, when
the block is done. Of a block inside another, the outer one keeps the input, until the inner one
has been computed again. Running statistics are copied for as long as that takes, and each
use of a block keeps the state of the CPU's random numbers.

Chen et al. 2016, Training deep nets with sublinear memory cost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from archlang.analyses.cost import costs
from archlang.analyses.kept import Forward, Run
from archlang.analyses.memory.ledger import Block, Ledger
from archlang.analyses.memory.walk import TrainingWalk
from archlang.analyses.plan import Plan, Scope
from archlang.graph import Graph, Node
from archlang.step import BYTES, Device, Storage

RANDOM_STATE: dict[Device, int] = {"cpu": 5056, "cuda": 0}
"""Bytes of the state of random numbers, where it lies on the device: CUDA's is on the host."""


@dataclass(eq=False)
class Again:
    """One use of a block that is computed again.

    ``takes`` are the storages that arrive, ``runs`` the layers inside, those of blocks ``inner``
    included; ``buffers`` are the bytes of each buffer.
    """

    takes: set[Storage]
    runs: list[Run]
    buffers: list[int]
    outer: Again | None = None
    inner: list[Again] = field(default_factory=list)
    own: list[Run] = field(default_factory=list)
    """The layers that keep something, those of inner blocks left out."""

    @property
    def start(self) -> Node:
        """The first layer inside."""
        return self.runs[0].node

    @cached_property
    def first(self) -> Node | None:
        """The first layer that keeps something: the last one to be done with it."""
        kept = [run.node for run in self.own]
        nodes = kept + [i.first for i in self.inner if i.first is not None]
        return min(nodes, key=lambda node: node.index, default=None)

    @cached_property
    def whole(self) -> list[Run]:
        """The layers that are computed again from end to end."""
        stop = max([*(r.node.index for r in self.own), *(i.start.index for i in self.inner)])
        return [run for run in self.runs if run.node.index < stop]

    @cached_property
    def last(self) -> Run | None:
        """The layer that is left when its last kept tensor is there; None before a block."""
        starts = (i.start.index for i in self.inner)
        last = self.own[-1] if self.own else None
        return last if last is not None and last.node.index > max(starts, default=-1) else None


def until_kept(run: Run) -> tuple[Storage, ...]:
    """What a layer makes until the last thing is there that it keeps."""
    kept = [number for number, made in enumerate(run.made, 1) if made in run.kept]
    return run.made[: max(kept, default=0)]


class Blocks:
    """The uses of blocks that a plan computes again, each before those inside it."""

    def __init__(self, plan: Plan, forward: Forward) -> None:
        self.every: list[Again] = []
        self.of: dict[Node, Again] = {}
        """The innermost one around a layer."""
        self._plan = plan
        self._runs = {run.node: run for run in forward.runs}
        self._find(plan.root, None)
        for node, again in self.of.items():
            if self._runs[node].kept:
                again.own.append(self._runs[node])
        self.starting: dict[Node, list[Again]] = {}
        self.ending: dict[Node | None, list[Again]] = {}
        for again in self.every:
            self.starting.setdefault(again.start, []).append(again)
            self.ending.setdefault(again.first, []).append(again)

    def _find(self, scope: Scope, outer: Again | None) -> None:
        for step in scope.steps:
            if not isinstance(step.part, Scope) or not step.gives:
                continue
            again = outer
            if self._plan.again(step.part):
                again = self._made(step.part, outer)
            self._find(step.part, again)

    def _made(self, scope: Scope, outer: Again | None) -> Again:
        runs = [self._runs[n] for n in scope.nodes if n in self._runs and n.inputs]
        buffers = {(n.path, k): v for n in scope.nodes for k, v in _buffers(n, scope).items()}
        takes = {self._runs[node].output.storage for node in scope.takes}
        again = Again(takes, runs, list(buffers.values()), outer)
        self.every.append(again)
        if outer is not None:
            outer.inner.append(again)
        self.of.update((run.node, again) for run in runs)
        return again

    def kept(self, run: Run) -> tuple[Storage, ...]:
        """What is kept of the forward pass when it comes to a layer."""
        if run.node not in self.of:
            return run.kept
        begun = (a for a in self.starting.get(run.node, ()) if a.outer is None)
        return tuple(s for again in begun if again.first is not None for s in again.takes)

    def macs(self, graph: Graph) -> int:
        """Multiply-accumulates done again for a sample; a layer that is left counts in full.

        But where it is left before it makes anything it counts nothing.
        """
        found = 0
        for again in self.every:
            if again.first is not None:
                last = again.last
                extra = [last] if last is not None and until_kept(last) else []
                found += sum(costs(graph)[r.node.index].macs for r in (*again.whole, *extra))
        return found


def _buffers(node: Node, scope: Scope) -> dict[str, int]:
    """Bytes of the buffers of a layer that is in a scope's module."""
    if not node.path.startswith(f"{scope.path}."):
        return {}
    return {key: buffer_bytes(shape) for key, shape in node.buffers.items()}


def buffer_bytes(shape: Sequence[int]) -> int:
    """The bytes of a buffer: float32, or the int64 of a counter where it has no axes."""
    size = BYTES["float32"] if shape else BYTES["int64"]
    for n in shape:
        size *= int(n)
    return size


class RecomputingWalk(TrainingWalk):
    """A training step that computes ``blocks`` again."""

    def __init__(
        self, forward: Forward, until: Sequence[int], ledger: Ledger, blocks: Blocks
    ) -> None:
        super().__init__(forward, until, ledger)
        self.again = blocks
        self.random = RANDOM_STATE[forward.step.device]
        self.states: dict[Again, Block] = {}
        self.renewed: dict[Again, dict[Storage, Storage]] = {}
        """For each block that was computed again, what is there now instead of what was."""
        self.at_work: Again | None = None
        self.temporary: list[Block] = []

    def _running(self) -> Iterator[Run]:
        for run in super()._running():
            yield replace(run, kept=()) if run.node in self.again.of else run

    def _enter(self, run: Run) -> None:
        """Blocks that begin keep what arrives: in the forward pass the outermost ones."""
        for again in self.again.starting.get(run.node, ()):
            if not self._inside(again):
                continue
            block = self.ledger.take(self.random, "working" if self.at_work else "kept")
            if again.first is None:
                self.ledger.release(block)
            elif self.at_work:
                self.temporary.append(block)
            else:
                self.states[again] = block
            if again.outer is self.at_work and again.first is not None:
                self._hold_all(self._now(again.takes, self.at_work))

    def _inside(self, again: Again) -> bool:
        """Whether a block is inside the one that is computed again, if one is."""
        outer = again.outer
        while outer is not None and outer is not self.at_work:
            outer = outer.outer
        return outer is self.at_work

    def _hold_all(self, storages: Iterable[Storage]) -> None:
        for storage in storages:
            self._hold(storage, kept=True)

    def _now(self, storages: Iterable[Storage], inside: Again | None) -> set[Storage]:
        """What is there now instead of ``storages``."""
        renewed = self.renewed[inside] if inside is not None else {}
        return {renewed.get(s, s) for s in storages}

    def _unpack(self, run: Run) -> Iterable[Storage]:
        inside = self.again.of.get(run.node)
        if inside is None or not run.kept:
            return super()._unpack(run)
        self._renew(inside)
        return self._now(run.kept, inside)

    def _leave(self, run: Run) -> None:
        for again in self.again.ending.get(run.node, ()):
            self.ledger.release(self.states.pop(again))
            if again.outer is None:
                self._drop(again.takes)

    def _renew(self, again: Again) -> None:
        """Compute a block again, those around it first, where that was not done yet."""
        if again in self.renewed:
            return
        outer = again.outer
        if outer is not None:
            self._renew(outer)
        self.renewed[again] = dict(self.renewed[outer]) if outer is not None else {}
        self.at_work = again
        own = {run.node for run in again.own}
        copies = {copy.storage for copy in self.step.copies.values()}
        self.temporary = [self.ledger.take(n, "working") for n in (self.random, *again.buffers)]
        fresh: set[Storage] = set()
        runs = (self._new(run, again, copies, fresh, run.node in own) for run in again.whole)
        held = self._runs(runs, fresh, "recompute")
        if again.last is not None:
            self._until_kept(self._new(again.last, again, copies, fresh, True), fresh)
        else:
            self._hold_all(self._now(again.inner[-1].takes, again))
        for storages in (*held.values(), fresh):
            self._drop(storages)
        if outer is not None:
            self._drop(self._now(again.takes, outer))
        for block in self.temporary:
            self.ledger.release(block)
        self.at_work = None

    def _new(
        self, run: Run, again: Again, copies: set[Storage], fresh: set[Storage], keeps: bool
    ) -> Run:
        """A layer computed again: what it makes is new, with autocast's copies of its weights."""
        renewed = self.renewed[again]
        used = [s for s in run.kept if s in copies and s not in run.made and s not in renewed]
        for storage in (*dict.fromkeys(used), *run.made):
            renewed[storage] = replace(storage)
            if storage in copies:
                fresh.add(renewed[storage])
        made = tuple(renewed[s] for s in (*dict.fromkeys(used), *run.made))
        output = replace(run.output, storage=self._one(run.output.storage, renewed))
        dropped = {renewed[s]: at + len(made) - len(run.made) for s, at in run.dropped.items()
                   if s in renewed}  # fmt: skip
        kept = tuple(self._one(s, renewed) for s in run.kept) if keeps else ()
        return replace(run, output=output, made=made, kept=kept, dropped=dropped)

    @staticmethod
    def _one(storage: Storage, renewed: dict[Storage, Storage]) -> Storage:
        return renewed.get(storage, storage)

    def _until_kept(self, run: Run, copies: set[Storage]) -> None:
        """The layer that is left half-way."""
        self.ledger.begin("recompute", run.node.path, str(run.op))
        self._enter(run)
        made = until_kept(run)
        for storage in made:
            self.blocks[storage] = self.ledger.take(storage.bytes, "working")
        for storage in copies.intersection(run.made):
            self._hold(storage)
        self._hold_all(set(run.kept))
        for storage in made:
            if not self.holders[storage]:
                self._end(storage)
