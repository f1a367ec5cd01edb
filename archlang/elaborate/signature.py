"""Shapes that a spec states: a block's signature, and assertions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Literal

from archlang.diagnostic import Note
from archlang.elaborate.expressions import Evaluator
from archlang.elaborate.problem import SAID, fail
from archlang.elaborate.scope import Env
from archlang.elaborate.symbolic import is_symbolic
from archlang.elaborate.values import Failed, written
from archlang.graph import Node, Stated
from archlang.source import Span
from archlang.syntax import ast
from archlang.types import Tensor, alike, same, size_text, symbols

Sizes = list[tuple[ast.DimSpec, int | Fraction | None]]


def is_open(dim: ast.DimSpec) -> bool:
    """Whether a size is left open: ``_``."""
    return isinstance(dim.value, ast.Name) and dim.value.name == "_"


def shape_text(spec: ast.ShapeSpec, env: Env) -> str:
    """A shape as it is written in the spec."""
    return env.span(spec).text


def bind_signature(block: ast.Block, inner: Env, tensor: Tensor, span: Span) -> None:
    """Give the names on a signature's left their sizes; raises where the rank does not fit."""
    if block.signature is None:
        return
    takes = block.signature.takes
    if not takes.fits(tensor.rank):
        fail(
            "A209",
            f"`{block.name}` takes {shape_text(takes, inner)}, not {tensor.shown}",
            span,
            related=[Note(inner.span(takes), "its signature")],
        )
    parameters = {p.name for p in block.params}
    for dim, size in zip(takes.dims, tensor.shape, strict=not takes.rest):
        if isinstance(dim.value, ast.Name) and not is_open(dim):
            name = dim.value.name
            if name not in parameters and name not in inner.values:
                inner.values[name] = size


def forget_signature(block: ast.Block, inner: Env) -> None:
    """The same where the tensor is not known: whatever takes its sizes has no value either."""
    parameters = {p.name for p in block.params}
    for dim in block.signature.takes.dims if block.signature else ():
        if isinstance(dim.value, ast.Name) and dim.value.name not in parameters:
            inner.values.setdefault(dim.value.name, Failed(SAID))


def check_takes(
    block: ast.Block, inner: Env, node: Node, span: Span, run: Evaluator
) -> list[Stated]:
    """Check the left of a signature, its parameters bound; what it states of the sizes."""
    signature, tensor, stated = block.signature, node.output, []
    if signature is None:
        return []
    takes = signature.takes
    for axis, (dim, size) in enumerate(zip(takes.dims, tensor.shape, strict=not takes.rest)):
        if is_open(dim):
            continue
        wanted_size = run.number(dim.value, inner)
        if run.trial is not None and run.trial.tracing:
            run.trial.compare(inner.span(dim), axis, wanted_size, size)
        if wanted_size is not size and (is_symbolic(wanted_size) or symbols(size)):
            stated.append(Stated(wanted_size, node, axis, inner.span(dim), "A209"))
        if wanted_size != size:
            wanted = inner.span(dim).text
            fail(
                "A209",
                f"`{block.name}` takes {shape_text(takes, inner)}, not {tensor.shown}",
                span,
                related=[Note(inner.span(dim), f"`{wanted}` is not {int(size)}")],
            )
    return stated


def sizes(spec: ast.ShapeSpec, env: Env, run: Evaluator) -> Sizes:
    """The sizes of a shape, None for those left open; raises where one has no value."""
    with run.within("shape"):
        return [(d, None if is_open(d) else run.number(d.value, env)) for d in spec.dims]


def compare(stated: Sizes, tensor: Tensor, env: Env, run: Evaluator) -> None:
    """Note what is stated and what was inferred, while values of a ``?`` are tried."""
    if run.trial is not None and run.trial.tracing:
        for axis, ((dim, value), size) in enumerate(zip(stated, tensor.shape, strict=False)):
            if value is not None:
                run.trial.compare(env.span(dim), axis, value, size)


def wrong(
    stated: Sizes, tensor: Tensor, defaults: dict[str, int], actual: dict[str, int]
) -> list[int]:
    """The axes whose stated size is not the tensor's.

    A plain number states a size at the default input: where it depends on an input whose
    size was changed, it says nothing.
    """
    out = []
    # axes beyond those stated are left open (`...`)
    for axis, ((dim, value), size) in enumerate(zip(stated, tensor.shape, strict=False)):
        if value is None or (isinstance(value, int) and same(value, size)):
            continue
        moved = any(defaults.get(s) != actual.get(s) for s in symbols(size))
        if not (moved and isinstance(dim.value, ast.Number)):
            out.append(axis)
    return out


def states(stated: Sizes, node: Node, env: Env, code: Literal["A201", "A209"]) -> Iterator[Stated]:
    """What is said of sizes that depend on the input's: it is to hold for every legal input."""
    for axis, (dim, value) in enumerate(stated):
        if value is not None and is_symbolic(value) and not alike(value, node.output.shape[axis]):
            yield Stated(value, node, axis, env.span(dim), code)


def differ(
    spec: ast.ShapeSpec, stated: Sizes, tensor: Tensor, axes: list[int], env: Env
) -> tuple[Span, str]:
    """The sizes that differ, and what to say of them."""
    first, last = spec.dims[axes[0]], spec.dims[axes[-1]]
    span = Span(env.file.source, first.start, last.end)
    specified = _listed([value for _, value in stated[axes[0] : axes[-1] + 1]])
    inferred = _listed(list(tensor.shape[axes[0] : axes[-1] + 1]))
    return span, f"specified {specified}; inferred {inferred}"


def _listed(sizes: Sequence[int | Fraction | None]) -> str:
    """Sizes as numbers; where the input's sizes make them, how, with the numbers behind."""
    here = ", ".join("_" if s is None else written(s) for s in sizes)
    if not any(s is not None and is_symbolic(s) for s in sizes):
        return here
    return f"{', '.join('_' if s is None else size_text(s) for s in sizes)} ({here})"


def check_result(block: ast.Block, inner: Env, node: Node, run: Evaluator) -> list[Stated]:
    """Check the right of a block's signature against what its body came to; what it states."""
    if block.signature is None or block.signature.gives is None:
        return []
    tensor = node.output
    gives = block.signature.gives
    if not gives.fits(tensor.rank):
        label = f"its body gives {tensor.shown}"
        fail("A209", f"`{block.name}` does not give what it says", inner.span(gives), label)
    stated = sizes(gives, inner, run)
    compare(stated, tensor, inner, run)
    if axes := wrong(stated, tensor, {}, {}):
        span, label = differ(gives, stated, tensor, axes, inner)
        fail("A209", f"`{block.name}` does not give what it says", span, label)
    return list(states(stated, node, inner, "A209"))
