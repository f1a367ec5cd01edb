"""The formatter: one style, the same tree, and every comment where it was."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from archlang.diagnostic import ArchError
from archlang.source import Source, edited
from archlang.syntax.formatter import format_range, format_source
from archlang.syntax.parser import parse
from tests.properties.generator import network
from tests.properties.text import spec
from tests.syntax.mangled import mangled, order, places
from tests.syntax.sketches import SKETCHES

ROOT = Path(__file__).parents[2]
SPECS = sorted(
    [*ROOT.glob("specs/*.arch"), *ROOT.glob("archlang/std/*.arch"), *ROOT.glob("examples/*.arch")]
)


def formatted(text: str) -> str:
    return format_source(Source("net.arch", text))


def holds(text: str) -> None:
    """What must be so of any spec without a syntax error."""
    made = formatted(text)
    assert parse(Source("", made)) == parse(Source("", text))
    assert order(made) == order(text)
    assert places(made) == places(text)
    again = formatted(made)
    assert again.split("\n") == made.split("\n")
    lines = made.split("\n")
    assert all(line == line.rstrip() for line in lines)
    assert "\n\n\n" not in made
    assert not made or (made[0] != "\n" and made.endswith("\n") and not made.endswith("\n\n"))


def generated(count: int, first: int = 0) -> None:
    for seed in range(first, first + count):
        r = random.Random(seed)
        text = spec(network(seed), seed)
        holds(text)
        holds(mangled(text, r))


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_specs(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert formatted(text) == text
    for seed in range(3):
        holds(mangled(text, random.Random(seed)))


@pytest.mark.parametrize("name", SKETCHES)
def test_sketches(name: str) -> None:
    holds(SKETCHES[name].read_text(encoding="utf-8"))


def test_generated() -> None:
    generated(300)


@pytest.mark.slow
def test_a_thousand_generated() -> None:
    generated(1000, first=300)


def test_mangling_mangles() -> None:
    text = (ROOT / "specs" / "resnet.arch").read_text(encoding="utf-8")
    bad = mangled(text, random.Random(1))
    assert formatted(bad) != bad
    assert order(bad) != order(text)  # comments were put in
    assert [p for p in order(bad) if not p.startswith("#")] != order(text)


# One construct at a time: what is written, and what it becomes.

STYLE = {
    "parameters": ("block b(c,w=2*c):[C,...]->[c,...]{relu}",
                   "block b(c, w = 2*c) : [C, ...] -> [c, ...] { relu }"),
    "functions": ("let f(a,b=1)=a if a>b else-b", "let f(a, b = 1) = a if a > b else -b"),
    "products": ("let a=b*c+d / e", "let a = b*c + d / e"),
    "half spaced": ("let a=b *c/ d", "let a = b*c/d"),
    "a division binds what is left of it": ("let a=b*c//d*e%f", "let a = b*c // d * e % f"),
    "a spaced division": ("let a=b / c*d", "let a = b / c * d"),
    "powers": ("let a=b ** -c", "let a = b**-c"),
    "words": ("let a=not(b)and(c)or[d][0]==1", "let a = not (b) and (c) or [d][0] == 1"),
    "slices": ("let a=b[1 :n+1][ -1 ]", "let a = b[1:n + 1][-1]"),
    "comprehensions": ("let a=[b for c,d in[e]]", "let a = [b for c, d in [e]]"),
    "empty": ("block b{}", "block b { }"),
    "versions": ("archlang   1", "archlang 1"),
    "files": ('use"std/se";use  "a"', 'use "std/se"; use "a"'),
    "aliases": ("model a=b(c,d=[1,2],)", "model a = b(c, d=[1, 2],)"),
}  # fmt: skip
BODY = {
    "arguments": ("conv( 3x3,64 ,bias = false )", "conv(3x3, 64, bias=false)"),
    "inputs": ("input x:[3,H = 8]", "input x: [3, H=8]"),
    "outputs": ("output a ,b", "output a, b"),
    "side heads": ("aux a weight = 0.3", "aux a weight=0.3"),
    "shared": ("shared t={relu}", "shared t = { relu }"),
    "labels": ('a[i,"-",j]=relu', 'a[i, "-", j] = relu'),
    "labels named as statements": ("aux=relu;input=relu", "aux = relu; input = relu"),
    "requirements": ('require(a)and b:"why"', 'require (a) and b : "why"'),
    "copies": ("{relu}x(n-1)->tanh×3", "{ relu } x (n - 1) -> tanh × 3"),
    "copies of a name": ("relu x(n - 1)", "relu x (n - 1)"),
    "merges": ("add{relu|tanh;a=elu|{selu}}", "add { relu | tanh; a = elu | { selu } }"),
    "a bar first": ("add{|relu|tanh}", "add { | relu | tanh }"),
    "unknown": ("conv(?,8,pad = ?)", "conv(?, 8, pad=?)"),
    "conditions": ("if a{relu}else if b{tanh}else{elu}",
                   "if a { relu } else if b { tanh } else { elu }"),
    "else below": ("if a{relu}\n  else\n {elu}", "if a { relu }\nelse { elu }"),
    "else behind": ("if a{\nrelu}\nelse{elu}", "if a {\n    relu\n} else { elu }"),
    "loops": ("for a,b in[[1,2]]{relu}", "for a, b in [[1, 2]] { relu }"),
    "semicolons": ("relu;;tanh;", "relu; tanh"),
    "a break in a body opens it": ("{relu\ntanh;elu}", "{\n    relu\n    tanh; elu\n}"),
    "branches below": ("concat{relu|\ntanh\nelu}",
                       "concat {\n    relu\n  | tanh\n    elu\n}"),
    "branches behind bars": ("add{\n|relu\n|\ntanh}", "add {\n  | relu\n  | tanh\n}"),
    "arrows go to the start": (
        "relu->\ntanh->elu\n->selu",
        "relu\n    -> tanh -> elu\n    -> selu",
    ),
    "arrows before a comment": ("relu -> # a\ntanh", "relu ->  # a\n    tanh"),
    "hanging arguments": ("conv(\n3x3,8,\nbias=true)", "conv(\n    3x3, 8,\n    bias=true)"),
    "closed below": ("conv(\n3x3,8\n)", "conv(\n    3x3, 8\n)"),
    "aligned arguments": ("conv(3x3,\n8\n)", "conv(3x3,\n     8)"),
    "commas go to the end": ("conv(3x3\n,8)", "conv(3x3,\n     8)"),
    "a shape below": ("relu\n:[8]", "relu\n    : [8]"),
    "one shape": ("relu   :[8]", "relu    : [8]"),
    "one shape beside": ("relu:[8]", "relu : [8]"),
    "shapes": ("relu:[8]\ntanh->elu:[8]", "relu           : [8]\ntanh -> elu    : [8]"),
    "shapes keep their column": (
        "relu          :[8]\ntanh->elu     :[8]", "relu          : [8]\ntanh -> elu   : [8]"
    ),
    "shapes leave a column that is too near": (
        "relu   : [8]\ntanh   : [8]\ntanh -> elu : [8]",
        "relu           : [8]\ntanh           : [8]\ntanh -> elu    : [8]",
    ),
    "second statements": (
        "a = relu;   tanh\nbbb = relu; tanh",
        "a = relu;   tanh\nbbb = relu; tanh",
    ),
    "second statements too near": (
        "a = relu;   b\nc = relu;   d\neeeeeeee = relu; f",
        "a = relu;          b\nc = relu;          d\neeeeeeee = relu;   f",
    ),
    "second statements apart": (
        "a = relu;  tanh\nbbb = relu; tanh",
        "a = relu; tanh\nbbb = relu; tanh",
    ),
    "comments": ("relu # a\ntanh->elu  # b", "relu         # a\ntanh -> elu  # b"),
    "comments above": ("relu\n     # a\n\n\n\n#b\ntanh", "relu\n# a\n\n#b\ntanh"),
    "comments at the end": (
        "add{relu\n|tanh # b\n#c\n}",
        "add {\n    relu\n  | tanh  # b\n    #c\n}",
    ),
    "tables": (
        "let t = [\n[1,  16, 1],\n  # a b c\n[6,2,112]\n,\n]",
        "let t = [\n    [1, 16, 1],\n    # a b c\n    [6, 2, 112],\n]",
    ),
    "aligned tables": (
        "let t = [\n[1,   16, a],\n[6,  240, bb],\n[6, 1000, ccc],\n[12, 7, d],\n]",
        "let t = [\n    [1,    16, a],\n    [6,   240, bb],\n"
        "    [6,  1000, ccc],\n    [12,    7, d],\n]",
    ),
    "aligned arguments of lines": (
        "f( 64,  96)\nf(128, 128)\ng(1,  2)", "f( 64,  96)\nf(128, 128)\ng(1, 2)"
    ),
    "tabs": ("\trelu\t->\ttanh\t", "relu -> tanh"),
}  # fmt: skip


def indented(text: str) -> str:
    return "".join(f"    {line}\n" if line else "\n" for line in text.split("\n"))


@pytest.mark.parametrize("name", STYLE)
def test_style(name: str) -> None:
    given, made = STYLE[name]
    assert formatted(given) == f"{made}\n"
    holds(given)


@pytest.mark.parametrize("name", BODY)
def test_style_of_bodies(name: str) -> None:
    given, made = BODY[name]
    text = f"model m {{\n{given}\n}}"
    assert formatted(text) == f"model m {{\n{indented(made)}}}\n"
    holds(text)


def test_columns_of_definitions_stay() -> None:
    text = "model a1  = b(1,   c=2)\nmodel a10 = b(100, c=2)\n"
    assert formatted(text) == text
    holds(text)


@pytest.mark.parametrize("text", ["", "\n\n", "  \t", "# a\n", "\n# a  \n\n\n  # b", "archlang 1"])
def test_little_files(text: str) -> None:
    holds(text)


def test_a_long_chain_breaks_before_its_arrows() -> None:
    stages = " -> ".join(f"conv(3x3, {n}, bias=false)" for n in range(100, 107))
    made = formatted(f"model m {{ a = {stages} : [1, 2, 3] }}")
    assert made == (
        "model m {\n"
        "    a = conv(3x3, 100, bias=false) -> conv(3x3, 101, bias=false)"
        " -> conv(3x3, 102, bias=false)\n"
        "        -> conv(3x3, 103, bias=false) -> conv(3x3, 104, bias=false)"
        " -> conv(3x3, 105, bias=false)\n"
        "        -> conv(3x3, 106, bias=false) : [1, 2, 3]\n"
        "}\n"
    )


def test_what_cannot_break_stays_long() -> None:
    text = f"let a = {' + '.join(['value'] * 60)}\n"
    assert formatted(text) == text


@pytest.mark.parametrize(
    "text", ["model m {", "conv(3x3)", "model m { relu -> }", "let a = 1 +\n2"]
)
def test_syntax_errors_raise(text: str) -> None:
    with pytest.raises(ArchError):
        formatted(text)


def test_a_range() -> None:
    text = "let a=1\nmodel m{\n  relu  ->tanh\n  elu  ;selu\n  add{relu|\n tanh}\n}\nlet b=2\n"
    source = Source("net.arch", text)
    at = text.index("elu  ;")
    (edit,) = format_range(source, at, at + 1)
    assert (edit.span.text, edit.text) == ("  elu  ;selu\n", "    elu; selu\n")
    whole = edited(source, format_range(source, 0, len(text)))
    assert whole.text == formatted(text)
    assert format_range(whole, 0, len(whole.text)) == []


def test_ranges_of_generated() -> None:
    for seed in range(40):
        r = random.Random(seed)
        source = Source("net.arch", mangled(spec(network(seed), seed), r))
        tree, length = parse(source), len(source.text)
        start = r.randrange(length)
        some = format_range(source, start, min(start + r.randrange(200), length))
        new = edited(source, some)
        assert parse(new) == tree
        assert order(new.text) == order(source.text)
        everything = format_range(source, 0, length)
        assert set(some) <= set(everything)
        assert edited(source, everything).text == formatted(source.text)
