"""What a page knows of a network: its parts and their figures, as compact plain data.

Equal texts and lines are written once and named by their places, and parts are columns: a part is
a place in all of them. Lengths of text are whole numbers, in parts of an em as the font has them,
so that the page reckons them as ``draw.font`` does, to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from archlang.analyses.cost import costs
from archlang.analyses.receptive import AxisField, TensorField, field_of
from archlang.draw import font, layout, picture, ushape, words
from archlang.draw.levels import Level, brief, closed, opened, stages
from archlang.draw.parts import Card, Group, Part, Structure
from archlang.draw.words import Words
from archlang.graph import Node, Region
from archlang.network import Network
from archlang.source import Span


def data(network: Network, level: Level = "overview", expand: Sequence[str] = ()) -> dict[str, Any]:
    """All that the page of a network shows, and how far it is opened at first.

    Raises ``ValueError`` for a pattern that no part matches.
    """
    structure = Structure(network.graph)
    table = _Table(network, structure)
    roots = {"layer": structure.items, "stage": stages(structure)}
    trees = {name: table.add_all(items) for name, items in roots.items()}
    live = network.graph.live()
    for part in roots["stage"]:
        if not any(n.index in live for n in part.nodes):
            table.dead(part)
    first = opened(structure, level, expand)
    return {
        "name": network.name,
        "inputs": [f"{n} {_shape(s)}" for n, s in network.inputs.items()],
        "head": [table.said(w) for w in picture.head(network)],
        "totals": {"params": network.totals.params, "macs": network.totals.macs},
        "roots": trees,
        "taken": _taken(structure, roots["stage"], table),
        "edges": _edges(structure, table),
        "open": table.opened(first, opened(structure, level)),
        "parts": table.columns,
        "texts": table.texts,
        "strings": list(table.strings),
        "lines": list(table.lines),
        "measures": _measures(),
    }


Ident: TypeAlias = tuple[str, int, int, int]
"""A part by its path, its first and last nodes, and how many they are, however it is opened."""


@dataclass(slots=True)
class _Table:
    """The columns of parts as they are filled, and the texts, strings and lines they name."""

    network: Network
    structure: Structure
    regions: dict[str, Region] = field(init=False)
    columns: dict[str, Any] = field(init=False)
    texts: dict[str, list[Any]] = field(init=False)
    strings: dict[str, int] = field(default_factory=dict)
    lines: dict[tuple[str, int, str], int] = field(default_factory=dict)
    styles: dict[Any, int] = field(default_factory=dict)
    said_already: dict[Words, int] = field(default_factory=dict)
    places: dict[int, int] = field(default_factory=dict)
    """The place of each part, by its identity."""
    leaves: dict[int, int] = field(default_factory=dict)
    """The place of the part that each drawn node is in."""
    bare: dict[Ident, int] = field(default_factory=dict)
    """The places of stretches without a frame."""
    keys: dict[Ident, str] = field(default_factory=dict)
    """What the address of a page calls parts that can be opened."""
    taken: set[str] = field(default_factory=set)
    """The keys of all parts."""

    def __post_init__(self) -> None:
        self.regions = {}
        for region in self.network.graph.root.regions():
            if region.path is not None:
                self.regions.setdefault(region.path, region)
        dense = ("items", "path", "plain", "named", "params", "macs", "out", "takes", "layers")
        sparse = ("title", "name", "copies", "others", "key", "straight", "trouble")
        flags = ("shut", "bare", "dead", "wrong")
        self.columns = {
            "kind": "",
            **{n: [] for n in (*dense, "line", "field", "tint")},
            **{n: {} for n in sparse},
        }
        self.columns |= {name: [] for name in flags}
        self.texts = {"style": [], "units": [], "text": [], "styles": []}

    # Tables

    def string(self, text: str) -> int:
        """The place of a text in the table of strings."""
        return self.strings.setdefault(text, len(self.strings))

    def said(self, line: Words) -> int:
        """The place of a line of a box in the table of texts."""
        if line not in self.said_already:
            style = (line.size, line.bold, line.ink)
            if style not in self.styles:
                self.styles[style] = len(self.styles)
                self.texts["styles"].append(style)
            self.said_already[line] = len(self.texts["text"])
            self.texts["style"].append(self.styles[style])
            self.texts["units"].append(font.units(line.text, line.bold))
            self.texts["text"].append(line.text)
        return self.said_already[line]

    def all_said(self, lines: list[Words]) -> list[int]:
        """The places of the lines of a box."""
        return [self.said(line) for line in lines]

    def line(self, span: Span) -> int:
        """The place of a line of the spec."""
        row = (span.source.name, span.line, span.source.line(span.line).strip())
        return self.lines.setdefault(row, len(self.lines))

    # Parts

    def add_all(self, items: list[Part], above: str = "") -> list[int]:
        """Add parts with those inside them; their places. Those already there keep theirs."""
        return [self._add(item, above) for item in items]

    def _add(self, part: Part, above: str) -> int:
        if id(part) in self.places:
            return self.places[id(part)]
        place = len(self.columns["path"])
        self.places[id(part)] = place
        self._figures(part, above)
        if isinstance(part, Group):
            self._group(part, place)
        elif part.kind == "part":
            self._shut(part, place)
        else:
            self._layer(part, place)
        return place

    def _figures(self, part: Part, above: str) -> None:
        """The columns that all parts have."""
        nodes, every, columns = part.nodes, part.all, self.columns
        place = len(columns["path"])
        live, cost = self.network.graph.live(), costs(self.network.graph)
        columns["path"].append(_below(part.path, above))
        columns["params"].append(self.structure.share(every))
        columns["macs"].append(sum(cost[n.index].macs for n in every if n.index in live))
        columns["out"].append(self.string(words.shape_text(nodes[-1])))
        columns["takes"].append([self.string(words.shape_text(n)) for n in self._taken(part)])
        columns["items"].append(0)
        columns["line"].append(-1)
        if trouble := picture.trouble(part):
            columns["trouble"][place] = self.string(trouble)
        if part.copies > 1:
            columns["copies"][place] = part.copies
            columns["others"][place] = [_below(path, above) for path in part.others]
        graph = self.network.graph
        first = part.items[-1].all if isinstance(part, Group) else nodes
        seen = dict.fromkeys(field_text(field_of(graph, end)) for end in (first[-1], every[-1]))
        columns["field"].append(self.string(" – ".join(t for t in seen if t)))
        columns["tint"].append(-1)

    def _taken(self, part: Part) -> list[Node]:
        """The nodes outside a part whose tensors it takes, in order."""
        inside = {n.index for n in part.nodes}
        found = (i for n in part.nodes for i in self.structure.inputs[n.index])
        nodes = self.network.graph.nodes
        return [nodes[i] for i in dict.fromkeys(found) if i not in inside]

    def _layer(self, card: Card, place: int) -> None:
        columns = self.columns
        columns["kind"] += {"input": "i", "layer": "l", "join": "j"}[card.kind]
        columns["layers"].append([self.string(str(n.op)) for n in card.nodes if n.inputs])
        plain, named = (self.all_said(words.lines(card, named=named)) for named in (False, True))
        columns["plain"].append(plain)
        columns["named"].append(named if named != plain else 0)
        if card.nodes[0].inputs:
            columns["line"][place] = self.line(card.layer.span)
        self._key(card, place)
        columns["tint"][place] = self.string(picture.tint(card))
        self.leaves.update((n.index, place) for n in card.nodes)

    def _group(self, group: Group, place: int) -> None:
        columns = self.columns
        region = self.regions.get(group.path)
        card = closed(group)
        self._opens(group, place, card, words.frame_title(group))
        if (tint := picture.tint(card)) != "part":
            columns["tint"][place] = self.string(tint)
        if group.wrong:
            columns["wrong"].append(place)
        if group.framed and region is not None and len(list(region.nodes())) >= len(group.nodes):
            columns["line"][place] = self.line(region.span)
            if region.args:
                columns["layers"][place] = [self.string(f"{region.name}({region.args})")]
        if group.framed:
            self.keys[_ident(group)] = self._key(group, place)
        else:
            columns["bare"].append(place)
            self.bare[_ident(group)] = place
        if group.straight >= 0:
            columns["straight"][place] = group.straight
        columns["items"][place] = self.add_all(group.items, group.path)

    def _shut(self, card: Card, place: int) -> None:
        """A stretch without a name that an overview shows as one box."""
        title = words.frame_title(Group([], card.path, card.name, card.template))
        self._opens(card, place, card, title)
        self.columns["shut"].append(place)
        self._key(card, place)
        self.columns["items"][place] = [self.bare[_ident(card)]]

    def _key(self, part: Part, place: int) -> str:
        """What the address of a page calls a part: its path, with a ~ where another has that."""
        key = part.path
        while key in self.taken:
            key += "~"
        self.taken.add(key)
        if key != part.path:
            self.columns["key"][place] = key
        return key

    def _opens(self, part: Part, place: int, card: Card, title: list[Words]) -> None:
        """The columns of what can be opened: how it looks closed, and its name when open."""
        columns = self.columns
        columns["kind"] += "g"
        columns["layers"].append([self.string(part.template)] if part.template else [])
        columns["named"].append(0)
        columns["plain"].append(self.all_said(words.lines(card, named=False)))
        columns["title"][place] = self.all_said(title)
        if card.template:
            columns["name"][place] = self.string(card.template)

    def dead(self, part: Part) -> None:
        """Note that no output needs a part, nor what is in it."""
        if isinstance(part, Group):
            self.columns["dead"].append(self.places[id(part)])
            for item in part.items:
                self.dead(item)

    def opened(self, items: list[Part], before: list[Part]) -> list[str]:
        """The keys of parts that are open in ``items``, and not in ``before``."""
        usual = set(_open(before))
        return [self.keys[ident] for ident in _open(items) if ident not in usual]


def _ident(part: Part) -> Ident:
    nodes = part.nodes
    return part.path, nodes[0].index, nodes[-1].index, len(nodes)


def _open(items: list[Part]) -> dict[Ident, None]:
    """What tells open parts apart."""
    found: dict[Ident, None] = {}
    for item in items:
        if isinstance(item, Group):
            if item.framed:
                found[_ident(item)] = None
            found |= _open(item.items)
    return found


def _below(path: str, above: str) -> str:
    """A path as seen from the part around: what both share is left out."""
    if path == above:
        return "."
    return path[len(above) :] if above and path.startswith(f"{above}.") else path


def _edges(structure: Structure, table: _Table) -> list[int]:
    """What goes from part to part, in order: places of parts, in pairs."""
    found: dict[tuple[int, int], None] = {}
    for index in sorted(table.leaves):
        for source in structure.inputs[index]:
            ends = (table.leaves[structure.drawn(source)], table.leaves[index])
            if ends[0] != ends[1]:
                found[ends] = None
    return [place for ends in found for place in ends]


def _taken(structure: Structure, items: list[Part], table: _Table) -> list[list[Any]]:
    """What the boxes of an overview take in: the box; part by part what it takes, and says then."""
    boxes = list(_boxes(items, table))
    begins = {card.nodes[0].index: (place, card) for place, card in boxes}
    found = []
    for place, box in boxes:
        taken: list[Any] = []
        while len(users := structure.users[box.all[-1].index]) == 1 and users[0] in begins:
            behind, card = begins[users[0]]
            (first, *rest) = brief(structure, [box, card])
            if rest:
                break
            assert isinstance(first, Card)
            box = first
            taken.append([behind, table.all_said(words.lines(box, named=True))])
        if taken:
            found.append([place, taken])
    return found


def _boxes(items: list[Part], table: _Table) -> Iterator[tuple[int, Card]]:
    """The boxes of an overview with nothing opened, and the places of the parts that they are."""
    for item in items:
        if isinstance(item, Card):
            yield table.places[id(item)], item
        elif item.framed:
            yield table.places[id(item)], closed(item)
        else:
            yield from _boxes(item.items, table)


def field_text(seen: TensorField) -> str:
    """``11×11, stride 4``; by the input's name where there are several; "" where there is none."""
    inputs = dict.fromkeys(axis.input for axis in seen.axes)
    said = {name: [a for a in seen.axes if a.input == name] for name in inputs}
    texts = {name: _axes_text(axes) for name, axes in said.items()}
    if len(set(texts.values())) == 1:
        return next(iter(texts.values()))
    return "; ".join(f"{name} {text}" for name, text in texts.items())


def _axes_text(axes: list[AxisField]) -> str:
    sizes = [str(a.size) if a.size is not None else "all" if a.whole else "varies" for a in axes]
    steps = [f"{float(a.stride):g}" for a in axes if a.stride is not None]
    stride = ""
    if steps and len(steps) == len(axes):
        stride = f", stride {steps[0] if len(set(steps)) == 1 else '×'.join(steps)}"
    return "×".join(sizes) + stride


def _shape(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))


def _measures() -> dict[str, dict[str, float]]:
    """The lengths that the layout is made of, by their names in Python."""
    return {
        module.__name__.rpartition(".")[2]: {
            name: value
            for name, value in vars(module).items()
            if name.isupper() and isinstance(value, (int, float))
        }
        for module in (words, layout, ushape, picture)
    }
