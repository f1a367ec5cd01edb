"""A picture as plain shapes with places: boxes, wires and texts, each of a part of a network."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

Point: TypeAlias = tuple[float, float]
Ink: TypeAlias = Literal["title", "text", "faint", "error"]


class Text(NamedTuple):
    """A line of text: ``x`` is its left end, ``y`` its baseline, ``width`` its measured length."""

    text: str
    x: float
    y: float
    size: float
    width: float
    bold: bool = False
    ink: Ink = "text"


class Rect(NamedTuple):
    """A rectangle, by its upper left corner."""

    x: float
    y: float
    width: float
    height: float


class Box(NamedTuple):
    """A layer, a folded part or a frame around parts.

    ``tint`` is the hue's name in a theme, ``shade`` a place on the scale of figures in its stead;
    ``share`` is the part of the network's parameters, or of another figure, that ``bar`` shows;
    ``parent`` is the place in ``Scene.boxes`` of the frame around it, or -1. A slab
    ``recedes`` so far to the right and up.
    """

    rect: Rect
    kind: Literal["card", "join", "frame", "slab"]
    tint: str
    path: str
    about: str
    texts: tuple[Text, ...]
    level: int
    parent: int = -1
    stacked: bool = False
    bar: Rect | None = None
    share: float = 0.0
    shade: float | None = None
    recedes: Point = (0.0, 0.0)


class Swatch(NamedTuple):
    """A patch of colour in a legend: a tint with its border, or a place on the scale."""

    rect: Rect
    tint: str = ""
    shade: float | None = None


class Wire(NamedTuple):
    """A tensor's way from box to box, which are places in ``Scene.boxes``."""

    points: tuple[Point, ...]
    source: int
    target: int


class Scene(NamedTuple):
    """A whole picture. Frames come before what they hold."""

    title: str
    about: str
    width: float
    height: float
    boxes: tuple[Box, ...]
    wires: tuple[Wire, ...]
    texts: tuple[Text, ...]
    legend: tuple[Swatch, ...] = ()
