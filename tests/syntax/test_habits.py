"""What other languages write: each is one finding, at its place, and mended where that is known."""

from __future__ import annotations

import time

import pytest

from archlang.cli.check import check_file
from archlang.diagnostic import Diagnostic
from archlang.source import Source
from archlang.syntax.habits import HABITS, habit

HEAD = "model m {\n    input image: [3, 32, 32]\n"

STATEMENTS = [
    # what is written, what is to be written
    ("conv(3x3, 8) --> relu --> tanh", "conv(3x3, 8) -> relu -> tanh"),
    ("conv(3x3, 8) => relu => tanh", "conv(3x3, 8) -> relu -> tanh"),
    ("conv(3x3, 8) ~> relu", "conv(3x3, 8) -> relu"),
    ("conv(3x3, 8) > relu > tanh", "conv(3x3, 8) -> relu -> tanh"),
    ("conv(3x3, 8) → relu → tanh", "conv(3x3, 8) -> relu -> tanh"),
    ("conv(3x3, 8).relu().tanh()", "conv(3x3, 8) -> relu() -> tanh()"),
    ("conv(3x3, 8) relu tanh", "conv(3x3, 8) -> relu -> tanh"),
    ("residual(conv(3x3, 3) -> relu)", "residual { conv(3x3, 3) -> relu }"),
    ("concat { relu, tanh }", "concat { relu | tanh }"),
    ("add {\n        relu,  # one\n        tanh(),\n    }",
     "add {\n        relu |  # one\n        tanh()\n    }"),
    ("concat(axis=1) { relu, add { tanh,\n        relu } }",
     "concat(axis=1) { relu | add { tanh |\n        relu } }"),
    ("conv(3x3, 8)(image)", "image -> conv(3x3, 8)"),
    ("nn.Conv2d(3, 8, kernel_size=3)", "conv(3, 8, pad=0)"),
    ("/* a\n       comment */ conv(3x3, 8)", "# a\n    # comment\n    conv(3x3, 8)"),
    ("require 3 = 3", "require 3 == 3"),
    ("self.stem = conv(3x3, 8)", "stem = conv(3x3, 8)"),
    ("conv(3x3, math.ceil(7.5))", "conv(3x3, ceil(7.5))"),
    ("conv（3x3，8）", "conv(3x3,8)"),
    ("conv(3x3, 8)： [8, 32, 32]", "conv(3x3, 8): [8, 32, 32]"),
    ("conv(3×3, 8)", "conv(3x3, 8)"),
    ("conv(3 x 3, 8)", "conv(3x3, 8)"),
    ("conv(3X3, 8)", "conv(3x3, 8)"),
    ("conv((3, 3), 8)", "conv(3x3, 8)"),
    ("conv(3x3, 8, stride=(2, 2))", "conv(3x3, 8, stride=2x2)"),
    ("conv(3x3, 8, stride: 2)", "conv(3x3, 8, stride=2)"),
    ("conv(kernel: 3x3, channels: 8)", "conv(kernel=3x3, channels=8)"),
    ("conv(3x3, 2^3)", "conv(3x3, 2**3)"),
    ("conv(3x3, 1_000)", "conv(3x3, 1000)"),
    ("conv(3x3, 1k)", "conv(3x3, 1K)"),
    ("dropout(50%)", "dropout(0.5)"),
    ("relu * 3", "relu x 3"),
    ("{ conv(3x3, 8) } *3", "{ conv(3x3, 8) } x 3"),
    ("{ conv(3x3, 8) } x3", "{ conv(3x3, 8) } x 3"),
    ("conv(3x3, 8) times 3", "conv(3x3, 8) x 3"),
    ("{ conv(3x3, 8) } X 3", "{ conv(3x3, 8) } x 3"),
    ("3 x { conv(3x3, 8) }", "{ conv(3x3, 8) } x 3"),
    ("3 * conv(3x3, 8)", "conv(3x3, 8) x 3"),
    ("repeat 3 { conv(3x3, 8) }", "{ conv(3x3, 8) } x 3"),
    ("// the stem", "# the stem"),
    ("/* the stem */", "# the stem"),
    ("for i range(3) { relu }", "for i in range(3) { relu }"),
    ("for i = 0 to 3 { relu }", "for i in range(0, 3) { relu }"),
    ("for i = 1:4 { conv(3x3, i) }", "for i in range(1, 4) { conv(3x3, i) }"),
    ("let k = [1, 2]\n    for i k { conv(3x3, i) }",
     "let k = [1, 2]\n    for i in k { conv(3x3, i) }"),
    ("for i [1, 2] { conv(3x3, i) }", "for i in [1, 2] { conv(3x3, i) }"),
    ("let w = 8\n    conv(3x3 w)", "let w = 8\n    conv(3x3, w)"),
    ("conv(3x3, 8 stride=2)", "conv(3x3, 8, stride=2)"),
    ('"""the stem"""', "# the stem"),
    ("-- the stem", "# the stem"),
    ("<!-- the stem -->", "# the stem"),
    ("\"\"\"\n    The \"stem\".\n\n      Small.\n    \"\"\"\n    relu",
     "# The \"stem\".\n    #\n    # Small.\n    relu"),
    ("'''the\n    stem'''\n    relu", "# the\n    # stem\n    relu"),
    ("// the stem\n    //// \"it\n\t// is */ small\n    relu",
     "# the stem\n    # \"it\n\t# is */ small\n    relu"),
    ("relu\n    --> tanh", "relu\n    -> tanh"),
    ("relu; // the stem", "relu; # the stem"),
    ("let rows = [ // the rows\n        [1, 2]]", "let rows = [ # the rows\n        [1, 2]]"),
    ("conv(3x3 /* small */, 8)", "conv(3x3 # small\n    , 8)"),
    ("relu // the stem", "relu # the stem"),
    ("let sizes = [\n        16\n        24 # the last\n    ]",
     "let sizes = [\n        16,\n        24 # the last\n    ]"),
    ("let rows = [[1, 2],\n        [3,\n         4]\n        [5, 6]\n        [7, 8],]",
     "let rows = [[1, 2],\n        [3,\n         4],\n        [5, 6],\n        [7, 8],]"),
    ("let rows = [[1, 2] [3, 4], [5, 6] [7, 8], [9, 1]]",
     "let rows = [[1, 2], [3, 4], [5, 6], [7, 8], [9, 1]]"),
    ("conv(3x3, 8) - > relu - > tanh", "conv(3x3, 8) -> relu -> tanh"),
    ("relu - tanh - relu", "relu -> tanh -> relu"),
    ("let n = 3,", "let n = 3"),
    ("conv(3x3, 8),\n    relu,\n    tanh", "conv(3x3, 8)\n    relu\n    tanh"),
    ("conv 3x3 8 -> relu", "conv(3x3, 8) -> relu"),
    ("conv(3x3 8)", "conv(3x3, 8)"),
    ("a = tanh\n    add a", "a = tanh\n    add { identity | a }"),
    ("a = tanh\n    relu() + a", "a = tanh\n    relu() -> add { identity | a }"),
    ("flatten : 3072", "flatten : [3072]"),
    ("let f(v) { return v * 2 }", "let f(v) = v * 2"),
    ("h = relu\n    out h", "h = relu\n    output h"),
    ("var c = 8", "let c = 8"),
    ("const c = 8", "let c = 8"),
    ("c = 8", "let c = 8"),
    ("sizes = [1, 2]", "let sizes = [1, 2]"),
    ("let c = 8; relu\n    c = c * 2", "let c = 8; relu\n    let c = c * 2"),
    ("let c = 8; relu\n    c *= 2", "let c = 8; relu\n    let c = c * 2"),
    ("let f = lambda v: v * 2", "let f(v) = v * 2"),
    ("if true: conv(3x3, 8)", "if true { conv(3x3, 8) }"),
    ("for i in range(2): conv(3x3, 8)", "for i in range(2) { conv(3x3, 8) }"),
    ("if false { relu }\n    elif true { tanh }", "if false { relu }\n    else if true { tanh }"),
    ("for i in range(2):\n        relu\n    tanh",
     "for i in range(2) {\n        relu\n    }\n    tanh"),
    ("conv(3x3, true ? 8 : 16)", "conv(3x3, 8 if true else 16)"),
    ("relu : (3, 32, 32)", "relu : [3, 32, 32]"),
    ("relu : 3x32x32", "relu : [3, 32, 32]"),
    ("relu -> [3, 32, 32]", "relu : [3, 32, 32]"),
    ("require params == 0 && macs == 0", "require params == 0 and macs == 0"),
    ("require params == 0 || macs == 0", "require params == 0 or macs == 0"),
    ("require ! (params > 5)", "require not  (params > 5)"),
    ("require 0 <= params <= 5", "require 0 <= params and params <= 5"),
    ("require params <= 5m", "require params <= 5M"),
    ("require params <= 5 M", "require params <= 5M"),
    ("require params <= 5,000,000", "require params <= 5000000"),
    ("require params <= 5, \"too many\"", "require params <= 5 : \"too many\""),
    ("require params <= 5 : 'too many'", "require params <= 5 : \"too many\""),
    ("require params <= 5 : “too many”", "require params <= 5 : \"too many\""),
    ("a = relu; b = tanh\n    a + b", "a = relu; b = tanh\n    add { a | b }"),
]  # fmt: skip
FILES = [
    ("model lenet:\n    input image: [3, 8, 8]\n    relu\n",
     "model lenet {\n    input image: [3, 8, 8]\n    relu\n}\n"),
    ("model lenet\n    input image: [3, 8, 8]\n    relu\n",
     "model lenet {\n    input image: [3, 8, 8]\n    relu\n}\n"),
    ("def unit(c):\n    conv(3x3, c)\n\n" + HEAD + "    unit(8)\n}\n",
     "block unit(c) {\n    conv(3x3, c)\n}\n\n" + HEAD + "    unit(8)\n}\n"),
    ("model m (\n    input image: [3, 8, 8]\n    relu\n)\n",
     "model m {\n    input image: [3, 8, 8]\n    relu\n}\n"),
    ("model m: {\n    input image: [3, 8, 8]\n}\n", "model m {\n    input image: [3, 8, 8]\n}\n"),
    ("model my net {\n    input image: [3, 8, 8]\n}\n",
     "model my_net {\n    input image: [3, 8, 8]\n}\n"),
    ("model “lenet” {\n    input image: [3, 8, 8]\n}\n",
     "model lenet {\n    input image: [3, 8, 8]\n}\n"),
    ("model 'lenet' {\n    input image: [3, 8, 8]\n}\n",
     "model lenet {\n    input image: [3, 8, 8]\n}\n"),
    ("block b(c)\n{\n    relu\n}\nmodel m {\n    input image: [3, 8, 8]\n}\n",
     "block b(c) {\n    relu\n}\nmodel m {\n    input image: [3, 8, 8]\n}\n"),
    ("model m = {\n    input image: [3, 8, 8]\n}\n", "model m  {\n    input image: [3, 8, 8]\n}\n"),
    ("model m() : [3, 8, 8] -> [3] {\n    input image: [3, 8, 8]\n}\n",
     "model m() {\n    input image: [3, 8, 8]\n}\n"),
    ("let f = v -> v * 2\n" + HEAD + "}\n", "let f(v) = v * 2\n" + HEAD + "}\n"),
    *((f"model m {{\n    {wrong}\n}}\n", "model m {\n    input image: [3, 8, 8]\n}\n")
      for wrong in ("in image: [3, 8, 8]", "inputs image: [3, 8, 8]", "Input(shape=(3, 8, 8))",
                    "input image [3, 8, 8]", "input image: float[3, 8, 8]")),
    ("model m {\n    input a, b: [3]\n    concat { a | b }\n}\n",
     "model m {\n    input a: [3]; input b: [3]\n    concat { a | b }\n}\n"),
    ("network m {\n    input image: [3, 8, 8]\n}\n", "model m {\n    input image: [3, 8, 8]\n}\n"),
    ("import \"std/resnet\"\n" + HEAD + "}\n", "use \"std/resnet\"\n" + HEAD + "}\n"),
    ("use std/resnet\n" + HEAD + "}\n", "use \"std/resnet\"\n" + HEAD + "}\n"),
    ("use 'std/resnet'\n" + HEAD + "}\n", "use \"std/resnet\"\n" + HEAD + "}\n"),
    ("width = 8\n" + HEAD + "}\n", "let width = 8\n" + HEAD + "}\n"),
    ("model res-net-18 {\n    input image: [3, 8, 8]\n}\n",
     "model res_net_18 {\n    input image: [3, 8, 8]\n}\n"),
    ("model \"lenet\" {\n    input image: [3, 8, 8]\n}\n",
     "model lenet {\n    input image: [3, 8, 8]\n}\n"),
    ("model m {\n    input image = [3, 8, 8]\n}\n", "model m {\n    input image: [3, 8, 8]\n}\n"),
    ("model m {\n    input [3, 8, 8]\n}\n", "model m {\n    input image: [3, 8, 8]\n}\n"),
    ("model m {\n    input: [3, 8, 8]\n}\n", "model m {\n    input image: [3, 8, 8]\n}\n"),
    ("model m {\n    input(3, 8, 8)\n}\n", "model m {\n    input image: [3, 8, 8]\n}\n"),
    ("model m {\n    input image: 3x8x8\n}\n", "model m {\n    input image: [3, 8, 8]\n}\n"),
]  # fmt: skip
MEANT = [
    # what can be read, but means nothing: what is written, what is said, what is to be written
    ("conv[3x3, 8] -> relu", "the arguments of `conv` stand in `( … )`", "conv(3x3, 8) -> relu"),
    ("conv(in=3, out=8, kernel=3x3)", "`conv` has no parameter `in`", "conv(3x3, 8)"),
    ("a = relu\n    if a > 3 { tanh }",
     "`a` is a tensor: what is in it is known only as the model runs", None),
    ("a = relu\n    tanh -> add(a)", "`add` merges branches: write `add { … | … }`",
     "a = relu\n    tanh -> add { identity | a }"),
    ("relu : [N, 3, 32, 32]", "unknown name `N`", "relu : [3, 32, 32]"),
]  # fmt: skip
UNMENDED = [
    ("while true { relu }", "repeat with `x n`"),
    ("x = relu\n    return x", "what comes last is the output"),
    ("for (i = 0) { relu }", "a loop runs over a list"),
    ("relu, tanh", "layers follow each other by `->`"),
    ("residual { relu, tanh }", "layers follow each other by `->`"),
    ("for i in 0..3 { relu }", "numbers in a row are `range(0, 3)`"),
]


