"""Pictures in notebooks and scripts."""

from __future__ import annotations

import subprocess
import sys
from xml.etree import ElementTree

import pytest

from archlang import loads
from archlang.draw.errors import DrawError
from archlang.draw.text import text
from tests.draw.networks import spec

pytest.importorskip("IPython")
from IPython.core.formatters import DisplayFormatter


def shown(value: object) -> dict[str, str]:
    """What a notebook gets of a value."""
    data, _ = DisplayFormatter().format(value)
    return data


@pytest.mark.parametrize("of", [lambda n: n, lambda n: n.diagram()], ids=["network", "diagram"])
def test_a_notebook_shows_the_overview(of):
    network = spec("resnet", "resnet50")
    data = shown(of(network))
    assert set(data) == {"image/svg+xml", "text/plain"}
    assert ElementTree.fromstring(data["image/svg+xml"]).get("role") == "img"
    assert "layer3" in data["image/svg+xml"]
    assert data["text/plain"] == text(network).rstrip()


def test_a_notebook_may_ask_for_less():
    data, _ = DisplayFormatter().format(spec("lenet5", "lenet5"), include={"text/plain"})
    assert set(data) == {"text/plain"}


def test_levels_and_parts():
    network = spec("resnet", "resnet50")
    assert "1×1 conv, 256" not in network.diagram().svg
    assert "1×1 conv, 256" in network.diagram(expand="layer1").svg
    assert "1×1 conv, 2048" in network.diagram("layer").svg
    assert "1×1 conv, 2048" in network.diagram("layer").text
    assert "#11161d" in network.diagram(theme="dark").svg
    assert network.diagram(direction="LR").svg != network.diagram().svg


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"level": "deep"}, "level is one of overview, stage, layer, not deep"),
        ({"direction": "up"}, "direction is one of TB, LR"),
        ({"theme": "blue"}, "theme is one of light, dark, auto"),
        ({"expand": ["layer9"]}, "no part of the network has a path like `layer9`"),
    ],
)
def test_what_cannot_be(given, said):
    with pytest.raises(ValueError, match=said):
        spec("resnet", "resnet50").diagram(**given)


@pytest.mark.parametrize(
    ("name", "start"), [("a.svg", b"<svg"), ("a.png", b"\x89PNG"), ("a.pdf", b"%PDF")]
)
def test_it_is_saved_as_its_name_says(tmp_path, name, start):
    assert spec("lenet5", "lenet5").diagram().save(tmp_path / name).read_bytes().startswith(start)


def test_a_name_that_says_nothing(tmp_path):
    with pytest.raises(DrawError, match="cannot tell what to write"):
        spec("lenet5", "lenet5").diagram().save(tmp_path / "a.gif")
    assert not list(tmp_path.iterdir())


def test_hostile_names_are_text():
    network = loads('model net {\n    input image: [3, 8, 8]\n    part["<b>&"] = conv(3x3, 4)\n}')
    drawn = ElementTree.fromstring(network.diagram("overview").svg)
    assert "part<b>&" in "".join(drawn.itertext())


def test_nothing_is_drawn_on_import():
    drawing = "m for m in sys.modules if 'draw' in m or 'IPython' in m"
    code = f"import sys; from archlang import load; print(*({drawing}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
