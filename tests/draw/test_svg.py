"""The SVG: well-formed, of itself, the same each time, small; and the font it is measured in."""

from __future__ import annotations

import json
import re
from pathlib import Path
from time import process_time
from xml.etree import ElementTree

import pytest

from archlang import loads
from archlang.draw.font import EM, FILES, FOLDER, fitted, width
from archlang.draw.picture import picture
from archlang.draw.svg import svg
from archlang.draw.theme import THEMES
from tests.draw.networks import SPECS, spec

NS = "{http://www.w3.org/2000/svg}"
GOLDEN = Path(__file__).parent / "golden"


def drawn(file: str, model: str, level: str = "overview", theme: str = "light") -> str:
    return svg(picture(spec(file, model), level=level), theme)


@pytest.mark.parametrize("theme", THEMES)
def test_it_stands_alone(theme):
    text = drawn("googlenet", "googlenet", "layer", theme)
    root = ElementTree.fromstring(text)
    assert root.tag == f"{NS}svg"
    assert root.get("role") == "img"
    parts = [root.find(f"{NS}{name}").text for name in ("title", "desc")]
    assert root.get("aria-label") == ", ".join(parts)
    assert not [tag for tag in root.iter() if "id" in tag.attrib], "a page may hold several"
    assert root.find(f"{NS}title").text == "googlenet"
    assert "13.0 M parameters" in root.find(f"{NS}desc").text
    for word in ("<style", "var(", "class=", "href", "url(", "<script"):
        assert word not in text
    assert not re.search(r"NaN|inf|e-\d", text)


def test_every_box_is_said():
    root = ElementTree.fromstring(drawn("resnet", "resnet50", "layer"))
    said = [g.get("aria-label") for g in root.iter(f"{NS}g") if g.get("role")]
    assert len(said) == len(set(said))
    assert any(
        s.startswith("layer1.0.conv1; conv(1x1, 64, bias=false), bn, relu(inplace=true); 64×56×56")
        for s in said
    )
    assert all(t.get("textLength") for t in root.iter(f"{NS}text"))


def test_names_are_escaped():
    text = svg(picture(loads("model m {\n input x: [3, 8, 8]\n a = conv(3x3, 2)\n}\n")))
    ElementTree.fromstring(text)
    scene = picture(spec("lenet5", "lenet5"))
    evil = scene._replace(title="<&\"'>", boxes=(scene.boxes[0]._replace(about='"<&>'),))
    root = ElementTree.fromstring(svg(evil._replace(wires=())))
    assert root.find(f"{NS}title").text == "<&\"'>"


def test_it_is_the_same_each_time():
    once = drawn("unet", "unet", "layer")
    spec.cache_clear()
    assert drawn("unet", "unet", "layer") == once


def test_it_is_small():
    assert len(drawn("resnet", "resnet152", "layer")) < 60_000
    assert len(drawn("resnet", "resnet50")) < 9_000


def test_it_is_quick():
    spec("resnet", "resnet152")
    start = process_time()
    drawn("resnet", "resnet152", "layer")
    assert process_time() - start < 0.3


@pytest.mark.parametrize(
    ("file", "model", "level"),
    [("lenet5", "lenet5", "layer"), ("resnet", "resnet50", "stage"), ("unet", "unet", "overview")],
)
def test_golden(file, model, level):
    """Where a change is meant: delete the file, run this once, and look at the new one."""
    path = GOLDEN / f"{model}-{level}.svg"
    text = drawn(file, model, level)
    if not path.exists():
        path.write_text(text, encoding="utf-8")
        pytest.fail(f"{path.name} was not there and is written")
    assert text == path.read_text(encoding="utf-8")


def test_widths_are_the_font_s():
    ttf = pytest.importorskip("fontTools.ttLib")
    kept = json.loads((FOLDER / "widths.json").read_text(encoding="utf-8"))
    for path, name in zip(FILES, ("regular", "bold"), strict=True):
        font = ttf.TTFont(path)
        assert font["head"].unitsPerEm == EM
        letters, widths = font.getBestCmap(), font["hmtx"]
        found = {c: int(w) for w, letters_ in kept[name].items() for c in letters_}
        assert set(found) == set(map(chr, letters))
        assert all(widths[letters[ord(c)]][0] == w for c, w in found.items())


def test_every_letter_is_in_the_font():
    letters = set("".join(json.loads((FOLDER / "widths.json").read_text())["bold"].values()))
    for file, model in (("densenet", "densenet121"), ("vit", "vit_b_16"), ("senet", "se_resnet50")):
        scene = picture(spec(file, model), level="layer")
        assert set("".join(t.text for b in scene.boxes for t in b.texts)) <= letters
    assert SPECS.exists()


def test_text_is_cut_where_it_is_too_long():
    assert fitted("conv", 10, 100) == "conv"
    cut = fitted("a very long name of a layer", 10, 60)
    assert cut.endswith("…")
    assert width(cut, 10) <= 60 < width("a very long name of a layer", 10)
