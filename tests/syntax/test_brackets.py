"""Brackets and quotes that are missing, or too many: what is proposed, tried on real specs."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from archlang.diagnostic import ArchError, Diagnostic
from archlang.source import Source, edited
from archlang.syntax.outline import tokens
from archlang.syntax.parser import read

SPECS = Path(__file__).parents[2] / "specs"
NAMES = ("lenet5", "alexnet", "vgg", "googlenet", "senet", "unet")


def tree(source: Source) -> list[Any] | None:
    try:
        file, found = read(source)
    except ArchError:
        return None
    return None if found else file.items


def proposed(text: str) -> Diagnostic:
    return read(Source("spec", text))[1][0]


def test_a_safe_edit_is_the_one_that_was_meant() -> None:
    """One that gives another spec than was written is never safe; most edits give it back."""
    r, counts = random.Random(0), Counter[tuple[str, bool]]()
    for name in NAMES:
        text = (SPECS / f"{name}.arch").read_text(encoding="utf-8")
        right = tree(Source("spec", text))
        marks = [t for t in tokens(text) if t.text in "{}()[]" or t.text.startswith('"')]
        for token in r.sample(marks, 6):
            end = token.end
            for kind, other in (
                ("missing", text[: end - 1] + text[end:]),
                ("twice", text[:end] + text[end - 1] + text[end:]),
            ):
                finding = proposed(other)
                made = [tree(edited(finding.span.source, f.edits)) for f in finding.fixes]
                for fix, got in zip(finding.fixes, made, strict=True):
                    assert got in (None, right) or not fix.safe, finding.render()
                closes = text[end - 1] in '})]"'
                counts["closes" if closes else kind, right in made] += 1
    assert counts["closes", True] >= 0.7 * counts.total() / 2
    assert counts["twice", True] >= 0.8 * (counts["twice", True] + counts["twice", False])


HEAD = "model m {\n    input x: [3, 8, 8]\n"
WAYS = [
    # what is written, what is proposed, and whether that is safe
    ("    residual {\n        relu\n    tanh\n}\n", "    }\n", True),
    ("    residual {\n        relu  # so\n    -> tanh\n}\n", "relu  # so\n    }\n", True),
    ("    residual { relu\n    tanh\n}\n", "residual { relu }\n", True),
    ("    residual { relu -> tanh\n    tanh\n}\n", "residual { relu -> tanh }\n", False),
    ("    residual {{ relu }\n    tanh\n}\n", "residual { relu }\n", False),
    ("    relu\n}\n}\n", "relu\n}\n", False),
    ("    relu }\n    tanh\n}\n", "    relu\n", False),
    ("    conv(3x3, 8\n}\n", "conv(3x3, 8)\n", True),
    ("    conv(3x3, min(8, 4)\n}\n", "conv(3x3, min(8, 4))\n", False),
    ("    conv(3x3, 2 * (4 + 1)\n}\n", "conv(3x3, 2 * (4 + 1))\n", False),
    ("    conv((3x3, 8)\n}\n", "conv(3x3, 8)\n", False),
    ("    conv(3x3, 8))\n}\n", "conv(3x3, 8)\n", False),
    ('    require 1 < 2 : "so\n    relu\n}\n', '"so"\n', True),
    ('    require 1 < 2 : "so""\n    relu\n}\n', '"so"\n', False),
    ('    for i in range(2) { a[i, "-] = relu }\n}\n', '{ a[i, "-"] = relu }\n', True),
    ('    for i in range(2) { a["b, i] = relu }\n}\n', '{ a["b", i] = relu }\n', False),
]


@pytest.mark.parametrize(("text", "made", "safe"), WAYS)
def test_what_is_proposed(text: str, made: str, safe: bool) -> None:
    finding = proposed(HEAD + text)
    got = [edited(finding.span.source, fix.edits) for fix in finding.fixes]
    (fix,) = (f for f, g in zip(finding.fixes, got, strict=True) if made in g.text and tree(g))
    assert fix.safe is safe
