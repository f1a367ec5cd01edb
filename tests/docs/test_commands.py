"""Every command in the documentation prints what the page shows, and every Python block runs."""

from __future__ import annotations

import doctest
from pathlib import Path
from typing import Any

import pytest

from archlang.op import Op
from tests.analyses.saved_tensors import mismatch
from tests.docs.blocks import ROOT, Block, agrees, blocks, blocks_of, commands
from tests.docs.conftest import Shell
from tests.ops.cases import Case
from tests.ops.test_layers import holds, load


@pytest.mark.parametrize("block", blocks("console"), ids=str)
def test_console(block: Block, shell: Shell) -> None:
    about = "about" in block.info.split()
    for command in commands(block):
        output = shell(command.line)
        assert agrees(command.output, output, about=about), output


@pytest.mark.parametrize(
    "block", [b for b in blocks("python") if b.page.name != "CONTRIBUTING.md"], ids=str
)
def test_python(block: Block, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    monkeypatch.chdir(root)
    if ">>> " not in block.text:
        exec(compile(block.text, str(block), "exec"), {"__name__": "__main__"})
        return
    test = doctest.DocTestParser().get_doctest(block.text, {}, str(block), str(block.page), 0)
    said: list[str] = []
    assert doctest.DocTestRunner().run(test, out=said.append).failed == 0, "".join(said)


def test_the_layer_of_contributing_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    monkeypatch.setattr(Op, "registry", dict(Op.registry))
    page = ROOT / "CONTRIBUTING.md"
    layer, case = (b.text for b in blocks_of(page) if b.info == "python")
    names: dict[str, Any] = {"__name__": "softshrink", "Case": Case}
    exec(compile(layer, str(page), "exec"), names)
    assert "softshrink" in Op.registry
    line = eval(case.strip(), names)
    holds(line)
    assert mismatch(load(line.spec, line.takes)) == ""


def test_every_info_string_is_known() -> None:
    known = {"arch", "arch-error", "console", "python", "sh", "toml", ""}
    assert {b.info.split(" ")[0] for b in blocks(*known)} <= known
    pages = {b.page for b in blocks(*known)}
    for page in pages:
        assert {b.info.split(" ")[0] for b in blocks_of(page)} <= known


@pytest.mark.parametrize(
    ("printed", "output", "about", "agree"),
    [
        ("a\nb\n", "a   \nb\n\n", False, True),
        ("a\n…\nc", "a\nb\nb\nc", False, True),
        ("a [1…3]", "a [1, 2, 3]", False, True),
        ("a\nb", "a\nc", False, False),
        ("a", "a\nb", False, False),
        ("1.5 s (3 of 4,000)", "2 s (30 of 1)", False, False),
        ("1.5 s (3 of 4,000)", "2 s (30 of 1)", True, True),
        ("lr 1.7e-06, 93.87% of", "lr 0.002, 90% of", True, True),
        ("1.5 s", "fast s", True, False),
    ],
)
def test_agreement(printed: str, output: str, about: bool, agree: bool) -> None:
    assert agrees(printed, output, about=about) is agree
