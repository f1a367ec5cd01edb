"""What layers without a module compute, as text: in a ``forward``, or as a class of its own."""

from __future__ import annotations

import re
from ast import literal_eval
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from archlang.backends.torch.source.expressions import literal, type_text
from archlang.backends.torch.source.parts import Call
from archlang.graph import Node

_NUMBERS = re.compile(
    r"(?<=\()-?\d+(?:, -?\d+)+(?=\))|(?<![\w.])-?\d+(?:\.\d+)?(?:e-?\d+)?(?![\w.])"
)


def skeleton(text: str) -> tuple[str, list[Any]]:
    """A text with ``{}`` for each number, or run of numbers, in it; and those."""
    found = [literal_eval(m) for m in _NUMBERS.findall(text)]
    return _NUMBERS.sub("{}", text.replace("{", "{{").replace("}", "}}")), found


_TUPLE = re.compile(r"(?<![\w\])])\(\*(self\.\w+)\)")
_SLICE = re.compile(r"(-?[\w.]*):(-?[\w.]*)(?=[,\]])")


def _spaced(match: re.Match[str]) -> str:
    """A slice, with space around its colon where its ends are more than numbers."""
    low, high = match.groups()
    if "." not in low + high:
        return match[0]
    return f"{low} : {high}" if low else f" : {high}"


def filled(text: str, numbers: Iterable[str]) -> str:
    """A text with numbers, or what stands for them, put back."""
    spread = _TUPLE.sub(r"\1", text.format(*numbers))
    return _SLICE.sub(_spaced, spread)


def label(node: Node, value: Any) -> str:
    """What a number in the text of a layer is: the field that holds it, if one does."""
    for name in type(node.op).model_fields:
        held = getattr(node.op, name)
        if (type(held) is type(value) and held == value) or isinstance(held, tuple) is isinstance(
            value, tuple
        ):
            return name
    return node.op.name


@dataclass(slots=True)
class Function:
    """A class for a layer that PyTorch has no module for."""

    name: str
    text: str
    labels: list[str]
    rows: list[list[Any]] = field(default_factory=list)
    doc: str = ""

    @property
    def varying(self) -> list[int]:
        """The numbers that differ from use to use."""
        columns = zip(*self.rows, strict=True)
        return [i for i, column in enumerate(columns) if len({repr(v) for v in column}) > 1]

    def source(self) -> list[str]:
        """The class, line by line."""
        lines = [f"class {self.name}(nn.Module):", f'    """{self.doc}"""', ""]
        names = {i: self.labels[i] for i in self.varying}
        if names:
            typed = [f"{n}: {type_text([r[i] for r in self.rows])}" for i, n in names.items()]
            lines += [f"    def __init__(self, {', '.join(typed)}) -> None:"]
            lines += ["        super().__init__()"]
            lines += [f"        self.{n} = {n}" for n in names.values()] + [""]
        shown = [
            f"{'*' * isinstance(v, tuple)}self.{names[i]}" if i in names else bare(v)
            for i, v in enumerate(self.rows[0])
        ]
        lines += ["    def forward(self, x: Tensor) -> Tensor:"]
        return [*lines, f"        return {filled(self.text, shown)}"]


def bare(value: Any) -> str:
    """Numbers as they stand between brackets."""
    return ", ".join(map(literal, value)) if isinstance(value, tuple) else literal(value)


class Functions:
    """The classes of all layers that stand in a chain without a module."""

    def __init__(self) -> None:
        self.classes: dict[tuple[str, str], Function] = {}

    def add(self, node: Node) -> None:
        """Take note of a use."""
        text, values = skeleton(node.op.call("", ("x",), node.tensors))
        key = (node.op.name, text)
        if key not in self.classes:
            labels: list[str] = []
            for value in values:
                name = label(node, value)
                labels.append(name if name not in labels else f"{name}{len(labels) + 1}")
            doc = (type(node.op).__doc__ or "").partition("\n")[0].replace("`", "``")
            self.classes[key] = Function(node.op.name, text, labels, doc=doc)
        self.classes[key].rows.append(values)

    def call(self, node: Node) -> Call:
        """The constructor of a use."""
        text, values = skeleton(node.op.call("", ("x",), node.tensors))
        function = self.classes[node.op.name, text]
        args = {function.labels[i]: values[i] for i in function.varying}
        return Call(function.name, args, len(args))
