"""The rules for CUDA, held against PyTorch as far as tensors without memory can tell.

``python -m tests.analyses.on_cuda`` runs every line of the table of layers on fake tensors of
a CUDA device, in float32 and under autocast. What asks the device itself is left out, and
said: fused attention, and the kernels of cuDNN.
"""

from __future__ import annotations

import sys
import warnings

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

import archlang
from archlang.analyses.kept import forward
from archlang.step import Low
from tests.analyses.saved_tensors import kept
from tests.ops.cases import CASES, Case, sizes

AUTOCAST: tuple[Low | None, ...] = (None, "bfloat16", "float16")
LEFT_OUT = ("attention", "instancenorm(track=true")
"""Fused attention asks the device; the other is not trained at one position."""


def figures(case: Case, autocast: Low | None, grad: bool) -> tuple[int, int]:
    """Bytes kept as archlang says, and as PyTorch does."""
    shape = sizes(case.takes)
    spec = f"model m {{\n input x: [{', '.join(map(str, shape))}]\n {case.spec}\n}}"
    network = archlang.loads(spec)
    with FakeTensorMode(allow_non_fake_inputs=True):
        module = network.to_torch("cuda").train()
        x = torch.randn(2, *shape, device="cuda", requires_grad=grad)
        found = kept(module, [x], autocast, "cuda")
    return forward(network.graph, 2, autocast, "cuda", input_grad=grad).kept, found


def main() -> int:
    """Print each mismatch; how many there are."""
    warnings.simplefilter("ignore")
    compared = wrong = 0
    for case in (c for c in CASES if not c.spec.startswith(LEFT_OUT)):
        for autocast in AUTOCAST:
            for grad in (False, True):
                said, found = figures(case, autocast, grad)
                compared += 1
                if said != found:
                    wrong += 1
                    print(f"{case.spec} : {case.takes}, {autocast}, {grad}: {said}, not {found}")
    print(f"{compared} compared on fake CUDA tensors, {wrong} mismatches")
    return wrong


if __name__ == "__main__":
    sys.exit(min(main(), 1))
