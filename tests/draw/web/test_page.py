"""A browser drives the page: it opens, closes, finds, tells, remembers and exports."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from archlang.analyses.receptive import field_of
from archlang.draw.picture import picture
from archlang.draw.svg import svg
from archlang.draw.web import page
from archlang.draw.web.data import field_text
from archlang.network import Network
from archlang.report import layer_records, rows
from tests.draw.networks import spec
from tests.draw.web.browser import Reader, chromium

MODELS = [("resnet", "resnet50"), ("googlenet", "googlenet"), ("unet", "unet")]
PARTS = {"resnet50": "layer2", "googlenet": "inception4c", "unet": "down2"}
DEEP = {
    "resnet50": "layer3.4.conv2",
    "googlenet": "inception4c.branch2.1",
    "unet": "down2.maxpool_conv.1.double_conv.3",
}

pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@cache
def text(file: str, model: str) -> str:
    return page(spec(file, model))


@pytest.fixture(params=MODELS, ids=lambda names: names[1])
def network(request) -> Network:
    return spec(*request.param)


@pytest.fixture
def file(request, network, tmp_path) -> Path:
    path = tmp_path / f"{network.name}.html"
    path.write_text(page(network), encoding="utf-8")
    return path


@pytest.fixture
def reader(browser, file) -> Iterator[Reader]:
    found = Reader(browser, file)
    yield found
    found.close()


def drawn(network: Network, **how: Any) -> list[str]:
    boxes = picture(network, **how).boxes
    return [" ".join(t.text for t in b.texts) for b in boxes if b.kind != "frame"]


def test_levels_are_python_s(reader, network):
    assert reader.boxes() == drawn(network)
    for key, level in (("2", "stage"), ("3", "layer"), ("1", "overview")):
        reader.press(key)
        assert reader.boxes() == drawn(network, level=level)
        assert f"level={level}" in reader.fragment()
    reader.page.click("#level-stage")
    assert reader.boxes() == drawn(network, level="stage")
    reader.press("d")
    assert "direction=LR" in reader.fragment()


def test_a_part_opens_and_closes(reader, network):
    path = PARTS[network.name]
    reader.press("2")
    reader.show(path)
    states = [(reader.expanded(path), reader.boxes())]
    reader.box(path).locator("text").first.click()
    states.append((reader.expanded(path), reader.boxes()))
    assert {state for state, _ in states} == {"true", "false"}
    assert states[0][1] != states[1][1]
    reader.press("Enter")
    assert (reader.expanded(path), reader.boxes()) == states[0]
    opened, closed = sorted(states, reverse=True)
    for key, state in (("+", opened), ("-", closed), ("-", closed), ("=", opened)):
        reader.press(key)
        assert (reader.expanded(path), reader.boxes()) == state
    reader.page.go_back()
    assert (reader.expanded(path), reader.boxes()) == closed


def test_search_opens_what_it_finds(reader, network):
    path = DEEP[network.name]
    assert not reader.box(path).count()
    reader.press("/")
    reader.page.keyboard.type(path)
    assert reader.page.locator("#found li").count() >= 1
    reader.press("Enter")
    first = path.replace("layer3.4", "layer3.1")
    shown = reader.page.locator("#picture [aria-selected]")
    assert first in reader.chosen()
    assert "hit" in str(shown.get_attribute("class"))
    assert inside(shown.bounding_box(), reader.page.locator("#stage").bounding_box())
    crumbs = reader.page.locator("#crumbs li").all_inner_texts()
    assert crumbs[0] == network.name
    assert path.split(".")[0] in crumbs[1:]
    reader.press("Escape")
    assert reader.page.input_value("#search") == ""
    assert not reader.page.locator(".hit").count()


def inside(one: dict[str, float], other: dict[str, float]) -> bool:
    return all(
        other[at] - 5 <= one[at] and one[at] + one[size] <= other[at] + other[size] + 5
        for at, size in (("x", "width"), ("y", "height"))
    )


def summed(network: Network, path: str) -> tuple[int, int, str, str]:
    """What the summary says of a part."""
    (row,) = (row for row in rows(network.graph) if row.name == path)
    ends = (row.results[0], row.results[-1])
    seen = dict.fromkeys(field_text(field_of(network.graph, end)) for end in ends)
    out = "×".join(map(str, row.output or ()))
    return row.params * row.copies, row.macs * row.copies, out, " – ".join(seen)


def test_the_card_s_figures_are_the_summary_s(reader, network):
    path = PARTS[network.name]
    reader.press("2")
    reader.show(path)
    reader.box(path).locator("text").first.hover()
    told = reader.card()
    params, macs = figure(told["parameters"]), figure(told["MACs"])
    assert (params, macs, told["out"], told["receptive field"]) == summed(network, path)


def test_the_card_of_a_layer_is_that_of_the_summary(reader, network):
    records = {record["path"]: record for record in layer_records(network.graph)}
    path = DEEP[network.name].replace("layer3.4", "layer2.0")
    record = records.get(path) or records[f"{path}.conv"]
    inside = [r for p, r in records.items() if p == path or p.startswith(f"{path}.")]
    reader.show(path)
    reader.page.locator("#picture [aria-selected] text").first.hover()
    told = reader.card()
    assert figure(told["MACs"]) == sum(r["macs"] for r in inside)
    assert figure(told["parameters"]) >= sum(r["params"] for r in inside) > 0
    assert told["out"] == "×".join(map(str, inside[-1]["output"]))
    place = f"{record['file']}:{record['line']}"
    assert reader.page.inner_text("#card .place") == place
    (line,) = {
        node.span.source.line(node.span.line)
        for node in network.graph.nodes
        if str(node.span).startswith(f"{place}:")
    }
    assert squeezed(reader.page.inner_text("#card code")) == squeezed(line)


def squeezed(line: str) -> str:
    return " ".join(line.split())


def figure(said: str) -> int:
    return int(said.split(" ")[0].replace(",", ""))


def test_it_remembers(reader, network):
    reader.press("2")
    reader.show(PARTS[network.name])
    reader.press("Enter", "ArrowDown", "ArrowDown", "t", "t", "d")
    boxes, chosen, fragment = reader.boxes(), reader.chosen(), reader.fragment()
    reader.page.reload()
    assert (reader.boxes(), reader.chosen(), reader.fragment()) == (boxes, chosen, fragment)
    assert reader.page.evaluate("document.documentElement.dataset.theme") == "dark"


BACKGROUND = "getComputedStyle(document.body).backgroundColor"


def test_dark_mode(reader):
    light = reader.page.evaluate(BACKGROUND)
    reader.page.emulate_media(color_scheme="dark")
    dark = reader.page.evaluate(BACKGROUND)
    assert dark != light
    reader.page.click("#theme")
    assert reader.page.evaluate(BACKGROUND) == light
    reader.page.click("#theme")
    assert reader.page.evaluate(BACKGROUND) == dark
    reader.page.emulate_media(color_scheme="light")
    assert reader.page.evaluate(BACKGROUND) == dark
    reader.page.emulate_media(media="print")
    assert reader.page.evaluate(BACKGROUND) == light
    assert not reader.page.locator("header").is_visible()


def test_what_is_shown_is_exported(reader, network):
    for key, level, theme in (("1", "overview", "light"), ("3", "layer", "dark")):
        reader.press(key)
        if theme == "dark":
            reader.press("t", "t")
        with reader.page.expect_download() as download:
            reader.press("s")
        assert download.value.suggested_filename == f"{network.name}.svg"
        found = Path(download.value.path()).read_text(encoding="utf-8")
        ElementTree.fromstring(found)
        assert found == svg(picture(network, level=level), theme)


def test_keys_lead_from_box_to_box(reader):
    reader.press("ArrowDown")
    first = reader.chosen()
    reader.press("ArrowDown")
    second = reader.chosen()
    assert first != second
    assert reader.card()
    reader.press("Escape")
    assert not reader.card()
    reader.press("ArrowUp")
    assert reader.chosen() == first
    focused = "document.activeElement.getAttribute('aria-label')"
    assert reader.page.evaluate(focused) == first
    reader.press("?")
    assert reader.page.locator("dialog").is_visible()
    reader.press("Escape")
    assert not reader.page.locator("dialog").is_visible()


def test_the_wheel_zooms_and_a_drag_moves(reader):
    world = reader.page.locator("#picture > g")
    at = [world.get_attribute("transform")]
    stage = reader.page.locator("#stage").bounding_box()
    x, y = stage["x"] + 20, stage["y"] + stage["height"] - 20
    reader.page.mouse.move(x, y)
    reader.page.mouse.wheel(0, -300)
    reader.page.wait_for_function(
        "t => t !== document.querySelector('#picture > g').getAttribute('transform')", arg=at[0]
    )
    at.append(world.get_attribute("transform"))
    reader.page.mouse.down()
    reader.page.mouse.move(x + 80, y - 40, steps=4)
    reader.page.mouse.up()
    at.append(world.get_attribute("transform"))
    assert len(set(at)) == 3
    reader.press("f")
    assert world.get_attribute("transform") == at[0]


def test_the_source_line_is_copied(browser, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(page(spec("resnet", "resnet50")), encoding="utf-8")
    reader = Reader(browser, path, permissions=["clipboard-read", "clipboard-write"])
    reader.box("layer2").hover()
    line = squeezed(reader.page.inner_text("#card code"))
    reader.page.click("#card .copy")
    reader.page.wait_for_selector("text=Copied")
    copied = reader.page.evaluate("navigator.clipboard.readText()")
    assert squeezed(copied) == line
    assert line.startswith("layer2 = ")
    reader.close()
