"""How a ``forward`` reaches what its class holds: modules, and numbers kept for it."""

from __future__ import annotations

import re

from torch import nn

from archlang.analyses.plan import Scope, below
from archlang.backends.torch.source.align import Slot
from archlang.backends.torch.source.calls import Made
from archlang.backends.torch.source.entries import every, plain_attribute
from archlang.backends.torch.source.expressions import names_in
from archlang.backends.torch.source.flow import Act
from archlang.backends.torch.source.holes import Point, UnmergeableError
from archlang.backends.torch.source.parts import Key
from archlang.backends.torch.source.template import Template
from archlang.backends.torch.source.wording import label_texts
from archlang.graph import Node


class Access:
    """The attributes of one class. ``flags`` are those that its constructor sets for it."""

    def __init__(self, template: Template) -> None:
        self.template = template
        self.flags: dict[str, str] = {}
        self.tests: dict[str, list[bool]] = {}

    def test(self, there: list[bool], points: list[Point], word: str, key: Key) -> str:
        """The attribute that says whether a step is there; the opposite of one before, if it is."""
        if len(points) == len(self.template.units):
            for flag, kept in self.tests.items():
                if kept == [not t for t in there]:
                    return f"not {flag}"
        flag = self.flag(
            self.template.use(self.template.names.condition(there, points, word, key)), word
        )
        self.tests[flag] = there
        return flag

    def flag(self, text: str, word: str) -> str:
        """The attribute that keeps an expression for the forward."""
        if self.template.names.loops or any(n in names_in(text) for n in self.turning()):
            raise UnmergeableError(text)
        for attribute, kept in self.flags.items():
            if kept == text:
                return f"self.{attribute}"
        name = text if text.isidentifier() else word
        named = [n for e in every(self.template.entries) for n in (e.name, e.attribute)]
        taken = {*self.flags, *named, *dir(nn.Module())}
        while name in taken:
            name += "_"
        self.flags[name] = text
        return f"self.{name}"

    def turning(self) -> set[str]:
        """The variables of the loops."""
        return {v for e in every(self.template.entries) for v in e.slot.variables}

    def module(self, unit: int, part: Node | Scope) -> str:
        """How a part's module is reached; nothing where it leaves all as it is."""
        entry = self.template.by_path.get((unit, part.path))
        path = below(part.path, self.template.units[unit].scope.path)
        if entry is None:
            is_parameter = isinstance(part, Node) and "" in part.params
            get = "get_parameter" if is_parameter else "get_submodule"
            return f'self.{get}("{path}")'
        if self.passes(unit, part.path):
            return ""
        entry.reached = True
        if entry.attribute:
            return f"self.{entry.attribute}"
        if plain_attribute(path):
            return f"self.{path}"
        get = "get_parameter" if entry.kind == "parameter" else "get_submodule"
        return f'self.{get}("{path}")'

    def passes(self, unit: int, path: str) -> bool:
        """Whether the part at a path gives what it takes."""
        entry = self.template.by_path.get((unit, path))
        made = entry.make if entry is not None else ""
        return isinstance(made, Made) and made.func == "nn.Identity"

    def in_turn(self, paths: list[str], points: list[Point]) -> str:
        """How the modules at ``paths`` are reached, one in each turn of a loop."""
        if self.iterates():
            return "layer"
        for text in label_texts(self.template.names, paths, points):
            if self.template.names.prove(text, points, paths):
                return f"self.get_submodule({self.kept(text)})"
        raise UnmergeableError(paths[0])

    def kept(self, text: str) -> str:
        """A text in which the names of the constructor are attributes."""
        turning = self.turning()
        for name in sorted(
            self.template.names.used(text)
            & {*self.template.names.values[0], *self.template.names.lets}
        ):
            if name not in turning:
                self.template.use(name)
                text = re.sub(rf"(?<![\w.\"]){name}\b", self.flag(name, name), text)
        return text

    def loop_header(self, slot: Slot[Act]) -> str:
        """The ``for`` line of a loop in the forward."""
        if self.iterates():
            return "for layer in self.children()"
        variables, _, items = slot.header.partition(" in ")
        return f"{variables} in {self.kept(items)}"

    def iterates(self) -> bool:
        """Whether the parts are those that one loop makes, one in each turn."""
        if len(self.template.entries) != 1 or self.template.entries[0].kind != "loop":
            return False
        body = self.template.entries[0].body
        return len(body) == 1 and body[0].kind == "part" and not body[0].cond
