"""Nothing leaves the page, nothing gets into it, and it is small and quick."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from archlang.draw.web import page
from archlang.elaborate import Program
from archlang.network import Network, from_program
from archlang.source import Source
from tests.draw.networks import spec
from tests.draw.web.browser import Reader, chromium

pytestmark = pytest.mark.xdist_group("browser")

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)><!-- \"'`&{data} 🎉\u2028"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


def written(folder: Path, network: Network) -> Path:
    path = folder / "page.html"
    path.write_text(page(network), encoding="utf-8")
    return path


def hostile() -> Network:
    """A network whose every name is an attack."""
    line = f"  part = conv(3x3, 4) -> bn -> relu # {EVIL[:-1]}"
    text = f"model m {{\n input x: [3, 8, 8]\n{line}\n tail = conv(3x3, 5)\n}}\n"
    found = from_program(Program(Source(f"{EVIL}.arch", text), "m"), "m", {}, {})
    found.graph.name = EVIL
    for part in (*found.graph.nodes, *found.graph.root.regions()):
        part.path = f"{EVIL}.{part.path}"
    return found


def test_hostile_names_are_text(browser, tmp_path):
    network = hostile()
    reader = Reader(browser, written(tmp_path, network))
    assert reader.page.title().strip() == EVIL.strip()
    assert reader.page.locator("script").count() == 2
    assert not reader.page.locator("img").count()
    reader.press("3", "ArrowDown", "ArrowDown")
    assert EVIL in reader.chosen()
    assert EVIL.strip() in reader.page.inner_text("#card h2")
    reader.press("/")
    reader.page.keyboard.type("</script>")
    assert reader.page.locator("#found li").count()
    reader.press("Enter")
    before = reader.fragment()
    reader.page.reload()
    assert reader.fragment() == before
    reader.close()


@pytest.mark.parametrize(
    "fragment",
    ["#level=layer&open=%E0%A4%A&at=%", "#level=none&at=<script>&theme=x", "#=&&=", "#level"],
)
def test_hostile_addresses_are_harmless(browser, tmp_path, fragment):
    reader = Reader(browser, written(tmp_path, spec("lenet5", "lenet5")), fragment)
    assert reader.boxes()
    reader.close()


def test_the_policy_lets_nothing_in_or_out(browser, tmp_path):
    path = written(tmp_path, spec("lenet5", "lenet5"))
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', path.read_text())
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy[1]
    reader = Reader(browser, path)
    run = reader.page.evaluate
    assert "Failed to fetch" in run("fetch('https://example.org').catch(String)")
    markup = "try { document.body.innerHTML = '<b>x</b>' } catch (e) { String(e) }"
    assert "TrustedHTML" in run(markup)
    blocked = "const s = document.createElement('style'); s.textContent = 'body{opacity:0}'"
    run(f"(() => {{ {blocked}; document.head.append(s) }})()")
    assert run("getComputedStyle(document.body).opacity") == "1"
    reader.said.clear()
    reader.close()


def test_it_refers_to_nothing_outside():
    text = page(spec("resnet", "resnet50"))
    for word in ("http:", "https:", "src=", "href=", "url(", "@import", "import(", "eval("):
        known = text.replace("http://www.w3.org/2000/svg", "")
        assert word not in known, word
    assert not re.search(r"\son\w+=", text.partition("<script")[0])


def test_it_is_small():
    assert len(page(spec("densenet", "densenet201")).encode()) < 150_000
    assert len(page(spec("resnet", "resnet50")).encode()) < 100_000


TOGGLE = """path => {
  const start = performance.now();
  const box = document.querySelector(`#picture [aria-label^="${path};"]`);
  box.dispatchEvent(new MouseEvent("click", { bubbles: true }));
  document.querySelector("#picture").getBoundingClientRect();
  return performance.now() - start;
}"""


@pytest.mark.slow  # it goes by a clock
@pytest.mark.parametrize("key", ["1", "2", "3"])
def test_a_toggle_is_quick(browser, tmp_path, key):
    reader = Reader(browser, written(tmp_path, spec("densenet", "densenet201")))
    reader.press(key)
    times = [reader.page.evaluate(TOGGLE, "features.denseblock3") for _ in range(11)]
    assert sorted(times)[len(times) // 2] < 50, times
    reader.close()
