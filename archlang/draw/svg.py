"""A scene as SVG: one file that stands alone, with every colour and size written out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape, quoteattr

from archlang.draw.font import FAMILY
from archlang.draw.scale import colour, readable
from archlang.draw.scene import Box, Point, Rect, Scene, Swatch, Text, Wire
from archlang.draw.theme import THEMES, Theme, ThemeName, mixed

FONTS = f"'{FAMILY}',Verdana,sans-serif"
BEND = 5.0
DASH = ' stroke-dasharray="4 3"'
MARKS = {"absent": DASH, "wrong": ' stroke-width="2.5"'}
"""How the borders differ of what is wrong, and of what that keeps away."""
HEAD = (3.2, 6.0)
"""Half the width of an arrow's head, and its length."""


def svg(scene: Scene, theme: ThemeName = "light") -> str:
    """The text of an SVG file; the same for the same scene, to the byte.

    Nothing in it has an id, so that several of them stand in one HTML page.
    """
    colours = THEMES[theme]
    label = quoteattr(f"{scene.title}, {scene.about}")
    wide, high = number(scene.width), number(scene.height)
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" '
            f'height="{high}" role="img" aria-label={label} font-family="{FONTS}">',
            f"<title>{escape(scene.title)}</title>",
            f"<desc>{escape(scene.about)}</desc>",
            f'<rect width="{wide}" height="{high}" fill="{colours.background}"/>',
            *(_rect(s.rect, 0, *_coat(s, colours)) for s in scene.legend),
            *(_text(text, colours) for text in scene.texts),
            *(line for box in scene.boxes if box.kind == "frame" for line in _box(box, colours)),
            *_wires([w for w in scene.wires if not _missing(scene, w)], colours),
            *_wires([w for w in scene.wires if _missing(scene, w)], colours, DASH),
            *(line for box in scene.boxes if box.kind != "frame" for line in _box(box, colours)),
            *(
                _text(text, colours, _coat(box, colours)[0])
                for box in scene.boxes
                if box.kind == "frame"
                for text in box.texts
            ),
            "</svg>\n",
        )
    )


def number(value: float) -> str:
    """A length to a tenth, as short as it goes."""
    text = f"{value:.1f}"
    return text.removesuffix(".0") if text != "-0.0" else "0"


def _coat(box: Box | Swatch, colours: Theme) -> tuple[str, str]:
    """The colours of a box and of its border."""
    if box.shade is None:
        return colours.tints[box.tint]
    fill = colour(box.shade, colours)
    return fill, "" if isinstance(box, Swatch) else colour(0.5 + box.shade / 2, colours)


def _missing(scene: Scene, wire: Wire) -> bool:
    """Whether a way leads to what errors have kept away."""
    return scene.boxes[wire.target].tint == "absent"


def _box(box: Box, colours: Theme) -> Iterator[str]:
    fill, edge = _coat(box, colours)
    yield f'<g role="img" aria-label={quoteattr(box.about)}><title>{escape(box.about)}</title>'
    radius = 11 if box.kind == "join" else 8 if box.kind == "frame" else 5
    if box.stacked:
        x, y, width, height = box.rect
        yield _rect(Rect(x + 3, y + 3, width, height), radius, fill, edge)
    if any(box.recedes):
        yield from _slab(box, colours)
    else:
        yield _rect(box.rect, radius, fill, edge, MARKS.get(box.tint, ""))
    if box.bar is not None:
        shaded = box.shade is not None
        yield _rect(box.bar, 1.5, colours.background if shaded else colours.track)
        part = box.bar._replace(width=max(box.bar.width * box.share, 1))
        yield _rect(part, 1.5, colours.inks["title"] if shaded else colours.bar)
    if box.kind != "frame":
        yield from (_text(text, colours, fill) for text in box.texts)
    yield "</g>"


def _slab(box: Box, colours: Theme) -> Iterator[str]:
    """A slab's top, its front and its right side, as light falls on them from above."""
    fill, edge = colours.tints[box.tint]
    x, y, width, height = box.rect
    dx, dy = box.recedes
    front = ((x, y), (x, y + height), (x + width, y + height), (x + width, y))
    top = (front[0], front[3], (x + width + dx, y - dy), (x + dx, y - dy))
    side = (front[3], front[2], (x + width + dx, y + height - dy), top[2])
    for face, shade in zip((top, front, side), colours.shades, strict=True):
        corners = "L".join(_at(corner) for corner in face)
        yield (
            f'<path d="M{corners}Z" fill="{mixed(fill, edge, shade)}" stroke="{edge}" '
            'stroke-width="0.8" stroke-linejoin="round"/>'
        )


def _rect(rect: Rect, radius: float, fill: str, edge: str = "", dash: str = "") -> str:
    x, y, width, height = map(number, rect)
    stroke = f' stroke="{edge}"{dash}' if edge else ""
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="{number(radius)}" '
        f'fill="{fill}"{stroke}/>'
    )


def _text(text: Text, colours: Theme, fill: str = "") -> str:
    ink = colours.inks[text.ink]
    bold = ' font-weight="bold"' if text.bold else ""
    return (
        f'<text x="{number(text.x)}" y="{number(text.y)}" font-size="{number(text.size)}"{bold} '
        f'fill="{readable(ink, fill, colours) if fill else ink}" textLength="{number(text.width)}" '
        f'lengthAdjust="spacingAndGlyphs">{escape(text.text)}</text>'
    )


def _wires(wires: Sequence[Wire], colours: Theme, dash: str = "") -> Iterator[str]:
    """All ways as one stroke, so that what lies on another is not darker, and their arrows."""
    if not wires:
        return
    ways = "".join(dict.fromkeys(_path(wire.points) for wire in wires))
    yield f'<path fill="none" stroke="{colours.wire}" stroke-width="1.3"{dash} d="{ways}"/>'
    heads = dict.fromkeys(_head(*wire.points[-2:]) for wire in wires)
    yield f'<path fill="{colours.wire}" d="{"".join(heads)}"/>'


def _path(points: tuple[Point, ...]) -> str:
    """A way with round corners."""
    said = [f"M{_at(points[0])}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        bend = min(BEND, _length(before, corner) / 2, _length(corner, after) / 2)
        said.append(f"L{_at(_towards(corner, before, bend))}")
        said.append(f"Q{_at(corner)} {_at(_towards(corner, after, bend))}")
    said.append(f"L{_at(points[-1])}")
    return "".join(said)


def _head(before: Point, tip: Point) -> str:
    half, length = HEAD
    (x, y), back = tip, _towards(tip, before, length)
    across = (half, 0.0) if before[0] == x else (0.0, half)
    left = (back[0] - across[0], back[1] - across[1])
    right = (back[0] + across[0], back[1] + across[1])
    return f"M{_at((x, y))}L{_at(left)}L{_at(right)}Z"


def _at(point: Point) -> str:
    return f"{number(point[0])} {number(point[1])}"


def _length(one: Point, other: Point) -> float:
    return abs(one[0] - other[0]) + abs(one[1] - other[1])


def _towards(start: Point, end: Point, by: float) -> Point:
    whole = _length(start, end) or 1.0
    return (
        start[0] + (end[0] - start[0]) * by / whole,
        start[1] + (end[1] - start[1]) * by / whole,
    )
