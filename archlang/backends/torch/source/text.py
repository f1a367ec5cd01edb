"""A network as a file of PyTorch source: one class for each block."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable

from archlang.analyses.plan import Plan, forward_text
from archlang.backends.torch import modules
from archlang.backends.torch.source.carry import carried
from archlang.backends.torch.source.constructor import Constructor, in_sequence, name_layers
from archlang.backends.torch.source.forward import Forward
from archlang.backends.torch.source.functions import Functions
from archlang.backends.torch.source.helpers import Helpers
from archlang.backends.torch.source.holes import UnmergeableError
from archlang.backends.torch.source.parts import Description, Member, Unit
from archlang.backends.torch.source.template import Template
from archlang.backends.torch.source.wording import cap_words
from archlang.graph import Graph

WIDTH = 100


def source(graph: Graph) -> str:
    """Python source of a network that needs PyTorch alone.

    The model's class is the last. Its ``state_dict`` has the keys of ``build``'s module.
    """
    return _File(graph).text()


class _File:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.plan = Plan(graph)
        self.description = Description(self.plan)
        self.taken = {n for n in (*vars(modules), "OrderedDict") if not n.startswith("__")}
        self.functions = Functions()
        self.helpers = Helpers()
        self.classes: dict[Unit, Template] = {}
        self.written: list[list[str]] = []
        self.groups = self.grouped()

    def name(self, wanted: str) -> str:
        """A class name that nothing has yet."""
        found, count = wanted, 2
        while found in self.taken:
            found, count = f"{wanted}{count}", count + 1
        self.taken.add(found)
        return found

    # Which scopes are one class

    def grouped(self) -> list[list[Unit]]:
        """The scopes that need a class, those of one block together, inner ones first."""
        by_key: dict[object, list[Unit]] = {}
        for unit in self.description.units:
            by_key.setdefault(unit.key, []).append(unit)
        needed = {
            key: units
            for key, units in by_key.items()
            if units[0].scope.region.env is not None or not all(u.chain for u in units)
        }
        order = _ordered(needed)
        if order is not None:
            return order
        by_height: dict[object, list[Unit]] = {}
        for units in needed.values():
            for unit in units:
                by_height.setdefault((unit.key, _height(unit)), []).append(unit)
        order = _ordered(by_height)
        assert order is not None
        return order

    def text(self) -> str:
        for unit in self.description.units:
            for member in unit.members:
                if member.kind == "function" and member.node is not None:
                    self.functions.add(member.node)
        for function in self.functions.classes.values():
            function.name = self.name(cap_words(function.name))
        root = self.name(cap_words(self.graph.name))
        for units in self.groups:
            wanted = root if units[0] is self.description.root else self.class_name(units[0])
            self.write(units, wanted)
        body = "\n".join("\n".join(lines) for lines in self.written)
        used = [f for f in self.functions.classes.values() if f"{f.name}(" in body]
        helpers = self.called(body)
        classes = [*helpers, *(f.source() for f in used), *self.written]
        imports, definitions = carried([line for lines in classes for line in lines])
        parts = [self.header(root), "\n".join(imports)]
        blocks = [*definitions, *("\n".join(lines) for lines in classes)]
        return "\n\n".join(parts) + "\n\n\n" + "\n\n\n".join(blocks) + "\n"

    def called(self, text: str) -> list[list[str]]:
        """The functions of the spec that a text calls, and those that they call."""
        found: dict[str, list[str]] = {}
        for name, lines in self.helpers.lines.items():
            later = "\n".join("\n".join(x) for n, x in self.helpers.lines.items() if n != name)
            if f"{name}(" in text or f"{name}(" in later:
                found[name] = lines
        return list(found.values())

    def class_name(self, unit: Unit) -> str:
        region = unit.scope.region
        own = cap_words(region.name) if region.name else "Part"
        if region.env is None and unit.owner is not self.graph.root:
            own = f"{cap_words(unit.owner.name)}{own}"
        return own

    # Classes

    def write(self, units: list[Unit], wanted: str) -> None:
        """The class of a block; several where its instances are too different for one."""
        model = units[0] is self.description.root
        for roll in (True, False):
            if self.attempt(units, wanted if model else "", wanted, model, roll and not model):
                return
        for alike in _parted(units, self.ingredients):
            if len(alike) < len(units) and any(
                self.attempt(alike, "", wanted, model, roll) for roll in (True, False)
            ):
                continue
            for group in _parted(alike, self.skeleton):
                if len(group) < len(alike) and self.attempt(group, "", wanted, model, False):
                    continue
                for unit in group:
                    if not self.attempt([unit], "", wanted, model, False):
                        raise AssertionError(f"no source for {unit.scope.path}")

    def attempt(self, units: list[Unit], name: str, wanted: str, model: bool, roll: bool) -> bool:
        name = name or self.name(wanted)
        try:
            template = Template(
                name, units, self.classes, self.functions, self.helpers, model, roll
            )
            name_layers(template)
            forward = None if in_sequence(template) else self.forward(template)
            constructor = Constructor(template, forward.access.flags if forward else {})
        except UnmergeableError:
            if not model:
                self.taken.discard(name)
            return False
        self.classes.update(dict.fromkeys(units, template))
        self.written.append(self.class_lines(template, constructor, forward))
        return True

    def forward(self, template: Template) -> Forward:
        """What a class runs: parts that give what they take are left out where that can be."""
        used, extra = set(template.used), dict(template.names.extra)
        try:
            return Forward(template, self.plan, passing=True)
        except UnmergeableError:
            template.used, template.names.extra = used, extra
            return Forward(template, self.plan, passing=False)

    def class_lines(
        self, template: Template, constructor: Constructor, forward: Forward | None
    ) -> list[str]:
        base = "nn.Sequential" if constructor.sequence else "nn.Module"
        lines = [f"class {template.name}({base}):", *_docstring(self.doc(template)), ""]
        methods = [] if constructor.empty else [constructor.lines]
        methods += [forward.lines] if forward is not None else []
        for method in methods:
            lines += [*(f"    {line}" if line else "" for line in method), ""]
        return lines[:-1]

    def ingredients(self, unit: Unit) -> object:
        """The kinds of parts that a scope is made of, however many of each there are."""
        kinds: set[str] = set()

        def add(members: Iterable[Member]) -> None:
            for member in members:
                if member.unit is not None and member.unit in self.classes:
                    kinds.add(self.classes[member.unit].name)
                elif member.unit is not None or member.parts:
                    add(member.unit.members if member.unit else member.parts)
                else:
                    kinds.add(member.call.func if member.call else member.name)

        add(unit.members)
        return (unit.chain, len(unit.scope.takes), len(unit.scope.gives), frozenset(kinds))

    def skeleton(self, unit: Unit) -> str:
        """What two scopes that can surely be one class have in common."""
        described = [self.described(m) for m in unit.members]
        takes = [len(s.takes) for s in unit.scope.steps]
        shown = "" if unit.chain else forward_text(self.plan, unit.scope)
        return repr((described, takes, shown, len(unit.scope.takes), len(unit.scope.gives)))

    def described(self, member: Member) -> object:
        if member.kind == "function" and member.node is not None:
            return (member.name, self.functions.call(member.node))
        if member.call is not None:
            return (member.name, member.kind, member.call)
        if member.unit is not None and member.unit in self.classes:
            return (member.name, self.classes[member.unit].construct(member.unit))
        inner = member.unit.members if member.unit else member.parts
        return (member.name, [self.described(m) for m in inner])

    # Words

    def doc(self, template: Template) -> str:
        """What the spec says of a block: its comment, and the shapes of its signature."""
        region = template.units[0].scope.region
        definition, env = template.names.definition, template.names.env
        if region.env is None:
            inside = f"``{region.name}``" if region.name else "A part"
            return f"{inside} in ``{definition.name}``."
        comment = _first_sentence(env.file.doc(definition))
        signature = getattr(definition, "signature", None)
        if template.model:
            return comment or f"The network ``{self.graph.name}``."
        comment = comment or f"The block ``{definition.name}``."
        if signature is None:
            return comment
        shape = " ".join(env.span(signature).text.split())
        return f"{comment}\n\nShape: {shape}, the batch left out."

    def header(self, root: str) -> str:
        definition, env = self.graph.root.definition, self.graph.root.env
        assert definition is not None
        assert env is not None
        where = env.file.source.name.replace("\\", "/").rpartition("/")[2]
        first = f"The network ``{self.graph.name}`` of {where}, compiled to PyTorch."
        shapes = [f"{n} {_shape(node)}" for n, node in self.graph.inputs.items()]
        second = f"``{root}()`` takes {', '.join(shapes)}, N being the batch."
        return "\n".join(['"""' + first, "", *textwrap.wrap(second, WIDTH), '"""'])


def _parted(units: list[Unit], key: Callable[[Unit], object]) -> list[list[Unit]]:
    """Units with the same key together."""
    groups: dict[object, list[Unit]] = {}
    for unit in units:
        groups.setdefault(key(unit), []).append(unit)
    return list(groups.values())


def _shape(node: object) -> str:
    output = getattr(node, "output", None)
    return f"(N, {', '.join(str(int(d)) for d in output.shape)})" if output else ""


_EXAMPLE = re.compile(r"\s*\w+(\(.*\))? : \[.*->")
"""A line of a block's comment that shows a use of it."""


