"""Random networks for images of any size, each as a spec and as calls of PyTorch.

A network is a list of steps. A step can be written, and run on a tensor: it calls PyTorch, notes
the shape that comes out, and raises ``RuntimeError`` where PyTorch does, or where a size is 0 or a
merge would stretch a branch. Weights are made at the first run and kept, as a module keeps them.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

from archlang.op import Op


class Run:
    """One run of a network: the shapes behind each layer in order, without the batch."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def note(self, x: Tensor) -> Tensor:
        if 0 in x.shape:
            raise RuntimeError("a size of 0")
        self.shapes.append(tuple(x.shape[1:]))
        return x


@dataclass
class Layer:
    """A layer: its text, and the call that computes it with its weights, if it has any."""

    text: str
    call: Callable[..., Tensor]
    weights: Callable[[Tensor], list[tuple[int, ...]]] = lambda x: []
    made: list[tuple[int, ...]] | None = None

    def run(self, x: Tensor, run: Run) -> Tensor:
        if self.made is None:
            self.made = self.weights(x)
        tensors = [torch.zeros(shape, device=x.device) for shape in self.made]
        return run.note(self.call(x, *tensors))


@dataclass
class Merge:
    """Branches, each a list of steps, and how they come together."""

    text: str
    branches: list[list[Step]]
    join: Callable[[list[Tensor]], Tensor]

    def run(self, x: Tensor, run: Run) -> Tensor:
        return run.note(self.join([follow(branch, x, run) for branch in self.branches]))


Step: TypeAlias = "Layer | Merge"


def follow(steps: list[Step], x: Tensor, run: Run) -> Tensor:
    for step in steps:
        x = step.run(x, run)
    return x


def written(steps: list[Step]) -> str:
    parts = []
    for step in steps:
        if isinstance(step, Layer):
            parts.append(step.text)
        else:
            branches = " | ".join(written(b) for b in step.branches)
            parts.append(f"{step.text} {{ {branches} }}")
    return " -> ".join(parts)


@dataclass
class Net:
    """A network and the image that it is made with, [C, H, W]."""

    steps: list[Step]
    shape: tuple[int, int, int]
    spec: str = field(init=False)

    def __post_init__(self) -> None:
        c, h, w = self.shape
        text = written(self.steps)
        self.spec = f"model m {{\n    input image: [{c}, H={h}, W={w}]\n    {text}\n}}\n"

    def run(self, height: int, width: int, device: str = "meta") -> list[tuple[int, ...]] | None:
        """The shape behind each layer; None where the image is refused."""
        run = Run()
        try:
            with torch.no_grad():
                image = torch.zeros(1, self.shape[0], height, width, device=device)
                follow(self.steps, run.note(image), run)
        except (RuntimeError, IndexError, ValueError):
            return None
        return run.shapes


# Layers. Each takes one figure an axis, so that the axes go different ways.


def _pair(r: random.Random, low: int, high: int) -> tuple[int, int]:
    first = r.randint(low, high)
    return (first, first if r.random() < 0.6 else r.randint(low, high))


def _size(pair: tuple[int, ...]) -> str:
    return "x".join(map(str, pair))


Two: TypeAlias = "tuple[int, ...]"


def _conv(k: Two, c: int, s: Two, p: Two, d: Two = (1, 1), mode: str = "zeros") -> Layer:
    text = f"conv({_size(k)}, {c}, stride={_size(s)}, pad={_size(p)}, dilation={_size(d)}"

    def call(x: Tensor, weight: Tensor) -> Tensor:
        if mode == "zeros":
            return functional.conv2d(x, weight, None, s, p, d)
        around = (p[1], p[1], p[0], p[0])
        return functional.conv2d(functional.pad(x, around, mode=mode), weight, None, s, 0, d)

    return Layer(f"{text}, bias=false, pad_mode={mode})", call, lambda x: [(c, x.shape[1], *k)])


def conv(r: random.Random) -> Layer:
    d = (1, 1) if r.random() < 0.8 else _pair(r, 1, 2)
    mode = r.choice(["zeros"] * 4 + ["reflect", "circular", "replicate"])
    return _conv(_pair(r, 1, 4), r.randint(1, 3), _pair(r, 1, 3), _pair(r, 0, 2), d, mode)


def _pool(name: str, k: Two, s: Two, p: Two, ceil: bool) -> Layer:
    kind = functional.max_pool2d if name == "maxpool" else functional.avg_pool2d
    return Layer(
        f"{name}({_size(k)}, stride={_size(s)}, pad={_size(p)}, ceil={str(ceil).lower()})",
        lambda x: kind(x, k, s, p, ceil_mode=ceil),
    )


