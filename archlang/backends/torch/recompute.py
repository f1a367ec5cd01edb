"""Activation checkpointing: blocks that are computed again in the backward pass, not kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


class Recomputed(nn.Module):
    """Of what runs inside, keeps for the backward pass only what arrives; mixed into a class.

    The rest is computed again when its gradients are due: less memory, about a third more
    time. Random numbers are drawn the same again.

    Chen et al. 2016, Training deep nets with sublinear memory cost.
    """

    def forward(self, *inputs: Tensor) -> Any:
        """What the class beside it computes."""
        if not torch.is_grad_enabled():
            return super().forward(*inputs)
        return checkpoint(
            super().forward,
            *inputs,
            use_reentrant=False,
            context_fn=lambda: (nullcontext(), _buffers_kept(self)),
        )


@contextmanager
def _buffers_kept(module: nn.Module) -> Iterator[None]:
    """Give buffers back their values: running statistics count a batch once, not twice."""
    before = [(buffer, buffer.clone()) for buffer in module.buffers()]
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, value in before:
                buffer.copy_(value)
