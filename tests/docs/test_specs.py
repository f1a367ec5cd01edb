"""Every spec in the documentation, in specs/ and in examples/ is what it is said to be."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import archlang
from archlang.diagnostic import CODES, Diagnostic
from archlang.elaborate import Program
from archlang.elaborate.files import read_source
from archlang.inspection import inspect
from archlang.source import Source
from tests.docs.blocks import ROOT, WITHIN, Block, blocks, blocks_of

LANGUAGE = ROOT / "docs" / "language.md"
SPECS = sorted(p for folder in ("specs", "examples") for p in (ROOT / folder).rglob("*.arch"))
EXPECTED = re.compile(r"arch-error (A\d{3})")


def findings(program: Program) -> list[Diagnostic]:
    """Everything that is wrong with the complete models of a program."""
    found = [*program.diagnostics]
    if not found:
        found = [d for name in program.complete for d in inspect(program, name)[1]]
    return found


@pytest.mark.parametrize("block", blocks("arch"), ids=str)
def test_spec_is_right(block: Block) -> None:
    program = Program(Source(str(block), block.spec), str(block.page))
    assert findings(program) == []
    assert program.complete, "no model is checked"


@pytest.mark.parametrize("block", blocks("arch-error"), ids=str)
def test_error_is_as_announced(block: Block) -> None:
    expected = EXPECTED.fullmatch(block.info)
    assert expected
    program = Program(Source(str(block), block.spec), str(block.page))
    assert [d.code for d in findings(program)] == [expected[1]]


def test_fragments_say_where_they_stand() -> None:
    fragments = [b for b in blocks("arch", "arch-error") if "model" not in b.text]
    assert all(WITHIN.match(b.text) or b.text.startswith("use ") for b in fragments)


@pytest.mark.parametrize("path", SPECS, ids=lambda p: str(p.relative_to(ROOT)))
def test_file_is_right(path: Path) -> None:
    program = Program(read_source(path), str(path))
    assert findings(program) == []
    assert program.complete


def test_readme_lists_the_specs() -> None:
    listed = set(re.findall(r"\(specs/(\S+\.arch)\)", (ROOT / "README.md").read_text("utf-8")))
    assert listed == {p.name for p in (ROOT / "specs").glob("*.arch")}


def test_reference_lists_the_standard_library() -> None:
    listed = set(re.findall(r"\[`std/(\w+)`\]", LANGUAGE.read_text("utf-8")))
    assert listed == {p.stem for p in (ROOT / "archlang" / "std").glob("*.arch")}


def test_readme_shows_the_spec_that_is_there() -> None:
    shown = blocks_of(ROOT / "README.md")[0].text.splitlines()
    spec = (ROOT / "specs" / "lenet5.arch").read_text("utf-8").splitlines()
    assert [line for line in spec if line in shown][: len(shown)] == shown


def test_readme_shows_the_source_that_is_written() -> None:
    pytest.importorskip("torch")
    shown = next(b.text for b in blocks_of(ROOT / "README.md") if "class Bottleneck" in b.text)
    written = archlang.load(ROOT / "specs" / "resnet.arch", "resnet50").to_source()
    assert shown[shown.index("class Bottleneck") :].strip() in written


def test_paths_are_those_of_the_table() -> None:
    page = LANGUAGE.read_text("utf-8")
    block = next(b for b in blocks_of(LANGUAGE) if "model paths {" in b.text)
    rows = page.partition("<!-- paths -->")[2].partition("<!-- end of paths -->")[0]
    cells = [row.split("|")[1] for row in rows.splitlines() if row.startswith("| `")]
    listed = [path for cell in cells for path in re.findall(r"`([^`]+)`", cell)]
    graph = archlang.loads(block.text, "paths").graph
    layers = [n.path for n in graph.nodes if n.inputs and not n.op.merges]
    assert listed == list(dict.fromkeys(layers))


def test_codes_in_the_text_exist() -> None:
    for page in (LANGUAGE, ROOT / "README.md"):
        assert set(re.findall(r"\bA\d{3}\b", page.read_text("utf-8"))) <= set(CODES)