def pool(r: random.Random) -> Layer:
    k = _pair(r, 1, 4)
    p = (r.randint(0, k[0] // 2), r.randint(0, k[1] // 2))
    return _pool(r.choice(["maxpool", "avgpool"]), k, _pair(r, 1, 3), p, r.random() < 0.5)


def _transposed(k: Two, c: int, s: Two, p: Two, extra: Two, d: Two) -> Layer:
    text = (
        f"conv_transpose({_size(k)}, {c}, stride={_size(s)}, pad={_size(p)}, "
        f"output_pad={_size(extra)}, dilation={_size(d)}, bias=false)"
    )
    return Layer(
        text,
        lambda x, w: functional.conv_transpose2d(x, w, None, s, p, extra, 1, d),
        lambda x: [(x.shape[1], c, *k)],
    )


def transposed(r: random.Random) -> Layer:
    s, d = _pair(r, 1, 3), _pair(r, 1, 2)
    extra = tuple(r.randint(0, max(a, b) - 1) for a, b in zip(s, d, strict=True))
    return _transposed(_pair(r, 1, 4), r.randint(1, 3), s, _pair(r, 0, 2), extra, d)


def slice_(r: random.Random) -> Layer:
    start, end, axis = r.choice([0, 0, 1, 2, -9]), r.choice([-1, -2, 7, 500]), r.randint(1, 2)
    cut = (slice(None),) * (axis + 1) + (slice(start, end),)
    return Layer(f"slice({start}, {end}, axis={axis})", lambda x: x[cut])


def adaptive(r: random.Random) -> Layer:
    size = _pair(r, 1, 5)
    return Layer(
        f"adaptive_avgpool({_size(size)})", lambda x: functional.adaptive_avg_pool2d(x, size)
    )


def turned(r: random.Random) -> Layer:
    return Layer("permute(0, 2, 1)", lambda x: x.permute(0, 1, 3, 2))


def fixed_norm(r: random.Random) -> Layer:
    return Layer(
        "layernorm", lambda x, w: functional.layer_norm(x, w.shape, w), lambda x: [(x.shape[-1],)]
    )


def upsample(r: random.Random) -> Layer:
    return _upsample(*r.choice([(2, 1), (3, 1), (3, 2), (1, 2), (4, 3), (2, 3)]))


def _upsample(above: int, below: int) -> Layer:
    def call(x: Tensor) -> Tensor:
        size = [n * above // below for n in x.shape[2:]]
        return functional.interpolate(x, size=size)

    return Layer(f"upsample({above}/{below})", call)


def padded(r: random.Random) -> Layer:
    return _pad(_pair(r, 0, 3), r.choice(["zeros", "reflect", "replicate", "circular"]))


def _pad(amount: Two, mode: str) -> Layer:
    around = (amount[1], amount[1], amount[0], amount[0])
    kind = "constant" if mode == "zeros" else mode
    return Layer(
        f"pad({_size(amount)}, mode={mode})", lambda x: functional.pad(x, around, mode=kind)
    )


def cropped(r: random.Random) -> Layer:
    return _crop(_pair(r, 0, 3))


def _crop(amount: Two) -> Layer:
    a, b = amount
    return Layer(
        f"crop({a}x{b})", lambda x: x[:, :, a : x.shape[2] - a or None, b : x.shape[3] - b or None]
    )


def centre(r: random.Random) -> Layer:
    a, b = _pair(r, 2, 9)

    def call(x: Tensor) -> Tensor:
        top, left = x.shape[2] - a, x.shape[3] - b
        if min(top, left) < 0:
            raise RuntimeError("too small to crop")
        return x[:, :, top // 2 : top // 2 + a, left // 2 : left // 2 + b]

    return Layer(f"center_crop({a}x{b})", call)


def unshuffled(r: random.Random) -> Layer:
    factor = r.randint(2, 3)
    return Layer(f"pixel_unshuffle({factor})", lambda x: functional.pixel_unshuffle(x, factor))


BODY: list[tuple[str, int, Callable[[random.Random], Layer]]] = [
    ("conv", 8, conv),
    ("maxpool", 6, pool),
    ("conv_transpose", 4, transposed),
    ("slice", 2, slice_),
    ("adaptive_avgpool", 1, adaptive),
    ("permute", 1, turned),
    ("layernorm", 1, fixed_norm),
    ("upsample", 3, upsample),
    ("pad", 2, padded),
    ("crop", 2, cropped),
    ("center_crop", 1, centre),
    ("pixel_unshuffle", 2, unshuffled),
]
"""Layers by name and how often they are drawn; those that the language lacks are left out."""


def heads(r: random.Random) -> list[Layer]:
    """What may end a network: maps, pooled values, a fixed head, tokens."""
    flat = Layer("flatten", lambda x: x.flatten(1))
    matrix = Layer("linear(3, bias=false)", functional.linear, lambda x: [(3, x.shape[-1])])
    tokens = Layer("flatten(start=1)", lambda x: x.flatten(2))
    turned_ = Layer("permute(1, 0)", lambda x: x.permute(0, 2, 1))
    first = Layer("slice(0, 1)", lambda x: x[:, 0:1])
    pooled = Layer("global_avgpool", lambda x: x.mean((2, 3)))
    return r.choice([[], [], [], [pooled, matrix], [flat, matrix], [flat],
                     [tokens, matrix], [tokens, turned_, matrix, first, flat]])  # fmt: skip


def _added(parts: list[Tensor]) -> Tensor:
    if any(p.shape != parts[0].shape for p in parts):
        raise RuntimeError("branches differ")
    return sum(parts[1:], parts[0])


def _joined(axis: int) -> Callable[[list[Tensor]], Tensor]:
    return lambda parts: torch.cat(parts, axis + 1)


class Maker:
    """Draws a network whose first run, on an image of ``shape``, succeeds."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.layers = [row for row in BODY if row[0] in Op.registry]

    def layer(self) -> Layer:
        weights = [weight for _, weight, _ in self.layers]
        ((_, _, make),) = self.random.choices(self.layers, weights)
        return make(self.random)

    def merge(self, x: Tensor, depth: int) -> Merge | None:
        """Two or three branches that agree on this tensor, where such are found soon."""
        r = self.random
        kind = r.choice(["add", "mul", "concat", "concat(axis=1)", "concat(axis=2)", "residual"])
        axis = {"concat": 0, "concat(axis=1)": 1, "concat(axis=2)": 2}.get(kind)
        factors, channels = [r.randint(1, 3) for _ in range(r.randint(0, 3))], r.randint(1, 3)
        found: list[tuple[list[Step], tuple[int, ...]]] = []
        for _ in range(12):
            branch = self.alike(factors) if r.random() < 0.8 else self.chain(x, 2, depth)
            branch.append(_conv((1, 1), channels, (1, 1), (0, 0)))
            shape = _probe(branch, x)
            if shape and (not found or _agree(shape, found[0][1], axis)):
                found.append((branch, shape))
            if len(found) == 2 + (r.random() < 0.1):
                break
        if len(found) < 2:
            return None
        join = _added if axis is None else _joined(axis)
        return Merge(kind, [branch for branch, _ in found], join)

    def alike(self, factors: list[int]) -> list[Step]:
        """Layers that make an image so many times smaller, or nearly, factor by factor."""
        return [step for factor in factors for step in self.smaller(factor)]

    def smaller(self, by: int) -> list[Step]:
        """One of the ways to make an image ``by`` times smaller, or nearly."""
        r, s = self.random, (by, by)
        k, c, ceil = r.randint(by, 4), r.randint(1, 3), r.random() < 0.4
        ways: list[list[Step]] = [
            [_conv((3, 3), c, s, (1, 1))],
            [_conv((1, 1), c, s, (0, 0))],
            [_conv((k, k), c, s, (k // 2, k // 2))],
            [_pool("maxpool", (k, k), s, (k // 2, k // 2), ceil)],
            [_pool("avgpool", s, s, (0, 0), ceil)],
            [_pool("maxpool", (3, 3), s, (1, 1), False), _conv((3, 3), c, (1, 1), (1, 1))],
            [_pool("maxpool", (2, 2), (2, 2), (0, 0), ceil),
             _transposed((2, 2), c, (2, 2), (0, 0), (0, 0), (1, 1)), _conv((3, 3), c, s, (1, 1))],
        ]  # fmt: skip
        if by == 1:
            ways += [
                [Layer("identity", lambda x: x)],
                [_transposed((3, 3), c, s, (1, 1), (0, 0), s)],
            ]
        if "upsample" in Op.registry:
            ways.append([_pool("avgpool", (4, 4), (2, 2), (1, 1), ceil), _upsample(2, by)])
        if "crop" in Op.registry:
            ways.append([_pad((1, 1), "zeros"), _conv((3, 3), c, s, (1, 1)), _crop((1, 1))])
        return r.choice(ways)

    def chain(self, x: Tensor, length: int, depth: int) -> list[Step]:
        """Steps one after the other, each of which takes what arrives."""
        steps: list[Step] = []
        while length:
            step = (
                self.merge(x, depth - 1) if depth and self.random.random() < 0.4 else self.layer()
            )
            length -= 1
            try:
                if step is not None:
                    x = step.run(x, Run())
                    steps.append(step)
            except (RuntimeError, IndexError, ValueError):
                continue
        return steps or [Layer("identity", lambda x: x)]

    def net(self) -> Net:
        r = self.random
        shape = (r.randint(1, 3), r.randint(12, 90), r.randint(12, 90))
        x = torch.zeros(1, *shape, device="meta")
        with torch.no_grad():
            steps = self.chain(x, r.randint(1, 6), 2)
            for step in heads(r):
                steps.append(step)
        net = Net(steps, shape)
        if net.run(*shape[1:]) is None or net.run(*shape[1:], device="cpu") is None:
            return self.net()
        return net


def _agree(a: tuple[int, ...], b: tuple[int, ...], joined: int | None) -> bool:
    return all(x == y or i == joined for i, (x, y) in enumerate(zip(a, b, strict=True)))


def _probe(steps: list[Step], x: Tensor) -> tuple[int, ...]:
    run = Run()
    try:
        with torch.no_grad():
            return tuple(follow(steps, x, run).shape[1:])
    except (RuntimeError, IndexError, ValueError):
        return ()
