"""A network run step by step in PyTorch: what it is, and whether it runs at all.

Each module is built for the tensor that arrives. Paths, shared weights and the closed list
of refusals are worked out here from the language's own description.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from tests.properties.layers import LAYERS, RefusedError, dim_of
from tests.properties.tree import (
    AXES,
    PARAMETER,
    Args,
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

BATCH = 2
REJECTIONS = (RuntimeError, ValueError, TypeError, IndexError, AssertionError)
"""What PyTorch raises for what it cannot run."""


@contextmanager
def steady() -> Iterator[None]:
    """PyTorch without its warnings and without oneDNN, in float64.

    What float32 rounds away, the norms of some random networks blow up again. For tensors of
    one channel in a channels-last layout, some of oneDNN's convolutions give memory that was
    never written, or crash.
    """
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with torch.backends.mkldnn.flags(enabled=False):
                yield
    finally:
        torch.set_default_dtype(before)


class Value(NamedTuple):
    """A tensor, and which layers it was computed by."""

    tensor: torch.Tensor
    made_by: frozenset[int] = frozenset()

    @property
    def shape(self) -> Shape:
        return tuple(self.tensor.shape[1:])


@dataclass
class Scope:
    """A module's path, and how many unlabelled parts it has so far."""

    path: str = ""
    count: int = 0

    def take(self, label: str | None) -> str:
        """The path of the next part."""
        if label is None:
            label = str(self.count)
            self.count += 1
        return f"{self.path}.{label}" if self.path else label