def found(text: str) -> list[Diagnostic]:
    return check_file("-", None, None, None, data=text.encode()).found


def only(text: str) -> Diagnostic:
    (finding,) = [d for d in found(text) if d.severity == "error"]
    return finding


def mended(text: str, finding: Diagnostic) -> str:
    for edit in sorted(finding.fixes[0].edits, key=lambda e: -e.span.start):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text


@pytest.mark.parametrize(("wrong", "right"), STATEMENTS)
def test_a_statement_is_one_finding_and_mended(wrong: str, right: str) -> None:
    text = f"{HEAD}    {wrong}\n}}\n"
    finding = only(text)
    assert finding.label
    assert finding.fixes
    assert mended(text, finding) == f"{HEAD}    {right}\n}}\n"


@pytest.mark.parametrize(("wrong", "says", "right"), MEANT)
def test_what_can_be_read_is_one_finding(wrong: str, says: str, right: str | None) -> None:
    text = f"{HEAD}    {wrong}\n}}\n"
    finding = only(text)
    assert finding.message == says
    assert bool(finding.fixes) == (right is not None)
    if right is not None:
        assert mended(text, finding) == f"{HEAD}    {right}\n}}\n"


def test_another_language_of_data_is_one_finding() -> None:
    text = '{\n  "layers": [\n    {"type": "conv", "kernel": 3},\n    {"type": "relu"}\n  ]\n}\n'
    assert only(text).span.start == 0


