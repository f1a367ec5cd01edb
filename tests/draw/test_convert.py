"""PNG and PDF from the SVG."""

from __future__ import annotations

import re
import struct

import pytest

from archlang.draw.convert import ZOOM, pdf, png
from archlang.draw.picture import picture
from archlang.draw.svg import svg
from tests.draw.networks import spec


def test_a_png_is_the_picture():
    pytest.importorskip("resvg_py")
    scene = picture(spec("lenet5", "lenet5"))
    data = png(svg(scene))
    assert data.startswith(b"\x89PNG")
    wide, high = struct.unpack(">II", data[16:24])
    assert abs(wide - ZOOM * scene.width) <= 2
    assert abs(high - ZOOM * scene.height) <= 2
    assert data == png(svg(scene))


def test_its_text_is_drawn():
    pytest.importorskip("resvg_py")
    text = svg(picture(spec("lenet5", "lenet5")))
    without = re.sub(r"<text.*?</text>", "", text)
    assert len(png(text)) > 1.5 * len(png(without))


def test_the_text_of_a_pdf_is_text():
    pytest.importorskip("typst")
    text = svg(picture(spec("lenet5", "lenet5")))
    data = pdf(text)
    assert data.startswith(b"%PDF")
    assert b"/ToUnicode" in data, "its letters can be read"
    assert b"DejaVu" in data
    assert data == pdf(text)