@dataclass
class Eager:
    """A run. ``modules`` are what holds weights, by path; ``macs`` those of each layer.

    ``kinds`` says what module each path was, use after use, and of how many axes.
    """

    counter: FlopCounterMode | None = None
    modules: dict[str, nn.Module | nn.Parameter] = field(default_factory=dict)
    macs: list[int] = field(default_factory=list)
    value: int | None = None
    kinds: dict[str, set[str]] = field(default_factory=dict)

    def body(self, body: Body, scope: Scope, x: Value | None, env: dict[str, Value]) -> Value:
        for line in body:
            x = self.line(line, scope, x, env)
        assert x is not None
        return x

    def line(self, line: Line, scope: Scope, x: Value | None, env: dict[str, Value]) -> Value:
        parts = [p for p in line.parts if not isinstance(p, (Ref, Use))]
        named = parts[0] if len(parts) == 1 and isinstance(parts[0], (Layer, Call)) else None
        if line.label and parts and named is None:
            scope = Scope(scope.take(line.label))
        for part in line.parts:
            x = self.part(part, scope, x, env, line.label if part is named else None)
        assert x is not None
        if line.label:
            env[line.label] = x
        if line.shape is not None and line.shape != x.shape:
            raise RefusedError("assertion")
        return x

    def part(
        self, part: Part, scope: Scope, x: Value | None, env: dict[str, Value], label: str | None
    ) -> Value:
        if isinstance(part, Ref):
            return env[part.label]
        assert x is not None
        match part:
            case Layer():
                return self.layer(part, scope.take(label), x)
            case Group():
                return self.body(part.body, scope, x, env)
            case Repeat():
                for _ in range(part.count):
                    x = self.part(part.part, scope, x, env, None)
                return x
            case Call():
                return self.call(part, scope.take(label), x)
            case Use():
                return self.line(Line(part.shared.parts, part.shared.name), Scope(), x, {})
        ends = [self.body(branch, scope, x, env) for branch in part.branches]
        if len(ends) == 1 and part.name == "residual":
            ends = [*ends, x]
        if part.name in ("gate", "dense"):
            ends = [x, *ends]
        return ends[0] if len(ends) == 1 else self.merged(part, ends)

    def call(self, call: Call, path: str, x: Value) -> Value:
        block = call.block
        if block.takes and block.takes != len(x.shape):
            raise RefusedError("signature")
        outer, self.value = self.value, call.value
        out = self.body(block.body, Scope(path), x, {})
        self.value = outer
        if block.takes:
            names = dict(zip(AXES, x.shape, strict=False))
            wanted = [names.get(size, size) for size in block.gives]
            if len(wanted) != len(out.shape) or any(
                size not in (None, given) for size, given in zip(wanted, out.shape, strict=True)
            ):
                raise RefusedError("signature")
        return out

    def merged(self, merge: Merge, ends: list[Value]) -> Value:
        tensors = [e.tensor for e in ends]
        made_by = frozenset().union(*(e.made_by for e in ends))
        if merge.name in ("concat", "dense"):
            dim = dim_of(merge.args.get("axis", 0), tensors[0])
            return Value(torch.cat(tensors, dim), made_by)
        if merge.name in ("mul", "gate"):
            return Value(multiplied(tensors), made_by)
        if any(t.shape != tensors[0].shape for t in tensors):
            sum(t[:1] for t in tensors)
            raise RefusedError("broadcast")
        if merge.name == "sub":
            return Value(tensors[0] + sum(-t for t in tensors[1:]), made_by)
        return Value(torch.stack(tensors).sum(0), made_by)

    def layer(self, layer: Layer, path: str, x: Value) -> Value:
        args: Args = {k: self.value if v is PARAMETER else v for k, v in layer.args.items()}
        for name in ("channels", "features"):
            if args.get(name, 1) < 1:
                raise RefusedError("size")
        made, function = LAYERS[layer.name](args, x.tensor)
        self.keep(path, made)
        self.kinds.setdefault(path, set()).add(f"{made} of {x.tensor.dim()} axes")
        before = self.counter.get_total_flops() if self.counter else 0
        out = function(x.tensor)
        after = self.counter.get_total_flops() if self.counter else 0
        number = len(self.macs)
        self.macs.append((after - before) // 2 // BATCH)
        if any(size < 1 for size in out.shape):
            raise RefusedError("size")
        return Value(out, x.made_by | {number})

    def keep(self, path: str, made: nn.Module | nn.Parameter | None) -> None:
        """Keep a module, or give it the weights that its path already has."""
        if isinstance(made, nn.Module):
            made.eval()
        first = self.modules.get(path)
        if first is None and made is not None:
            self.modules[path] = made
        elif isinstance(made, nn.Parameter):
            assert isinstance(first, nn.Parameter)
            if made.shape != first.shape:
                raise RefusedError("shared")
        elif made is not None:
            assert isinstance(first, nn.Module)
            mine, theirs = made.state_dict(), first.state_dict()
            if {k: v.shape for k, v in mine.items()} != {k: v.shape for k, v in theirs.items()}:
                raise RefusedError("shared")
            made.load_state_dict(theirs)

    @property
    def uneven(self) -> bool:
        """Whether a path was used with tensors for which PyTorch has different modules."""
        return any(len(kinds) > 1 for kinds in self.kinds.values())

    def state(self) -> dict[str, torch.Tensor]:
        """The state dict, by path."""
        out: dict[str, torch.Tensor] = {}
        for path, made in self.modules.items():
            if isinstance(made, nn.Parameter):
                out[path] = made.data
            else:
                out |= {f"{path}.{key}": value for key, value in made.state_dict().items()}
        return out


def multiplied(tensors: list[torch.Tensor]) -> torch.Tensor:
    """The product: sizes of 1 are stretched, and a vector [C] over all positions."""
    rank = max(t.dim() for t in tensors)
    if any(t.dim() not in (2, rank) for t in tensors):
        raise RefusedError("broadcast")
    out = torch.ones(())
    for t in tensors:
        out = out * t.reshape(*t.shape, *(1,) * (rank - t.dim()))
    return out


@dataclass
class Verdict:
    """What PyTorch has to say of a network; ``refusal`` is empty where it runs.

    ``uneven``: a shared layer met tensors for which PyTorch has different modules. The
    language may refuse that, or get it right.
    """

    refusal: str = ""
    why: str = ""
    outputs: dict[str, torch.Tensor] = field(default_factory=dict)
    state: dict[str, torch.Tensor] = field(default_factory=dict)
    params: int = 0
    buffers: int = 0
    macs: int = 0
    uneven: bool = False


def judge(net: Net, inputs: dict[str, torch.Tensor]) -> Verdict:
    """Run a network on ``inputs``."""
    counter = FlopCounterMode(display=False)
    run = Eager(counter)
    env = {name: Value(x) for name, x in inputs.items()}
    start = next(iter(env.values())) if len(env) == 1 else None
    try:
        with sdpa_kernel(SDPBackend.MATH), counter:
            last = run.body(net.body, Scope(), start, env)
    except RefusedError as error:
        return Verdict(str(error), uneven=run.uneven)
    except REJECTIONS as error:
        return Verdict("pytorch", f"{type(error).__name__}: {error}", uneven=run.uneven)
    ends = {name: env[name] for name in net.outputs} or {"output": last}
    needed = frozenset().union(*(e.made_by for e in ends.values()))
    made = run.modules.values()
    modules = [m for m in made if isinstance(m, nn.Module)]
    return Verdict(
        outputs={name: e.tensor.detach() for name, e in ends.items()},
        state=run.state(),
        params=sum(p.numel() for m in modules for p in m.parameters())
        + sum(m.numel() for m in made if isinstance(m, nn.Parameter)),
        buffers=sum(b.numel() for m in modules for b in m.buffers()),
        macs=sum(run.macs[i] for i in needed),
        uneven=run.uneven,
    )
