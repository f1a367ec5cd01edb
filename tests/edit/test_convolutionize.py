"""What is edited in a spec's text, what is left as it was, and what is refused."""

from __future__ import annotations

import difflib
from pathlib import Path
from textwrap import dedent

import pytest

import archlang
from archlang.analyses.sizes import legal
from archlang.edit.convolutionize import Conversion, convolutionize
from archlang.elaborate import Program
from archlang.elaborate.files import read_source
from archlang.network import Network

SPECS = Path(__file__).parents[2] / "specs"


def model(body: str, inputs: str = "input x: [2, 8, 8]", before: str = "") -> str:
    lines = [inputs, *dedent(body).strip().splitlines()]
    return before + "model m {\n" + "".join(f"    {line}\n" for line in lines) + "}\n"


def converted(text: str, name: str | None = None, **settings: int) -> Conversion:
    return convolutionize(archlang.loads(text, name, settings))


def refused(text: str, name: str | None = None) -> str:
    """The message of what is refused, with the text that it points at."""
    with pytest.raises(archlang.ArchError) as caught:
        converted(text, name)
    (finding,) = caught.value.diagnostics
    assert finding.code == "A401"
    return f"{finding.span.text}: {finding.message}"


def changes(made: Conversion) -> list[tuple[str, str]]:
    """The lines that went, and those that came."""
    old, new = (t.splitlines() for t in (made.before.source.text, made.text))
    found = []
    for tag, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            found.append(("\n".join(old[a:b]), "\n".join(new[c:d])))
    return found


def unbounded(network: Network) -> None:
    assert legal(network.graph).fully_convolutional


def test_lenet5() -> None:
    made = convolutionize(archlang.load(SPECS / "lenet5.arch", "lenet5"))
    assert changes(made) == [
        ("    input image: [1, 28, 28]", "    input image: [1, H=28, W=28]"),
        (
            "    flatten                                         : [400]\n"
            "    linear(120) -> tanh -> linear(84) -> tanh\n"
            "    linear(classes)",
            "    identity                                        : [16, 5, 5]\n"
            "    conv(5x5, 120, pad=0) -> tanh -> conv(1x1, 84) -> tanh\n"
            "    conv(1x1, classes)",
        ),
    ]
    assert made.legal[1].words() == "H >= 28 and W >= 28"
    moved = {w.key: (w.before, w.after) for w in made.weights if w.before != w.after}
    assert moved == {
        "7.weight": ((120, 400), (120, 16, 5, 5)),
        "9.weight": ((84, 120), (84, 120, 1, 1)),
        "11.weight": ((10, 84), (10, 84, 1, 1)),
    }
    larger = made.larger()
    assert larger is not None
    # 56 - 28 is 7 steps of 4 beyond the first place
    assert larger.outputs == {"output": (10, 8, 8)}


def test_what_does_nothing_is_left_out_where_keys_stay() -> None:
    made = convolutionize(archlang.load(SPECS / "vgg.arch", "vgg16"))
    assert changes(made)[0] == (
        "    adaptive_avgpool(7x7) -> flatten                        : [25088]", ""
    )  # fmt: skip
    assert [c.after for c in made.changes][:2] == [None, None]
    assert [c.path for c in made.changes] == ["0", "1", *(f"classifier.{i}" for i in (0, 3, 6))]
    assert made.weights[-1].key == "classifier.6.bias"
    assert made.legal[1].words() == "H >= 224 and W >= 224"


@pytest.mark.parametrize(
    ("name", "key", "kernel"),
    [
        ("alexnet", "classifier.1.weight", (6, 6)),
        ("alexnet_2012", "16.weight", (6, 6)),
        ("alexnet_tower", "16.weight", (6, 6)),
    ],
)
def test_alexnet(name: str, key: str, kernel: tuple[int, ...]) -> None:
    made = convolutionize(archlang.load(SPECS / "alexnet.arch", name))
    assert {w.key: w.after for w in made.weights}[key] == (4096, 256, *kernel)
    unbounded(made.after)
    for other in made.after.program.complete:
        archlang.loads(made.text, other)


REFUSED = {
    "fcn": "has no head",
    "unet": "has no head",
    "signal": "the head is in std/head.arch",
    "vit": "the weights of `encoder.pos_embedding`",
}
"""The files whose first model has no head that could be one, and why."""
LONG = {"convnext", "densenet", "efficientnet", "preact", "regnet", "resnet_cifar", "resnet_rs"}
FILES = [
    pytest.param(path, marks=[pytest.mark.slow] * (path.stem in LONG), id=path.stem)
    for path in sorted(SPECS.glob("*.arch"))
]


@pytest.mark.parametrize("path", FILES)
def test_every_spec_is_converted_or_refused(path: Path) -> None:
    """Of each file the first model; whatever becomes of it is a spec, or a finding."""
    network = archlang.load(path, Program(read_source(path), str(path)).complete[0])
    if path.stem in REFUSED:
        with pytest.raises(archlang.ArchError, match=REFUSED[path.stem]):
            convolutionize(network)
        return
    made = convolutionize(network)
    unbounded(made.after)
    assert made.after.totals.params == network.totals.params
    assert made.after.totals.macs == network.totals.macs
    assert (
        made.after.outputs["output"][: len(network.outputs["output"])]
        == (network.outputs["output"])
    )


