"""What each module of a network runs, as Python text: one ``forward`` for each scope.

A region that opens a path becomes a module, unless it runs a shared network that lives
elsewhere: then what it runs is written into the module around it. A module's ``forward``
takes the tensors that come from outside and gives those that are used outside. A variable
is taken over by the next value as soon as its own is no longer needed, so that nothing
lives longer than it must.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from keyword import iskeyword

from archlang.analyses.execution import NEVER, Execution
from archlang.graph import Graph, Node, Region
from archlang.op import Op

TAKEN = ("append", "extend", "insert", "pop")
"""Names that ``nn.Sequential`` cannot give to a part, beside those of all modules."""
LOOKS = "not (torch.jit.is_scripting() or torch.compiler.is_compiling())"
"""When a network looks at its inputs: compilers take the test for the constant that it is."""


@dataclass(slots=True, eq=False)
class Step:
    """A call in a ``forward``: of a layer, or of a scope inside."""

    part: Node | Scope
    takes: list[Node]
    gives: list[Node]
    training_only: bool


@dataclass(slots=True, eq=False)
class Scope:
    """A module: its path, what it runs, and the tensors that enter and leave it."""

    region: Region
    path: str
    takes: list[Node] = field(default_factory=list)
    gives: list[Node] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)


class Plan(Execution):
    """The scopes of a graph, and the text of what they run.

    Blocks named in ``recompute`` are computed again in the backward pass.
    """

    def __init__(self, graph: Graph, recompute: Collection[str] = ()) -> None:
        super().__init__(graph)
        self.recompute = frozenset(recompute)
        self.root = self._scope(graph.root, "", list(graph.inputs.values()))

    def _scope(self, region: Region, path: str, takes: list[Node] | None = None) -> Scope:
        """The scope of a region that opens ``path``, and of all inside it."""
        scope = Scope(region, path)
        inputs = set(self.graph.inputs.values())
        scope.nodes = [n for n in region.nodes() if n not in inputs]
        inside = {n.index for n in scope.nodes}
        running = [n for n in scope.nodes if n.index in self.run]
        outer = (t for n in running for t in n.inputs if t.index not in inside)
        scope.takes = takes if takes is not None else list(dict.fromkeys(outer))
        end = scope.nodes[-1].index if scope.nodes else NEVER
        scope.gives = [n for n in running if self.last_use[n.index] > end]
        whole_training = not any(n.index in self.live for n in scope.nodes)
        for part in region.members(_reaches_out):
            if isinstance(part, Region):
                step = self._scope_step(part, whole_training)
            elif part in inputs:
                continue
            else:
                only = not whole_training and part.index not in self.live
                step = Step(part, list(part.inputs), [part], only)
            if isinstance(step.part, Scope) or step.part.index in self.run:
                scope.steps.append(step)
        return scope

    def _scope_step(self, region: Region, whole_training: bool) -> Step:
        assert region.path is not None
        inner = self._scope(region, region.path)
        only = not whole_training and not any(n.index in self.live for n in inner.nodes)
        return Step(inner, inner.takes, inner.gives, only)

    def calls(self, scope: Scope) -> Iterator[tuple[Step, list[Node]]]:
        """What a scope's ``forward`` calls in turn, and the values that are then done with."""
        ends = {n: len(scope.steps) for n in (*scope.gives, *self.ends)}
        last_use = {n: i for i, step in enumerate(scope.steps) for n in step.takes} | ends
        for number, step in enumerate(scope.steps):
            if step.gives:
                yield step, [n for n in dict.fromkeys(step.takes) if last_use[n] == number]

    def again(self, scope: Scope) -> bool:
        """Whether a scope is computed again in the backward pass."""
        return scope.region.kind == "block" and scope.region.name in self.recompute

    @cached_property
    def _again(self) -> tuple[str, ...]:
        """What the paths of the layers begin with that are computed again."""

        def inside(scope: Scope) -> Iterator[str]:
            for step in scope.steps:
                if isinstance(step.part, Scope) and self.again(step.part):
                    yield f"{step.part.path}."
                elif isinstance(step.part, Scope):
                    yield from inside(step.part)

        return tuple(dict.fromkeys(inside(self.root)))

    def layer(self, node: Node) -> Op:
        """The layer that runs at a node: what is computed again must find its input as it was."""
        op = super().layer(node)
        if getattr(op, "inplace", False) and node.path.startswith(self._again):
            return op.model_copy(update={"inplace": False})
        return op

    def call(self, node: Node, module: str, args: tuple[str, ...]) -> str:
        """The expression for what a node gives."""
        once = node.op.once(module)
        if once is not None and self.stretched(node):
            return once
        return node.op.call(module, args, node.tensors)


