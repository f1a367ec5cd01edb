from __future__ import annotations

import random
from itertools import combinations
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")

from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from archlang.plots.tradeoff import FRONT, NAMED, Mark, Words, draw, picture

WORDS = Words("net on digits", "parameters", "test accuracy", names="width · optimizer.lr")


def marks(seed: int, count: int, *, spread: bool = False, decades: float = 2.0) -> list[Mark]:
    drawn = random.Random(seed)
    found: list[Mark] = []
    best = -1.0
    costs = sorted(10 ** (4 + decades * drawn.random()) for _ in range(count))
    for number, cost in enumerate(costs):
        value = 0.8 + 0.19 * drawn.random()
        deviation = 0.01 * drawn.random() if spread else None
        found.append(Mark(cost, value, deviation, f"{number} · 0.01", value > best))
        best = max(best, value)
    return found


def names(figure: Figure) -> dict[str, Bbox]:
    figure.draw_without_rendering()
    (axes,) = figure.axes
    texts = [t for t in axes.texts if isinstance(t, Annotation) and t.get_text()]
    return {t.get_text(): t.get_window_extent() for t in texts}


def area(a: Bbox, b: Bbox) -> float:
    both = Bbox.intersection(a, b)
    return 0.0 if both is None else float(both.width * both.height)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("spread", [False, True])
def test_names_cover_no_name_and_no_point(seed: int, spread: bool) -> None:
    given = marks(seed, 12, spread=spread)
    figure = picture(given, WORDS)
    boxes = names(figure)
    assert set(boxes) == {m.name for m in given}
    for a, b in combinations(boxes.values(), 2):
        assert area(a, b) < 2
    (axes,) = figure.axes
    for mark in given:
        x, y = axes.transData.transform((mark.cost, mark.value))
        point = Bbox.from_extents(x - 3, y - 3, x + 3, y + 3)
        assert all(area(point, box) == 0 for box in boxes.values())


def test_of_many_only_those_of_the_front_bear_names() -> None:
    given = marks(5, NAMED + 1)
    assert set(names(picture(given, WORDS))) == {m.name for m in given if m.front}


def test_the_front_is_a_line_of_steps_through_its_points() -> None:
    given = marks(2, 9)
    (axes,) = picture(given, WORDS).axes
    (line,) = [x for x in axes.lines if x.get_drawstyle() == "steps-post"]
    front = [(m.cost, m.value) for m in given if m.front]
    assert [tuple(point) for point in line.get_xydata()] == front  # type: ignore[union-attr]
    assert line.get_color() == FRONT


def test_the_axis_is_logarithmic_where_costs_span_much() -> None:
    assert picture(marks(1, 8, decades=2), WORDS).axes[0].get_xscale() == "log"
    assert picture(marks(1, 8, decades=0.5), WORDS).axes[0].get_xscale() == "linear"
    free = [Mark(0, 0.5, None, "none", True), Mark(1000, 0.6, None, "some", True)]
    assert picture(free, WORDS).axes[0].get_xscale() == "linear"


def test_costs_are_told_in_their_unit() -> None:
    figure = picture(marks(1, 8), Words("", "memory of a training step", "", unit="B"))
    figure.draw_without_rendering()
    ticks = [t.get_text() for t in figure.axes[0].get_xticklabels()]
    assert {"20 KB", "500 KB"} <= set(ticks)


def test_no_share_is_above_one() -> None:
    given = [Mark(1, 1.0, None, "a", True), Mark(2, 0.9, None, "b", False)]
    figure = picture(given, WORDS)
    figure.draw_without_rendering()
    assert figure.axes[0].get_yticks().max() <= 1


def test_points_in_one_place_stand_side_by_side() -> None:
    given = [Mark(100, 0.9, None, name, name == "a") for name in "abc"]
    given.append(Mark(100, 0.5, None, "far below", False))
    figure = picture([*given, Mark(200, 0.95, None, "d", True)], WORDS)
    (axes,) = figure.axes
    drawn = [line for line in axes.lines if line.get_marker() == "o"]
    places = sorted(float(line.get_xydata()[0][0]) for line in drawn)  # type: ignore[index]
    assert places[0] == pytest.approx(100)
    assert len({round(x, 3) for x in places}) == 5


@pytest.mark.parametrize("count", [1, 2, 40])
def test_files(tmp_path: Path, count: int) -> None:
    paths = [tmp_path / "a.svg", tmp_path / "a.png"]
    assert draw(marks(0, count), WORDS, paths) == paths
    assert paths[0].read_text().lstrip().startswith("<?xml")
    assert paths[1].read_bytes()[:4] == b"\x89PNG"
