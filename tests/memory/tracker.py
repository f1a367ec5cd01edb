"""What a step or an inference really takes: every allocation of PyTorch's CPU allocator.

A ``TorchDispatchMode`` would not do: while one is active, autograd adds up the gradients of a fork
in new tensors, where without it the first is added to. The profiler's events change nothing, and
show what is made inside an operator too. Left out is what libraries take for themselves inside a
convolution or a product, such as im2col's columns and oneDNN's blocked layouts: that depends on
the processor. It is counted apart.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.profiler import ProfilerActivity, profile, record_function

CONVOLUTIONS = ("aten::convolution", "aten::convolution_backward")
"""What these allocate and release is im2col's or oneDNN's, but for copies in another layout."""
COPIES = ("aten::contiguous", "aten::clone", "aten::to")
PRODUCTS = ("aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm")
"""Operators that make their tensors themselves: what they release again is the library's."""
OPTIMIZERS: dict[str, Callable[[Any], torch.optim.Optimizer]] = {
    "sgd": lambda p: torch.optim.SGD(p, lr=1e-3),
    "momentum": lambda p: torch.optim.SGD(p, lr=1e-3, momentum=0.9),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=1e-4),
    "adam": lambda p: torch.optim.Adam(p, lr=1e-4),
    "adamw": lambda p: torch.optim.AdamW(p, lr=1e-4),
}


class Change(NamedTuple):
    """One allocation (or, negative, release): bytes, and the profiler's ranges around it."""

    bytes: int
    pointer: int
    around: tuple[str, ...]

    @property
    def phase(self) -> str:
        return next((a.removeprefix("phase:") for a in self.around if a.startswith("phase:")), "")

    @property
    def path(self) -> str:
        inside = [a.removeprefix("layer:") for a in self.around if a.startswith("layer:")]
        return inside[-1] if inside else ""


@dataclass
class Measured:
    """Bytes there before, and the changes since."""

    before: dict[str, int]
    changes: list[Change]

    def curve(self, library: bool = False) -> Iterator[tuple[int, Change]]:
        """What is alive after each change, with the library's own buffers or without."""
        live = sum(self.before.values())
        skipped = set() if library else self._library()
        for number, change in enumerate(self.changes):
            if number not in skipped:
                live += change.bytes
                yield live, change

    def _library(self) -> set[int]:
        """The numbers of the changes that are the library's own buffers."""
        found: set[int] = set()
        made: dict[int, int] = {}
        for number, change in enumerate(self.changes):
            if change.bytes > 0:
                made[change.pointer] = number
                continue
            start = made.pop(change.pointer, None)
            if start is not None and _is_library(self.changes[start].around, change.around):
                found |= {start, number}
        return found

    def peak(self, library: bool = False) -> int:
        """The most bytes alive at once."""
        return max((live for live, _ in self.curve(library)), default=sum(self.before.values()))

    def peak_of(self, phase: str) -> int:
        """The most bytes alive at once within a phase."""
        return max((live for live, c in self.curve() if c.phase == phase), default=0)

    @property
    def where(self) -> Change:
        """The change that brought the peak."""
        return max(self.curve(), key=lambda point: point[0])[1]


def _is_library(made: tuple[str, ...], released: tuple[str, ...]) -> bool:
    """Whether memory made and released inside these ranges is a library's own."""
    if made == released and made[-1] in PRODUCTS:
        return True
    for depth, name in enumerate(made, 1):
        if name in CONVOLUTIONS:
            return released[:depth] == made[:depth] and not set(COPIES) & set(made[depth:])
    return False


def _stored(tensors: Any) -> int:
    """Bytes of the distinct storages of tensors."""
    storages = {t.untyped_storage()._cdata: t.untyped_storage().nbytes() for t in tensors}
    return sum(storages.values())


