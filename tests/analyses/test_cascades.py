"""One mistake that many places show is one finding: of a head, of a block, of a value elsewhere."""

from __future__ import annotations

import pytest

from tests.analyses.test_blame import found, only

UNET = """
    use "std/unet"
    model m { input image: [3, 64, 64]
        down(8)                                   : [8, 28, 28]
        down(16)                                  : [16, 10, 10]
        down(32)                                  : [32, 1, 1]
        OTHER
    }
"""


def test_shapes_behind_a_block_of_which_none_holds_are_one_finding() -> None:
    finding = only(UNET.replace("OTHER", ""))
    assert finding.code == "A201"
    assert finding.place.line == 3
    assert [n.span.line for n in finding.related[-2:]] == [4, 5]
    assert "nothing that is stated behind `down` holds here" in finding.notes
    (fix,) = finding.fixes
    assert [e.text for e in fix.edits] == ["32, 32", "16, 16", "8, 8"]


def test_they_are_several_where_one_behind_it_holds() -> None:
    assert len(found(UNET.replace("OTHER", "down(28) : [28, _, _]"))) == 3


def test_they_are_several_where_each_has_its_own_way_out() -> None:
    text = """
    model m { input image: [3, 64, 64]
        conv(3x3, 8)                              : [9, 64, 64]
        conv(3x3, 16)                             : [17, 64, 64]
        conv(3x3, 32)                             : [33, 64, 64]
    }
    """
    assert len(found(text)) == 3


HEAD = """
    block window(k) { maxpool(k, stride=2) -> relu }
    model a { input image: [3, 64, 64]; window(2, 3) -> tanh }
    model b { input image: [3, 64, 64]; window(2, 4) -> tanh }
    model c { input image: [3, 64, 64]; window(USE) -> tanh }
"""


def test_a_head_that_all_uses_give_more_is_to_blame() -> None:
    finding = only(HEAD.replace("USE", "2, 5"))
    assert (finding.code, finding.span.text, finding.span.line) == ("A104", "window", 1)
    assert "all give it more" in finding.label


def test_a_head_that_one_use_suits_is_not() -> None:
    findings = found(HEAD.replace("USE", "2"))
    assert [d.span.line for d in findings] == [2, 3]


def test_a_default_that_several_findings_come_of_is_to_blame() -> None:
    finding = only("""
    block unit(c, stride = 2) { conv(3x3, c, stride=stride) -> relu }
    model m { input image: [3, 64, 64]
        unit(8)                                   : [8, 64, 64]
        unit(8, stride=2) -> unit(8)              : [8, 32, 32]
        unit(8) -> unit(8)                        : [8, 32, 32]
    }
    """)
    assert finding.span.text == "2"
    assert finding.label == "likely wrong here: with `1` it holds"


SIGNED = """
    block unit(c, r = 4) : [C, r, W] -> SHAPE { BODY }
    model m { input image: [3, 32, 32]
        unit(8)
        unit(16)
        conv(3x3, 8) -> unit(32)
    }
"""


@pytest.mark.parametrize(
    ("shape", "body"),
    [("[c, H, W]", "conv(3x3, c)"), ("[c, _, W]", "conv(3x3, c) : [c, H, W]")],
)
def test_what_a_block_takes_is_the_slip_where_a_name_in_it_means_nothing(
    shape: str, body: str
) -> None:
    finding = only(SIGNED.replace("SHAPE", shape).replace("BODY", body))
    assert (finding.code, finding.span.text) == ("A103", "H")
    (fix,) = finding.fixes
    assert [(e.text, e.span.text) for e in fix.edits] == [("H", "r")]


FIRES = """
    block fire(s, e) : [e, H, W] -> [2*e, H, W] {
        conv(1x1, s) -> concat { conv(1x1, e) | conv(3x3, e) }
    }
    model m { input image: [3, 32, 32]
        conv(3x3, 96)
        fire(16, 64) -> fire(16, 64)    : [128, 32, 32]
        fire(32, 96)                    : [192, 32, 32]
        fire(48, 160)                   : [320, 32, 32]
        LAST
    }
"""


def test_what_no_use_of_a_block_gives_it_is_one_finding() -> None:
    finding = only(FIRES.replace("LAST", ""))
    assert (finding.code, finding.span.text) == ("A209", "[e, H, W]")
    assert [n.span.text for n in finding.related] == [
        "fire(16, 64)", "fire(32, 96)", "fire(48, 160)"
    ]  # fmt: skip
    (fix,) = finding.fixes
    assert [(e.text, e.span.text) for e in fix.edits] == [("C", "e")]


def test_a_use_that_gives_a_block_what_it_takes_speaks_for_the_block() -> None:
    findings = found(FIRES.replace("LAST", "fire(16, 320)"))
    assert [(d.code, d.place.text) for d in findings] == [
        ("A209", "fire(16, 64)"), ("A209", "fire(32, 96)"), ("A209", "fire(48, 160)")
    ]  # fmt: skip