def _reaches_out(region: Region) -> bool:
    """Whether a region runs modules that are not below its path."""
    return any(not n.path.startswith(f"{region.path}.") for n in region.nodes())


def attribute(base: str, path: str) -> str:
    """The expression for the module at ``path`` below ``base``."""
    for name in path.split(".") if path else ():
        plain = name.isidentifier() and not iskeyword(name)
        base = f"{base}.{name}" if plain else f'getattr({base}, "{name}")'
    return base


def below(path: str, scope: str) -> str:
    """``path`` as seen from ``scope``."""
    return path[len(scope) + 1 :] if scope else path


def parameter_names(scope: Scope, named: Sequence[str] = ()) -> list[str]:
    """What a ``forward`` calls the tensors it takes: the inputs' names for the whole model."""
    if len(scope.takes) == 1:
        return ["x"]
    if named:
        return [f"{n}_" if iskeyword(n) or n in ("self", "torch") else n for n in named]
    return [f"x{i}" if i else "x" for i in range(len(scope.takes))]


class Variables:
    """Which variable holds which value: one is free once its value has had its last use."""

    def __init__(self, names: Sequence[str], takes: Sequence[Node]) -> None:
        self.names = dict(zip(takes, names, strict=True))
        self.free: list[str] = []
        self.used = set(names)

    def fresh(self) -> str:
        if self.free:
            return self.free.pop()
        count = 0
        while (name := f"x{count}" if count else "x") in self.used:
            count += 1
        self.used.add(name)
        return name

    def release(self, node: Node) -> None:
        name = self.names.pop(node, None)
        if name is not None and name not in self.names.values():
            self.free.append(name)


def forward_text(plan: Plan, scope: Scope) -> str:
    """The text of a scope's ``forward``."""
    root = scope is plan.root
    names = parameter_names(scope, list(plan.graph.inputs) if root else ())
    variables = Variables(names, scope.takes)
    lines = [f"def forward(self, {', '.join(names)}):"]
    if root:
        lines += [f"    if {LOOKS}:", f"        self.__takes__(self.training, {', '.join(names)})"]
    for step, done in plan.calls(scope):
        lines.append(f"    {_line(plan, scope, step, variables, done)}")
    if root:
        lines.append(f"    return {_returned(plan, variables)}")
    elif scope.gives:
        lines.append(f"    return {', '.join(variables.names[n] for n in scope.gives)}")
    return "\n".join(lines) + "\n"


def _line(plan: Plan, scope: Scope, step: Step, variables: Variables, done: list[Node]) -> str:
    """One call; the variables of the values in ``done`` are free for what it gives."""
    args = tuple(variables.names[n] for n in step.takes)
    if isinstance(step.part, Node):
        module = attribute("self", below(step.part.path, scope.path))
        call = plan.call(step.part, module, args)
    else:
        call = f"{attribute('self', below(step.part.path, scope.path))}({', '.join(args)})"
    for node in done:
        variables.release(node)
    targets = []
    for node in step.gives:
        variables.names[node] = variables.fresh()
        targets.append(variables.names[node])
    if step.training_only:
        nothing = "None" if len(targets) == 1 else f"({', '.join(['None'] * len(targets))})"
        call = f"{call} if self.training else {nothing}"
    return f"{', '.join(targets)} = {call}"


def _returned(plan: Plan, variables: Variables) -> str:
    outputs = {n: variables.names[node] for n, node in plan.graph.outputs.items()}
    aux = {n: variables.names[a.node] for n, a in plan.graph.aux.items()}

    def mapping(items: dict[str, str]) -> str:
        return "{" + ", ".join(f'"{n}": {v}' for n, v in items.items()) + "}"

    plain = next(iter(outputs.values())) if len(outputs) == 1 else mapping(outputs)
    if not aux:
        return plain
    return f"{mapping({**outputs, **aux})} if self.training else {plain}"


def is_sequence(scope: Scope, plain: set[Node]) -> bool:
    """Whether a scope is ``nn.Sequential``: each part takes what the one before it gave."""
    if len(scope.takes) != 1 or len(scope.gives) != 1 or not scope.steps:
        return False
    current = scope.takes[0]
    for step in scope.steps:
        if step.takes != [current] or len(step.gives) != 1 or step.training_only:
            return False
        if isinstance(step.part, Node) and step.part not in plain:
            return False
        name = below(step.part.path, scope.path)
        if "." in name or name in TAKEN:
            return False
        current = step.gives[0]
    names = [s.part.path for s in scope.steps]
    return current is scope.gives[0] and len(set(names)) == len(names)
