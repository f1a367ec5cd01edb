"""Every way out that a finding offers is made, and held against PyTorch at every size up to 200."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
import torch

import archlang
from archlang.analyses import repairs
from archlang.analyses.rechecks import Rechecks
from archlang.analyses.repairs import Fit, _Search
from archlang.analyses.sizes import legal
from archlang.diagnostic import Diagnostic, Fix
from archlang.source import edited
from tests.elaborate.checks import error, errors, model
from tests.sizes.test_known import RESNET_D, along, unet

OPEN = "[3, H=64, W=64]"


def made(finding: Diagnostic, number: int = 0) -> str:
    """The text of the spec after one of the ways out that a finding offers."""
    fix = finding.fixes[number]
    return edited(finding.span.source, fix.edits).text


def texts(finding: Diagnostic) -> list[str]:
    return [fix.text.partition(":")[0] for fix in finding.fixes]


def test_resnet_d() -> None:
    finding = error(RESNET_D)
    assert finding.fixes[0].text == "`ceil=true` in `avgpool(2x2)`: then legal for every H and W"
    assert made(finding) == RESNET_D.replace("avgpool(2x2)", "avgpool(2x2, ceil=true)")
    assert along(made(finding)).words() == "H >= 1"
    assert along(made(finding, 1)).words() == "H % 32 in {0, 29..31}"


def test_each_of_several_places_has_its_own() -> None:
    unit = "residual { conv(3x3, 4, stride=2) | avgpool(2x2) -> conv(1x1, 4) }"
    findings = errors(model("\n".join([unit] * 3), OPEN))
    assert [made(finding).count("ceil=true") for finding in findings] == [1, 1, 1]
    every = [edit for finding in findings for edit in finding.fixes[0].edits]
    fixed = edited(findings[0].span.source, every).text
    assert fixed.count("avgpool(2x2, ceil=true)") == 3
    assert along(fixed).words() == "H >= 1"


def test_padding_of_a_convolution() -> None:
    text = model("concat { conv(3x3, 4, stride=2, pad=0) | maxpool(3x3, stride=2, pad=1) }", OPEN)
    finding = error(text)
    assert (finding.code, len(finding.fixes)) == ("A203", 1)
    assert made(finding) == text.replace("pad=0", "pad=1")
    assert along(made(finding)).words() == "H >= 1"
    uneven = error(model("concat { conv(2x2, 4, pad=0) | identity }", OPEN))
    assert "pad=[[0, 1], [0, 1]]" in made(uneven)
    assert along(made(uneven)).words() == "H >= 1"


def test_output_padding_with_its_requirement() -> None:
    body = (
        "s = conv(3x3, 8)\nmaxpool(2x2) -> conv(3x3, 16)\n"
        "conv_transpose(3x3, 8, stride=2, pad=1)\nconcat { identity | s }"
    )
    finding = error(model(body, OPEN))
    assert "stride=2, pad=1, output_pad=1)" in made(finding)
    assert along(made(finding)).words() == "H % 2 == 0"


def test_crops_of_an_unpadded_unet() -> None:
    twice = "conv(3x3, 4, pad=0) -> conv(3x3, 4, pad=0)"
    body = f"""d1 = {twice}
        maxpool(2x2);  d2 = {twice}
        maxpool(2x2) -> {twice} -> conv_transpose(2x2, 4, stride=2)
        concat {{ identity | d2 }} -> {twice} -> conv_transpose(2x2, 4, stride=2)
        concat {{ identity | d1 }}"""
    fixed = made(error(model(body, "[1, 572, 572]")))
    assert "d2 -> crop(4)" in fixed
    assert "d1 -> crop(16)" in fixed
    opened = made(error(model(body, "[1, H=572, W=572]")))
    assert "require H % 4 == 0 and W % 4 == 0\n" in opened
    assert along(opened).words() == "H % 4 == 0 and H >= 40"  # 40, 36, 18, 14, 7, 3, 6, 2, 4


def test_only_a_requirement_helps_a_padded_unet() -> None:
    finding = error(unet(2))
    assert texts(finding) == ["state it"]
    assert along(made(finding)).words() == "H % 4 == 0"


def test_an_upsampling_is_offered_between_written_branches_only() -> None:
    pyramid = "a = conv(3x3, 8)\nmaxpool(2x2) -> conv(1x1, 8)\nadd { identity | a }"
    finding = error(model(pyramid, "[3, 64, 64]"))
    assert "identity -> upsample(scale=2)" in made(finding)
    alone = error(model("residual { conv(3x3, 3, stride=2) }", "[3, 64, 64]"))
    assert texts(alone) == ["`stride=1` in `conv(3x3, 3, stride=2)`", "project what arrives"]


RESNET = """
block basic(c, stride=1) {
    residual {
        conv(3x3, c, stride=stride, bias=false) -> bn -> relu
        conv(3x3, c, bias=false) -> bn
    }
    relu
}
model small {
    input image: [3, 32, 32]
    conv(3x3, 16, bias=false) -> bn -> relu
    basic(16) x 2
    basic(32, stride=2) -> basic(32)
    global_avgpool -> linear(10)
}
"""


def test_a_residual_that_changes_the_shape_lacks_a_projection() -> None:
    """In the words of its branch, so that it holds for every use; and the block lacks it."""
    finding = error(RESNET)
    assert finding.span.text == "residual"
    assert "| conv(1x1, c, stride=stride, bias=false) -> bn }" in made(finding)


@pytest.mark.parametrize(
    ("body", "after"),
    [
        ("residual { conv(3x3, 3, 1, 0) }", "residual { conv(3x3, 3, 1, 1) }"),
        ("concat { maxpool(3, stride=1) | identity }",
         "concat { maxpool(3, stride=1, pad=1) | identity }"),
        ("residual { slice(0, -2, axis=1) -> slice(0, -2, axis=2) }",
         "residual { slice(0, -2, axis=1) -> slice(0, -2, axis=2) | crop(1) }"),
        ("concat { crop(1) | a = relu }", "concat { crop(1) | a = relu; crop(1) }"),
        ("concat { relu : [3, H, W] | crop(1) }", "concat { relu : [3, H, W]; crop(1) | crop(1) }"),
        ("concat { relu -> tanh | crop(1) }", "concat { relu -> tanh -> crop(1) | crop(1) }"),
    ],
)  # fmt: skip
def test_edits_are_written_where_they_belong(body: str, after: str) -> None:
    finding = error(model(body, OPEN))
    assert finding.code in repairs.MERGES
    assert made(finding) == model(after, OPEN)
    archlang.loads(made(finding))


def test_what_breaks_something_else_is_not_offered() -> None:
    body = "concat { avgpool(2x2) | conv(3x3, 4, stride=2) } : [7, H // 2, W // 2]"
    finding = next(d for d in errors(model(body, OPEN)) if d.code == "A211")
    assert all("ceil" not in text for text in texts(finding))
    assert "pad=[[0, 1], [0, 1]]" in made(finding)  # with it the assertion holds too


def test_the_other_models_of_a_file_are_left_as_they_are() -> None:
    block = "block half { avgpool(2x2) }\n"
    other = "model other { input x: [3, 7, 7]\n half : [3, 3, 3] }\n"
    body = "concat { half | conv(3x3, 4, stride=2) }"
    assert "ceil=true" in made(error(model(body, OPEN, block), model="m"))
    finding = error(model(body, OPEN, block + other), model="m")
    assert "ceil=true" not in made(finding)
    archlang.loads(made(finding), "other")


def test_two_mistakes_have_two_ways_out() -> None:
    one = "concat { maxpool(2x2) | conv(3x3, 4, stride=2) }"
    two = "concat { maxpool(3x3) | conv(3x3, 4, stride=3) }"
    findings = errors(model(f"{one}\n{two}", "[3, H=72, W=72]"))
    assert [d.code for d in findings] == ["A211", "A211"]
    assert "maxpool(2x2, ceil=true)" in made(findings[0])
    assert "maxpool(3x3, ceil=true)" in made(findings[1])
    both = [e for d in findings for e in d.fixes[0].edits]
    assert along(edited(findings[0].span.source, both).text).words() == "H >= 1"


def test_files_that_a_spec_uses_are_not_edited(tmp_path: Path) -> None:
    (tmp_path / "half.arch").write_text("block half { avgpool(2x2) }\n")
    text = model("concat { half | conv(3x3, 4, stride=2) }", OPEN, 'use "half.arch"')
    (tmp_path / "m.arch").write_text(text)
    with pytest.raises(archlang.ArchError) as caught:
        archlang.load(tmp_path / "m.arch")
    (finding,) = caught.value.diagnostics
    assert all(e.span.source == finding.span.source for f in finding.fixes for e in f.edits)
    assert made(finding) == text.replace("stride=2)", "stride=2, pad=[[0, 1], [0, 1]])")


def test_the_search_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: Counter[str] = Counter()
    honest = Rechecks.left

    def left(self: Rechecks, program: archlang.elaborate.Program) -> object:
        looked["left"] += 1
        graph, _ = honest(self, program)
        return graph, [finding]

    finding = error(RESNET_D)
    monkeypatch.setattr(Rechecks, "left", left)
    assert error(RESNET_D).fixes == ()
    assert 0 < looked["left"] <= repairs.TRIES + 1


def test_thirty_strides_end_in_a_finding_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    deep = " -> ".join(["conv(3x3, 3, stride=2)"] * 30)
    other = " -> ".join(["avgpool(2x2)"] * 30)
    text = model(f"add {{ {deep} | {other} }}", f"[3, H={2**30}, W={2**30}]")
    inferred: Counter[str] = Counter()
    again = repairs.again
    monkeypatch.setattr(repairs, "again", lambda *a: inferred.update(["again"]) or again(*a))
    (finding,) = errors(text)
    assert finding.code == "A001"
    assert "before they repeat; at most" in finding.notes[0]
    assert not finding.fixes
    assert not inferred


def test_in_words_and_as_data() -> None:
    finding = error(RESNET_D)
    shown = finding.render()
    assert "help: `ceil=true` in `avgpool(2x2)`: then legal for every H and W\n3 + " in shown
    assert "if stride > 1 { avgpool(2x2, ceil=true) }" in shown
    assert "help: or state it: `require (H + 3) % 32 < 4" in shown
    data = finding.to_json()
    assert data["fixes"][0]["edits"][0]["replacement"] == ", ceil=true"
    assert data["help"].startswith("`ceil=true` in `avgpool(2x2)`: ")


# Random networks


def _layer(r: random.Random) -> str:
    k, s = r.randint(1, 4), r.randint(1, 3)
    match r.randrange(4):
        case 0:
            return f"conv({k}x{k}, 2, stride={s}, pad={r.randint(0, k // 2)})"
        case 1:
            return f"maxpool({k}x{k}, stride={s}, pad={r.randint(0, k // 2)})"
        case 2:
            return f"avgpool({k}x{k}, stride={s})"
        case _:
            return f"conv_transpose({k}x{k}, 2, stride={s})"


def _written(r: random.Random) -> str:
    """Two branches of strides that are alike, so that they may nearly agree."""
    strides = [r.randint(1, 3) for _ in range(r.randint(1, 2))]
    branches = []
    for _ in range(2):
        layers = []
        for s in strides:
            k = r.randint(max(1, s - 1), 4)
            pad = r.randint(0, k // 2)
            kind = r.choice(["conv", "maxpool", "avgpool"])
            channels = ", 2" if kind == "conv" else ""
            layers.append(f"{kind}({k}x{k}{channels}, stride={s}, pad={pad})")
        branches.append(" -> ".join(layers))
    if r.random() < 0.3:
        k, p = r.randint(2, 4), r.randint(0, 1)
        up = f"conv_transpose({k}x{k}, 2, stride=2, pad={p})"
        branches = [f"maxpool(2x2) -> conv(3x3, 2) -> {up}", "identity"]
    return f"{_layer(r)} -> concat {{ {' | '.join(branches)} }} -> conv(1x1, 2)"


def _spec(seed: int) -> str:
    r = random.Random(seed)
    size = r.randint(20, 70)
    return model(_written(r), f"[3, H={size}, W={size}]" if r.random() < 0.8 else "[3, 48, 48]")


def _differs(text: str, fix: Fix) -> str:
    """Where PyTorch and a repaired spec differ; empty where they do not."""
    network = archlang.loads(text)
    found = legal(network.graph)
    module = network.to_torch("meta").eval()
    module.__takes__ = lambda *given: None  # PyTorch is asked by itself
    assert found.exact
    narrowed = any(word in fix.text for word in ("require", "crop"))
    (output,) = (node.output for node in network.graph.outputs.values())
    for n in range(1, 201) if found.names else (48,):
        point = dict.fromkeys(found.names, n)
        try:
            came = tuple(module(torch.zeros(1, 3, n, n, device="meta")).shape[1:])
        except RuntimeError:
            came = None
        if found.holds(point) and came != output.at(point).shape:
            return f"at {n}: {came}, not {output.at(point)}"
        if not found.holds(point) and came is not None and min(came) > 0 and not narrowed:
            return f"at {n}: PyTorch takes it"
    return ""


def _offered(first: int, count: int) -> tuple[Counter[str], list[str]]:
    kinds: Counter[str] = Counter()
    wrong = []
    for seed in range(first, first + count):
        text = _spec(seed)
        try:
            archlang.loads(text)
        except archlang.ArchError as caught:
            for finding in caught.diagnostics:
                kinds["found"] += finding.code in repairs.MERGES
                for number, fix in enumerate(finding.fixes):
                    kinds.update(w for w in ("ceil", "output_pad", "pad=", "crop", "require")
                                 if w in fix.text)  # fmt: skip
                    if why := _differs(made(finding, number), fix):
                        wrong.append(f"seed {seed}: {fix.text}: {why}\n{text}")
    return kinds, wrong


@pytest.mark.parametrize("first", range(0, 240, 60))
def test_random_networks(first: int) -> None:
    torch.set_num_threads(1)
    kinds, wrong = _offered(first, 60)
    assert not wrong, wrong[0]
    assert kinds["found"] > 15
    assert kinds["pad="] + kinds["ceil"] > 5
    assert kinds["crop"]
    assert kinds["require"]


def test_a_way_out_that_was_not_checked_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the second check, an edit that was thought to help is offered."""
    honest = Rechecks.left
    monkeypatch.setattr(Rechecks, "left", lambda self, program: (honest(self, program)[0], []))
    monkeypatch.setattr(_Search, "fit", lambda *given: Fit(0, False, 1))
    with pytest.raises((AssertionError, archlang.ArchError)):
        assert not _offered(0, 30)[1]
