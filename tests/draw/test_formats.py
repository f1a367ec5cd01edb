"""The tables of formats, styles and layouts, and what is said where something cannot be."""

from __future__ import annotations

import sys
from pathlib import Path
from shutil import which
from typing import get_args
from xml.etree import ElementTree

import pytest

from archlang.cli.render import RenderFormat, RenderLayout, RenderStyle
from archlang.draw.errors import DrawError
from archlang.draw.formats import (
    FORMATS,
    LAYOUTS,
    STYLES,
    LayoutName,
    Look,
    Style,
    drawn,
    named,
    written,
)
from tests.draw.networks import spec

needs_dot = pytest.mark.skipif(which("dot") is None, reason="Graphviz is not installed")


def test_the_tables_and_the_options_have_the_same_names():
    assert [f.value for f in RenderFormat] == list(FORMATS)
    assert tuple(s.value for s in RenderStyle) == tuple(STYLES) == get_args(Style)
    assert tuple(x.value for x in RenderLayout) == tuple(LAYOUTS) == get_args(LayoutName)


def test_names_say_formats():
    endings = [ending for f in FORMATS.values() for ending in f.endings]
    assert len(endings) == len(set(endings))
    assert {named(Path(f"x{ending}")) for ending in endings} == set(FORMATS)
    assert named(Path("NET.SVG")) == "svg"
    with pytest.raises(DrawError) as caught:
        named(Path("x.gif"))
    assert all(ending in caught.value.hint for ending in endings)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_written_the_same_each_time(name):
    pytest.importorskip("resvg_py")
    pytest.importorskip("typst")
    network = spec("lenet5", "lenet5")
    data = written(network, name, Look(level="layer"))
    assert len(data) > 200
    assert data == written(network, name, Look(level="layer"))


@pytest.mark.parametrize(
    ("name", "look", "said", "hint"),
    [
        ("txt", Look(style="volume"), "--style volume cannot be shown as txt", "svg, png or pdf"),
        ("mermaid", Look(layout="dot"), "--layout dot cannot be shown as mermaid", "svg"),
        ("svg", Look(style="volume", layout="dot"), "cannot lay out --style volume", "leave one"),
        ("svg", Look(expand=("layer9",)), "no part of the network has a path", "summary"),
    ],
)
def test_what_cannot_be(name, look, said, hint):
    with pytest.raises(DrawError) as caught:
        written(spec("lenet5", "lenet5"), name, look)
    assert said in caught.value.message
    assert hint in caught.value.hint


@needs_dot
@pytest.mark.parametrize("theme", ["light", "dark", "auto"])
def test_graphviz_lays_out(theme):
    pytest.importorskip("graphviz")
    text = drawn(spec("googlenet", "googlenet"), Look(layout="dot", level="stage", theme=theme))
    root = ElementTree.fromstring(text)
    *_, wide, high = map(float, root.get("viewBox").split())
    assert (float(root.get("width")), float(root.get("height"))) == (wide, high)
    assert text.count('class="node') >= 20
    assert ("prefers-color-scheme" in text) == (theme == "auto")


@needs_dot
def test_what_graphviz_lays_out_becomes_png_and_pdf():
    pytest.importorskip("graphviz")
    pytest.importorskip("resvg_py")
    pytest.importorskip("typst")
    network = spec("lenet5", "lenet5")
    assert written(network, "png", Look(layout="dot")).startswith(b"\x89PNG")
    assert written(network, "pdf", Look(layout="dot")).startswith(b"%PDF")


def test_without_the_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "graphviz", None)
    with pytest.raises(DrawError, match="needs graphviz") as caught:
        drawn(spec("lenet5", "lenet5"), Look(layout="dot"))
    assert "archlang[graphviz]" in caught.value.hint


def test_without_the_program(monkeypatch):
    pytest.importorskip("graphviz")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(DrawError, match="not on the PATH") as caught:
        drawn(spec("lenet5", "lenet5"), Look(layout="dot"))
    assert "install Graphviz" in caught.value.hint
