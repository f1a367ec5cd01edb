"""How far a picture is opened: which parts are closed boxes, and which show what is in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import groupby
from typing import Literal, TypeAlias

from archlang.draw.parts import Card, Group, Part, Structure, span
from archlang.op import View

Level: TypeAlias = Literal["overview", "stage", "layer"]
MOST = 12
"""Boxes that an overview has, if it can."""


def opened(structure: Structure, level: Level, expand: Sequence[str] = ()) -> list[Part]:
    """The parts of a network as a level shows them, and those that ``expand`` matches open.

    ``expand`` are patterns of paths, as in ``layer3.*``. Raises ``ValueError`` for one that no
    part matches.
    """
    _check(structure, expand)
    if level == "layer":
        return structure.items
    depth = 0 if level == "overview" else 1
    shown = [_shown(part, depth, expand) for part in stages(structure)]
    return brief(structure, shown) if level == "overview" else shown


def _shown(part: Part, depth: int, expand: Sequence[str]) -> Part:
    if isinstance(part, Card) or _matches(part, expand):
        return part
    if part.framed and depth <= 0 and not _holds(part, expand):
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
    said = template or _content(group)
    card = Card("part", group.nodes, group.all, group.path, name, template, group.copies)
    card.others = group.others
    card.note = said if name else _content(group)
    return card


def _content(group: Group) -> str:
    """What a part without a template is made of, if it is of one: ``bottleneck ×3``."""
    inside = [i for i in group.items if i.template]
    templates = {i.template for i in inside}
    if len(templates) != 1 or any(isinstance(i, Group) for i in group.items if i not in inside):
        return ""
    count = sum(i.copies for i in inside)
    return f"{templates.pop()} ×{count}" if count > 1 else ""


def stages(structure: Structure) -> list[Part]:
    """Stem, stages and head: what most of the network is in is opened, runs are put together."""
    items = structure.items
    total = len(structure.inputs)
    while True:
        at = next((n for n, item in enumerate(items) if _is_large(item, total)), None)
        if at is None:
            break
        large = items[at]
        assert isinstance(large, Group)
        items = [*items[:at], *large.items, *items[at + 1 :]]
    if sum(map(_boxes, items)) > MOST:
        items = [
            closed(i) if isinstance(i, Group) and not i.framed and _boxes(i) > 3 else i
            for i in items
        ]
    return _runs(structure, items) if sum(map(_boxes, items)) > MOST else items


def brief(structure: Structure, items: list[Part]) -> list[Part]:
    """The parts of an overview: layers that only show values in another form need no box.

    They are put into the box before them.
    """
    found: list[Part] = []
    for part in items:
        last = found[-1] if found else None
        if isinstance(last, Card) and isinstance(part, Card) and last.kind in ("layer", "part"):
            tail = last.nodes[-1].index
            first = part.nodes[0].index
            taken = structure.users[last.all[-1].index] == [first] and last.copies == 1
            if _views(part) and taken and structure.inputs[first] == [tail]:
                last = replace(last, nodes=last.nodes + part.nodes, all=last.all + part.all)
                found[-1] = last
                continue
        found.append(part)
    return found


def _views(card: Card) -> bool:
    """Whether it makes no values, but shows those that it takes in another form."""
    return card.kind == "layer" and all(isinstance(n.op, View) for n in card.nodes)


def _is_large(part: Part, total: int) -> bool:
    """Whether a part holds most of a network, and is a stretch that can be shown as such."""
    if not isinstance(part, Group) or not part.framed or part.copies > 1:
        return False
    return len(part.all) > total * 0.6 and len(part.items) > 1


def _boxes(part: Part) -> int:
    """The boxes that it is in an overview."""
    if isinstance(part, Card):
        return 0 if _views(part) else 1
    return 1 if part.framed else sum(map(_boxes, part.items))


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
        names = [p.name for p in parts if p.name]
        name = span(names[0], names[-1]) if names else ""
        found.append(Group(parts, parts[-1].path, name or "×".join(map(str, size)) or "head"))
    return found
