"""Two networks in one picture, side by side, with what has changed: the first and what it became.

Boxes that are the same ones lie on one line: where one network has more in between, the other's
picture is drawn apart there. That moves whole stretches, so that nothing comes to overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from archlang.draw.compare import Compared, Side, State
from archlang.draw.compose import LEGEND, moved, spread, text
from archlang.draw.layout import Direction
from archlang.draw.levels import Level, opened
from archlang.draw.marks import MARKS, SidePaint
from archlang.draw.paint import Copies, every
from archlang.draw.parts import Part, Structure
from archlang.draw.picture import HEAD, MARGIN, picture
from archlang.draw.scene import Box, Rect, Scene, Swatch, Text
from archlang.draw.words import Words
from archlang.network import Network
from archlang.wording import si

BETWEEN = 28.0
"""Between the two."""
LINE = 18.0
PATCH = (16.0, 11.0)
Cuts: TypeAlias = "list[tuple[float, float]]"
"""Where a picture is drawn apart, and how far."""
Axis: TypeAlias = Literal[0, 1]
Place: TypeAlias = "tuple[str, bool]"
"""A box, by its path, and whether it is a frame."""


def beside(
    a: Network,
    b: Network,
    *,
    level: Level = "overview",
    expand: Sequence[str] = (),
    direction: Direction = "TB",
) -> Scene:
    """The scene of two networks with what has changed; else as ``picture``.

    Raises ``ValueError`` for a pattern that no part of either matches.
    """
    compared = Compared(a.graph, b.graph)
    networks: dict[Side, Network] = {"a": a, "b": b}
    paints: dict[Side, SidePaint] = {s: SidePaint(compared, s) for s in networks}
    opening = _opening(networks, paints, expand)
    built = {side: Structure(n.graph, paints[side].apart) for side, n in networks.items()}
    items = {side: opened(s, level, opening[side]) for side, s in built.items()}
    compared.match({side: Copies(s) for side, s in built.items()}, items)
    scenes = {
        side: picture(n, level=level, expand=opening[side], direction=direction, paint=paints[side])
        for side, n in networks.items()
    }
    pairs = _pairs(compared, items["a"], items["b"])
    first, second = _aligned(scenes["a"], scenes["b"], pairs, 1 if direction == "TB" else 0)
    return _together(a, b, first, second, direction)


def _opening(
    networks: dict[Side, Network], paints: dict[Side, SidePaint], expand: Sequence[str]
) -> dict[Side, list[str]]:
    """For each network the patterns that a part of it matches."""
    found: dict[Side, list[str]] = {side: [] for side in networks}
    for pattern in expand:
        failed = None
        for side, network in networks.items():
            try:
                opened(Structure(network.graph, paints[side].apart), "layer", [pattern])
            except ValueError as error:
                failed = error
            else:
                found[side].append(pattern)
        if failed is not None and not any(pattern in own for own in found.values()):
            raise failed
    return found


def _pairs(compared: Compared, a: Sequence[Part], b: Sequence[Part]) -> list[tuple[Place, Place]]:
    """The boxes that are each other's."""
    theirs = {compared.key("b", part): part for part in every(b)}
    found = []
    for part in every(a):
        key = compared.key("a", part)
        partner = compared.partner["a"].get(key)
        if partner is not None and partner.open == key.open:
            found.append(((part.path, key.open), (theirs[partner].path, key.open)))
    return found


def _aligned(
    a: Scene, b: Scene, pairs: Sequence[tuple[Place, Place]], axis: Axis
) -> tuple[Scene, Scene]:
    """Both scenes drawn apart so that the boxes of pairs begin on one line, where they can."""
    places = [{(x.path, x.kind == "frame"): x for x in s.boxes} for s in (a, b)]
    found = [
        (places[0][x].rect[axis], places[1][y].rect[axis])
        for x, y in pairs
        if x in places[0] and y in places[1]
    ]
    cuts: tuple[Cuts, Cuts] = ([], [])
    last = (0.0, 0.0)
    for pair in sorted(found):
        if not (pair[0] > last[0] and pair[1] > last[1]):
            continue
        ahead = _shifted(pair[0], cuts[0]) - _shifted(pair[1], cuts[1])
        behind = 1 if ahead > 0 else 0
        scene = b if behind else a
        if ahead and _free(scene, pair[behind], axis):
            cuts[behind].append((pair[behind], abs(ahead)))
            last = pair
        elif not ahead:
            last = pair
    return _apart(a, cuts[0], axis), _apart(b, cuts[1], axis)


