"""Lints of a network: each is given its graph, and says what is odd in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cached_property
from math import prod
from typing import Any, NamedTuple, TypeAlias

from archlang.analyses.alike import alike
from archlang.analyses.changes import argument
from archlang.analyses.execution import Execution
from archlang.diagnostic import Diagnostic, Fix, Note
from archlang.graph import Graph, Node
from archlang.op import Op, View, format_value
from archlang.source import Edit, Span
from archlang.window import Slide, Window, pointwise


class Subject:
    """A network, and what several lints ask of it."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        live = graph.live()
        self.nodes = [n for n in graph.nodes if n.index in live]
        self.ends = {n.index for n in graph.outputs.values()}
        self.layers = {id(n.op): n.op for n in self.nodes}
        self.alike = alike(graph)
        self.kinds: dict[int, Node] = {}
        """One node of those that are alike."""
        for node in self.nodes:
            self.kinds.setdefault(self.alike[node.index], node)

    @cached_property
    def users(self) -> dict[int, list[Node]]:
        """The layers that take what each gives."""
        users: dict[int, list[Node]] = {n.index: [] for n in self.nodes}
        for node in self.nodes:
            for taken in node.inputs if len(node.inputs) == 1 else dict.fromkeys(node.inputs):
                users[taken.index].append(node)
        return users

    @cached_property
    def stepping(self) -> list[Node]:
        """The nodes that leave out some of what they take, by themselves."""
        return self.such(_stepped_over)

    def of(self, fits: Callable[[Op], object]) -> list[Node]:
        """The nodes whose layer fits: each layer is asked once, however often it is used."""
        layers = {key for key, op in self.layers.items() if fits(op)}
        return [n for n in self.nodes if id(n.op) in layers] if layers else []

    def such(self, fits: Callable[[Node], object]) -> list[Node]:
        """The nodes that fit by their layer and its shapes alone: of those alike one is asked."""
        kinds = {kind for kind, node in self.kinds.items() if fits(node)}
        return [n for n in self.nodes if self.alike[n.index] in kinds] if kinds else []

    def only_user(self, node: Node) -> Node | None:
        """The layer that alone takes what a node gives."""
        users = self.users[node.index]
        return users[0] if len(users) == 1 and node.index not in self.ends else None


Found: TypeAlias = Iterator[tuple[Node, Diagnostic]]
Find: TypeAlias = Callable[[Subject], Found]


class Lint(NamedTuple):
    """What finds the layers that are odd, and whether a place is only where all uses of it are."""

    find: Find
    every: bool


LINTS: dict[str, Lint] = {}


def lint(code: str, *, every: bool = False) -> Callable[[Find], Find]:
    """Make a function known as the lint with a code.

    ``every`` is for what an edit of the text would make wrong in other uses of the place.
    """

    def register(find: Find) -> Find:
        if code in LINTS:
            raise TypeError(f"two lints have the code {code}")
        LINTS[code] = Lint(find, every)
        return find

    return register


def _said(op: Op, parameter: str) -> Any:
    """What a layer has for a parameter; None where it has no such, which `getattr` is slow to see.

    Each layer of a network is asked, and most have none.
    """
    return vars(op).get(parameter)


def warning(
    code: str, message: str, span: Span, label: str, *, note: Note | None = None, help: str = "",
    fixes: tuple[Fix, ...] = (),
) -> Diagnostic:  # fmt: skip
    """A finding of a lint."""
    related = (note,) if note else ()
    return Diagnostic(code, message, span, label, related, (), help, "warning", fixes)


@lint("A301", every=True)
def bias_before_norm(subject: Subject) -> Found:
    """A layer whose bias the norm behind it takes away with the mean: it learns nothing.

    To leave it out is not safe: weights that were saved with it would not load.
    """
    for node in subject.of(lambda op: _said(op, "bias")):
        norm = _norm_behind(subject, node)
        if norm is not None:
            edit = argument(node.op, node.span, "bias", False)
            yield (
                node,
                warning(
                    "A301",
                    f"`{norm.op.name}` takes away the bias of the `{node.op.name}` before it",
                    node.span,
                    f"{int(node.params['bias'][0]):,} values are learned that change nothing",
                    note=Note(norm.span, "this subtracts the mean of each channel"),
                    fixes=(Fix("leave the bias out: `bias=false`", (edit,)),) if edit else (),
                ),
            )


def _norm_behind(subject: Subject, node: Node) -> Node | None:
    """The norm right behind a layer with a bias for each channel, where it takes that away."""
    bias = node.params.get("bias")
    behind = subject.only_user(node)
    if behind is None or not behind.op.centres:
        return None
    along = node.output.rank == 1 or getattr(node.op, "axis", 0) == 0
    return behind if along and bias == (node.output.shape[0],) else None


