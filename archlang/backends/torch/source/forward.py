"""The ``forward`` of a class, from its steps in all instances."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import replace
from keyword import iskeyword

from archlang.analyses.plan import Plan, parameter_names
from archlang.backends.torch.source.access import Access
from archlang.backends.torch.source.align import align
from archlang.backends.torch.source.calls import broken, parsed
from archlang.backends.torch.source.expressions import literal
from archlang.backends.torch.source.flow import Act, Flow, Value, Web, overlap, prove
from archlang.backends.torch.source.holes import UnmergeableError
from archlang.backends.torch.source.parts import span_key, walk
from archlang.backends.torch.source.pieces import (
    WIDTH,
    Piece,
    Pieces,
    Statement,
    all_statements,
    named,
)
from archlang.backends.torch.source.template import Template
from archlang.graph import Node
from archlang.syntax import ast

LINE = WIDTH - 4
_TAKEN = {"self", "torch", "nn", "math", "layer", "Tensor", "i"}


class Forward:
    """The text of what a class runs; ``lines`` is its ``forward``, without indentation."""

    def __init__(self, template: Template, plan: Plan, passing: bool) -> None:
        self.template, self.plan = template, plan
        self.access = Access(template)
        units = template.units
        self.merges = {
            n.start: n.end for n in walk(template.names.definition) if isinstance(n, ast.Merge)
        }
        self.same: list[dict[Node, Node]] = [{} for _ in units]
        rows = [list(self.acts(i, passing)) for i in range(len(units))]
        names = template.names
        slots = align(rows, names.points, names, template.within, template.roll)
        if len({len(u.scope.takes) for u in units}) > 1:
            raise UnmergeableError("inputs")
        self.flow = Flow(units, slots)
        self.ends = [self.returned(i) for i in range(len(units))]
        if len({len(e) for e in self.ends}) > 1:
            raise UnmergeableError("outputs")
        self.results = self.flow.returned(self.ends)
        self.statements = Pieces(self.plan, self.access, self.flow).statements(slots)
        inputs = list(plan.graph.inputs) if template.model else ()
        given = parameter_names(units[0].scope, list(inputs))
        self.inputs = [f"{n}_" if n in _TAKEN or iskeyword(n) else n for n in given]
        self.names = self.variables()
        prove(self.flow, self.names, self.ends)
        self.declared = set(self.inputs)
        self.lines = [*self.head(), *self.body()]

    def acts(self, unit: int, passing: bool) -> Iterator[Act]:
        """The steps of an instance. What gives what it takes is left out, if ``passing``."""
        same = self.same[unit]
        for step in self.template.units[unit].scope.steps:
            if not step.gives:
                continue
            takes = [same.get(n, n) for n in step.takes]
            if passing and self.access.passes(unit, step.part.path) and not step.training_only:
                same[step.gives[0]] = takes[0]
                continue
            step = replace(step, takes=takes)
            key = span_key(step.part if isinstance(step.part, Node) else step.part.region)
            merges = isinstance(step.part, Node) and step.part.op.merges
            yield Act(step, key, self.merges.get(key[1], key[2]) if merges else key[1])

    def returned(self, unit: int) -> list[Node]:
        graph = self.plan.graph
        if self.template.model:
            ends = [*graph.outputs.values(), *(a.node for a in graph.aux.values())]
        else:
            ends = self.template.units[unit].scope.gives
        return [self.same[unit].get(n, n) for n in ends]

    # Variables

    def variables(self) -> dict[Value, str]:
        """A name for each value: one variable takes over from another where it can."""
        statements = list(all_statements(self.statements))
        words = {v: s.word for s in statements for v in s.targets}
        made = sorted({n for n, _ in words})
        names: dict[Value, str] = {}
        inputs: list[Web] = []
        webs: list[Web] = []
        for web in self.flow.webs():
            arriving = [i for n, i in sorted(web.values) if n == -1]
            if len(arriving) > 1:
                raise UnmergeableError("inputs")
            if arriving:
                web.name = self.inputs[arriving[0]]
                inputs.append(web)
            elif web.values & words.keys():
                webs.append(web)
            else:
                names.update({v: f"#{v}" for v in web.values})
        placed = list(inputs)
        for web in webs:
            placed = [w for w in placed if max(w.end, w.begin + 1) > web.begin]
            word = next((words[v] for v in sorted(web.values) if v in words), "")
            web.name = self.pick(web, word, placed, made)
            placed.append(web)
        for web in [*inputs, *webs]:
            names.update(dict.fromkeys(web.values, web.name))
        return names

    def pick(self, web: Web, word: str, placed: list[Web], made: list[int]) -> str:
        """A name that no variable in use at the same time has."""
        taken = {w.name for w in placed if overlap(web, w)}
        usable = word.isidentifier() and not iskeyword(word) and word not in _TAKEN
        label = [word] if usable and word not in taken else []
        flowing = [n for n in (*self.inputs, "out", "y", "z") if n not in taken]
        if kept(web, made):
            choices = [*label, *(n for n in ("identity", "skip") if n not in taken)]
        else:
            choices = [n for n in flowing if n in ("x", "out")] or label or flowing
        if choices or flowing:
            return (choices or flowing)[0]
        count = 1
        while f"x{count}" in taken:
            count += 1
        return f"x{count}"

    # Text

    def head(self) -> list[str]:
        gives = self.result_type()
        typed = ", ".join(f"{n}: Tensor" for n in self.inputs)
        line = f"def forward(self, {typed}) -> {gives}:"
        if len(line) <= LINE:
            return [line]
        if len(typed) + 10 <= LINE:
            return ["def forward(", f"    self, {typed}", f") -> {gives}:"]
        rows = [f"    {n}: Tensor," for n in self.inputs]
        return ["def forward(", "    self,", *rows, f") -> {gives}:"]

    def result_type(self) -> str:
        graph = self.plan.graph
        if self.template.model:
            several = "dict[str, Tensor]"
            if len(graph.outputs) > 1:
                return several
            return f"Tensor | {several}" if graph.aux else "Tensor"
        scope = self.template.units[0].scope
        kinds = ["Tensor"] * len(scope.gives)
        live = self.plan.live
        whole = not any(n.index in live for n in scope.nodes)
        for i, node in enumerate(scope.gives):
            if not whole and node.index not in live:
                kinds[i] = "Tensor | None"
        return kinds[0] if len(kinds) == 1 else f"tuple[{', '.join(kinds)}]"

    def body(self) -> list[str]:
        statements = list(self.statements)
        graph = self.plan.graph
        single = len(self.results) == 1
        last = statements[-1] if statements else None
        if (
            single and last is not None and last.targets == self.results
            and not last.cond and not last.header and self.typed(last.piece, statements[:-1])
        ):  # fmt: skip
            lines = self.write(statements[:-1], 4)
            text = named(last.piece.text, lambda v: self.names[v])
            return [*lines, *_wrapped("return ", text, 4)]
        lines = self.write(statements, 4)
        values = [self.names[v] for v in self.results]
        if not self.template.model:
            return [*lines, f"    return {', '.join(values)}"]
        outputs = dict(zip(graph.outputs, values, strict=False))
        everything = dict(zip([*graph.outputs, *graph.aux], values, strict=True))
        plain = values[0] if len(outputs) == 1 else _mapping(outputs)
        if graph.aux:
            lines += ["    if self.training:", *_wrapped("return ", _mapping(everything), 8)]
        return [*lines, *_wrapped("return ", plain, 4)]

    def typed(self, piece: Piece, before: list[Statement]) -> bool:
        """Whether an expression's type is known, after the statements before it."""
        if isinstance(piece.typed, bool):
            return piece.typed
        known = {self.names[s.targets[0]] for s in all_statements(before) if len(s.targets) == 1}
        return {self.names[v] for v in piece.typed} <= known | set(self.inputs)

    def write(self, statements: list[Statement], indent: int) -> list[str]:
        lines: list[str] = []
        cond = ""
        pad = " " * indent
        for statement in statements:
            if statement.header:
                lines += [f"{pad}{statement.header}:", *self.write(statement.body, indent + 4)]
                cond = ""
                continue
            targets = [self.names[v] for v in statement.targets]
            text = named(statement.piece.text, lambda v: self.names[v])
            if targets == [text]:
                continue
            if statement.cond and statement.cond == f"not {cond}":
                lines.append(f"{pad}else:")
            elif statement.cond and statement.cond != cond:
                lines.append(f"{pad}if {statement.cond}:")
            cond = statement.cond
            left = ", ".join(targets)
            if len(targets) == 1 and targets[0] not in self.declared:
                left = f"{left}: Tensor"
            if statement.cond != "self.training":
                self.declared |= set(targets)
            if " if self.training else " in text and ": Tensor" in left:
                left = targets[0]
            lines += _wrapped(f"{left} = ", text, indent + 4 * bool(cond))
        return lines


def kept(web: Web, made: list[int]) -> bool:
    """Whether a variable is in use while another value is made; ``made`` is where any is."""
    between = bisect_left(made, web.end) - bisect_right(made, web.begin)
    return between > sum(web.begin < n < web.end for n in {n for n, _ in web.values})


def _mapping(items: dict[str, str]) -> str:
    return "{" + ", ".join(f"{literal(n)}: {v}" for n, v in items.items()) + "}"


def _wrapped(before: str, text: str, indent: int) -> list[str]:
    """A statement; one that is too long is broken at its outermost brackets."""
    return broken(parsed(text), before, "", indent, LINE)