def _shifted(at: float, cuts: Cuts) -> float:
    return at + sum(by for place, by in cuts if place <= at)


def _free(scene: Scene, at: float, axis: Axis) -> bool:
    """Whether no closed box, and no name of an open one, lies across a line."""

    def across(box: Box) -> bool:
        start = box.rect[axis]
        end = start + (box.rect[axis + 2] if box.kind != "frame" else HEAD - 12)
        return start < at < end and (box.kind != "frame" or axis == 1)

    return not any(map(across, scene.boxes))


def _apart(scene: Scene, cuts: Cuts, axis: Axis) -> Scene:
    def move(at: float) -> float:
        return _shifted(at, cuts)

    def stay(at: float) -> float:
        return at

    return spread(scene, stay, move) if axis else spread(scene, move, stay)


def _together(a: Network, b: Network, first: Scene, second: Scene, direction: Direction) -> Scene:
    """One scene of both, under what they differ by and the legend."""
    down = direction == "TB"
    heads, swatches, texts = _head(a, b)
    top = HEAD + LEGEND + LINE
    dx, dy = (first.width + BETWEEN - MARGIN, 0.0) if down else (0.0, first.height - MARGIN / 2)
    need = MARGIN + max(t.x + t.width for t in (*heads, *texts))
    wide = max(first.width, second.width + dx, need)
    left = (wide - max(first.width, second.width + dx)) / 2
    one, two = moved(first, left, top), moved(second, left + dx, top + dy)
    count = len(one.boxes)
    boxes = [x._replace(parent=x.parent + count if x.parent >= 0 else -1) for x in two.boxes]
    wires = [w._replace(source=w.source + count, target=w.target + count) for w in two.wires]
    title = f"{a.name} → {b.name}"
    about = f"{title}: {'; '.join(t.text for t in heads[1:])}; {first.about}; {second.about}"
    return Scene(
        title,
        about,
        wide,
        max(one.height, two.height),
        (*one.boxes, *boxes),
        (*one.wires, *wires),
        (*heads, *texts, *one.texts, *two.texts),
        tuple(swatches),
    )


def _head(a: Network, b: Network) -> tuple[list[Text], list[Swatch], list[Text]]:
    """What both differ by, and what the colours and marks say."""
    title = Words(f"{a.name} → {b.name}", 15, True, "title")
    told = [
        _difference(getattr(a.totals, name), getattr(b.totals, name), said)
        for name, said in (("params", "parameters"), ("macs", "MACs"))
    ]
    aside = Words(" · ".join(told), ink="text")
    heads = [text(title, MARGIN, 23), text(aside, MARGIN, 23 + LINE)]
    swatches, texts = [], []
    at = MARGIN
    one, other = (a.name, b.name) if a.name != b.name else ("the first", "the second")
    said: dict[State, str] = {
        "removed": f"only in {one}",
        "added": f"only in {other}",
        "changed": "changed",
        "same": "the same",
    }
    for state, meaning in said.items():
        wide, high = PATCH
        swatches.append(Swatch(Rect(at, HEAD + LINE + 4, wide, high), tint=state))
        words = Words(f"{MARKS[state]} {meaning}".strip())
        texts.append(text(words, at + wide + 6, HEAD + LINE + 13))
        at = texts[-1].x + words.width + 16
    return heads, swatches, texts


def _difference(a: int, b: int, what: str) -> str:
    """``25.6 M → 68.9 M parameters (+43.3 M, +169 %)``."""
    if a == b:
        return f"{si(a)} {what}, as before"
    sign = "+" if b > a else "−"
    percent = f", {sign}{100 * abs(b - a) / a:.2f} %" if a else ""
    return f"{si(a)} → {si(b)} {what} ({sign}{si(abs(b - a))}{percent})"
