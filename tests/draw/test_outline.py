"""DOT and Mermaid: each box once, each way once, open parts as clusters, any name harmless."""

from __future__ import annotations

import re
import subprocess
from shutil import which
from typing import get_args

import pytest

from archlang.draw.layout import Direction
from archlang.draw.levels import Level
from archlang.draw.outline import _escaped, _quoted, dot, mermaid
from archlang.draw.picture import picture
from archlang.draw.theme import THEMES
from archlang.network import Network
from tests.draw.networks import FILES, few, random_networks, spec

needs_dot = pytest.mark.skipif(which("dot") is None, reason="Graphviz is not installed")

LABEL = r'"(?:[\w ,.:+=×·–/()\[\]⊕⊖⊗⧺…-]|#\d+;|<br/>)*"'
STATEMENTS = {
    "title": re.compile(r'title: ".*"'),
    "flowchart": re.compile(r"flowchart (TB|LR)"),
    "node": re.compile(rf" +(n\d+)(?:\[{LABEL}\]|\(\[{LABEL}\]\)|\(\({LABEL}\)\))"),
    "subgraph": re.compile(rf" +subgraph (cluster_\d+)\[{LABEL}\]"),
    "end": re.compile(r" +end"),
    "edge": re.compile(r"  (n\d+) --> (n\d+)"),
    "classDef": re.compile(r"  classDef (\w+) fill:#\w{6},stroke:#\w{6},color:#\w{6}"),
    "class": re.compile(r"  class (n\d+(?:,n\d+)*) (\w+)"),
}


def read(text: str) -> dict[str, list[tuple[str, ...]]]:
    """The statements of a flowchart by their kinds; fails where a line is none."""
    first, title, last, *lines = text.splitlines()
    assert (first, last) == ("---", "---")
    found: dict[str, list[tuple[str, ...]]] = {kind: [] for kind in STATEMENTS}
    depth = 0
    for line in (title, *lines):
        kinds = [(k, m) for k, p in STATEMENTS.items() if (m := p.fullmatch(line))]
        assert len(kinds) == 1, line
        ((kind, match),) = kinds
        found[kind].append(match.groups())
        depth += (kind == "subgraph") - (kind == "end")
        assert depth >= 0
    assert depth == 0
    return found


def holds(network: Network) -> None:
    for level in get_args(Level):
        scene = picture(network, level=level)
        boxes = [b for b in scene.boxes if b.kind != "frame"]
        found = read(mermaid(network, level=level))
        nodes = [name for (name,) in found["node"]]
        assert len(nodes) == len(set(nodes)) == len(boxes), (network.name, level)
        assert len(found["subgraph"]) == len(scene.boxes) - len(boxes)
        ways = {(w.source, w.target) for w in scene.wires}
        assert len(found["edge"]) == len(set(found["edge"])) == len(ways), (network.name, level)
        assert {n for edge in found["edge"] for n in edge} <= set(nodes)
        named = [name for names, _ in found["class"] for name in names.split(",")]
        assert sorted(named) == sorted(nodes), "each has its colours"
        assert {tint for _, tint in found["class"]} == {tint for (tint,) in found["classDef"]}


@pytest.mark.parametrize("file", FILES, ids=lambda p: p.stem)
def test_every_spec(file):
    for network in few(file):
        holds(network)


def parsed(text: str) -> str:
    """A graph as Graphviz reads it; raises where it does not."""
    done = subprocess.run(
        ["dot", "-Tcanon"], input=text, capture_output=True, text=True, check=True, timeout=60
    )
    assert not done.stderr
    return done.stdout


@needs_dot
@pytest.mark.parametrize(
    ("file", "model"), [("resnet", "resnet50"), ("googlenet", "googlenet"), ("unet", "unet3d")]
)
@pytest.mark.parametrize("level", get_args(Level))
def test_graphviz_reads_it(file, model, level):
    network = spec(file, model)
    text = dot(network, level=level, direction="LR", theme="dark")
    canon = parsed(text)
    scene = picture(network, level=level)
    ways = {(w.source, w.target) for w in scene.wires}
    assert canon.count("->") == text.count("->") == len(ways)
    frames = sum(b.kind == "frame" for b in scene.boxes)
    assert canon.count("subgraph cluster_") == text.count("subgraph cluster_") == frames
    assert "rankdir=LR" in canon
    assert THEMES["dark"].background in canon


@needs_dot
def test_random_networks_are_read():
    for _, made in random_networks(9000, 20):
        holds(made)
        parsed(dot(made, level="layer"))


@pytest.mark.parametrize("direction", get_args(Direction))
def test_directions(direction):
    network = spec("lenet5", "lenet5")
    assert f"flowchart {direction}\n" in mermaid(network, direction=direction)
    assert f"rankdir={direction}" in dot(network, direction=direction)


HOSTILE = 'a"b\\n</script>`#;|{end}\n--> 𝕏 %% &amp;'


def test_what_mermaid_might_read_is_numbered():
    assert re.fullmatch(LABEL, f'"{_escaped(HOSTILE)}"')
    assert _escaped('"`#') == "#34;#96;#35;"
    assert _escaped("3×3 conv, 64 /2") == "3×3 conv, 64 /2"


@needs_dot
def test_what_graphviz_might_read_is_escaped():
    text = f"digraph {{ a [label={_quoted(HOSTILE)}] }}"
    done = subprocess.run(
        ["dot", "-Tsvg"], input=text, capture_output=True, text=True, check=True, timeout=60
    )
    assert "a&quot;b\\n&lt;/script&gt;`#;|{end}" in done.stdout


@needs_dot
def test_these_tests_can_fail():
    with pytest.raises(subprocess.CalledProcessError):
        parsed('digraph { a [label="x"y"] }')
    text = mermaid(spec("lenet5", "lenet5"))
    for wrong in (text.replace("conv", 'co"nv'), text.replace("-->", "->"), text + "  end\n"):
        with pytest.raises(AssertionError):
            read(wrong)
