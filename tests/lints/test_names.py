"""Names that nothing uses, wherever they stand."""

import pytest

from archlang.source import Source, edited
from tests.lints.test_layers import found

USES = """\
use "std/resnet"
let a = 3
let _spare = 4
let twice(n, _m) = 2*n
block unit(c, k=a) : [C, H, W] -> [c, H, W] { conv(k, twice(c, 0) // 2) }
model m(w=8) {
  input x: [3, 8, 8]
  let first = w
  shared body = conv(3x3, first)
  body
  for i in range(2) { unit(w) }
  tail = { z = relu }
  basic_block(w)
}
model n = m(w=4)
"""


def said(text):
    return [(d.code, d.span.text) for d in found(text)]


def test_what_is_used():
    assert said(USES) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("let a = 3\nmodel m { input x: [3, 8, 8]; relu }", "a"),
        ("let f(n) = n\nmodel m { input x: [3, 8, 8]; relu }", "f"),
        ("let f(n, o) = n\nmodel m { input x: [3, 8, 8]; conv(3x3, f(3, 4)) }", "o"),
        ("block b { relu }\nmodel m { input x: [3, 8, 8]; relu }", "b"),
        ("block b(c) { relu }\nmodel m { input x: [3, 8, 8]; b(3) }", "c"),
        ("model m(c=3) { input x: [3, 8, 8]; relu }", "c"),
        ("model m { input x: [3, 8, 8]; let c = 3; relu }", "c"),
        ("model m { input x: [3, 8, 8]; shared c = relu; relu }", "c"),
        ("model m { input x: [3, 8, 8]; t = { let c = 3; relu } }", "c"),
        ('use "std/se"\nmodel m { input x: [3, 8, 8]; relu }', 'use "std/se"'),
        ("block b(c) { relu }", "c"),
    ],
)
def test_what_is_not_used(text, name):
    assert said(text) == [("A302", name)]


@pytest.mark.parametrize(
    "text",
    [
        "block b { relu }\nlet a = 3",  # others may use what a file without models defines
        "block b(c) : [C, H] -> [c, H] { conv(3, C) }\nmodel m { input x: [3, 8]; b(3) }",
        "block b(c, d=c) { conv(3x3, d) }\nmodel m { input x: [3, 8, 8]; b(3) }",
        "let a = 3\nlet b = a\nmodel m { input x: [b, 8, 8]; relu }",
        "let _a = 3\nmodel m { input x: [3, 8, 8]; relu }",
    ],
)
def test_what_is_right(text):
    assert said(text) == []


def test_a_statement_goes_with_its_line():
    text = "let a = 3\nmodel m {\n  input x: [3, 8, 8]\n  let b = 3   # why\n  relu; let c = 1\n}\n"
    out = text
    for finding in reversed(found(text)):
        (fix,) = finding.fixes
        out = edited(
            Source("m.arch", out), [e._replace(span=_same(e.span, out)) for e in fix.edits]
        ).text
    assert out == "model m {\n  input x: [3, 8, 8]\n     # why\n  relu; \n}\n"


def _same(span, text):
    from archlang.source import Span

    return Span(Source("m.arch", text), span.start, span.end)
