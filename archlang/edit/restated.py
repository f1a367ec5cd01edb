"""What has to change in the text of a spec so that its heads become convolutions."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from archlang.diagnostic import ArchError, Diagnostic, Note
from archlang.edit.heads import Heads
from archlang.edit.text import Edit, Range, walk
from archlang.elaborate.scope import Env
from archlang.elaborate.values import Partial
from archlang.graph import Graph, Node, Region, Written
from archlang.op import Op, Recast, format_value
from archlang.source import Source, Span
from archlang.syntax import ast
from archlang.types import Shape, Tensor, symbols

CODE = "A401"
AXES = {1: "L", 2: "HW", 3: "DHW"}


def refusal(message: str, span: Span, *notes: str, related: tuple[Note, ...] = ()) -> ArchError:
    """What ends the command, with the place it is about."""
    return ArchError([Diagnostic(CODE, message, span, related=related, notes=notes)])


def named_inputs(graph: Graph, file: ast.File, heads: Heads) -> list[Edit]:
    """Edits that name the sizes of the inputs that heads see, where they have no names yet."""
    assert isinstance(graph.root.definition, ast.Model)
    assert graph.root.env is not None
    seen = graph.reaching(list(heads.begins))
    stmts = [s for s in walk(graph.root.definition) if isinstance(s, ast.Input)]
    values = graph.root.env.values
    edits: list[Edit] = []
    named: dict[tuple[int, ...], tuple[str, ...]] = {}
    for stmt in stmts:
        node = graph.inputs[stmt.name]
        dims = stmt.shape.dims[1:]
        if node.index not in seen or not 0 < len(dims) <= max(AXES):
            continue
        if any(symbols(size) for size in node.output.spatial):
            continue
        sizes = tuple(int(size) for size in node.output.spatial)
        texts = [file.source.text[d.start : d.end] for d in dims]
        if sizes in named:
            edits += [Edit(d.start, d.end, n) for d, n in zip(dims, named[sizes], strict=True)]
            continue
        number = "" if not named else str(len(named) + 1)
        letters = [f"{a}{number}" for a in AXES[len(dims)]]
        names = tuple(next(n for n in _names(a) if n not in values) for a in letters)
        named[sizes] = names
        edits += [
            Edit(d.start, d.end, f"{n}={t}") for d, n, t in zip(dims, names, texts, strict=True)
        ]
    return edits


def _names(letter: str) -> Iterator[str]:
    yield letter
    yield from (f"{letter}_{i}" for i in range(1, 1000))


class Restated:
    """The edits that put the layers of ``heads`` into the text of a network.

    ``idle`` are the stages that do nothing any more, by where they stand.
    """

    def __init__(self, graph: Graph, file: ast.File, heads: Heads) -> None:
        self.graph, self.file, self.heads = graph, file, heads
        self.source: Source = file.source
        self.text = file.source.text
        self.votes: dict[Span, dict[str | None, Node]] = {}
        self.idle: set[Range] = set()
        self.stages: dict[tuple[Source, int], ast.Use | ast.Merge] = {
            (self.source, s.start): s for s in walk(file) if isinstance(s, (ast.Use, ast.Merge))
        }
        for node in graph.nodes:
            self.layer(node)
        for written in graph.written:
            self.shape(written)

    def edits(self) -> list[Edit]:
        """One for each place; raises where its uses would need different ones."""
        made = []
        for span, votes in self.votes.items():
            if len(votes) > 1:
                raise self.conflict(span, votes)
            (text,) = votes
            if text is not None:
                made.append(Edit(span.start, span.end, text))
        return made

    def conflict(self, span: Span, votes: dict[str | None, Node]) -> ArchError:
        wanted = [span.text if text is None else text for text in votes]
        message = f"this makes several layers, which would have to become {' and '.join(wanted)}"
        return refusal(message, span, "write out the first of them by itself, and try again")

    @cached_property
    def envs(self) -> dict[int, Env]:
        """The names that the body around each node sees, by the node's index."""
        found: dict[int, Env] = {}

        def visit(region: Region, env: Env) -> None:
            for part in region.parts:
                if isinstance(part, Node):
                    found[part.index] = env
                else:
                    visit(part, part.env or env)

        assert self.graph.root.env is not None
        visit(self.graph.root, self.graph.root.env)
        return found

    def layer(self, node: Node) -> None:
        """What the stage of a node has to say."""
        recast = self.heads.layers.get(node.index)
        if node.index not in self.envs or not node.inputs:
            return
        if recast is None:
            self.vote(node.span, None, node)
            return
        self.own(node, node.span)
        stage = self.stages[node.span.source, node.span.start]
        env = self.envs[node.index]
        self.means(recast.op, env, node)
        end = stage.end
        if isinstance(stage, ast.Merge):
            end = stage.start + len(self.text[stage.start : stage.body.start].rstrip())
        span = Span(self.source, stage.start, end)
        self.vote(span, self.spelled(node.op, recast, stage, env), node)
        if recast.idle:
            self.idle.add((stage.start, stage.end))

    def vote(self, span: Span, text: str | None, node: Node) -> None:
        self.votes.setdefault(span, {}).setdefault(text, node)

    def own(self, node: Node, span: Span) -> None:
        """Raise where what has to change stands in another file."""
        if span.source is not self.source:
            message = f"the head is in {span.source.name}, which stays as it is"
            note = f"copy its block into {self.source.name}, and try again"
            raise refusal(message, span, note)

    def means(self, op: Op, env: Env, node: Node) -> None:
        """Raise where a layer's name means something else in the spec."""
        value = env.find(op.name)
        if not (isinstance(value, Partial) and value.target is type(op) and not value.given):
            message = f"this would become `{op.name}`, which is another thing in this spec"
            raise refusal(message, node.span, f"give your own `{op.name}` another name")

    def spelled(self, old: Op, recast: Recast, stage: ast.Use | ast.Merge, env: Env) -> str:
        """A layer as a user would write it, with the words of the spec for what it keeps."""
        op, stated = recast.op, self.stated(stage, old, env)
        parts = []
        for p in op.parameters():
            value, source = getattr(op, p.name), recast.said.get(p.name, p.name)
            kept = getattr(old, source, None) == value
            text = stated.get(source, "") if kept else ""
            if p.required:
                parts.append(text or format_value(value))
            elif value != p.default:
                parts.append(f"{p.name}={text or format_value(value)}")
        return f"{op.name}({', '.join(parts)})" if parts else op.name

    def stated(self, stage: ast.Use | ast.Merge, old: Op, env: Env) -> dict[str, str]:
        """The text of each argument of a stage, by the parameter it is for."""
        value = env.find(stage.name)
        before = {g.name for g in value.given} if isinstance(value, Partial) else set()
        named = {a.name for a in stage.args or [] if a.name}
        free = [p.name for p in old.parameters() if p.name not in before]
        texts: dict[str, str] = {}
        for argument in stage.args or []:
            text = self.text[argument.start : argument.end]
            if argument.name:
                texts[argument.name] = text.partition("=")[2].strip()
            else:
                name = next((n for n in free if n not in texts and n not in named), "")
                texts[name] = text
        return texts

    # Shapes

    def shape(self, written: Written) -> None:
        """What a shape in the text has to say."""
        spec, node = written.shape, written.node
        span = Span(written.source, spec.start, spec.end)
        found = self.heads.maps.get(node.index)
        text = None
        if found is not None and found.rank != node.output.rank:
            text = None if spec.rest and not spec.dims else self.of_map(written, found)
        elif written.signature:
            text = self.opened(written)
        if text is not None:
            self.own(node, span)
        self.vote(span, text, node)

    def of_map(self, written: Written, found: Tensor) -> str:
        """A vector's shape, as that of the map it became."""
        (dim,) = written.shape.dims
        said = written.source.text[dim.start : dim.end]
        single = all(size == 1 for size in found.spatial)
        sizes = ["_" if written.signature else str(int(size)) for size in found.spatial]
        return f"[{', '.join([said if single else str(int(found.channels)), *sizes])}]"

    def opened(self, written: Written) -> str | None:
        """A signature without the numbers that hold for one size of the input alone."""
        dims, source = written.shape.dims, written.source
        texts = [source.text[d.start : d.end] for d in dims]
        left = [
            "_" if isinstance(d.value, ast.Number) and symbols(size) else text
            for d, size, text in zip(dims, written.node.output.shape, texts, strict=False)
        ]
        rest = ["..."] * written.shape.rest
        return None if left == texts else f"[{', '.join([*left, *rest])}]"


def larger(graph: Graph, times: int = 2) -> dict[str, Shape]:
    """Input shapes so many times as large along every axis that has a name."""
    return {
        name: tuple(int(d) * (times if symbols(d) else 1) for d in node.output.shape)
        for name, node in graph.inputs.items()
    }
