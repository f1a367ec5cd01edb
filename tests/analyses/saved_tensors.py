"""What PyTorch keeps for the backward pass: the witness of ``analyses.kept``."""

from __future__ import annotations

import contextlib
import warnings
import weakref
from collections.abc import Iterable, Iterator, Sequence

import torch

import archlang
from archlang.analyses.kept import forward
from archlang.step import Low

DTYPES: dict[Low, torch.dtype] = {"bfloat16": torch.bfloat16, "float16": torch.float16}
MODES: tuple[tuple[Low | None, bool], ...] = (
    (None, False),
    (None, True),
    ("bfloat16", False),
    ("bfloat16", True),
)
"""Autocast's dtype, and whether the inputs need gradients."""


class _Packed:
    """What autograd holds in a saved tensor's stead; gone once it lets go."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor.detach()


def storage(tensor: torch.Tensor) -> int:
    """Which memory a tensor lies in."""
    return int(tensor.untyped_storage()._cdata)


@contextlib.contextmanager
def saving() -> Iterator[list[weakref.ref[_Packed]]]:
    """Inside, all that autograd saves is noted.

    That is on two threads: with one, PyTorch takes another kernel for some convolutions.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    noted: list[weakref.ref[_Packed]] = []

    def pack(tensor: torch.Tensor) -> _Packed:
        packed = _Packed(tensor)
        noted.append(weakref.ref(packed))
        return packed

    try:
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda packed: packed.tensor):
            yield noted
    finally:
        torch.set_num_threads(before)


def distinct(noted: Iterable[weakref.ref[_Packed]], but: Iterable[torch.Tensor]) -> dict[int, int]:
    """The bytes of each storage that is still held, those of ``but`` left out."""
    known = {storage(t) for t in but}
    held = [packed.tensor for ref in noted if (packed := ref()) is not None]
    return {storage(t): t.untyped_storage().nbytes() for t in held if storage(t) not in known}


@contextlib.contextmanager
def casting(autocast: Low | None, device: str = "cpu") -> Iterator[None]:
    """Inside, autocast to a dtype, or none; also for a device that is not there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if autocast is None:
            yield
            return
        torch.set_autocast_dtype(device, DTYPES[autocast])
        torch.set_autocast_enabled(device, True)
        torch.autocast_increment_nesting()
        try:
            yield
        finally:
            if torch.autocast_decrement_nesting() == 0:
                torch.clear_autocast_cache()
            torch.set_autocast_enabled(device, False)


def kept(
    module: torch.nn.Module,
    inputs: Sequence[torch.Tensor],
    autocast: Low | None = None,
    device: str = "cpu",
) -> int:
    """Bytes that PyTorch keeps of one training forward pass."""
    with casting(autocast, device), saving() as noted:
        outputs = module(*inputs)
    found = distinct(noted, [*module.parameters(), *module.buffers(), *inputs])
    del outputs
    return sum(found.values())


def mismatch(
    network: archlang.Network, batch: int = 2, modes: Sequence[tuple[Low | None, bool]] = MODES
) -> str:
    """Where archlang's figure differs from PyTorch's; empty where it never does."""
    module = network.to_torch().train()
    wrong = []
    for autocast, grad in modes:
        inputs = [
            torch.randn(batch, *shape, requires_grad=grad) for shape in network.inputs.values()
        ]
        said = forward(network.graph, batch, autocast, input_grad=grad).kept
        found = kept(module, inputs, autocast)
        if said != found:
            needs = "that need gradients" if grad else "that need none"
            wrong.append(f"{autocast or 'float32'}, inputs {needs}: {said}, PyTorch {found}")
    return "\n".join(wrong)
