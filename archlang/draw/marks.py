"""Marks and colours of what has changed, in the picture of one of two networks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence

from archlang.draw.compare import STATES, Compared, Side, State, sides, words_of
from archlang.draw.paint import Coat, Paint, groups
from archlang.draw.parts import Card, Part
from archlang.draw.words import Words, shape_text
from archlang.graph import Node
from archlang.wording import si

MARKS: dict[State, str] = {"same": "", "changed": "~", "added": "+", "removed": "−"}


class SidePaint(Paint):
    """Marks and colours what has changed, in the picture of one of two networks."""

    def __init__(self, compared: Compared, side: Side) -> None:
        self.compared, self.side = compared, side

    def apart(self, node: Node) -> Hashable:
        """Copies that have not changed alike are no copies."""
        return self.compared.apart(self.side, node)

    def prepare(self, items: Sequence[Part]) -> None:
        """Mark the open parts."""
        for group in groups(items):
            state = self.compared.state(self.side, group)
            group.note = "" if state == "same" else self._marks(group)

    def lines(self, card: Card, said: list[Words]) -> list[Words]:
        """The lines of a box behind its mark, and what has changed."""
        state = self.compared.state(self.side, card)
        if not said:
            return said
        title, rest = said[0], said[1:]
        if mark := MARKS[state]:
            title = title._replace(text=f"{mark} {title.text}")
        if self.side == "b" and card.kind != "join":
            rest = self._resized(card, rest)
        if card.kind == "join":
            return [title]
        told = [Words(text, ink="title").fitted() for text in self._told(card, state)]
        return [title, *rest, *told]

    def _resized(self, card: Card, said: list[Words]) -> list[Words]:
        """The lines of a box, with the shape that was before the one that is."""
        before, after = self.compared.before(card), shape_text(card.nodes[-1])
        if not said or not before or before == after or said[-1].text != after:
            return said
        return [*said[:-1], said[-1]._replace(text=f"{before} → {after}")]

    def _told(self, card: Card, state: State) -> Iterator[str]:
        """What has become of a box: how much of a closed part, what of a layer."""
        if card.kind == "part" and state != "same":
            yield self._count(card)
        elif state == "changed":
            yield from self._changes(card)
        if params := self.compared.params(self.side, card):
            yield f"{'+' if params > 0 else '−'}{si(abs(params))} parameters"

    def _changes(self, card: Card) -> Iterator[str]:
        """The first thing that changed in a layer, in the second network, and what came or went."""
        found = self.compared.of(self.side, card)
        if self.side == "b":
            texts = [text for c in found if c.kind == "changed" for text in words_of(c)]
            yield from texts[:1]
        alone = [
            (c.kind, node.op.name) for c in found if c.kind != "changed" for _, node in sides(c)
        ]
        told = [f"{MARKS[STATES[kind]]} {name}" for kind, name in alone if kind in STATES]
        if told:
            yield ", ".join(dict.fromkeys(told))

    def _count(self, part: Part) -> str:
        """``9 changed, 4 added``, in layers; how many they are where all are on one side."""
        counts = self._counts(part)
        if self.compared.state(self.side, part) != "changed":
            count = counts.total()
            return f"{count:,} layer{'s' if count > 1 else ''}"
        return ", ".join(f"{count:,} {state}" for state, count in counts.items())

    def _marks(self, part: Part) -> str:
        """The same in short: ``~9 +4``; ``~ +4`` where nothing that was there has changed."""
        counts = self._counts(part)
        said = [f"{MARKS[state]}{count:,}" for state, count in counts.items()]
        alone = "changed" not in counts and self.compared.state(self.side, part) == "changed"
        return " ".join([MARKS["changed"], *said] if alone else said)

    def _counts(self, part: Part) -> Counter[State]:
        """How many layers of a part have changed, have come, have gone."""
        counts = Counter(change.kind for change in self.compared.of(self.side, part))
        return Counter({state: counts[kind] for kind, state in STATES.items() if counts[kind]})

    def share(self, card: Card) -> float:
        """No bars."""
        return 0.0

    def coat(self, part: Part, tint: str) -> Coat:
        """The colour of what has become of it."""
        state = self.compared.state(self.side, part)
        if isinstance(part, Card):
            return Coat(tint if state == "same" and tint in ("input", "join") else state)
        return Coat("plain" if state == "same" else f"{state}-frame")

    def about(self, part: Part, said: str) -> str:
        """What is said of it, which network it is of, and what has become of it."""
        state = self.compared.state(self.side, part)
        return f"{self.side.upper()}: {said}; {state}"
