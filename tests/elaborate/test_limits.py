"""Every spec ends soon: repetition, recursion, lists and numbers are bounded."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

import archlang
from tests.elaborate.checks import error, model

SECONDS = 10.0  # two are promised; a busy machine may need more


@pytest.fixture(autouse=True)
def _soon() -> Iterator[None]:
    archlang.loads(model("relu"))
    started = time.process_time()
    yield
    assert time.process_time() - started < SECONDS


TOO_MUCH = [
    "relu x 1000000000",
    "relu x (10**12)",
    "{ relu x 1000 } x 1000",
    "{ { { relu x 100 } x 100 } x 100 } x 100",
    "conv(3x3, 10**12)",
    "conv(10**12, 4)",
    "conv(3x3, 4, stride=10**30)",
    "parameter([10**9, 10**9, 10**9])",
    "linear(2**31, axis=0)",
    "let n = 2**10000; relu",
    "let n = 10**10**10; relu",
    "let n = 2**(2**30); relu",
    "let n = range(10**9); relu",
    "let n = range(10**30); relu",
    "let n = range(0, 10**30, 10**29); relu",
    "let n = [a for a in range(100000)]; let m = [[b for b in n] for a in n]; relu",
    "for i in range(100000) { for j in range(100000) { relu } }",
    "for i in range(100000) { for j in range(100000) { let a = 1 } }",
    "for i in range(100000) { for j in range(100000) { } }",
    "{ } x 50000 -> { { } x 50000 } x 50000",
    "let l = [1, 2]; " + "let l = l + l; " * 40 + "relu",
    "let s = 3; " + "let s = s*s; " * 40 + "relu",
    "let f0(a) = a; "
    + "; ".join(f"let f{i + 1}(a) = f{i}(a) + f{i}(a)" for i in range(38))
    + "; linear(f38(1), axis=0)",
    "; ".join(["let f0(a) = a"] + [f"let f{i + 1}(a) = f{i}(a)" for i in range(200)])
    + "; linear(f200(1), axis=0)",
    "b(b)",
    "c0",
]
BLOCKS = "block b(f) { f(f) }\n" + "\n".join(
    f"block c{i} {{ c{i + 1} x 10 -> c{i + 1} x 10 }}" for i in range(12)
) + "\nblock c12 { relu }"  # fmt: skip


@pytest.mark.parametrize("body", TOO_MUCH, ids=lambda b: b[:60])
def test_beyond_a_limit_is_one_error(body: str) -> None:
    found = error(model(body, before=BLOCKS))
    assert found.code in ("A001", "A105", "A109")
    assert len(found.message) < 300
    assert len(found.render()) < 3_000


WITHIN = [
    ("relu x 2000", (3, 8, 8)),
    ("for i in range(1000) { relu }", (3, 8, 8)),
    ("let n = 2**100; conv(1x1, n // 2**98)", (4, 8, 8)),
    ("let l = [a for a in range(10000)]; conv(1x1, l[4])", (4, 8, 8)),
    ("conv(1x1, len(range(5000)))", (5000, 8, 8)),
    ("residual { relu } x 500", (3, 8, 8)),
    ("relu x 0", (3, 8, 8)),
]


@pytest.mark.parametrize(("body", "expected"), WITHIN, ids=[w[0] for w in WITHIN])
def test_within_the_limits(body: str, expected: tuple[int, ...]) -> None:
    assert archlang.loads(model(body)).outputs == {"output": expected}


def test_large_inputs_need_no_memory() -> None:
    network = archlang.loads(model("conv(3x3, 1000) -> maxpool(2)", "[3, 100000, 100000]"))
    assert network.outputs == {"output": (1000, 50000, 50000)}
    assert network.totals.macs == 27 * 1000 * 10**10


def test_an_input_too_large_to_address() -> None:
    found = error(model("conv(3x3, 4)", "[3, 10**12, 10**12]"))
    assert found.code in ("A001", "A105")


def test_deep_merges_are_bounded() -> None:
    nested = "relu"
    for _ in range(40):
        nested = f"residual {{ {nested} }}"
    archlang.loads(model(nested))
    for _ in range(40):
        nested = f"residual {{ {nested} }}"
    assert error(model(nested)).code == "A001"


def test_a_long_sum_takes_a_step_for_each_of_its_signs() -> None:
    with archlang.limits.using(steps=300):
        assert list(archlang.loads(_summed(200)).outputs.values()) == [(200,)]


def _summed(terms: int) -> str:
    return f"model m {{ input x: [3]; let a = 1; linear({' + '.join(['a'] * terms)}) }}"
