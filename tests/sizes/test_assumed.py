"""What a spec says of its input's sizes becomes part of what is legal."""

from __future__ import annotations

import pytest

import archlang
from archlang.analyses.sizes import legal
from tests.elaborate.checks import model


def words(body: str, shape: str = "[3, H=64, W=64]", before: str = "") -> str:
    found = legal(archlang.loads(model(body, shape, before)).graph)
    assert found.exact
    assert found.defaults in found.region
    return found.words()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("require H % 32 == 0\n relu", "H % 32 == 0 and W >= 1"),
        ("require H % 2 == 0 and W % 4 == 0\n relu", "H % 2 == 0 and W % 4 == 0"),
        ("require H == 64 or H == 32\n relu", "(H == 32 or H == 64) and W >= 1"),
        ("require not (H < 33)\n relu", "H >= 33 and W >= 1"),
        ("require ceil(H / 16) >= 3 and W // 3 < 100\n relu", "H >= 33 and W <= 299"),
        ("require min(H, 40) == 40 and max(W, 5) > 9\n relu", "H >= 40 and W >= 10"),
        ("require (H - 2) / 2 == 31\n relu", "H == 64 and W >= 1"),
        ("require -H <= -5 and 2**2 * W >= 9 and sum([H, 3]) > 20\n relu", "H >= 18 and W >= 3"),
        # one of several networks
        ("if H > 50 { conv(3x3, 4, pad=0) } else { relu }", "H >= 51 and W >= 3"),
        ("conv(3x3, 4 if W > 9 else 5)", "H >= 1 and W >= 10"),
        # a number built in
        ("adaptive_avgpool(H // 8)", "64 <= H <= 71 and W >= 1"),
        ("relu x (H // 16)", "64 <= H <= 79 and W >= 1"),
        ("for i in range(W // 32) { relu }", "H >= 1 and 64 <= W <= 95"),
        ("let c = [4, 5, 6]\n conv(1x1, c[H // 32])", "64 <= H <= 95 and W >= 1"),
        ("add { identity | parameter([3, H, W]) }", "H == 64 and W == 64"),
        # what is named is assumed where it is used
        ("let big = H > 50\n let other = W == 64\n relu", "every H and W"),
        ("let big = H > 50\n if big { relu }", "H >= 51 and W >= 1"),
        ("let small = H < 50\n if not small { relu }", "H >= 50 and W >= 1"),
        ("let c = 4 if H > 50 else 3\n relu", "every H and W"),
        ("let c = 4 if H > 50 else 3\n conv(1x1, c)", "H >= 51 and W >= 1"),
        ("let p = H == 64\n require not p or macs == 0\n relu", "every H and W"),
        # a weight for each position
        ("flatten -> linear(4)", "(H == 64 and W == 64) or more"),
        ("layernorm", "H >= 1 and W == 64"),
        ("permute(1, 2, 0) -> conv(1x1, 4, groups=2)", "H == 64 and W >= 1"),
        ("permute(1, 2, 0) -> channel_shuffle(4)", "H % 4 == 0 and W >= 1"),
    ],
)  # fmt: skip
def test_what_is_legal(body: str, expected: str) -> None:
    found = words(body)
    if expected.endswith(" or more"):
        assert found.startswith(expected.removesuffix(" or more"))
    else:
        assert found == expected


def test_functions_of_sizes() -> None:
    before = "let halves(v, n) = v if n == 0 else ceil(v / 2**n)"
    assert words("require halves(H, 3) == 8\n relu", before=before) == "57 <= H <= 64 and W >= 1"


def test_block_names_are_sizes() -> None:
    before = "block b : [C, h, w] { require h % 8 == 0\n relu }"
    assert words("maxpool(2x2) -> b", before=before) == "H % 16 in {0, 1} and H >= 16 and W >= 2"


def test_what_cannot_be_stated_is_said() -> None:
    found = legal(archlang.loads(model("require H <= W\n relu", "[3, H=64, W=64]")).graph)
    assert not found.exact
    assert found.holds({"H": 3, "W": 4})
    assert not found.holds({"H": 4, "W": 3})
    tokens = "flatten(start=1) -> permute(1, 0) -> permute(1, 0) -> maxpool(2)"
    found = legal(archlang.loads(model(tokens, "[3, H=64, W=64]")).graph)
    assert "H and W make together" in found.unstated[0].why


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("reshape(3, 16, 256)", "(H == 64 and W == 64) or (H == 1 and W == 4096)"),
        ("maxpool(64x1, stride=1x1) -> reshape(3, -1)", "H >= 64 and W >= 1"),
        ("slice(0, 1, axis=2) -> reshape(6, -1)", "H % 2 == 0 and W >= 1"),
        ("groupnorm(3)", "(H >= 2 and W >= 1) or (H == 1 and W >= 2)"),
        ("slice(0, 1) -> slice(0, 1, axis=2) -> instancenorm", "H >= 2 and W >= 1"),
    ],
)
def test_what_layers_ask_of_all_sizes_together(body: str, expected: str) -> None:
    found = legal(archlang.loads(model(body, "[3, H=64, W=64]")).graph)
    assert found.exact
    assert found.words().startswith(expected)