def _first_sentence(text: str) -> str:
    """The first sentence of a comment; a full stop inside one is followed by no capital."""
    said = [line for line in text.splitlines() if not _EXAMPLE.match(line)]
    text = " ".join(" ".join(said).split())
    end = re.search(r"(?<!Fig)(?<!Figs)(?<!Sec)(?<!Eq)(?<! al)\.(?= [A-Z`])", text)
    return text[: end.end()] if end else text


def _docstring(text: str) -> list[str]:
    """A docstring, four spaces in; its first paragraph may go on below."""
    text = text.replace("\\", "/").replace('"""', "'''").rstrip('"')
    paragraphs = text.split("\n\n")
    lines: list[str] = []
    for i, paragraph in enumerate(paragraphs):
        wrapped = textwrap.wrap(paragraph, WIDTH - 4 - 6 * (i == 0), break_long_words=False)
        lines += ([""] if i else []) + wrapped
    if len(lines) == 1 and len(lines[0]) <= WIDTH - 10:
        return [f'    """{lines[0]}"""']
    return [f'    """{lines[0]}', *(f"    {x}" if x else "" for x in lines[1:]), '    """']


def _inner(members: Iterable[Member]) -> list[Unit]:
    """The scopes right inside, those in containers among them."""
    out = []
    for member in members:
        out += [member.unit] if member.unit else _inner(member.parts)
    return out


def _height(unit: Unit) -> int:
    return 1 + max(map(_height, _inner(unit.members)), default=0)


def _ordered(groups: dict[object, list[Unit]]) -> list[list[Unit]] | None:
    """Groups, inner ones first; None where they are inside each other in a circle."""
    of = {id(unit): key for key, units in groups.items() for unit in units}
    order: dict[object, list[Unit]] = {}
    open_: set[object] = set()

    def visit(key: object) -> bool:
        if key in order:
            return True
        if key in open_:
            return False
        open_.add(key)
        if not all(reach(u) for unit in groups[key] for u in _inner(unit.members)):
            return False
        order[key] = groups[key]
        return True

    def reach(unit: Unit) -> bool:
        if id(unit) in of:
            return visit(of[id(unit)])
        return all(map(reach, _inner(unit.members)))

    if not all(map(visit, list(groups))):
        return None
    return list(order.values())