@pytest.mark.parametrize(("wrong", "right"), FILES)
def test_a_file_is_one_finding_and_mended(wrong: str, right: str) -> None:
    assert mended(wrong, only(wrong)) == right


@pytest.mark.parametrize(("wrong", "says"), UNMENDED)
def test_what_is_meant_is_said(wrong: str, says: str) -> None:
    finding = only(f"{HEAD}    {wrong}\n}}\n")
    assert says in finding.label
    assert not any(fix.safe for fix in finding.fixes)


def test_comments_of_others_in_strings_and_comments_are_none() -> None:
    text = f'{HEAD}    # // /* """ x\n    require 4 // 2 == 2 : "// /* <!-- x"\n    relu }}}}\n'
    (finding,) = found(text)
    assert (finding.code, finding.span.text) == ("A102", "}")


def test_layers_without_a_model_are_one_finding() -> None:
    finding = only("input image: [3, 8, 8]\nconv(3x3, 8) -> relu\nflatten\nlinear(10)\n")
    assert finding.span.text == "input"
    assert finding.label == "this stands in a `model name { … }`"


def test_but_what_comes_behind_them_is_read() -> None:
    text = f"conv(3x3, 8)\nrelu\n{HEAD}    rleu\n}}\nmodle other {{ }}\n"
    assert [d.span.text for d in found(text)] == ["conv", "rleu", "modle"]


@pytest.mark.parametrize(
    "text",
    [
        "a" * 19_000,
        "1" * 19_000,
        "-" * 19_000,
        "a." * 5000,
        "> " * 5000,
        "if " * 3000,
        "'" * 9000,
        "3 x " * 2500,
        "a ? b " * 1500,
        "0.." * 3000,
        "input (" * 1500,
        "(3, " * 2500,
    ],
)
def test_no_habit_takes_long_to_tell(text: str) -> None:
    before = time.process_time()
    every = frozenset(name for row in HABITS for name in row.expected)
    for at in (0, len(text) // 2, len(text) - 1):
        habit(Source("s", text), at, every)
    assert time.process_time() - before < 2
