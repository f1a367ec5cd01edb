"""Which known name a misspelt one is taken for."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from archlang.spelling import nearest, one_slip

LAYERS = ["avgpool", "bn", "celu", "concat", "conv", "elu", "gelu", "maxpool", "relu", "selu"]


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        ("erlu", LAYERS, "relu"),  # letters that changed places, over one that is another
        ("celi", ["ceil", *LAYERS], "ceil"),
        ("cel", ["ceil", *LAYERS], "ceil"),  # as near as celu, and before it
        ("cel", [*LAYERS, "ceil"], "celu"),
        ("dow3n", ["down", "down3"], "down3"),
        ("cont", LAYERS, "conv"),
        ("CONV", LAYERS, "conv"),
        ("conv2d", LAYERS, "conv"),
        ("avg_pool", LAYERS, "avgpool"),
        ("bm", LAYERS, None),
        ("quantum", LAYERS, None),
        ("", LAYERS, None),
        ("relu", [], None),
    ],
)
def test_what_is_meant(word: str, known: list[str], meant: str | None) -> None:
    assert nearest(word, known) == meant


def slips(word: str) -> set[str]:
    """All words that one slip makes of a word, by making them."""
    cuts = [(word[:i], word[i:]) for i in range(len(word) + 1)]
    letters = "ab"
    return {
        *(a + b[1:] for a, b in cuts if b),
        *(a + c + b for a, b in cuts for c in letters),
        *(a + c + b[1:] for a, b in cuts if b for c in letters),
        *(word[:i] + y + x + word[i + 2 :] for i, (x, y) in enumerate(pairwise(word))),
    }


@given(st.text("ab", max_size=6), st.text("ab", max_size=6))
def test_one_slip(a: str, b: str) -> None:
    assert one_slip(a, b) == (b in slips(a) or a == b)
