"""What is said of inputs that a network does not take."""

from __future__ import annotations

import pickle
import random

import pytest

from archlang.analyses.sizes import legal
from archlang.analyses.taken import nearest, taken
from tests.sizes.networks import Maker
from tests.sizes.witness import worked_out


def refusal(text: str, *shapes: tuple[int, ...]) -> str | None:
    found = taken(worked_out(f"model m {{ {text} }}"))
    again = pickle.loads(pickle.dumps(found))
    assert again.refusal(shapes) == found.refusal(shapes)
    return found.refusal(shapes)


IMAGE = "input x: [3, H=32, W=64]; "
TWO = "input a: [3, H=32]; input b: [3, H // 2]; c = a -> maxpool(2); add { c | b }"


@pytest.mark.parametrize(
    ("text", "shapes", "expected"),
    [
        (IMAGE + "maxpool(2)", [(1, 3, 1, 9)],
         "`x` is [1, 3, 1, 9], but m takes [batch, 3, H, W] with H >= 2 and W >= 2: "
         "H = 1 is not legal; the nearest that is legal: H = 2 (pad it by 1)"),
        (IMAGE + "relu", [(1, 3, 0, 9)],
         "`x` is [1, 3, 0, 9], but m takes [batch, 3, H, W] with every H and W: "
         "H = 0 is not legal; the nearest that is legal: H = 1 (pad it by 1)"),
        (IMAGE + "require H <= 40; relu", [(1, 3, 41, 9)],
         "`x` is [1, 3, 41, 9], but m takes [batch, 3, H, W] with H <= 40 and W >= 1: "
         "H = 41 is not legal; the nearest that is legal: H = 40"),
        (IMAGE + "require H == 32 or W == 64; relu", [(1, 3, 41, 65)],
         "`x` is [1, 3, 41, 65], but m takes [batch, 3, H, W] with (H == 32 and W >= 1) or "
         "((H <= 31 or H >= 33) and W == 64): H = 41 and W = 65 are not legal; "
         "the nearest that is legal: H = 41 and W = 64"),
        (IMAGE + "require H <= W; require H % 4 == 0; relu", [(1, 3, 40, 30)],
         "`x` is [1, 3, 40, 30], but m takes [batch, 3, H, W] with H % 4 == 0 and W >= 1 and "
         "`H <= W`: `H <= W` does not hold at H = 40 and W = 30; "
         "the nearest that is legal: H = 40 and W = 40 (pad it by 10)"),
        (IMAGE + "relu", [(1, 3, 8)],
         "`x` is [1, 3, 8], but m takes [batch, 3, H, W] with every H and W: "
         "`x` has 3 axes, not 4; a single sample needs a batch of 1 (`unsqueeze(0)`)"),
        (IMAGE + "relu", [(1, 3, 8, 8, 8)],
         "`x` is [1, 3, 8, 8, 8], but m takes [batch, 3, H, W] with every H and W: "
         "`x` has 5 axes, not 4"),
        (TWO, [(1, 3, 41), (1, 3, 21)],
         "`a` is [1, 3, 41] and `b` is [1, 3, 21], but m takes `a` as [batch, 3, H] and `b` as "
         "[batch, 3, H//2] with H >= 2: axis 2 of `b` is 21, and H//2 is 20 at H = 41"),
    ],
)  # fmt: skip
def test_refusals(text: str, shapes: list[tuple[int, ...]], expected: str) -> None:
    assert refusal(text, *shapes) == expected


def test_what_is_taken() -> None:
    assert refusal(TWO, (7, 3, 41), (7, 3, 20)) is None
    assert refusal(IMAGE + "require H <= W; relu", (1, 3, 30, 30)) is None
    assert refusal("input x: [5]; linear(2)", (9, 5)) is None


@pytest.mark.parametrize("first", range(0, 60, 20))
def test_what_is_offered_is_legal_and_nearest(first: int) -> None:
    asked = 0
    for seed in range(first, first + 20):
        found = legal(worked_out(Maker(seed).net().spec))
        r = random.Random(seed)
        for _ in range(20):
            sizes = {"H": r.randint(1, 90), "W": r.randint(1, 90)}
            if found.holds(sizes) or not found.exact:
                continue
            asked += 1
            near = nearest(found, sizes)
            reached = [{n.names[0]: n.above for n in near}, {n.names[0]: n.below for n in near}]
            for to in reached:
                assert None in to.values() or found.holds(to)  # type: ignore[arg-type]
            far = sum(min(abs(e - n.size) for e in (n.below, n.above) if e) for n in near)
            closer = (
                (sizes["H"] + h, sizes["W"] + w)
                for h in range(1 - far, far)
                for w in range(1 - far + abs(h), far - abs(h))
            )
            if far < 40:
                assert not any(found.holds({"H": h, "W": w}) for h, w in closer if min(h, w) > 0)
    assert asked > 20
