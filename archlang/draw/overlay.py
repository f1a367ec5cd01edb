"""A picture coloured by a quantity: a figure in every box, and the scale above."""

from __future__ import annotations

from collections.abc import Sequence

from archlang.draw.compose import headed, text
from archlang.draw.layout import Direction
from archlang.draw.levels import Level
from archlang.draw.paint import Coat, Paint, cards, groups
from archlang.draw.parts import Card, Part
from archlang.draw.picture import MARGIN, picture
from archlang.draw.quantities import Quantity
from archlang.draw.scene import Rect, Scene, Swatch, Text
from archlang.draw.words import SMALL, Words
from archlang.network import Network

STRIP = (200, 10)
"""The scale's length and its height."""
STEPS = 40


class Overlay(Paint):
    """Colours boxes by how much they have of a quantity."""

    def __init__(self, quantity: Quantity) -> None:
        self.quantity = quantity
        self.most = 0.0

    def prepare(self, items: Sequence[Part]) -> None:
        """Find what the strongest colour stands for."""
        self.most = self.quantity.most(cards(items))
        for group in groups(items):
            group.note = self.quantity.text(group)

    def lines(self, card: Card, said: list[Words]) -> list[Words]:
        """The lines of a box, and its figure; behind the sign of a join, where it adds up."""
        figure = self.quantity.text(card) if card.kind not in ("input", "pass") else ""
        if not figure:
            return said
        if card.kind == "join":
            adds = self.quantity.share(card) and self.quantity.sums
            return [said[0]._replace(text=f"{said[0].text}  {figure}")] if adds else said
        return [*said, Words(figure).fitted()]

    def share(self, card: Card) -> float:
        """Of the network's total, or of the input."""
        return self.quantity.share(card)

    def coat(self, part: Part, tint: str) -> Coat:
        """A place on the scale; open parts and inputs have none."""
        if not isinstance(part, Card):
            return Coat("plain")
        amount = None if part.kind == "input" else self.quantity.amount(part)
        if amount is None:
            return Coat("input")
        return Coat("input", amount / self.most if self.most else 0.0)

    def about(self, part: Part, said: str) -> str:
        """What is said of it, and the figure."""
        figure = self.quantity.text(part)
        return f"{said}; {figure}" if figure else said

    def legend(self) -> tuple[list[Swatch], list[Text]]:
        """The scale, with what it stands for, under the head of a picture."""
        wide, high = STRIP
        step = wide / STEPS
        strip = [
            Swatch(Rect(MARGIN + i * step, 0, step, high), shade=i / (STEPS - 1))
            for i in range(STEPS)
        ]
        title = Words(self.quantity.title, SMALL, ink="faint")
        texts = [text(title, MARGIN + wide + 10, high - 1)]
        room = MARGIN
        ticks = [Words(self.quantity.tick(self.most * part)) for part in (0, 0.5, 1)]
        for words, part in zip(ticks, (0, 0.5, 1), strict=True):
            start = MARGIN + wide * part - words.width * part
            if part == 0.5 and start + words.width + 8 > MARGIN + wide - ticks[-1].width:
                continue
            texts.append(text(words, max(start, room), high + 13))
            room = texts[-1].x + words.width + 8
        return strip, texts


def overlay(
    network: Network,
    quantity: Quantity,
    *,
    level: Level = "overview",
    expand: Sequence[str] = (),
    direction: Direction = "TB",
) -> Scene:
    """The scene of a network, coloured by a quantity; else as ``picture``."""
    paint = Overlay(quantity)
    scene = picture(network, level=level, expand=expand, direction=direction, paint=paint)
    scene = scene._replace(about=f"{scene.about}; coloured by {quantity.title}")
    return headed(scene, *paint.legend())
