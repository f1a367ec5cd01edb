"""Random networks, about half of them right. Each is made by its seed alone."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

import torch

from tests.properties import draws, flaws
from tests.properties.eager import BATCH, REJECTIONS, Eager, Scope, Value, steady
from tests.properties.layers import MERGES, RefusedError
from tests.properties.tree import (
    AXES,
    PARAMETER,
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
    Shared,
    Use,
)

LARGEST = 6000
"""Scalars of the largest tensor that is made on purpose."""
TRIES = 8


@dataclass
class Place:
    """Where a part is made: how deep, and what is allowed there."""

    depth: int = 0
    labels: bool = True
    shared: bool = True
    flaws: bool = True
    names: dict[str, Shape] = field(default_factory=dict)

    def inside(self, **changes: bool) -> Place:
        return replace(self, depth=self.depth + 1, **changes)


class Generator:
    """Makes one network. A part is tried out in PyTorch, and most that fail are thrown away."""

    def __init__(self, seed: int) -> None:
        self.r = random.Random(seed)
        self.flaws_left = self.r.choices((0, 1, 2), (50, 40, 10))[0]
        self.flaws: list[str] = []
        self.blocks: list[Block] = []
        self.shared: list[Shared] = []
        self.labels = 0

    def chance(self, p: float) -> bool:
        return self.r.random() < p

    def net(self) -> Net:
        inputs = {"image": self.input()}
        if self.chance(0.1):
            inputs["other"] = self.input()
        place = Place(names=dict(inputs))
        body: Body = []
        shape = inputs["image"]
        if len(inputs) > 1:
            body.append(Line([Ref("image")]))
        lines, shape = self.body(shape, place, self.r.randint(2, 6))
        body += lines
        if self.flaws_left and not self.flaws:
            part = self.flawed(shape)
            body.append(Line([part]))
        labels = [n for n in place.names if n not in inputs]
        outputs = self.r.sample(labels, min(2, len(labels))) if self.chance(0.2) else []
        aux = [self.r.choice(labels)] if labels and self.chance(0.2) else []
        aux = [name for name in aux if name not in outputs]
        return Net(inputs, body, self.shared, outputs, aux, self.flaws)

    def input(self) -> Shape:
        r = self.r
        axes = r.choices((0, 1, 2, 3, 4), (15, 25, 50, 15, 2))[0]
        high = {0: 24, 1: 24, 2: 16, 3: 8, 4: 3}[axes]
        first = r.randint(3, 24) if axes == 0 else r.choice((1, 2, 3, 4, 6, 8))
        return (first, *(r.randint(min(3, high), high) for _ in range(axes)))

    def probe(self, parts: list[Part], shape: Shape, place: Place) -> Shape | None:
        """The shape that comes out, or None where PyTorch or the language says no."""
        env = {n: Value(torch.zeros(BATCH, *s)) for n, s in place.names.items()}
        run = Eager(value=1)
        try:
            with torch.no_grad():
                x = run.line(Line(parts), Scope(), Value(torch.zeros(BATCH, *shape)), env)
        except (RefusedError, *REJECTIONS):
            return None
        return x.shape if x.tensor.numel() <= LARGEST else None

    def body(self, shape: Shape, place: Place, lines: int) -> tuple[Body, Shape]:
        body: Body = []
        for _ in range(lines):
            line, shape = self.line(shape, place)
            body.append(line)
        return body, shape

    def line(self, shape: Shape, place: Place) -> tuple[Line, Shape]:
        parts: list[Part] = []
        broken = len(self.flaws)
        label = None
        for _ in range(self.r.choices((1, 2, 3), (60, 25, 15))[0]):
            part, shape = self.part(shape, place)
            parts.append(part)
        if place.labels and self.chance(0.4):
            self.labels += 1
            label = f"t{self.labels}"
            if len(self.flaws) == broken:
                place.names[label] = shape
        line = Line(parts, label)
        if place.depth == 0 and self.chance(0.15) and not self.flaws:
            line.shape = shape
            if self.flaws_left and place.flaws and self.chance(0.3):
                axis = self.r.randrange(len(shape))
                line.shape = (*shape[:axis], shape[axis] + 1, *shape[axis + 1 :])
                self.flaw("assertion")
        return line, shape

    def flaw(self, name: str) -> None:
        self.flaws_left -= 1
        self.flaws.append(name)

    def flawed(self, shape: Shape) -> Part:
        name, layer = flaws.flawed(self.r, shape)
        self.flaw(name)
        return layer

    def part(self, shape: Shape, place: Place) -> tuple[Part, Shape]:
        """A part, and the shape after it (a guess, where the part has a flaw)."""
        if self.flaws_left and place.flaws and self.chance(0.12):
            part = self.flawed(shape)
            return part, self.probe([part], shape, place) or shape
        for _ in range(TRIES):
            flaws, names = len(self.flaws), dict(place.names)
            part = self.candidate(shape, place)
            out = self.probe([part], shape, place)
            if out is not None or len(self.flaws) > flaws:
                return part, out or shape
            place.names.clear()
            place.names.update(names)
        return Layer("relu"), shape

    def candidate(self, shape: Shape, place: Place) -> Part:
        kinds = {self.layer: 60.0}
        if place.depth < 3:
            kinds |= {self.merge: 22.0, self.repeat: 10.0, self.group: 8.0, self.call: 12.0}
        if place.names:
            kinds[self.ref] = 4.0
        if place.shared:
            kinds[self.use] = 8.0
        return self.r.choices(list(kinds), list(kinds.values()))[0](shape, place)

    def layer(self, shape: Shape, place: Place) -> Part:
        return draws.layer(self.r, shape)

    def ref(self, shape: Shape, place: Place) -> Part:
        return Ref(self.r.choice(list(place.names)))

    def group(self, shape: Shape, place: Place) -> Part:
        return Group(self.body(shape, place.inside(), self.r.randint(1, 2))[0])

    def repeat(self, shape: Shape, place: Place) -> Part:
        inside = place.inside(labels=False)
        kind = self.r.choice((self.layer, self.group, self.group, self.call, self.merge))
        return Repeat(kind(shape, inside), self.r.choice((0, 1, 2, 2, 3)))

    def call(self, shape: Shape, place: Place) -> Part:
        r = self.r
        if self.blocks and self.chance(0.4):
            block = r.choice(self.blocks)
            block.takes, block.gives = 0, ()
            return Call(block, r.choice(draws.CHANNELS) if block.parameter else None)
        inside = Place(place.depth + 1, shared=False, flaws=place.flaws)
        flaws = len(self.flaws)
        block = Block("", [], parameter=self.chance(0.4))
        value = r.choice(draws.CHANNELS) if block.parameter else None
        start = shape
        if value is not None:
            layer = Layer("linear", {"features": PARAMETER, "axis": 0})
            if len(shape) in (2, 3, 4) and self.chance(0.6):
                layer = Layer("conv", {"kernel": 1, "channels": PARAMETER})
            block.body.append(Line([layer]))
            start = (value, *shape[1:])
        lines, out = self.body(start, inside, r.randint(1, 3))
        block.body += lines
        if self.chance(0.5) and len(self.flaws) == flaws:
            block.takes = len(shape)
            names = dict(zip(shape, AXES, strict=False))
            block.gives = tuple(r.choice((n, None, names.get(n, n))) for n in out)
        self.blocks.append(block)
        block.name = f"block{len(self.blocks)}"
        return Call(block, value)

    def use(self, shape: Shape, place: Place) -> Part:
        if not self.shared or (len(self.shared) < 2 and self.chance(0.2)):
            inside = Place(2, labels=False, shared=False, flaws=False)
            parts: list[Part] = []
            current = shape
            for _ in range(self.r.randint(1, 2)):
                part, current = self.part(current, inside)
                parts.append(part)
            self.shared.append(Shared(f"tower{len(self.shared) + 1}", parts))
        return Use(self.r.choice(self.shared))

    # Merges

    def merge(self, shape: Shape, place: Place) -> Part:
        r = self.r
        inside = place.inside()
        name = r.choice(MERGES)
        if place.flaws and self.flaws_left and self.chance(0.1):
            self.flaw("branches")
            if self.chance(0.4):
                return self.stretched(name)
            count = 2 if name == "sub" else r.randint(1, {"gate": 1, "dense": 1}.get(name, 3))
            return Merge(name, {}, [self.body(shape, inside, 1)[0] for _ in range(count)])
        if name == "gate":
            return Merge(name, {}, [self.gate(shape, inside)])
        axis = r.randint(-len(shape), len(shape) - 1) if self.chance(0.2) else 0
        joined = name in ("concat", "dense")
        args = {"axis": axis} if joined and self.chance(0.3) else {}
        alone = name == "dense" or (name == "residual" and self.chance(0.5))
        head = None if alone or self.chance(0.5) else self.head(shape)
        free = joined and args.get("axis", 0) in (0, -len(shape))
        branches = []
        for _ in range(1 if alone else 2 if name == "sub" else r.randint(1, 3)):
            branches.append(self.branch(shape, inside, head, free))
        return Merge(name, args, branches)

    def stretched(self, name: str) -> Part:
        """Branches that PyTorch would stretch to one another; the language lets `mul` alone."""
        narrow = [
            Layer("linear", {"features": 1, "axis": self.r.choice((0, -1))}),
            Layer("slice", {"start": 0, "end": 1, "axis": self.r.choice((0, -1))}),
            Layer("adaptive_avgpool", {"size": 1}),
            Layer("global_avgpool"),
        ]
        branches = [[Line([self.r.choice(narrow)])]]
        if name in ("add", "sub", "concat", "mul"):
            branches.append([Line([Layer("identity")])])
        return Merge(name, {}, branches)

    def gate(self, shape: Shape, place: Place) -> Body:
        if len(shape) == 1:
            return [Line([Layer("linear", {"features": size}) for size in (3, shape[0])])]
        squeeze: list[Part] = [Layer("global_avgpool"), Layer("linear", {"features": shape[0]})]
        if self.chance(0.3):
            squeeze = [Layer("adaptive_avgpool", {"size": 1})]
        return [Line([*squeeze, Layer("sigmoid")])]

    def head(self, shape: Shape) -> Layer:
        """A layer that sets the sizes that branches begin with."""
        if len(shape) in (2, 3, 4):
            return Layer("conv", draws.conv(self.r, shape))
        return Layer("linear", {"features": self.r.choice(draws.CHANNELS), "axis": -1})

    def branch(self, shape: Shape, place: Place, head: Layer | None, free: bool) -> Body:
        """A branch that ends with the sizes after ``head``; other channels where ``free``."""
        r = self.r
        channels = shape[0] if head is None else head.args.get("channels", shape[0])
        parts: list[Part] = [] if head is None else [Layer(head.name, dict(head.args))]
        start = shape if head is None else self.probe(parts, shape, place) or shape
        kept = [self.kept(start, place) for _ in range(r.randint(0 if head else 1, 2))]
        parts += kept
        if free and self.chance(0.6) and len(shape) > 1:
            wanted = r.choice(draws.CHANNELS)
            parts.append(Layer("linear", {"features": wanted, "axis": 0}))
        elif head is None and self.chance(0.3):
            features = channels if len(shape) > 1 else shape[0]
            parts.append(Layer("linear", {"features": features, "axis": 0}))
        label = None
        if place.labels and self.chance(0.25):
            self.labels += 1
            label = f"t{self.labels}"
        return [Line(parts, label)]

    def kept(self, shape: Shape, place: Place) -> Part:
        """A part that keeps the shape."""
        for _ in range(TRIES):
            flaws, names = len(self.flaws), dict(place.names)
            if self.chance(0.75) or place.depth > 2:
                part: Part = draws.layer(self.r, shape)
            else:
                part = self.r.choice((self.merge, self.repeat, self.call))(shape, place)
            if self.probe([part], shape, place) == shape or len(self.flaws) > flaws:
                return part
            place.names.clear()
            place.names.update(names)
        return Layer("tanh")


def network(seed: int) -> Net:
    """The network of a seed."""
    with steady():
        return Generator(seed).net()
