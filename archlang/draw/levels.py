"""How far a picture is opened: which parts are closed boxes, and which show what is in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import groupby
from typing import Literal, TypeAlias

from archlang.draw.parts import Card, Group, Part, Structure, label, span, starts
from archlang.draw.words import caption
from archlang.op import View

Level: TypeAlias = Literal["overview", "stage", "layer"]
FEW, MOST = 5, 12
"""Boxes that an overview has, if it can, beside the signs of joins."""


def opened(structure: Structure, level: Level, expand: Sequence[str] = ()) -> list[Part]:
    """The parts of a network as a level shows them, and those that ``expand`` matches open.

    ``expand`` are patterns of paths, as in ``layer3.*``. Raises ``ValueError`` for one that no
    part matches.
    """
    if structure.graph.whole:  # what is to be opened may not be reached
        _check(structure, expand)
    if level == "layer":
        return structure.items
    live = structure.graph.live() if level == "stage" else set()
    shown = [
        _shown(part, int(any(n.index in live for n in part.nodes)), expand)
        for part in stages(structure)
    ]
    return brief(structure, shown) if level == "overview" else shown


def _shown(part: Part, depth: int, expand: Sequence[str]) -> Part:
    if isinstance(part, Card) or _matches(part, expand):
        return part
    if part.framed and depth <= 0 and not (part.wrong or _holds(part, expand)):
        return closed(part)
    inner = depth - 1 if part.framed else depth
    return replace(part, items=[_shown(item, inner, expand) for item in part.items])


def _matches(group: Group, expand: Sequence[str]) -> bool:
    """Whether its path, or that of one of its copies, is to be opened."""
    paths = (group.path, *group.others)
    return group.framed and any(fnmatchcase(path, e) for path in paths for e in expand)


def _check(structure: Structure, expand: Sequence[str]) -> None:
    for pattern in expand:
        if not any(isinstance(i, Group) and _is_or_holds(i, pattern) for i in structure.items):
            raise ValueError(f"no part of the network has a path like `{pattern}`")


def _is_or_holds(group: Group, pattern: str) -> bool:
    return _matches(group, [pattern]) or _holds(group, [pattern])


def _holds(part: Part, expand: Sequence[str]) -> bool:
    """Whether a part inside is to be opened."""
    return isinstance(part, Group) and any(
        isinstance(item, Group) and (_matches(item, expand) or _holds(item, expand))
        for item in part.items
    )


def closed(group: Group) -> Card:
    """A group as one box."""
    name, template = group.name, group.template
    if not group.framed:
        template = group.nodes[-1].op.name
    card = Card("part", group.nodes, group.all, group.path, name, template, group.copies)
    card.others = group.others
    weighted = [n.first for n in group.nodes if n.params]
    again = "shared" if weighted and not any(weighted) else ""
    said = (template if name else "", _content(group))
    card.note = said[0] or said[1]
    card.details = tuple(text for text in (said[1], _joined(group), again) if text)
    return card


def _joined(group: Group) -> str:
    """The sizes that a part's last layer joins, where it ends in one that does."""
    last = group.items[-1]
    if not isinstance(last, Card) or last.kind != "join":
        return ""
    said, sign = caption(last.layer), last.layer.op.sign
    return said.removeprefix(sign).strip() if sign and said.startswith(sign) else ""


def _content(group: Group) -> str:
    """What a part without a template is made of, if it is of one: ``bottleneck ×3``."""
    inside: list[Part] = []
    for item in group.items:
        if item.template:
            inside.append(item)
        elif isinstance(item, Group) and not item.framed:
            inside += [i for i in item.items if isinstance(i, Group) and i.template]
        elif isinstance(item, Group) or any(n.params for n in item.nodes):
            return ""
    templates = {i.template for i in inside}
    if len(templates) != 1:
        return ""
    count = sum(i.copies for i in inside)
    return f"{templates.pop()} ×{count}" if count > 1 else ""


def stages(structure: Structure) -> list[Part]:
    """Stem, stages and head: what most of the network is in is opened, runs are put together."""
    items = structure.items
    total = len(structure.inputs)
    while large := _large(items, total):
        at = items.index(large)
        items = [*items[:at], *large.items, *items[at + 1 :]]
    if sum(map(_boxes, items)) > MOST:
        items = [
            closed(i) if isinstance(i, Group) and not (i.framed or i.wrong) and _boxes(i) > 3 else i
            for i in items
        ]
    return _runs(structure, items) if sum(map(_boxes, items)) > MOST else items


