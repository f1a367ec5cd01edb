"""What must hold of every picture, whatever the network."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from archlang.draw.font import width
from archlang.draw.scene import Box, Point, Rect, Scene

SLACK = 0.01


def problems(scene: Scene) -> Iterator[str]:
    """Everything that is wrong with where things lie."""
    yield from _boxes(scene)
    yield from _texts(scene)
    yield from _wires(scene)


def overlap(one: Rect, other: Rect) -> bool:
    return (
        one.x < other.x + other.width - SLACK
        and other.x < one.x + one.width - SLACK
        and one.y < other.y + other.height - SLACK
        and other.y < one.y + one.height - SLACK
    )


def inside(one: Rect, other: Rect) -> bool:
    return (
        one.x >= other.x - SLACK
        and one.y >= other.y - SLACK
        and one.x + one.width <= other.x + other.width + SLACK
        and one.y + one.height <= other.y + other.height + SLACK
    )


def _boxes(scene: Scene) -> Iterator[str]:
    canvas = Rect(0, 0, scene.width, scene.height)
    children: dict[int, list[Box]] = {}
    for box in scene.boxes:
        around = canvas if box.parent < 0 else scene.boxes[box.parent].rect
        if not inside(box.rect, around):
            yield f"{box.path} leaves what is around it"
        children.setdefault(box.parent, []).append(box)
    for found in children.values():
        found.sort(key=lambda b: b.rect.y)
        for place, box in enumerate(found):
            for other in found[place + 1 :]:
                if other.rect.y >= box.rect.y + box.rect.height:
                    break
                if overlap(box.rect, other.rect):
                    yield f"{box.path} overlaps {other.path}"


def _texts(scene: Scene) -> Iterator[str]:
    for box in scene.boxes:
        lines = []
        for text in box.texts:
            if abs(text.width - width(text.text, text.size, text.bold)) > SLACK:
                yield f"{text.text} is not as long as it says"
            lines.append(_extent(text.text, text.x, text.y, text.size, text.width))
            if not inside(lines[-1], box.rect):
                yield f"{text.text} leaves {box.path}"
        for place, line in enumerate(lines):
            if any(overlap(line, other) for other in lines[place + 1 :]):
                yield f"texts of {box.path} overlap"


def _extent(text: str, x: float, y: float, size: float, wide: float) -> Rect:
    return Rect(x, y - 0.76 * size, wide, size)


def _wires(scene: Scene) -> Iterator[str]:
    solid = [(n, b) for n, b in enumerate(scene.boxes) if b.kind != "frame"]
    names = [
        _extent(t.text, t.x, t.y, t.size, t.width)
        for b in scene.boxes
        if b.kind == "frame"
        for t in b.texts
    ]
    canvas = Rect(0, 0, scene.width, scene.height)
    for wire in scene.wires:
        where = f"{_name(scene, wire.source)} to {_name(scene, wire.target)}"
        for one, other in pairwise(wire.points):
            if one[0] != other[0] and one[1] != other[1]:
                yield f"a way from {where} is slanted"
            way = _way(one, other)
            if not inside(way, canvas):
                yield f"a way from {where} leaves the picture"
            for n, box in solid:
                if crosses(way, box.rect):
                    ends = n in (wire.source, wire.target)
                    yield f"a way from {where} crosses {'its end' if ends else box.path}"
            if any(crosses(way, name) for name in names):
                yield f"a way from {where} crosses a name"
        yield from _ends(scene, wire.points, wire.source, wire.target)


def _way(one: Point, other: Point) -> Rect:
    x, y = min(one[0], other[0]), min(one[1], other[1])
    return Rect(x, y, abs(one[0] - other[0]), abs(one[1] - other[1]))


def crosses(way: Rect, box: Rect) -> bool:
    return (
        way.x < box.x + box.width - SLACK
        and box.x + SLACK < way.x + way.width
        and way.y < box.y + box.height - SLACK
        and box.y + SLACK < way.y + way.height
    )


def _ends(scene: Scene, points: tuple[Point, ...], source: int, target: int) -> Iterator[str]:
    for place, point in ((source, points[0]), (target, points[-1])):
        x, y, wide, high = scene.boxes[place].rect
        on_side = min(abs(point[0] - x), abs(point[0] - x - wide)) < SLACK
        on_top = min(abs(point[1] - y), abs(point[1] - y - high)) < SLACK
        touches = (on_side and y <= point[1] <= y + high, on_top and x <= point[0] <= x + wide)
        if not any(touches):
            yield f"a way ends beside {_name(scene, place)}"


def _name(scene: Scene, place: int) -> str:
    return scene.boxes[place].path


def shared(scene: Scene) -> Iterator[str]:
    """Stretches that two tensors share which neither begin nor end in one box."""
    lines: dict[tuple[bool, float], list[tuple[float, float, int, int]]] = {}
    for wire in scene.wires:
        for one, other in pairwise(wire.points):
            upright = one[0] == other[0]
            start, end = sorted((one[upright], other[upright]))
            place = round(one[not upright], 2)
            lines.setdefault((upright, place), []).append((start, end, wire.source, wire.target))
    for found in lines.values():
        found.sort()
        for number, (_, end, *ends) in enumerate(found):
            for start, _, *others in found[number + 1 :]:
                if start >= end - SLACK:
                    break
                if ends[0] != others[0] and ends[1] != others[1]:
                    yield f"{[_name(scene, place) for place in (*ends, *others)]} share a way"


def crossings(scene: Scene) -> list[str]:
    """Where the ways of two tensors cross."""
    upright: list[tuple[float, float, float, int]] = []
    level: list[tuple[float, float, float, int]] = []
    for wire in scene.wires:
        for one, other in pairwise(wire.points):
            axis = int(one[0] == other[0])
            start, end = sorted((one[axis], other[axis]))
            (upright if axis else level).append((one[1 - axis], start, end, wire.source))
    return [
        f"{_name(scene, source)} crosses {_name(scene, other)}"
        for x, top, bottom, source in upright
        for y, left, right, other in level
        if source != other and left + SLACK < x < right - SLACK and top + SLACK < y < bottom - SLACK
    ]