def test_side_heads() -> None:
    made = convolutionize(archlang.load(SPECS / "googlenet.arch", "googlenet_2014"))
    assert legal(made.after.graph, training=True).fully_convolutional
    assert not legal(made.before.graph, training=True).fully_convolutional
    assert made.dropped == ()
    assert "[classes, _, _]" in made.text


def test_the_words_of_the_spec_stay() -> None:
    made = converted(
        """\
# A head.
block head(n, c) : [C, H, W] -> [c] {   # scores
    flatten
    # wide
    linear(2*(n + 1), bias=false) -> relu; linear(features=c)    : [c]
}

# The whole.
model m(size = 8, classes = 10) {
    input x: [2, size, size]  # square
    conv(3x3, 4) -> head(6, classes)
}
"""
    )
    assert (
        made.text
        == """\
# A head.
block head(n, c) : [C, H, W] -> [c, _, _] {   # scores
    identity
    # wide
    conv(8x8, 2*(n + 1), pad=0, bias=false) -> relu; conv(1x1, c) : [c, 1, 1]
}

# The whole.
model m(size = 8, classes = 10) {
    input x: [2, H=size, W=size]  # square
    conv(3x3, 4) -> head(6, classes)
}
"""
    )


def test_settings() -> None:
    text = (SPECS / "lenet5.arch").read_text("utf-8")
    made = converted(text, "lenet5", classes=26)
    assert made.after.outputs == {"output": (26, 1, 1)}
    assert "conv(1x1, classes)" in made.text


@pytest.mark.parametrize(
    ("body", "inputs", "before", "lines"),
    [
        ("flatten -> fc(10)", "input x: [2, 8, 8]", "let fc = linear(bias=false)\n",
         ["identity -> conv(8x8, 10, pad=0, bias=false)"]),
        ("logits = flatten -> linear(12)\noutput logits", "input x: [2, 8]", "",
         ["input x: [2, L=8]", "logits = identity -> conv(8, 12, pad=0)"]),
        ("let H = 3\nconv(3x3, H) -> flatten -> linear(5)", "input x: [2, 8, 8]", "",
         ["input x: [2, H_1=8, W=8]"]),
        ("conv(3x3, 4) -> adaptive_avgpool(4x4) -> flatten; fc = linear(5)",
         "input x: [2, H=8, W=8]", "", ["conv(3x3, 4) -> avgpool(2x2); fc = conv(4x4, 5, pad=0)"]),
        ("flatten; fc = linear(5)", "input x: [2, 8, 8]", "", ["    fc = conv(8x8, 5, pad=0)"]),
        ("conv(3x3, 4); flatten; fc = linear(5)", "input x: [2, 8, 8]", "",
         ["conv(3x3, 4); fc = conv(8x8, 5, pad=0)"]),
        ("halved = maxpool(2x2)\nflatten  # all of it\nfc = linear(5)", "input x: [2, 8, 8]", "",
         ["identity  # all of it"]),
        ("low -> high", "input x: [2, 8, 8]",
         "block low : [2, 8, 8] -> [4, 4, 4] { conv(3x3, 4) -> maxpool(2x2) }\n"
         "block high : [4, 4, 4] -> [10] { flatten; linear(10) }\n",
         ["low : [2, _, _] -> [4, _, _]", "high : [4, _, _] -> [10, _, _]"]),
        ("a = maxpool(2x2) -> flatten\nb = x -> avgpool(2x2) -> flatten\n"
         "concat(axis=-1) { a | b }\nlinear(3) -> layernorm -> softmax(axis=-1)",
         "input x: [2, 8, 8]", "",
         ["concat { a | b }", "conv(4x4, 3, pad=0) -> layernorm(axis=0) -> softmax"]),
        ("shared t = flatten -> linear(4)\na = l -> t\nb = r -> t\nsub { a | b }",
         "input l: [1, 6, 6]\n    input r: [1, 6, 6]", "",
         ["input l: [1, H=6, W=6]", "input r: [1, H, W]",
          "shared t = identity -> conv(6x6, 4, pad=0)"]),
        ("a = l -> flatten -> linear(4)\nb = r -> flatten -> linear(4)\noutput a, b",
         "input l: [1, 6, 6]\n    input r: [1, 8, 7]", "",
         ["input l: [1, H=6, W=6]", "input r: [1, H2=8, W2=7]", "conv(8x7, 4, pad=0)"]),
        ("head(linear)", "input x: [2, 8, 8]", "block head(f) { flatten; fc = f(10) }\n",
         ["{ fc = conv(8x8, 10, pad=0) }"]),
        ("gate { global_avgpool -> sigmoid } -> flatten -> linear(4)", "input x: [2, 8, 8]", "",
         ["gate { global_avgpool -> sigmoid } -> identity -> conv(8x8, 4, pad=0)"]),
    ],
)  # fmt: skip
def test_edits(body: str, inputs: str, before: str, lines: list[str]) -> None:
    made = converted(model(body, inputs, before))
    assert [line for line in lines if line not in made.text] == [], made.text
    unbounded(made.after)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("flatten\nfor n in [16, 10] { linear(n) }", "linear(n): this makes several layers"),
        ("flatten\n{ linear(16) -> relu } x 2", "linear(16): this makes several layers"),
        ("flatten -> linear(10, drop_connect=0.5)", "no layer does at each position"),
        ("flatten -> linear(12) -> groupnorm(3)", "groupnorm(3): no layer does at each"),
        ("flatten -> bn -> linear(12)", "bn: no layer does at each position of a map"),
        ("flatten -> linear(64) -> reshape(4, 4, 4)", "reshape(4, 4, 4): no layer"),
        ("flat = flatten\nscores = linear(3)\noutput flat, scores", "`flat` is a flattened map"),
        ("conv(3x3, 4) -> adaptive_avgpool(3x3) -> flatten -> linear(5)",
         "adaptive_avgpool(3x3): the windows of `adaptive_avgpool(3x3)` over [4, 8, 8]"),
        ("linear(4, axis=2) -> flatten -> linear(5)", "the weights of `0`, linear(4, axis=2)"),
        ("conv(3x3, 4)", "m has no head"),
        ("concat { maxpool(2x2) -> flatten | flatten } -> linear(3)", "maps that are not alike"),
    ],
)  # fmt: skip
def test_refused(body: str, says: str) -> None:
    assert says in refused(model(body))