def brief(structure: Structure, items: list[Part]) -> list[Part]:
    """The parts of an overview: what only shows values in another form needs no box.

    It is put into the box that it takes them from.
    """
    makers: dict[int, Card] = {}

    def brief(part: Part) -> Iterator[Part]:
        if isinstance(part, Group):
            items = part.items if part.framed else [i for item in part.items for i in brief(item)]
            yield replace(part, items=items)
            return
        card = replace(part, nodes=list(part.nodes), all=list(part.all))
        first, last = card.nodes[0].index, card.all[-1].index
        sources = structure.inputs[first]
        maker = makers.get(sources[0]) if len(sources) == 1 else None
        if maker is not None and _views(card) and structure.users[sources[0]] == [first]:
            maker.nodes += card.nodes
            maker.all += card.all
            makers[last] = maker
            return
        if card.kind in ("layer", "part") and card.copies == 1:
            makers[last] = card
        yield card

    return [item for part in items for item in brief(part)]


def _views(part: Part) -> bool:
    """Whether it makes no values, but shows those that it takes in another form."""
    return all(isinstance(n.op, View) and n.inputs and not starts(n) for n in part.nodes)


def _large(items: list[Part], total: int) -> Group | None:
    """A part that holds most of a network, or the largest of few, that can be opened."""
    groups = [i for i in items if isinstance(i, Group) and i.framed and i.copies == 1]
    large = max(groups, key=lambda group: len(group.all), default=None)
    if large is None or sum(map(_boxes, items)) < FEW:
        return large
    return large if len(large.all) > total * 0.6 and len(large.items) > 1 else None


def _boxes(part: Part) -> int:
    """The boxes that it is in an overview; the sign of a join is none."""
    if isinstance(part, Card) or part.framed:
        join = isinstance(part, Card) and part.kind == "join"
        return 0 if join or _views(part) else 1
    return sum(map(_boxes, part.items))


def _runs(structure: Structure, items: list[Part]) -> list[Part]:
    """Neighbours whose maps have one size, put together as a stage."""
    live = structure.graph.live()

    def sizes(part: Part) -> tuple[object, ...]:
        node = part.nodes[-1]
        if not node.inputs or node.index not in live:
            return ("alone", node.index)
        return tuple(int(size) for size in node.output.shape[1:])

    found: list[Part] = []
    for size, run in groupby(items, sizes):
        parts = list(run)
        if len(parts) == 1:
            found += parts
            continue
        found.append(Group(parts, parts[-1].path, _name(structure, parts, size)))
    while sum(map(_boxes, found)) > MOST and (at := _lone(structure, found)):
        before = found[at - 1]
        assert isinstance(before, Group)
        found[at - 1 : at + 1] = [replace(before, items=[*before.items, found[at]])]
    return found


def _name(structure: Structure, parts: list[Part], size: tuple[object, ...]) -> str:
    """The name of a run: those of its parts, what all of them are, or the size of its maps."""
    weighted = [part for part in parts if structure.share(part.all)]
    named = [part for part in weighted if part.name] or [part for part in parts if part.name]
    if named:
        return span(named[0].name, label((named[-1].path, *named[-1].others)[-1]))
    layers = [part for part in weighted or parts if isinstance(part, Card)]
    captions = dict.fromkeys(caption(card.layer) for card in layers)
    if len(captions) == 1 and weighted == layers:
        return f"{captions.popitem()[0]} ×{sum(card.copies for card in layers)}"
    return "×".join(map(str, size)) or "head"


def _lone(structure: Structure, found: list[Part]) -> int:
    """The place of a layer without parameters that goes on from a run alone; 0 if there is none."""
    for at in range(1, len(found)):
        part, before = found[at], found[at - 1]
        alone = isinstance(part, Card) and part.kind == "layer" and not structure.share(part.all)
        run = isinstance(before, Group) and before.framed
        if alone and run and structure.inputs[part.nodes[0].index] == [before.all[-1].index]:
            return at
    return 0
