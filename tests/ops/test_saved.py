"""What each layer makes and keeps, held against PyTorch, however its input lies in memory."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod

import pytest
import torch

import archlang
from archlang.op import Op
from archlang.ops.activation import Gelu, Relu
from archlang.step import BYTES, Dtype, Low, Step, Storage, Value
from archlang.strides import Sizes, contiguous, is_contiguous, suggests_channels_last
from archlang.types import Tensor
from tests.analyses.saved_tensors import casting, distinct, mismatch, saving, storage
from tests.ops.cases import CASES, Case, sizes
from tests.ops.pytorch import Layer

MORE = [
    *(Case(f"pad(1, mode={mode})", takes, "")
      for mode in ("zeros", "reflect", "replicate", "circular")
      for takes in ("2x5", "2x5x4", "2x3x4x5")),
    *(Case(f"conv(3, 4, pad_mode={mode})", takes, "")
      for mode in ("reflect", "replicate", "circular")
      for takes in ("2x5", "2x5x4", "2x3x4x5")),
    Case("conv(1, 4, pad_mode=reflect)", "2x5x4", ""),
    Case("conv_transpose(2, 4, stride=2, groups=4)", "4x3x4x5", ""),
    Case("adaptive_maxpool(2)", "2x3x4x5", ""),
    Case("adaptive_avgpool(1)", "2x5", ""),
    Case("adaptive_avgpool(1)", "2x5x4", ""),
    Case("adaptive_avgpool(1)", "2x3x4x5", ""),
    Case("dropout(0)", "2x5", ""),
    Case("dropout(1)", "2x5", ""),
    Case("alpha_dropout(1)", "2x5", ""),
    Case("channel_dropout(1)", "2x5x4", ""),
    Case("drop_path(0)", "2x5", ""),
    Case("linear(3, drop_connect=1)", "5", ""),
    Case("attention(2, dropout=1)", "5x6", ""),
    Case("instancenorm(track=true)", "2x5x4", ""),
    Case("instancenorm(affine=true, track=true)", "2x5x4", ""),
    Case("bn(affine=false)", "2x5x4", ""),
    Case("groupnorm(2)", "4x5x4", ""),
    Case("rmsnorm(axis=0)", "4x5", ""),
    Case("pixel_shuffle(1)", "4x5x4", ""),
    Case("flatten(start=1)", "4x5x4", ""),
    Case("reshape(4, 20)", "4x5x4", ""),
    Case("prelu", "5", ""),
]  # fmt: skip
"""Beside the table of layers: other ranks and figures that take another way through PyTorch."""
ALONE = "instancenorm(track=true, momentum=0.01)"
"""Of one position, which PyTorch does not train."""
LARGEST = 60_000
TRAINED = [c for c in (*CASES, *MORE) if c.spec != ALONE]
PLAIN = [c for c in TRAINED if "{" not in c.spec and prod(sizes(c.takes)) <= LARGEST]
LAYOUTS = ("contiguous", "channels last", "shuffled", "cut")
DTYPES: tuple[tuple[Dtype, Low | None], ...] = (
    ("float32", None),
    ("float32", "bfloat16"),
    ("bfloat16", "bfloat16"),
)


def load(case: Case) -> archlang.Network:
    shape = ", ".join(map(str, sizes(case.takes)))
    return archlang.loads(f"model m {{\n input x: [{shape}]\n {case.spec}\n}}")


@pytest.mark.parametrize("case", TRAINED, ids=lambda c: f"{c.spec} : {c.takes}")
def test_kept_by_a_network_of_it(case: Case) -> None:
    assert mismatch(load(case)) == ""


def laid_out(layout: str, shape: Sizes, dtype: Dtype, grad: bool, seed: int) -> torch.Tensor:
    """A tensor of some size that lies in memory in a way."""
    order = list(range(len(shape)))
    if layout == "shuffled":
        random.Random(seed).shuffle(order)
    if layout == "channels last":
        order = [0, *order[2:], *order[1:2]]
    more = int(layout == "cut")
    tensor = torch.randn([shape[axis] + more for axis in order], dtype=getattr(torch, dtype))
    tensor = tensor.requires_grad_(grad).clone()  # a leaf cannot be written over
    tensor = tensor.permute([order.index(axis) for axis in range(len(shape))])
    return tensor[tuple(slice(0, size) for size in shape)]


@dataclass(frozen=True)
class Seen:
    """What comes of a layer: what is kept, what comes out, and how that lies in memory.

    ``kept`` are bytes of storages, and whether each is the input's.
    """

    kept: list[tuple[int, bool]]
    sizes: Sizes
    dtype: str
    grad: bool
    in_place: bool
    contiguous: bool
    last: bool


def seen_by_torch(op: Op, x: torch.Tensor, autocast: Low | None) -> Seen:
    layer = Layer(op, tuple(x.shape[1:])).train()
    with casting(autocast), saving() as noted:
        y = layer(x)
    kept = distinct(noted, [*layer.parameters(), *layer.buffers()])
    lie = tuple(y.shape), y.stride()
    return Seen(
        sorted((size, which == storage(x)) for which, size in kept.items()),
        lie[0],
        str(y.dtype).removeprefix("torch."),
        y.requires_grad,
        storage(y) == storage(x),
        is_contiguous(*lie),
        suggests_channels_last(*lie),
    )


def said(op: Op, x: torch.Tensor, dtype: Dtype, autocast: Low | None) -> Seen:
    taken = Tensor(tuple(x.shape[1:]))
    step = Step(autocast, batch=x.shape[0], input_grad=x.requires_grad)
    weights = {}
    for key, shape in op.params(taken).items():
        whole = tuple(map(int, shape))
        memory = Storage(prod(whole) * BYTES["float32"], "float32", "weight")
        weights[key] = Value(memory, whole, contiguous(whole), "float32", True, leaf=True)
    memory = Storage(x.untyped_storage().nbytes(), dtype)
    step.begin(weights)
    value = Value(memory, tuple(x.shape), x.stride(), dtype, x.requires_grad)
    y = op.saved(step, op.infer(taken), value)
    return Seen(
        sorted((s.bytes, s is memory) for s in set(step.kept) if s.kind == "made"),
        y.sizes,
        y.dtype,
        y.grad,
        y.storage is memory,
        is_contiguous(*y.lie),
        suggests_channels_last(*y.lie),
    )


def ways() -> Iterator[tuple[str, Dtype, Low | None, bool, int]]:
    for layout, (dtype, autocast), grad in product(LAYOUTS, DTYPES, (False, True)):
        yield layout, dtype, autocast, grad, 1 if layout == "cut" and grad else 2


@pytest.mark.parametrize("case", PLAIN, ids=lambda c: f"{c.spec} : {c.takes}")
def test_kept_by_it(case: Case) -> None:
    op = load(case).graph.nodes[-1].op
    for seed, (layout, dtype, autocast, grad, batch) in enumerate(ways()):
        shape = (batch, *sizes(case.takes))
        if op.name == "bn" and prod(shape) == shape[1]:
            continue  # one value a channel
        x = laid_out(layout, shape, dtype, grad, seed)
        found = seen_by_torch(op, x, autocast)
        assert said(op, x, dtype, autocast) == found, (layout, dtype, autocast, grad)


# The comparison compares


@pytest.mark.parametrize("rule", ["input", "output"])
def test_a_wrong_rule_is_found(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    op = {"input": Relu, "output": Gelu}[rule]
    monkeypatch.setattr(op, "saves", rule)
    case = Case(f"conv(1, 2) -> {op.name} -> conv(1, 2)", "2x3x3", "2x3x3")
    assert "PyTorch" in mismatch(load(case))


def test_an_activation_says_what_it_keeps() -> None:
    from archlang.ops.activation import _Activation

    with pytest.raises(TypeError, match="`silent` does not say what it `saves`"):
        type(Op)("Silent", (_Activation,), {"__doc__": "Says nothing.", "module": "Softshrink"},
                 name="silent")  # fmt: skip
    assert "silent" not in Op.registry
