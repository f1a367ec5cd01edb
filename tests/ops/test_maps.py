"""What a layer does to a vector, its counterpart does at every position of a map; and pools."""

from __future__ import annotations

from itertools import product
from math import prod

import pytest
import torch

from archlang.op import LayerError, Op
from archlang.types import Tensor
from tests.ops.cases import CASES
from tests.ops.pytorch import Layer
from tests.ops.test_layers import load

FEATURES = 24
WINDOWS = [(1,), (3,), (1, 1), (2, 3), (1, 1, 1), (2, 1, 3)]
SPECS = [c.spec for c in CASES if "{" not in c.spec] + [
    "linear(5)", "linear(3, bias=false, axis=0)", "linear(4, axis=-1)", "layernorm(axis=-1)",
    "prelu(24)", "slice(-5, 24)", "softmax(axis=-1)", "log_softmax", "bn(affine=false)",
    "maxout(3)", "glu(axis=-1)", "split(3, 1)", "reshape(24)", "reshape(-1)",
    "linear(2, drop_connect=0.5)",
]  # fmt: skip
MERGES = ["add", "residual", "sub", "mul", "gate", "concat", "dense"]


def made(spec: str) -> Op:
    takes = next((c.takes for c in CASES if c.spec == spec), str(FEATURES))
    (node,) = (n for n in load(spec, takes).graph.nodes if n.inputs)
    return node.op


def same_everywhere(op: Op, window: tuple[int, ...], count: int = 1) -> bool | None:
    """Whether the counterpart is right at every position; None where there is none."""
    maps = [Tensor((FEATURES // prod(window), *window))] * count
    vectors = [(FEATURES,)] * count
    recast = op.on_map(*maps)
    if recast is None:
        return None
    ends = recast.op.infer(*maps).spatial
    torch.manual_seed(3)
    old = Layer(op, *vectors).eval()
    new = Layer(recast.op, *(x.shape for x in maps)).eval()
    state = {
        k: torch.rand_like(v) if v.is_floating_point() else v for k, v in old.state_dict().items()
    }
    old.load_state_dict(state)
    new.load_state_dict({k: v.reshape(new.state_dict()[k].shape) for k, v in state.items()})
    large = [torch.randn(2, x.shape[0], *(k + 2 for k in window)) for x in maps]
    with torch.no_grad():
        found = new(*(x.clone() for x in large))  # some write in place
        for corner in product(range(3), repeat=len(window)):
            cut = (..., *(slice(c, c + k) for c, k in zip(corner, window, strict=True)))
            part = (..., *(slice(c, c + k) for c, k in zip(corner, ends, strict=True)))
            alone = old(*(x[cut].flatten(1) for x in large))
            if not torch.allclose(found[part].flatten(1), alone, atol=1e-5):
                return False
    return True


def takes_vector(op: Op) -> bool:
    try:
        return op.infer(Tensor((FEATURES,))).rank == 1
    except LayerError:
        return False


VECTOR = {spec: op for spec, op in ((s, made(s)) for s in dict.fromkeys(SPECS)) if takes_vector(op)}


@pytest.mark.parametrize("window", WINDOWS, ids=str)
@pytest.mark.parametrize("spec", VECTOR)
def test_the_counterpart_works_position_by_position(spec: str, window: tuple[int, ...]) -> None:
    assert same_everywhere(VECTOR[spec], window) in (True, None)


@pytest.mark.parametrize("window", WINDOWS, ids=str)
@pytest.mark.parametrize("name", MERGES)
def test_merges_do_too(name: str, window: tuple[int, ...]) -> None:
    assert same_everywhere(Op.registry[name](), window, count=2)
    apart = (Tensor((12, 2)), Tensor((8, 3)))
    assert Op.registry[name]().on_map(*apart) is None


def test_which_layers_have_none() -> None:
    """Those that would mix positions, and one that no convolution has."""
    none = {op.name for op in VECTOR.values() if same_everywhere(op, (1, 1)) is None}
    assert none == {"linear", "groupnorm"}
    lacking = [
        s for s, op in VECTOR.items() if op.name == "linear" and not op.on_map(Tensor((24, 1)))
    ]
    assert lacking
    assert all("drop_connect" in spec for spec in lacking)


def test_these_tests_can_fail() -> None:
    class Wrong(type(Op.registry["relu"]())):  # type: ignore[misc]
        def on_map(self, *maps: Tensor):  # type: ignore[no-untyped-def]
            return Op.registry["tanh"]().on_map(*maps)

    assert same_everywhere(Wrong(), (2, 3)) is False


POOLS = [
    (name, size, parts)
    for name in ("adaptive_avgpool", "adaptive_maxpool")
    for size in range(1, 15)
    for parts in range(1, size + 2)
]


def test_adaptive_pools_slide_where_their_windows_are_alike() -> None:
    regular = 0
    for name, size, parts in POOLS:
        op, x = Op.registry[name](size=(parts,)), Tensor((2, size))
        recast = op.sliding(x)
        # PyTorch: window i is from floor(i*size/parts) to ceil((i+1)*size/parts)
        ends = [(i * size // parts, -(-(i + 1) * size // parts)) for i in range(parts)]
        widths, moves = {b - a for a, b in ends}, {b[0] - a[0] for a, b in zip(ends, ends[1:])}  # noqa: B905, RUF007
        alike = len(widths) == 1 and len(moves) <= 1 and moves != {0}
        assert (recast is not None) == alike, (size, parts)
        if recast is not None:
            regular += 1
            images = torch.randn(3, 2, size)
            expected = Layer(op, x.shape)(images)
            torch.testing.assert_close(Layer(recast.op, x.shape)(images), expected)
    assert regular > len(POOLS) // 4


@pytest.mark.parametrize("shape", [(3, 5), (3, 4, 6), (3, 2, 3, 4)])
@pytest.mark.parametrize("name", ["global_avgpool", "global_maxpool"])
def test_global_pools_slide(name: str, shape: tuple[int, ...]) -> None:
    op = Op.registry[name]()
    recast = op.sliding(Tensor(shape))
    assert recast is not None
    images = torch.randn(2, *shape)
    sliding = Layer(recast.op, shape)(images)
    torch.testing.assert_close(sliding.flatten(1), Layer(op, shape)(images))


def test_only_pools_fix_sizes() -> None:
    fixing = {name for name, op in Op.registry.items() if op.fixes}
    assert fixing == {"global_avgpool", "global_maxpool", "adaptive_avgpool", "adaptive_maxpool"}
