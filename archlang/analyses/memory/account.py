"""The account of a network's memory: what is there all the time, and the worst moments."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import cached_property
from math import prod
from typing import Any, Literal, TypeAlias

from archlang.analyses.cost import total
from archlang.analyses.kept import Forward, forward
from archlang.analyses.memory.allocator import UNIT, reserved
from archlang.analyses.memory.frames import held
from archlang.analyses.memory.ledger import Ledger, Moment
from archlang.analyses.memory.optimizers import OPTIMIZERS, Optimizer
from archlang.analyses.memory.recompute import RANDOM_STATE, Blocks, RecomputingWalk, buffer_bytes
from archlang.analyses.memory.walk import Walk
from archlang.analyses.plan import Plan
from archlang.collector import paused
from archlang.graph import Graph, Node
from archlang.step import BYTES, Device

Precision: TypeAlias = Literal["float32", "bfloat16", "float16"]
PRECISIONS: dict[str, Precision] = {
    "float32": "float32", "bfloat16": "bfloat16", "bf16": "bfloat16",
    "float16": "float16", "fp16": "float16",
}  # fmt: skip
"""What a precision may be called."""
FLOAT, COUNTER = BYTES["float32"], BYTES["int64"]


@dataclass(frozen=True, slots=True)
class Setting:
    """How a network is run. ``dtype`` is autocast's, float32 being none; ``ema`` keeps a mean.

    ``optimizer`` is one of ``OPTIMIZERS``, or another; blocks named in ``recompute`` are computed
    again in the backward pass. A step goes through ``accumulate`` batches before its update.
    Parameters in ``frozen``, by the names of the module, are not learned. With ``channels_last``
    weights and images of four axes, the batch counted, lie so.
    """

    batch: int = 1
    optimizer: str | Optimizer = "adamw"
    dtype: Precision = "float32"
    device: Device = "cpu"
    ema: bool = False
    recompute: tuple[str, ...] = ()
    accumulate: int = 1
    frozen: tuple[str, ...] = ()
    channels_last: bool = False

    @property
    def kind(self) -> Optimizer:
        """What the optimizer holds and takes."""
        given = self.optimizer
        return OPTIMIZERS[given] if isinstance(given, str) else given


@dataclass(frozen=True, slots=True)
class LayerMemory:
    """One use of a layer, in bytes: its weights, what comes out, and what is kept for backward.

    Shared weights are counted at their first use, and what several keep at the first's.
    """

    path: str
    layer: str
    parameters: int
    output: int
    kept: int


class Memory:
    """What a network takes in a ``setting``, in bytes, worked out as it is asked for."""

    def __init__(self, graph: Graph, setting: Setting) -> None:
        self.graph, self.setting = graph, setting
        self._plan = Plan(graph, setting.recompute)
        self._until = held(self._plan)

    @cached_property
    def parameters(self) -> int:
        """The learned tensors, in float32 whatever the precision."""
        return sum(self._weights)

    @cached_property
    def gradients(self) -> int:
        """The gradients of all parameters that a step reaches, as they are when it ends."""
        return self._step[1]

    @cached_property
    def state(self) -> int:
        """What the optimizer holds between steps."""
        return sum(self.setting.kind.held(self._trained, self.setting.device))

    @cached_property
    def buffers(self) -> int:
        """Running statistics in float32, counters in int64."""
        return sum(self._buffers)

    @cached_property
    def ema(self) -> int:
        """A running mean of the parameters, with a copy of the buffers."""
        return self.parameters + self.buffers if self.setting.ema else 0

    @cached_property
    def inputs(self) -> int:
        """The input tensors, in float32."""
        shapes = (node.output.shape for node in self.graph.inputs.values())
        return self._samples * sum(prod(map(int, shape)) * FLOAT for shape in shapes)

    @cached_property
    def laid_out(self) -> int:
        """Copies of the images of a batch with their channels last, where that is asked for."""
        if not self.setting.channels_last:
            return 0
        shapes = [node.output.shape for node in self.graph.inputs.values()]
        return self._samples * sum(_float_bytes(shape) for shape in shapes if len(shape) == 3)

    @cached_property
    def labels(self) -> int:
        """What the outputs are held against: an int64 for each sample, or for each position."""
        shapes = {tuple(map(int, n.output.shape[1:])) for n in self.graph.outputs.values()}
        return self._samples * sum(prod(shape) * COUNTER for shape in shapes)

    @cached_property
    def kept(self) -> int:
        """Distinct storages that autograd saves, less parameters, buffers and inputs.

        Blocks that are computed again keep what arrives, and the state of random numbers.
        """
        states = sum(again.first is not None for again in self.blocks.every)
        states *= RANDOM_STATE[self.setting.device]
        return sum(self._kept_by_run) + self._training.of_loss + states

    @cached_property
    def recomputed(self) -> int:
        """Multiply-accumulates that the backward pass does again, for each sample."""
        if self.setting.dtype != "float32":  # where copies would seem to be work
            return Memory(self.graph, replace(self.setting, dtype="float32")).recomputed
        return self.blocks.macs(self.graph)

    @cached_property
    def neurons(self) -> int:
        """Scalars of new values that evaluation makes, for the whole batch."""
        return total(self.graph).neurons * self.setting.batch

    @property
    def activations(self) -> int:
        """All neurons at once, as slides count them: a plain sum, which nobody ever holds."""
        return self.neurons * BYTES[self.setting.dtype]

    @property
    def plain_sum(self) -> int:
        """Parameters and all activations, as slides add them up."""
        return self.parameters + self.activations

    @cached_property
    def inference(self) -> Moment:
        """The worst moment of a forward pass for evaluation."""
        return _worst(self.inference_timeline)

    @cached_property
    def step(self) -> Moment:
        """The worst moment of a training step, from the second on, when all state is there."""
        return _worst(self.timeline)

    @cached_property
    @paused()
    def inference_timeline(self) -> list[Moment]:
        """The worst moment of each layer in evaluation, in execution order."""
        ledger = self._ledger(training=False)
        ledger.take(self.laid_out, "batch")
        Walk(self._evaluation, self._until, ledger).forward()
        ledger.close()
        return ledger.moments

    @property
    def timeline(self) -> list[Moment]:
        """The worst moment of each layer in each phase of a training step, in order."""
        return self._step[0].moments

    @cached_property
    @paused()
    def _step(self) -> tuple[Ledger, int]:
        """A training step as it was walked, and the bytes of the gradients that it leaves."""
        ledger, walk = self._walked({})
        if self.setting.accumulate > 1:  # the last of its parts finds the gradients of the others
            ledger, walk = self._walked({place: b.bytes for place, b in walk.weights.items()})
        gradients = sum(block.bytes for block in walk.weights.values())
        trained = [(place, size) for place, size in self._places.items() if place in walk.weights]
        if self.setting.kind.weights_first:
            trained.sort(key=lambda one: len(self._training.weights[one[0]].sizes) < 2)
        walk.update(self.setting.kind, [size for _, size in trained])
        return ledger, gradients

    def _walked(self, before: dict[tuple[str, str], int]) -> tuple[Ledger, RecomputingWalk]:
        """A forward and a backward pass, ``before`` being the bytes of gradients there are."""
        ledger = self._ledger(training=True)
        walk = RecomputingWalk(self._training, self._until, ledger, self.blocks)
        walk.before = {place: ledger.take(size, "gradients") for place, size in before.items()}
        copies = ledger.take(self.laid_out, "batch")
        walk.forward()
        walk.loss()
        walk.backward()
        ledger.release(copies)
        return ledger, walk

    @cached_property
    def reserved(self) -> int | None:
        """On CUDA, what the allocator takes from the device for a step: an estimate."""
        if self.setting.device != "cuda":
            return None
        return reserved(self._step[0].events)

    @cached_property
    def layers(self) -> list[LayerMemory]:
        """Each use of a layer in a training step, in execution order."""
        found = []
        for run, kept in zip(self._training.runs, self._kept_by_run, strict=True):
            node = run.node
            if node.inputs:
                weights = sum(map(_float_bytes, node.params.values())) if node.first else 0
                output = run.output.numel * BYTES[run.output.dtype]
                found.append(LayerMemory(node.path, str(node.op), weights, output, kept))
        return found

    def to_json(self) -> dict[str, Any]:
        """As plain data, all sizes in bytes."""
        names = (
            "parameters", "gradients", "state", "buffers", "ema", "inputs", "labels", "kept",
            "neurons", "activations", "plain_sum",
        )  # fmt: skip
        return {
            "setting": asdict(self.setting),
            **{name: getattr(self, name) for name in names},
            "inference": self.inference._asdict(),
            "step": self.step._asdict(),
            "reserved": self.reserved,
            "recomputed": self.recomputed,
            "layers": [asdict(layer) for layer in self.layers],
            "timeline": [moment._asdict() for moment in self.timeline],
        }

    @cached_property
    def _places(self) -> dict[tuple[str, str], int]:
        """Bytes of each parameter, by its node's path and its key."""
        return {
            (node.path, key): _float_bytes(shape)
            for node in self.graph.nodes
            for key, shape in node.params.items()
        }

    @property
    def _weights(self) -> list[int]:
        return list(self._places.values())

    @property
    def _trained(self) -> list[int]:
        """The bytes of each parameter that is learned."""
        learned = {place for place, weight in self._training.weights.items() if weight.grad}
        return [size for place, size in self._places.items() if place in learned]

    @property
    def _samples(self) -> int:
        """How many a step goes through."""
        return self.setting.batch * self.setting.accumulate

    @cached_property
    def _buffers(self) -> list[int]:
        return [size for node in self.graph.nodes if node.first for size in _buffer_bytes(node)]

    @cached_property
    def blocks(self) -> Blocks:
        """The uses of blocks that are computed again."""
        return Blocks(self._plan, self._training)

    @cached_property
    def _kept_by_run(self) -> list[int]:
        return self._training.by_run(self.blocks.kept)

    def _forward(self, training: bool) -> Forward:
        dtype = self.setting.dtype
        autocast = None if dtype == "float32" else dtype
        batch, device = self.setting.batch, self.setting.device
        return forward(
            self.graph,
            batch,
            autocast,
            device,
            training,
            execution=self._plan,
            frozen=self.setting.frozen,
            channels_last=self.setting.channels_last,
        )

    @cached_property
    def _training(self) -> Forward:
        return self._forward(training=True)

    @cached_property
    def _evaluation(self) -> Forward:
        return self._forward(training=False)

    def _ledger(self, training: bool) -> Ledger:
        """A ledger with all that is there before a pass begins."""
        setting = self.setting
        ledger = Ledger(UNIT if setting.device == "cuda" else 1)
        for size in self._weights:
            ledger.take(size, "parameters")
        for size in self._buffers:
            ledger.take(size, "buffers")
        ledger.take(self.inputs, "batch")
        if training:
            for size in setting.kind.held(self._trained, setting.device):
                ledger.take(size, "state")
            for size in (*self._weights, *self._buffers) if setting.ema else ():
                ledger.take(size, "ema")
            ledger.take(self.labels, "batch")
        return ledger


def _worst(moments: list[Moment]) -> Moment:
    return max(moments, key=lambda moment: moment.total)


def _float_bytes(shape: tuple[int, ...]) -> int:
    return prod(int(n) for n in shape) * FLOAT


def _buffer_bytes(node: Node) -> list[int]:
    return [buffer_bytes(shape) for shape in node.buffers.values()]
