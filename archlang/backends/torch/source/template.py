"""A class of the source: the parts of all its instances, as one constructor."""

from __future__ import annotations

from typing import Any

from archlang.backends.torch.source.align import Slot, align
from archlang.backends.torch.source.calls import Expr, Made, parsed, written
from archlang.backends.torch.source.entries import Entry, Parameter
from archlang.backends.torch.source.expressions import (
    agrees,
    is_literal,
    literal,
)
from archlang.backends.torch.source.flow import Act
from archlang.backends.torch.source.functions import Functions
from archlang.backends.torch.source.helpers import Helpers
from archlang.backends.torch.source.holes import MISSING, Hole, Point, UnmergeableError
from archlang.backends.torch.source.names import Names
from archlang.backends.torch.source.parts import (
    Call,
    Key,
    Member,
    Unit,
    parameters,
    span_key,
    walk,
)
from archlang.backends.torch.source.wording import label_texts, settings
from archlang.graph import Node
from archlang.syntax import ast


class Template:
    """The class that ``units`` are instances of; raises ``UnmergeableError`` if they cannot be.

    ``classes`` are those of the scopes inside, by unit.
    """

    def __init__(
        self,
        name: str,
        units: list[Unit],
        classes: dict[Unit, Template],
        functions: Functions,
        helpers: Helpers,
        model: bool,
        roll: bool,
    ) -> None:
        self.name, self.units, self.classes, self.functions = name, units, classes, functions
        self.model, self.roll = model, roll
        self.names = Names(units, model, helpers)
        self.number = {unit: i for i, unit in enumerate(units)}
        self.made_by: dict[int, list[str]] = {}
        self.used: set[str] = set()
        self.uses = {
            (n.start, n.end): n for n in walk(self.names.definition) if isinstance(n, ast.Use)
        }
        self.settings = settings(units[0]) if model else set()
        self.chain = all(u.chain for u in units)
        self.inside = [{n.index for n in u.scope.nodes} for u in units]
        self.within = self._within(units[0])
        rows = [u.members for u in units]
        points = self.names.points
        self.by_path: dict[tuple[int, str], Entry] = {}
        form = _form(rows) if self.chain else "attributes"
        self.entries = self.resolve(align(rows, points, self.names, self.within, roll), form)

    def _within(self, unit: Unit) -> Key:
        region = unit.scope.region
        if region.definition is None:
            return span_key(region)
        return (self.names.env.file.source.name, region.definition.start, region.definition.end)

    # Parts

    def resolve(self, slots: list[Slot[Member]], form: str) -> list[Entry]:
        return [self.entry(slot, form) for slot in slots]

    def entry(self, slot: Slot[Member], form: str) -> Entry:
        if slot.header:
            self.names.loops.extend(slot.variables)
            body = self.resolve(slot.body, form)
            del self.names.loops[-len(slot.variables) :]
            self.use(slot.header.partition(" in ")[2])
            return Entry("loop", "", slot, body=body, header=slot.header)
        points, found = slot.given()
        first = found[0]
        name = self.member_name(points, found, form)
        cond = ""
        if not all(slot.there):
            said = self.names.condition(slot.there, slot.points, _word(first), first.key)
            cond = self.use(said)
        entry = Entry("part", name, slot, cond)
        kinds = {m.kind for m in found}
        if kinds == {"container"}:
            entry.kind = "container"
            entry.body = self.inner([m.parts for m in found], points, first.key, "attributes")
        elif kinds == {"unit"} and all(m.unit not in self.classes for m in found):
            entry.kind = "chain"
            rows = [m.unit.members for m in found if m.unit is not None]
            entry.body = self.inner(rows, points, first.key, _form(rows))
        else:
            entry.kind = "parameter" if kinds == {"parameter"} else "part"
            entry.make = self.made(points, found)
        self.by_path.update({(p.unit, m.path): entry for p, m in zip(points, found, strict=True)})
        return entry

    def inner(
        self, rows: list[list[Member]], points: list[Point], within: Key, form: str
    ) -> list[Entry]:
        return self.resolve(align(rows, points, self.names, within, self.roll), form)

    def member_name(self, points: list[Point], found: list[Member], form: str) -> str:
        """The name of a part, or the text that gives it in each turn of a loop."""
        names = [m.name for m in found]
        if len(set(names)) == 1:
            return names[0]
        if form == "numbered":
            return ""
        for text in label_texts(self.names, names, points):
            if self.names.prove(text, points, names):
                return self.use(text)
        if form == "attributes" and all(m.stateless for m in found):
            return ""
        raise UnmergeableError(names[0])

    def use(self, text: str) -> str:
        """Take note of the names that a text uses."""
        self.used |= self.names.used(text)
        return text

    # Constructors

    def made(self, points: list[Point], found: list[Member]) -> Expr:
        calls = [self.call(m) for m in found]
        if len({c.func for c in calls}) > 1 or len({c.positional for c in calls}) > 1:
            if not all(m.stateless or m.kind == "function" for m in found):
                raise UnmergeableError(_word(found[0]))
            use = self.uses.get(found[0].key[1:])
            hole = Hole(use.name if use else "layer", list(calls), points)
            return self.use(self.names.choose(hole))
        first = calls[0]
        arguments = self.ordered(calls)
        out = Made(first.func)
        texts: list[str] = []
        for position, name in enumerate(arguments):
            text = self.argument(name, points, found, calls, texts)
            if text is not None:
                shown = parsed(text) if isinstance(text, str) else text
                out.args.append(("" if position < first.positional else name, shown))
        for member in found:
            nodes = [member.node] if member.node else member.unit.scope.nodes if member.unit else []
            for node in nodes:
                self.made_by[node.index] = texts
        return out

    def ordered(self, calls: list[Call]) -> list[str]:
        """All arguments that are given, in the order of the constructor's parameters."""
        given = list(dict.fromkeys(name for call in calls for name in call.args))
        own = {t.name: t for t in self.classes.values()}
        func = calls[0].func
        if func in own:
            known = [p.name for p in own[func].parameters()]
        else:
            functions = {f.name for f in self.functions.classes.values()}
            known = [] if func in functions else list(parameters(func))
        first = given[: calls[0].positional]
        rest = sorted(given[len(first) :], key=lambda n: known.index(n) if n in known else 99)
        return [*first, *rest]

    def argument(
        self,
        name: str,
        points: list[Point],
        found: list[Member],
        calls: list[Call],
        texts: list[str],
    ) -> Expr | None:
        """The text of one argument; None where it is best left out."""
        default = self.default(calls[0].func, name)
        values = [c.args.get(name, default) for c in calls]
        if MISSING in values:
            raise UnmergeableError(name)
        hole = Hole(name, values, points, default=default)
        hole.written = self.written(name, found[0], points)
        hole.siblings = [t for t in texts if not t[:1].isdigit()] if position_free(name) else []
        if self.arrives(name, values, found):
            hole.derived = self.derived(found, points) or [literal(values[0])]
        if name == "inplace" and not hole.same:
            return None
        if all(isinstance(v, Call) for v in values) and hole.same:
            return written(values[0])
        text = self.choice(hole)
        by_name = name not in list(calls[0].args)[: calls[0].positional]
        if by_name and text == _literal(default):
            return None
        if all(isinstance(v, int) and not isinstance(v, bool) for v in values):
            texts.append(text)
        return text

    def choice(self, hole: Hole) -> str:
        """The text of a number; of a tuple whose numbers differ, each by itself."""
        values = hole.values
        if self.model:
            return self.use(self.setting(hole) or literal(values[0]))
        listed = [e for e in hole.written if isinstance(e, ast.ListLiteral)]
        kinds = {type(v) for v in values}
        length = {len(v) for v in values if isinstance(v, (tuple, list))}
        if not (kinds <= {tuple, list} and len(kinds) == len(length) == 1 and max(length) > 0):
            return self.use(self.names.choose(hole))
        whole = (t for t in self.names.candidates(hole) if self.names.matches(t, hole))
        if hole.same != bool(listed) and (found := next(whole, None)) is not None:
            return self.use(found)
        parts = []
        for i, column in enumerate(zip(*values, strict=True)):
            written = [e.items[i] for e in listed if len(e.items) == len(values[0])]
            part = Hole(f"{hole.label}{i}", list(column), hole.points, written)
            parts.append(self.choice(part))
        if kinds == {list}:
            return f"[{', '.join(parts)}]"
        return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"

    def setting(self, hole: Hole) -> str | None:
        """The parameter of the model that a number is, if it may be changed and all else kept."""
        for node in hole.written:
            if isinstance(node, ast.Name) and node.name in self.settings and not hole.derived:
                text = self.names.spoken[node.name]
                if self.names.matches(text, hole):
                    return text
        return None

    def call(self, member: Member) -> Call:
        """The constructor of a part, its numbers those of this instance."""
        if member.kind == "function":
            assert member.node is not None
            return self.functions.call(member.node)
        if member.call is not None:
            return member.call
        assert member.unit is not None
        if member.unit not in self.classes:
            raise UnmergeableError(member.name)
        return self.classes[member.unit].construct(member.unit)

    def default(self, func: str, name: str) -> Any:
        for template in self.classes.values():
            if template.name == func:
                return next(p.default for p in template.parameters() if p.name == name)
        if func in {f.name for f in self.functions.classes.values()}:
            return MISSING
        found = parameters(func).get(name, MISSING)
        return MISSING if found is _EMPTY else found

    def written(self, name: str, member: Member | Act, points: list[Point]) -> list[ast.Expr]:
        """The arguments that the spec gives the part, that of the same name first."""
        use = self.uses.get(member.key[1:])
        if use is None or member.key[0] != self.names.env.file.source.name:
            return []
        bound = self.names.partial(use.name)
        given = sorted([*(use.args or []), *bound], key=lambda a: a.name != name)
        return [a.value for a in given]

    def arrives(self, name: str, values: list[Any], found: list[Member]) -> bool:
        """Whether a number is a size of what arrives at the part."""
        if found[0].unit is not None:
            template = self.classes[found[0].unit]
            return name in template.names.takes
        node = found[0].node
        if node is None or not all(isinstance(v, int) and not isinstance(v, bool) for v in values):
            return False
        fits = all(
            m.node is not None and v in _sizes(m.node) for m, v in zip(found, values, strict=True)
        )
        return fits and not position_free(name) and not name.startswith("out")

    def derived(self, found: list[Member], points: list[Point]) -> list[str]:
        """What made the tensors that arrive was given: the nearest first."""
        texts: list[str] = []
        for member, point in zip(found, points, strict=True):
            node = member.node
            if node is None:
                assert member.unit is not None
                current = member.unit.scope.takes[0] if member.unit.scope.takes else None
            else:
                current = node.inputs[0] if node.inputs else None
            for text in self.behind(current, point):
                if text not in texts:
                    texts.append(text)
        return texts

    def behind(self, node: Node | None, point: Point) -> list[str]:
        while node is not None and node.index in self.inside[point.unit]:
            if self.made_by.get(node.index):
                return self.made_by[node.index][::-1]
            node = node.inputs[0] if node.inputs else None
        return self.names.takes

    # The class as others use it

    def parameters(self) -> list[Parameter]:
        """The parameters: those without a default first."""
        names, found = self.names, []
        known = [*names.takes, *(names.spoken[p.name] for p in names.definition.params)]
        lets = [n for n in names.lets if names.let_text(n) is None]
        used = self.used
        for name in dict.fromkeys([*known, *names.extra, *lets]):
            if name in used:
                values = [v[name] for v in names.values]
                default = self.parameter_default(name)
                if name in names.floats:
                    values = [float(v) for v in values]
                    default = float(default) if isinstance(default, int) else default
                found.append(Parameter(name, values, default))
        return sorted(found, key=lambda p: p.default is not MISSING)

    def parameter_default(self, name: str) -> Any:
        names = self.names
        if self.model:
            return names.values[0][name]
        if name in names.extra:
            return names.extra[name]
        for param in names.definition.params:
            default = param.default
            if names.spoken[param.name] == name and default is not None and is_literal(default):
                return names.value(next(names.texts(default), ""), names.points[0])
        return MISSING

    def construct(self, unit: Unit) -> Call:
        """How one of its instances is made."""
        at = self.number[unit]
        args: dict[str, Any] = {}
        positional = 0
        for parameter in self.parameters():
            value = parameter.values[at]
            if parameter.default is MISSING:
                args[parameter.name] = value
                positional += 1
            elif not (agrees(value, parameter.default) and type(value) is type(parameter.default)):
                args[parameter.name] = value
        return Call(self.name, args, positional)


_EMPTY = parameters.__wrapped__("Linear")["in_features"]


def _form(rows: list[list[Member]]) -> str:
    """Whether the parts of a sequence are just numbered, or have names."""
    numbered = all(m.name == str(i) for row in rows for i, m in enumerate(row))
    return "numbered" if numbered else "named"


def position_free(name: str) -> bool:
    """Whether an argument is no size of a tensor: a kernel, a stride, a padding."""
    words = ("channels", "features", "dim", "num", "normalized")
    return name != "size" and not any(w in name for w in words)


def _sizes(node: Node) -> set[int]:
    return {int(d) for t in node.tensors for d in t.shape}


def _literal(value: Any) -> str:
    return "" if value is MISSING else literal(value)


def _word(member: Member) -> str:
    """A word for a part."""
    if member.name.isidentifier():
        return member.name
    if member.node is not None:
        return member.node.op.name
    return member.unit.scope.region.name or "part" if member.unit else "part"
