"""Networks as specs: the same network written in many ways."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

from tests.properties.tree import (
    AXES,
    PARAMETER,
    Args,
    Block,
    Body,
    Call,
    Group,
    Layer,
    Line,
    Merge,
    Net,
    Part,
    Ref,
    Repeat,
    Shape,
    Use,
)

CONV = ("kernel", "channels", "stride", "pad", "dilation", "groups", "bias", "pad_mode")
ORDER: dict[str, tuple[str, ...]] = {
    "conv": CONV,
    "conv_transpose": (
        "kernel", "channels", "stride", "pad", "output_pad", "dilation", "groups", "bias"
    ),
    "linear": ("features", "axis", "bias", "drop_connect"),
    "attention": ("heads", "bias", "dropout"),
    "bn": ("eps", "momentum", "affine"),
    "layernorm": ("eps", "axis", "affine"),
    "groupnorm": ("groups", "eps", "affine"),
    "instancenorm": ("eps", "momentum", "affine", "track"),
    "rmsnorm": ("eps", "axis", "affine"),
    "grn": ("axis", "eps"),
    "lrn": ("size", "alpha", "beta", "k"),
    "normalize": ("mean", "std"),
    "celu": ("alpha", "inplace"),
    "hardtanh": ("min_val", "max_val", "inplace"),
    "softplus": ("beta", "threshold"),
    "prelu": ("num_parameters", "init"),
    "maxout": ("pieces", "axis"),
    "locally_connected": ("kernel", "channels", "stride", "pad", "bias"),
    "upsample": ("scale", "size", "mode", "align_corners"),
    "pad": ("amount", "mode", "value"),
    "split": ("parts", "index", "axis"),
    "channel_dropout": ("p", "inplace"),
    "alpha_dropout": ("p", "inplace"),
    "log_softmax": ("axis",),
    "glu": ("axis",),
    "maxpool": ("kernel", "stride", "pad", "dilation", "ceil"),
    "avgpool": ("kernel", "stride", "pad", "ceil", "count_include_pad"),
    "flatten": ("start", "end"),
    "slice": ("start", "end", "axis"),
    "parameter": ("shape", "init", "batch"),
    "dropout": ("p", "inplace"),
    "leaky_relu": ("slope", "inplace"),
    "elu": ("alpha", "inplace"),
    "softmax": ("axis",),
    "concat": ("axis",),
    "dense": ("axis",),
}  # fmt: skip
"""The order of the parameters of each layer that has more than one way to be written."""
NAMED = {"W": 4, "N": 2}
"""Values that specs define by ``let``, for sizes to be written with."""


SIZES = ("HVD", "PQR", "STU")
"""The names of the sizes of each input."""


class Writer:
    """Writes one network; ``seed`` chooses among the ways to say the same."""

    def __init__(self, seed: int) -> None:
        self.r = random.Random(seed)
        self.blocks: dict[Block, str] = {}

    def chance(self, p: float) -> bool:
        return self.r.random() < p

    def net(self, net: Net) -> str:
        lines = [
            f"    input {name}: {self.given(shape, letters)}"
            for (name, shape), letters in zip(net.inputs.items(), SIZES, strict=False)
        ]
        assert len(lines) == len(net.inputs)
        for shared in net.shared:
            lines.append(f"    shared {shared.name} = {self.chain(shared.parts, 1)}")
        lines += self.lines(net.body, 1)
        if net.outputs:
            lines.append(f"    output {', '.join(net.outputs)}")
        lines += [f"    aux {name} weight=0.3" for name in net.aux]
        head = [f"let {name} = {value}" for name, value in NAMED.items()]
        body = "\n".join(lines)
        return "\n".join([*head, *self.blocks.values(), f"model m {{\n{body}\n}}\n"])

    def given(self, shape: Shape, letters: str) -> str:
        """An input's shape; some sizes are symbols with a default."""
        names = iter(letters if self.chance(0.3) else ())
        sizes = [
            f"{n}={s}" if i and (n := next(names, "")) else str(s) for i, s in enumerate(shape)
        ]
        return f"[{', '.join(sizes)}]"

    # Bodies

    def lines(self, body: Body, depth: int) -> list[str]:
        pad = "    " * depth
        out: list[str] = []
        for line in body:
            text = self.line(line, depth)
            if out and "\n" not in out[-1] + text and "#" not in out[-1] and self.chance(0.2):
                out[-1] += f"; {text}"
            else:
                out.append(pad + text + self.r.choice(("", "", "", "", "  # as it is")))
        return out

    def line(self, line: Line, depth: int) -> str:
        if line.label is None and line.shape is None and len(line.parts) == 1:
            part = line.parts[0]
            if isinstance(part, Group) and self.chance(0.7):
                return self.chosen(part.body, depth)
            if isinstance(part, Repeat) and isinstance(part.part, Group) and self.chance(0.8):
                return f"for i in range({part.count}) {self.braces(part.part.body, depth)}"
        label = f"{line.label} = " if line.label else ""
        shape = "" if line.shape is None else f" : [{', '.join(map(str, line.shape))}]"
        return f"{label}{self.chain(line.parts, depth)}{shape}"

    def chosen(self, body: Body, depth: int) -> str:
        """A body behind a condition that holds, or in the ``else`` of one that does not."""
        other = "{ linear(W, axis=7) -> maxpool(99) }"
        if self.chance(0.5):
            return f"if N < W {self.braces(body, depth)} else {other}"
        return f"if N == W {other} else {self.braces(body, depth)}"

    def braces(self, body: Body, depth: int) -> str:
        lines = "\n".join(self.lines(body, depth + 1))
        return f"{{\n{lines}\n{'    ' * depth}}}"

    def chain(self, parts: list[Part], depth: int) -> str:
        text = self.part(parts[0], depth)
        for part in parts[1:]:
            arrow = " -> " if self.chance(0.85) else "\n" + "    " * depth + "  -> "
            text += arrow + self.part(part, depth)
        return text

    # Parts

    def part(self, part: Part, depth: int) -> str:
        match part:
            case Layer():
                return part.name + self.arguments(part.name, part.args)
            case Group():
                return self.braces(part.body, depth)
            case Repeat():
                count = self.r.choice((str(part.count), f"({part.count + 1} - 1)"))
                sign = self.r.choice("xx×")
                return f"{self.part(part.part, depth)} {sign} {count}"
            case Call():
                return self.call(part)
            case Use():
                return part.shared.name
            case Ref():
                return part.label
        return self.merge(part, depth)

    def call(self, call: Call) -> str:
        block = call.block
        if block not in self.blocks:
            self.blocks[block] = ""
            parameter = self.r.choice(("(c)", "(c = 3)")) if block.parameter else ""
            signature = ""
            if block.takes:
                gives = ", ".join("_" if s is None else str(s) for s in block.gives)
                signature = f" : [{', '.join(AXES[: block.takes])}] -> [{gives}]"
            text = f"block {block.name}{parameter}{signature} {self.braces(block.body, 0)}"
            del self.blocks[block]
            self.blocks[block] = text
        if call.value is None:
            return block.name + self.r.choice(("", "()"))
        return f"{block.name}({self.r.choice(('', 'c='))}{self.number(call.value)})"

    def merge(self, merge: Merge, depth: int) -> str:
        head = merge.name + self.arguments(merge.name, merge.args)
        pad = "    " * depth
        if len(merge.branches) == 1:
            return f"{head} {self.braces(merge.branches[0], depth)}"
        branches = []
        for branch in merge.branches:
            lines = self.lines(branch, depth + 1)
            lines[0] = f"{pad}  | {lines[0].lstrip()}"
            branches.append("\n".join(lines))
        if self.chance(0.3):
            branches[0] = branches[0].replace("| ", "  ", 1)
        return f"{head} {{\n" + "\n".join(branches) + f"\n{pad}}}"

    # Values

    def arguments(self, name: str, args: Args) -> str:
        if name in ("permute", "reshape"):
            return f"({', '.join(map(str, *args.values()))})"
        order = ORDER.get(name, tuple(args))
        positional = 0
        while positional < len(order) and order[positional] in args and self.chance(0.8):
            positional += 1
        parts = [self.value(args[n], n) for n in order[:positional]]
        named = [n for n in args if n not in order[:positional]]
        self.r.shuffle(named)
        parts += [f"{n}={self.value(args[n], n)}" for n in named]
        return f"({', '.join(parts)})" if parts or self.chance(0.05) else ""

    def value(self, value: Any, name: str = "") -> str:
        if isinstance(value, bool):
            return str(value).lower()
        if value is PARAMETER:
            return "c"
        if isinstance(value, tuple):
            plain = "x".join(map(str, value))
            pairs = name in ("pad", "amount")  # in a list they would be pairs
            listed = plain if pairs else f"[{', '.join(map(str, value))}]"
            return self.r.choice((plain, plain, listed))
        if isinstance(value, list):
            return f"[{', '.join(map(self.value, value))}]"
        if isinstance(value, Fraction) and value == Fraction(str(float(value))):
            return self.r.choice((str(value), f"({value})", str(float(value))))
        return self.number(value) if isinstance(value, int) else str(value)

    def number(self, value: int) -> str:
        if self.chance(0.9):
            return str(value)
        name, known = self.r.choice(list(NAMED.items()))
        ways = [f"{name} + {value - known}", f"{value + known} - {name}", f"({value})"]
        return self.r.choice([way for way in ways if "+ -" not in way])


def spec(net: Net, seed: int) -> str:
    """A spec of a network."""
    return Writer(seed).net(net)
