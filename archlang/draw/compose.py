"""Scenes put together and made wider, with all that is in them moved along."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from archlang.draw.picture import HEAD, MARGIN
from archlang.draw.scene import Box, Rect, Scene, Swatch, Text, Wire
from archlang.draw.words import Words

Place = Callable[[float], float]
LEGEND = 34.0
"""The height of a legend."""


def text(words: Words, x: float, y: float) -> Text:
    """Words at a place: their left end, and their baseline."""
    return Text(words.text, x, y, words.size, words.width, words.bold, words.ink)


def spread(scene: Scene, x: Place, y: Place) -> Scene:
    """A scene with everything at other places, which keep their order."""

    def rect(r: Rect) -> Rect:
        left, top = x(r.x), y(r.y)
        return Rect(left, top, x(r.x + r.width) - left, y(r.y + r.height) - top)

    def put(t: Text) -> Text:
        return t._replace(x=x(t.x), y=y(t.y))

    def box(b: Box) -> Box:
        bar = b.bar and rect(b.bar)
        return b._replace(rect=rect(b.rect), bar=bar, texts=tuple(map(put, b.texts)))

    def wire(w: Wire) -> Wire:
        return w._replace(points=tuple((x(a), y(b)) for a, b in w.points))

    return scene._replace(
        width=x(scene.width),
        height=y(scene.height),
        boxes=tuple(map(box, scene.boxes)),
        wires=tuple(map(wire, scene.wires)),
        texts=tuple(map(put, scene.texts)),
        legend=tuple(s._replace(rect=rect(s.rect)) for s in scene.legend),
    )


def moved(scene: Scene, dx: float, dy: float) -> Scene:
    """A scene further to the right and further down."""
    return spread(scene, lambda x: x + dx, lambda y: y + dy)


def headed(scene: Scene, swatches: Sequence[Swatch], texts: Sequence[Text]) -> Scene:
    """A scene with a legend between its head and the rest; the legend begins at height 0."""
    wide = max(scene.width, MARGIN + max(t.x + t.width for t in texts))
    left = (wide - scene.width) / 2
    low = spread(scene, lambda x: x + left, lambda y: y + LEGEND)
    return low._replace(
        width=wide,
        texts=(*scene.texts, *(t._replace(y=t.y + HEAD) for t in texts)),
        legend=tuple(s._replace(rect=s.rect._replace(y=s.rect.y + HEAD)) for s in swatches),
    )
