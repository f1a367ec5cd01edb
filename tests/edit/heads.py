"""Random small networks with a head, as text."""

from __future__ import annotations

import random

KERNELS = {1: "{}", 2: "{0}x{0}", 3: "{0}x{0}x{0}"}


class Drawn:
    """A network without padding: convolutions and pools, then a flattened or pooled head."""

    def __init__(self, seed: int) -> None:
        self.r = r = random.Random(seed)
        self.axes = r.choice([1, 2, 2, 2, 3])
        self.size = r.randint(9, 14)
        self.ways = (r.choice(["statements", "block", "label", "shared"]), r.random() < 0.5)

    def kernel(self, k: int) -> str:
        return KERNELS[self.axes].format(k)

    def trunk(self) -> list[str]:
        r, pool = self.r, self.r.choice(["maxpool", "avgpool"])
        lines = [f"conv({self.kernel(r.choice([1, 2, 3]))}, {r.randint(2, 5)}, pad=0)"]
        lines.append(r.choice(["relu", "bn -> tanh"]))
        lines.append(f"{pool}({self.kernel(2)})")
        lines.append(
            f"conv({self.kernel(2)}, {r.randint(2, 6)}, stride={r.choice([1, 1, 2])}, pad=0)"
        )
        return lines

    def begin(self) -> list[str]:
        """How the map becomes a vector."""
        r = self.r
        flat = r.choice(["flatten", "flatten", "reshape(-1)", "flatten(start=0, end=-1)"])
        first = r.choice(["", "", "relu -> ", "dropout(0.5) -> "])
        return [f"{first}{flat}" if r.random() < 0.7 else r.choice(
            [f"adaptive_avgpool({self.kernel(1)}) -> flatten", "global_avgpool", "global_maxpool",
             f"adaptive_maxpool({self.kernel(1)}) -> bn -> flatten"]
        )]  # fmt: skip

    def unit(self) -> str:
        r = self.r
        width = 2 * r.randint(2, 4)
        linear = r.choice([f"linear({width})", f"linear({width}, bias=false)",
                           f"linear(bias=false, features={width})",
                           f"linear({width}, axis=-1)"])  # fmt: skip
        more = r.choice(
            ["relu", "tanh -> dropout(0.3)", "bn -> relu", "layernorm", "glu", "maxout(2)", "prelu",
             f"prelu({width})", "rmsnorm", "slice(0, 3)", "split(2, 1)", "softmax(axis=-1)",
             "alpha_dropout(0.2) -> selu", f"residual {{ linear({width}) -> relu }}",
             f"gate {{ linear({width}) -> sigmoid }}", "absolute -> flatten",
             "concat(axis=-1) { linear(3) | identity | tanh }", "mul { linear(1) | identity }"]
        )  # fmt: skip
        return f"{linear} -> {more}"

    def text(self) -> str:
        units = [self.unit() for _ in range(self.r.randint(0, 2))]
        last = "linear(classes)" + self.r.choice(["", " -> log_softmax", " -> softmax(axis=0)"])
        head, (way, labelled) = [*self.begin(), *units, last], self.ways
        if labelled:
            head = [f"h{i} = {line}" for i, line in enumerate(head)]
        sizes = ", ".join([str(self.size)] * self.axes)
        trunk = "\n    ".join(self.trunk())
        body = "\n    ".join(head)
        before, end = "", body
        if way == "block":
            before, end = f"block head(classes) {{\n    {body}\n}}\n", "head(classes)"
        elif way == "label":
            end = f"out = {{ {'; '.join(head)} }}"
        elif way == "shared":
            end = f"shared net = {{ {'; '.join(head)} }}\n    net"
        model = (
            f"model drawn(classes = 3) {{\n    input x: [2, {sizes}]\n    {trunk}\n    {end}\n}}"
        )
        return f"{before}{model}\n"
