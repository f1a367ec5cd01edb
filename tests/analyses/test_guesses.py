"""What is offered for a mistake was checked: written in, the spec is right."""

import pytest

from archlang.elaborate import Program
from archlang.inspection import inspect
from archlang.source import Source, edited

MISTAKES = {
    "conv(5x5, 6, pad=0) -> maxpool(2x2) : [6, 16, 16]": ("pad=2", ": [6, 14, 14]"),
    "conv(3x3, 8) -> maxpool(2x2) : [8, 15, 15]": ("conv(3x3, 8, pad=0)", "[8, 16, 16]"),
    "conv(3x3, 8, stride=2) : [8, 32, 32]": ("stride=1", "[8, 16, 16]"),
    "conv(3x3, 8) -> conv(3x3, 12) : [16, _, _]": ("conv(3x3, 16)", "[12, _, _]"),
    "conv(3x3, 8) : [8, 32]": ("[8, 32, 32]",),
    "conv(3x3, 8, groups=2)": ("groups=1",),
    "conv(3x3, 12) -> conv(3x3, 18, groups=4)": ("groups=3",),
    "conv(3x3, 12) -> groupnorm(5)": ("groupnorm(4)",),
    "conv(4x4, 8, pad=same)": ("conv(3x3, 8, pad=same)",),
    "conv(40x40, 8, pad=0)": ("conv(32x32, 8, pad=0)",),
    "maxpool(40x40)": ("maxpool(32x32)",),
    "maxpool(3x3, pad=2)": ("pad=1",),
    "linear(10)": ("flatten -> linear(10)",),
    "fc = linear(10)": ("flatten; fc = linear(10)",),
    "conv(3x3, 4); fc[1] = linear(10)": ("flatten; fc[1] = linear(10)",),
    "conf(3x3, 8)": ("conv(3x3, 8)",),
    "conv(3x3, 8, strid=2)": ("conv(3x3, 8, stride=2)",),
    "y = conv(3x3, 8); add { y | why -> conv(3x3, 8) }": (),
    "reshap(3, 1024)": ("reshape(3, 1024)",),
}


def offered(text):
    program = Program(Source("m.arch", text))
    assert not program.diagnostics
    _, found = inspect(program, "m")
    assert found
    return [(d, fix) for d in found for fix in d.fixes]


@pytest.mark.parametrize("body", MISTAKES)
def test_what_is_offered_holds(body):
    text = f"model m {{\n    input x: [3, H=32, W=32]\n    {body}\n}}\n"
    made = []
    for _, fix in offered(text):
        source = edited(Source("m.arch", text), fix.edits)
        graph, found = inspect(Program(source), "m")
        assert graph is not None
        assert found == []
        made.append(source.text)
    wanted = MISTAKES[body]
    assert len(made) == len(wanted)
    for text_, piece in zip(made, wanted, strict=True):
        assert piece in text_


def test_what_would_break_another_model_is_not_offered():
    block = "block unit { conv(3x3, 8, groups=2) }\n"
    one = "model m { input x: [3, 8, 8]; unit }\n"
    assert offered(block + one)
    other = "model n { input x: [4, 8, 8]; unit -> conv(1x1, 1); require params == 161 }\n"
    graph, found = inspect(Program(Source("m.arch", block + other)), "n")
    assert graph is not None, found
    assert offered(block + one + other) == []


def test_a_mistake_that_hides_another_is_not_offered_a_way_out():
    text = "model m { input x: [3, 8, 8]; conf(3x3, 8) -> linear(10) }"
    (finding,) = inspect(Program(Source("m.arch", text)), "m")[1]
    assert (finding.fixes, finding.help) == ((), "did you mean `conv`?")


def test_nothing_is_guessed_at_another_size():
    text = "model m { input x: [3, H=32, W=32]; conv(3x3, 8) : [8, 32, W] -> relu : [8, 32, 32] }"
    program = Program(Source("m.arch", text.replace(" -> relu : [8, 32, 32]", "")))
    _, found = inspect(program, "m", inputs={"x": (3, 30, 32)})
    assert all(not d.fixes for d in found)
