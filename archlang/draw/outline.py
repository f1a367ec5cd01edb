"""A network as the text of Graphviz (DOT) and of Mermaid: open parts are clusters in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from archlang.draw.cells import Cell, plan
from archlang.draw.font import FAMILY
from archlang.draw.kinds import Kinds
from archlang.draw.layout import Direction
from archlang.draw.levels import Level, opened
from archlang.draw.parts import Card, Structure
from archlang.draw.theme import THEMES, ThemeName
from archlang.draw.ways import cards, straight, ways
from archlang.draw.words import frame_title, lines
from archlang.network import Network
from archlang.wording import si

PLAIN = re.compile(r"[^\w ,.:+=×·–/()\[\]⊕⊖⊗⧺…-]|_(?=_)")
"""What Mermaid may take for its own in a label."""


class _Outline:
    """A network's cards and open parts, with their names in a text."""

    def __init__(self, network: Network, level: Level, expand: Sequence[str]) -> None:
        structure = Structure(network.graph)
        found = plan(structure, opened(structure, level, expand))
        totals = network.totals
        note = f"{si(totals.params)} parameters · {si(totals.macs)} MACs"
        self.title = f"{network.name}: {note}"
        self.root = found.root
        self.named = level == "overview"
        self.names = {cell: f"n{number}" for number, cell in enumerate(cards(found.root))}
        self.edges = [(self.names[start], self.names[end]) for start, end in ways(found)]
        self.kinds = Kinds()
        self.clusters = 0

    def card(self, cell: Cell) -> tuple[Card, str, list[str]]:
        """A card, its tint and its lines."""
        assert isinstance(cell.part, Card)
        said = [words.text for words in lines(cell.part, named=self.named)]
        return cell.part, self.kinds.tint(cell.part), said

    def cluster(self, cell: Cell) -> tuple[str, str]:
        """A name for an open part in the text, and what it is called."""
        assert not isinstance(cell.part, Card)
        self.clusters += 1
        return f"cluster_{self.clusters}", "  ".join(w.text for w in frame_title(cell.part))


def _framed(cell: Cell) -> bool:
    return not isinstance(cell.part, Card) and cell.part.framed


def _inside(cell: Cell) -> Iterator[Cell]:
    for row in cell.rows:
        yield from (kid for kid in row if not straight(kid))


# Graphviz


def dot(
    network: Network,
    *,
    level: Level = "overview",
    expand: Sequence[str] = (),
    direction: Direction = "TB",
    theme: ThemeName = "light",
) -> str:
    """A network, opened to a level, in Graphviz's language; as ``picture`` for the rest."""
    outline = _Outline(network, level, expand)
    colours = THEMES[theme]
    head = (
        f'fontname="{FAMILY}", fontsize=14, fontcolor="{colours.inks["title"]}", labelloc=t, '
        f'labeljust=l, label={_quoted(outline.title)}, bgcolor="{colours.background}", '
        f"rankdir={direction}, ranksep=0.35, nodesep=0.25"
    )
    node = (
        f'shape=box, style="rounded,filled", fontname="{FAMILY}", fontsize=11, '
        f'fontcolor="{colours.inks["title"]}", height=0.3, margin="0.12,0.06"'
    )
    edge = f'color="{colours.wire}", arrowsize=0.6'
    return "\n".join(
        (
            f"digraph {_quoted(network.name)} {{",
            f"  graph [{head}];",
            f"  node [{node}];",
            f"  edge [{edge}];",
            *_dot(outline, outline.root, theme, 1),
            *(f"  {start} -> {end};" for start, end in outline.edges),
            "}\n",
        )
    )


def _dot(outline: _Outline, cell: Cell, theme: ThemeName, depth: int) -> Iterator[str]:
    """The lines of a cell."""
    colours, pad = THEMES[theme], "  " * depth
    if isinstance(cell.part, Card):
        card, tint, said = outline.card(cell)
        fill, border = colours.tints[tint]
        shape = ", shape=circle, margin=0.02" if card.kind == "join" and len(said[0]) == 1 else ""
        label = _quoted("\n".join(said))
        yield (
            f"{pad}{outline.names[cell]} [label={label}, tooltip={_quoted(card.path)}, "
            f'fillcolor="{fill}", color="{border}"{shape}];'
        )
        return
    inner = depth + _framed(cell)
    if _framed(cell):
        name, said_of = outline.cluster(cell)
        fill, border = colours.tints["plain"]
        yield f"{pad}subgraph {name} {{"
        yield (
            f'{pad}  graph [label={_quoted(said_of)}, fontsize=11, style="rounded,filled", '
            f'fillcolor="{fill}", color="{border}"];'
        )
    for kid in _inside(cell):
        yield from _dot(outline, kid, theme, inner)
    if _framed(cell):
        yield f"{pad}}}"


def _quoted(text: str) -> str:
    """A text as Graphviz takes it: lines apart, nothing replaced."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


# Mermaid


def mermaid(
    network: Network,
    *,
    level: Level = "overview",
    expand: Sequence[str] = (),
    direction: Direction = "TB",
    theme: ThemeName = "light",
) -> str:
    """A network, opened to a level, as a flowchart of Mermaid; as ``picture`` for the rest."""
    outline = _Outline(network, level, expand)
    colours = THEMES[theme]
    tinted: dict[str, list[str]] = {}
    body = list(_mermaid(outline, outline.root, tinted, 1))
    styles = []
    for tint, names in tinted.items():
        fill, border = colours.tints[tint]
        ink = colours.inks["title"]
        styles.append(f"  classDef {tint} fill:{fill},stroke:{border},color:{ink}")
        styles.append(f"  class {','.join(names)} {tint}")
    return "\n".join(
        (
            "---",
            f"title: {json.dumps(outline.title, ensure_ascii=False)}",
            "---",
            f"flowchart {direction}",
            *body,
            *(f"  {start} --> {end}" for start, end in outline.edges),
            *styles,
            "",
        )
    )


def _mermaid(
    outline: _Outline, cell: Cell, tinted: dict[str, list[str]], depth: int
) -> Iterator[str]:
    """The lines of a cell; ``tinted`` gathers the cards of each tint."""
    pad = "  " * depth
    if isinstance(cell.part, Card):
        card, tint, said = outline.card(cell)
        tinted.setdefault(tint, []).append(outline.names[cell])
        opening, closing = ("([", "])") if card.kind == "input" else ("[", "]")
        if card.kind == "join" and len(said[0]) == 1:
            opening, closing = "((", "))"
        label = "<br/>".join(map(_escaped, said))
        yield f'{pad}{outline.names[cell]}{opening}"{label}"{closing}'
        return
    inner = depth + _framed(cell)
    if _framed(cell):
        name, said_of = outline.cluster(cell)
        yield f'{pad}subgraph {name}["{_escaped(said_of)}"]'
    for kid in _inside(cell):
        yield from _mermaid(outline, kid, tinted, inner)
    if _framed(cell):
        yield f"{pad}end"


def _escaped(text: str) -> str:
    """A text as Mermaid shows it: whatever it might read as its own is given by its number."""
    return PLAIN.sub(lambda found: f"#{ord(found.group())};", text)
