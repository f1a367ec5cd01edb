"""Every spec checks, and the figures of its paper are in it."""

from pathlib import Path

import pytest

from archlang.elaborate import Program
from archlang.elaborate.files import read_source
from archlang.inspection import inspect

ROOT = Path(__file__).parents[2]
FILES = sorted([*(ROOT / "specs").glob("*.arch"), *(ROOT / "archlang/std").glob("*.arch")])


@pytest.mark.parametrize("file", FILES, ids=lambda p: p.name)
def test_every_model_checks(file):
    program = Program(read_source(file), str(file))
    assert not program.diagnostics
    for name in program.complete:
        graph, found = inspect(program, name)
        assert graph is not None, [d.render() for d in found]
        assert not found


@pytest.mark.parametrize("file", FILES, ids=lambda p: p.name)
def test_specs_are_documented(file):
    program = Program(read_source(file), str(file))
    assert program.module is not None
    source = program.module.env.file.source
    assert source.text.startswith("#"), "a spec begins with its paper"
    if file.parent.name == "std":
        env = program.module.env
        blocks = [b for b in env.blocks.values() if b.env is env]
        assert blocks
        assert all(env.file.doc(b.node) for b in blocks)


def test_a_wrong_figure_of_the_paper_is_noticed():
    text = (ROOT / "specs/vgg.arch").read_text()
    assert "millions=138)" in text
    from archlang import ArchError, loads

    with pytest.raises(ArchError) as caught:
        loads(text.replace("millions=138)", "millions=137)"), "vgg16")
    assert [d.code for d in caught.value.diagnostics] == ["A205"]