@lint("A303")
def dropout_before_norm(subject: Subject) -> Found:
    """Dropout changes the variance in training alone, and batch norm measures it in training."""
    for node in subject.of(lambda op: op.drops):
        behind = subject.only_user(node)
        while behind is not None and _value_wise(behind):
            behind = subject.only_user(behind)
        if behind is not None and behind.buffers and _normalises(behind):
            yield (
                node,
                warning(
                    "A303",
                    f"`{node.op.name}` before `{behind.op.name}`",
                    node.span,
                    "in training the variance behind it is another than in evaluation",
                    note=Note(behind.span, "this keeps the variance of training for evaluation"),
                    help=f"put the `{node.op.name}` behind the last `{behind.op.name}`",
                ),
            )


def _normalises(node: Node) -> bool:
    return bool(node.op.work(node.output, *node.tensors).norm)


def _value_wise(node: Node) -> bool:
    """Whether a layer works on values one by one, and has no weights or statistics."""
    plain = len(node.inputs) == 1 and not node.params and not node.buffers
    return plain and (isinstance(node.op, View) or _windows(node) == pointwise(*node.tensors))


@lint("A304")
def probabilities_out(subject: Subject) -> Found:
    """A classifier that ends in softmax: cross entropy applies one itself."""
    for node in subject.of(lambda op: op.probabilities):
        if node.index in subject.ends and _of_classes(node):
            yield (
                node,
                warning(
                    "A304",
                    f"the network ends in `{node.op.name}`, which cross entropy applies itself",
                    node.span,
                    "in training it would be applied twice",
                    help="leave it out; whoever needs probabilities applies it to the output",
                    fixes=_left_out(node.span),
                ),
            )


def _left_out(span: Span) -> tuple[Fix, ...]:
    """The edit that leaves out a stage at the end of a chain, behind its arrow."""
    arrow = re.search(r"\s*->\s*$", span.source.text[: span.start])
    if arrow is None:
        return ()
    edit = Edit(Span(span.source, arrow.start(), span.end), "")
    return (Fix(f"leave `{span.text}` out: what arrives there is for cross entropy", (edit,)),)


def _of_classes(node: Node) -> bool:
    """Whether it is taken along the first axis, that of the classes."""
    axis = getattr(node.op, "axis", 0)
    return axis in (0, -node.output.rank)


@lint("A305")
def stride_over_kernel(subject: Subject) -> Found:
    """A layer that steps over values which nothing else looks at."""
    for node in subject.stepping:
        for number, axes in _stepped_over(node):
            taken = node.inputs[number]
            others = [u for u in subject.users[taken.index] if u is not node]
            skipped = [a for a in axes if not any(_sees_axis(u, taken, a) for u in others)]
            if skipped and taken.index not in subject.ends:
                yield node, _stepping(node, number, skipped)


def _stepped_over(node: Node) -> list[tuple[int, list[int]]]:
    """The tensors, by their number, of which a layer leaves values out, and the axes of these."""
    resized = [n.output.shape[1:] != node.output.shape[1:] for n in node.inputs]
    if not any(resized):
        return []
    found = []
    for number, window in enumerate(_windows(node)):
        axes = range(node.inputs[number].output.rank) if resized[number] else ()
        over = [axis for axis in axes if _steps_over(node, window, axis)]
        if over:
            found.append((number, over))
    return found


def _windows(node: Node) -> tuple[Window, ...]:
    return node.op.window(node.output, *node.tensors)


def _stepping(node: Node, number: int, axes: list[int]) -> Diagnostic:
    window = _windows(node)[number]
    assert window is not None
    slide = window[axes[0]]
    assert isinstance(slide, Slide)
    seen, of = slide.last - slide.first + 1, slide.rise
    return warning(
        "A305",
        f"`{node.op.name}` has a stride of {of} and a kernel of {seen}",
        node.span,
        f"of {of} values along an axis it looks at {seen}, and no other layer at the rest",
        help=f"a kernel of at least {of}, or `avgpool({of})` before it, would use them all",
        fixes=_wider(node, axes, of),
    )