def test_a_vector_from_elsewhere() -> None:
    inputs = "input x: [2, 8, 8]\n    input v: [5]"
    said = refused(model("x -> concat { flatten | v } -> linear(3)", inputs))
    assert said.startswith("concat: `concat` joins what comes of it with tensors from elsewhere")


@pytest.mark.parametrize(
    "named", ["block conv(c) { linear(c) }\n", "let conv = linear(bias=false)\n"]
)
def test_a_name_that_means_something_else(named: str) -> None:
    assert "another thing in this spec" in refused(model("flatten -> conv(16)", before=named))


def test_a_head_in_another_file() -> None:
    text = 'use "std/head"\n' + model("conv(3x3, 4) -> pooled_classifier(10)")
    assert "the head is in std/head.arch" in refused(text)


def test_a_spec_that_would_not_be_right() -> None:
    body = "flatten -> squash\nlinear(3)"
    block = "block squash : [F] -> [F // 2] { linear(F // 2) }\n"
    with pytest.raises(archlang.ArchError) as caught:
        converted(model(body, before=block))
    (finding,) = caught.value.diagnostics
    assert "the rest of the spec would not be right" in finding.message
    assert any("would be wrong" in note for note in finding.notes)


TWO = """\
block head(classes) { flatten; fc = linear(classes) }

model small {
    input image: [1, 12, 12]
    conv(3x3, 4) -> head(10)
}

# A larger one,
#
# of its own.
model big {
    input image: [1, 20, 20]
    conv(3x3, 4) -> head(10)
}

model bigger = big()

# And one that stays.
model small_too {
    input image: [1, 12, 12]
    conv(5x5, 4) -> head(10)
}
"""


def test_models_that_would_become_others_are_left_out() -> None:
    made = converted(TWO, "small")
    assert made.dropped == ("big", "bigger")
    assert "larger" not in made.text
    assert "\n\n\n" not in made.text
    assert made.after.program.complete == ["small", "small_too"]
    assert archlang.loads(made.text, "small_too").outputs == {"output": (10, 1, 1)}


def test_files_are_found_from_another_folder(tmp_path: Path) -> None:
    (tmp_path / "blocks.arch").write_text("block unit(c) { conv(3x3, c) -> relu }\n")
    (tmp_path / "to").mkdir()
    spec = tmp_path / "net.arch"
    spec.write_text('use "blocks"\nuse "std/se"\n' + model("unit(4) -> flatten -> linear(3)"))
    out = tmp_path / "to" / "fcn.arch"
    made = convolutionize(archlang.load(spec), out)
    assert made.text.startswith('use "../blocks"\nuse "std/se"\n')
    out.write_text(made.text)
    assert archlang.load(out).outputs == {"output": (3, 1, 1)}
    assert 'use "blocks"\n' in convolutionize(archlang.load(spec)).text


def test_what_a_spec_leaves_open_is_written_into_the_new_one() -> None:
    made = convolutionize(
        archlang.loads(
            "model m {\n  input x: [3, H=16, W=16]\n"
            "  conv(3x3, 8, stride=2, pad=?) : [8, ceil(H/2), ceil(W/2)]\n"
            "  flatten -> linear(?)          : [10]\n}\n"
        )
    )
    assert "conv(3x3, 8, stride=2, pad=1) :" in made.text
    assert "conv(8x8, 10, pad=0)" in made.text
