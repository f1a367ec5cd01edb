"""The page lays a network out as Python does: same boxes, wires and texts, same SVG."""

from __future__ import annotations

import json
import random
from typing import Any, get_args

import pytest

from archlang.draw.broken import sketched
from archlang.draw.levels import Level
from archlang.draw.parts import Group, Part, Structure
from archlang.draw.picture import picture
from archlang.draw.scene import Scene
from archlang.draw.svg import svg
from archlang.draw.theme import THEMES
from archlang.draw.web.data import data
from archlang.elaborate import Program
from archlang.network import Network
from archlang.source import Source
from tests.draw.networks import FILES, LONG, few, networks, random_networks, spec
from tests.draw.web.node import scenes

NEAR = 0.01
LEVELS = get_args(Level)


def paths(items: list[Part]) -> list[str]:
    """The paths of what can be opened."""
    groups = [item for item in items if isinstance(item, Group)]
    return [
        path
        for group in groups
        for path in ([group.path] if group.framed else []) + paths(group.items)
    ]


def patterns(network: Network, many: int = 1) -> list[list[str]]:
    """Ways to open a network: as it is, all, and some of its parts."""
    found = paths(Structure(network.graph).items)
    some = random.Random(network.name).sample(found, min(many, len(found)))
    return [[], *([path] for path in some), *([["*"]] if found else [])]


def views(network: Network, opened: list[list[str]]) -> list[tuple[dict[str, Any], Scene]]:
    """How the page is opened, and Python's scene for it."""
    return [
        (
            {
                "level": level,
                "direction": direction,
                "open": data(network, level, expand)["open"],
                "shut": [],
            },
            picture(network, level=level, direction=direction, expand=expand),
        )
        for level in LEVELS
        for expand in (opened if level != "layer" else [[]])
        for direction in (("TB", "LR") if len(expand) == 0 else ("TB",))
    ]


def holds(folder, networks: list[Network], many: int = 1) -> None:
    wanted = [views(network, patterns(network, many)) for network in networks]
    theme = THEMES["light"]._asdict()
    cases = [
        {"data": data(network), "theme": theme, "views": [view for view, _ in found]}
        for network, found in zip(networks, wanted, strict=True)
    ]
    for network, found, made in zip(networks, wanted, scenes(folder, cases), strict=True):
        for (view, scene), other in zip(found, made, strict=True):
            where = f"{network.name}, {view}"
            assert not list(differences(plain(scene), other)), where
            assert svg(scene) == other["svg"], where


NONE = {"shade": None, "recedes": (0.0, 0.0), "legend": ()}
"""What only coloured pictures and volumes have."""


def plain(value: Any) -> Any:
    """A scene as the page has it."""
    if hasattr(value, "_asdict"):
        fields = value._asdict()
        assert all(fields.pop(name, none) == none for name, none in NONE.items())
        return {name: plain(item) for name, item in fields.items()}
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def differences(one: Any, other: Any, where: str = "") -> list[str]:
    """Where two scenes are not equal; lengths are to a hundredth of a pixel."""
    if isinstance(one, dict):
        assert set(one) <= set(other), where
        return [d for name in one for d in differences(one[name], other[name], f"{where}.{name}")]
    if isinstance(one, list):
        if len(one) != len(other):
            return [f"{where}: {len(one)} and {len(other)}"]
        pairs = enumerate(zip(one, other, strict=True))
        return [d for n, (a, b) in pairs for d in differences(a, b, f"{where}[{n}]")]
    same = abs(one - other) < NEAR if isinstance(one, float) else one == other
    return [] if same else [f"{where}: {one} and {other}"]


@pytest.mark.parametrize("file", FILES, ids=lambda p: p.stem)
def test_every_spec(file, tmp_path):
    holds(tmp_path, few(file)[:2])


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES, ids=lambda p: p.stem)
def test_every_model(file, tmp_path):
    holds(tmp_path, [n for n in networks(file) if len(n.graph.nodes) < LONG], many=3)


def test_random_networks(tmp_path):
    holds(tmp_path, [made for _, made in random_networks(0, 20)], many=1)


BROKEN = """
model m {
  input x: [3, 8, 8]
  stem = conv(3x3, 4) -> bn
  part = { residual { conv(3x3, 5) } -> relu }
  head = { flatten -> linear(10) }
}
"""


def test_broken_specs(tmp_path):
    found, _ = sketched(Program(Source("m.arch", BROKEN), "m"), "m")
    assert found is not None
    assert not found.graph.whole
    holds(tmp_path, [found])


def test_these_tests_can_fail(tmp_path):
    network = spec("lenet5", "lenet5")
    known = data(network)
    wrong = json.loads(json.dumps(known))
    wrong["measures"]["layout"]["GAP"] += 0.02
    ((view, scene), *_) = views(network, [[]])
    theme = THEMES["light"]._asdict()
    cases = [{"data": d, "theme": theme, "views": [view]} for d in (known, wrong)]
    (right,), (moved,) = scenes(tmp_path, cases)
    assert not differences(plain(scene), right)
    assert differences(plain(scene), moved)