@contextmanager
def _named(module: nn.Module) -> Iterator[None]:
    """Inside, what a layer allocates stands in a range of its name."""
    handles = []
    for path, part in module.named_modules():
        ranges: list[Any] = []

        def enter(m: nn.Module, args: Any, path: str = path, ranges: list[Any] = ranges) -> None:
            ranges.append(record_function(f"layer:{path}"))
            ranges[-1].__enter__()

        def leave(m: nn.Module, args: Any, out: Any, ranges: list[Any] = ranges) -> None:
            ranges.pop().__exit__(None, None, None)

        if not list(part.children()):
            handles.append(part.register_forward_pre_hook(enter))
            handles.append(part.register_forward_hook(leave))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _changes(work: Callable[[], object]) -> list[Change]:
    """What ``work`` allocates and releases, in order; a backward operator has its layer's name."""
    gc.collect()
    gc.disable()
    try:
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as found:
            work()
    finally:
        gc.enable()
    events: list[tuple[int, Change]] = []
    owners: dict[int, str] = {}

    def visit(event: Any, around: tuple[str, ...], layer: str) -> None:
        if event.tag.name == "Allocation":
            fields = event.extra_fields
            change = Change(fields.alloc_size, fields.ptr, around)
            events.append((event.start_time_ns, change))
        else:
            around = (*around, event.name)
            number = getattr(event.extra_fields, "sequence_number", -1)
            if event.name.startswith("layer:"):
                layer = event.name
            elif number >= 0 and event.name.startswith("aten::") and layer:
                owners.setdefault(number, layer)
            elif event.name.startswith("autograd::engine") and number in owners:
                around = (*around[:-1], owners[number], around[-1])
        for child in event.children:
            visit(child, around, layer)

    for root in found.profiler.kineto_results.experimental_event_tree():
        visit(root, (), "")
    return [change for _, change in sorted(events, key=lambda e: e[0])]


def _autocast(dtype: str) -> Any:
    low = {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(dtype)
    return torch.autocast("cpu", dtype=low) if low else nullcontext()


def loss_of(outputs: Any, labels: Tensor, aux: dict[str, float]) -> Tensor:
    """The loss of a training step, as ``archlang.train`` has it, without smoothing."""
    mains = outputs if isinstance(outputs, dict) else {"output": outputs}
    loss = None
    for name, value in mains.items():
        part = F.cross_entropy(value.float(), labels)
        part = part * aux[name] if name in aux else part
        loss = part if loss is None else loss + part
    assert loss is not None
    return loss


def measure_step(
    module: nn.Module,
    inputs: list[Tensor],
    labels: Tensor,
    optimizer: str = "momentum",
    dtype: str = "float32",
    aux: dict[str, float] | None = None,
) -> Measured:
    """The second training step of a module, when the optimizer has its state."""
    made = OPTIMIZERS[optimizer](module.parameters())
    module.train()

    def step() -> None:
        with record_function("phase:forward"):
            with _autocast(dtype):
                outputs = module(*inputs)
            loss = loss_of(outputs, labels, aux or {})
            loss.item()
        with record_function("phase:backward"):
            torch.autograd.backward(loss)
        with record_function("phase:update"):
            made.step()

    step()
    made.zero_grad(set_to_none=True)
    state = [v for s in made.state.values() for v in s.values() if isinstance(v, Tensor)]
    before = {**_persistent(module, inputs), "state": _stored(state), "labels": _stored([labels])}
    with _named(module):
        return Measured(before, _changes(step))


def measure_inference(module: nn.Module, inputs: list[Tensor], dtype: str = "float32") -> Measured:
    """One forward pass for evaluation."""
    module.eval()

    def run() -> None:
        with record_function("phase:forward"), torch.no_grad(), _autocast(dtype):
            module(*inputs)

    run()
    with _named(module):
        return Measured(_persistent(module, inputs), _changes(run))


def _persistent(module: nn.Module, inputs: list[Tensor]) -> dict[str, int]:
    return {
        "parameters": _stored(module.parameters()),
        "buffers": _stored(module.buffers()),
        "batch": _stored(inputs),
    }