def _wider(node: Node, axes: list[int], of: int) -> tuple[Fix, ...]:
    """The edits that make a kernel as wide as the stride, or wider by one so that it is odd."""
    kernel, rank = getattr(node.op, "kernel", None), node.output.rank - 1
    if kernel is None:
        return ()
    each = (kernel,) * rank if isinstance(kernel, int) else kernel
    ways = []
    for width in range(of, of + 2 - of % 2):
        wide = tuple(width if axis + 1 in axes else k for axis, k in enumerate(each))
        edit = argument(node.op, node.span, "kernel", wide)
        if edit is not None:
            ways.append(Fix(f"a kernel of {format_value(wide)} looks at all of them", (edit,)))
    return tuple(ways)


def _steps_over(node: Node, window: Window, axis: int) -> bool:
    """Whether a layer leaves out values of an axis between one output and the next."""
    slide = window[axis] if window is not None and axis < len(window) else None
    if not isinstance(slide, Slide) or slide.piece or slide.whole or slide.run != 1:
        return False
    several = int(node.output.shape[slide.axis]) > 1
    return several and slide.rise > slide.last - slide.first + 1


def _sees_axis(user: Node, taken: Node, axis: int) -> bool:
    """Whether a layer leaves out no value of an axis."""
    windows = zip(user.inputs, _windows(user), strict=True)
    looks = [w for one, w in windows if one is taken and w is not None]
    return any(not _steps_over(user, window, axis) for window in looks)


@lint("A306")
def holes(subject: Subject) -> Found:
    """Places between those that some output sees, and that none does."""
    if not any(map(_may_skip, subject.kinds.values())) or any(stride_over_kernel(subject)):
        return
    from archlang.analyses.receptive import unseen

    for name, axes in unseen(subject.graph).items():
        node = subject.graph.inputs[name]
        for axis, runs in enumerate(axes):
            size = int(node.output.shape[axis])
            inner = [run for run in runs if run[0] > 0 and run[1] < size - 1]
            if axis and inner:
                count = sum(last - first + 1 for first, last in inner)
                yield (
                    node,
                    warning(
                        "A306",
                        f"no output sees {count} of the {size} places of `{name}` along an axis",
                        node.span,
                        f"{_listed(inner)} are never looked at",
                        help="a dilation with a stride leaves them out: dilate behind the stride",
                    ),
                )
                break


def _listed(runs: list[tuple[int, int]]) -> str:
    said = [str(a) if a == b else f"{a} to {b}" for a, b in runs[:3]]
    return ", ".join(said) + (", …" if len(runs) > 3 else "")


def _may_skip(node: Node) -> bool:
    """Whether a layer may look at some values of an axis only."""
    if prod(node.output.shape) >= sum([prod(n.output.shape) for n in node.inputs]):
        return False
    slides = [s for w in _windows(node) if w is not None for s in w if isinstance(s, Slide)]
    return any(not s.touching and s.rise > 1 for s in slides)


@lint("A307", every=True)
def not_in_place(subject: Subject) -> Found:
    """A layer asked to write over a tensor that is needed elsewhere: it makes a new one."""
    asked = subject.of(lambda op: _said(op, "inplace"))
    execution = Execution(subject.graph) if asked else None
    for node in asked:
        assert execution is not None
        if not getattr(execution.layer(node), "inplace", False):
            edit = argument(node.op, node.span, "inplace", False)
            fixes = (Fix("`inplace=false`, as it is run", (edit,), safe=True),) if edit else ()
            yield (
                node,
                warning(
                    "A307",
                    f"this `{node.op.name}` is not run in place",
                    node.span,
                    "what it takes may be needed as it is elsewhere, so a new tensor is made",
                    help="" if edit else "leave `inplace` out here",
                    fixes=fixes,
                ),
            )


@lint("A310")
def large_eps(subject: Subject) -> Found:
    """A norm whose `eps` is as large as what it is added to: likely the number of channels."""
    for node in subject.of(lambda op: (_said(op, "eps") or 0) >= 1):
        eps = format_value(_said(node.op, "eps"))
        yield (
            node,
            warning(
                "A310",
                f"`{node.op.name}` has an `eps` of {eps}",
                node.span,
                "it is added to the variance: all values come out small",
                help="it is to keep a division by zero away; the number of channels is known",
                fixes=_without(node.span, eps),
            ),
        )


def _without(span: Span, value: str) -> tuple[Fix, ...]:
    """The edit that leaves an argument of a layer out, with its name if it has one."""
    written = rf"(?:eps\s*=\s*)?{re.escape(value)}\s*"
    text = re.sub(rf",\s*{written}(?=[,)])|(?<=\(){written}(?:,\s*|(?=\)))", "", span.text, count=1)
    if text == span.text:
        return ()
    made = text.removesuffix("()")
    return (Fix(f"leave it out: `{made}`", (Edit(span, made),)),)
