"""One forward pass of a training step: the tensors that layers make, and what autograd keeps.

Bytes are counted by storage, the memory that views share: what two keep is kept once, and a
view keeps all of what it shows a part of. Sizes and strides count the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import prod
from typing import Literal, TypeAlias

from archlang import strides as lie
from archlang.strides import Sizes, Strides
from archlang.types import Dim, Tensor

Dtype: TypeAlias = Literal["float32", "bfloat16", "float16", "int64", "bool"]
Low: TypeAlias = Literal["bfloat16", "float16"]
Device: TypeAlias = Literal["cpu", "cuda"]

BYTES: dict[Dtype, int] = {"float32": 4, "bfloat16": 2, "float16": 2, "int64": 8, "bool": 1}
"""Bytes of one value."""


@dataclass(slots=True, eq=False)
class Storage:
    """Memory that one or more tensors lie in. ``kind`` says who else holds it."""

    bytes: int
    dtype: Dtype
    kind: Literal["made", "input", "weight"] = "made"


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """A tensor: which memory, how it lies there, and whether it needs a gradient.

    ``leaf`` marks a weight, or an input that needs a gradient, as it was given: autocast
    casts it once in a forward pass, and keeps the copy at hand.
    """

    storage: Storage
    sizes: Sizes
    strides: Strides
    dtype: Dtype
    grad: bool
    leaf: bool = False

    @property
    def numel(self) -> int:
        return prod(self.sizes)

    @property
    def bytes(self) -> int:
        """Bytes of its values, were they in memory of their own."""
        return self.numel * BYTES[self.dtype]

    @property
    def rank(self) -> int:
        """Number of axes, the batch counted."""
        return len(self.sizes)

    @property
    def lie(self) -> tuple[Sizes, Strides]:
        """Sizes and strides."""
        return self.sizes, self.strides

    def view(self, sizes: Sizes, strides: Strides) -> Value:
        """Other sizes of the same memory."""
        return replace(self, sizes=sizes, strides=strides, leaf=False)

    def permute(self, order: Iterable[int]) -> Value:
        """The axes in another order."""
        order = tuple(order)
        return self.view(tuple(self.sizes[a] for a in order), tuple(self.strides[a] for a in order))

    def movedim(self, source: int, target: int) -> Value:
        """One axis put elsewhere; both may count from the back."""
        order = list(range(self.rank))
        axis = order.pop(source)
        order.insert(target % self.rank, axis)
        return self.permute(order)

    def unsqueeze(self, axis: int) -> Value:
        """A new axis of one value in front of ``axis``."""
        stride = self.sizes[axis] * self.strides[axis] if axis < self.rank else 1
        return self.view(
            (*self.sizes[:axis], 1, *self.sizes[axis:]),
            (*self.strides[:axis], stride, *self.strides[axis:]),
        )

    def select(self, axis: int) -> Value:
        """One place of an axis, which is then no more."""
        return self.view(
            self.sizes[:axis] + self.sizes[axis + 1 :],
            self.strides[:axis] + self.strides[axis + 1 :],
        )

    def narrow(self, axis: int, size: int) -> Value:
        """A part of one axis."""
        return self.view((*self.sizes[:axis], size, *self.sizes[axis + 1 :]), self.strides)


@dataclass(slots=True)
class Step:
    """The forward pass that layers are asked about.

    ``autocast`` is the dtype that products run in, or None without autocast. In evaluation
    (``training`` False) nothing needs a gradient. A layer reads its own weights by key from
    ``weights``, and tells what it makes (``make``), what autograd keeps of it (``keep``) and
    what it lets go of before it is done (``drop``): these are the current layer's. With
    ``once``, what is every sample's may come with a batch of one. In the backward pass,
    ``turned`` says that what a layer took has its channels last, and the gradient that it gets
    has not: kernels of the CPU then copy one of them. ``plain`` says that this gradient lies in
    the order of its axes.
    """

    autocast: Low | None = None
    device: Device = "cpu"
    training: bool = True
    batch: int = 1
    input_grad: bool = False
    channels_last: bool = False
    once: bool = False
    turned: bool = False
    plain: bool = True
    size: Callable[[Dim], int] = int
    """What a size is worked with as."""
    weights: Mapping[str, Value] = field(default_factory=dict)
    made: list[Storage] = field(default_factory=list)
    kept: list[Storage] = field(default_factory=list)
    dropped: dict[Storage, int] = field(default_factory=dict)
    copies: dict[Storage, Value] = field(default_factory=dict)
    """Autocast's copies of leaves, by what they are copies of."""

    @property
    def learns(self) -> bool:
        """Whether the layer has a weight that needs a gradient."""
        return any(weight.grad for weight in self.weights.values())

    def begin(
        self,
        weights: Mapping[str, Value],
        once: bool = False,
        turned: bool = False,
        plain: bool = True,
    ) -> None:
        """Turn to the next layer."""
        self.weights, self.once, self.turned, self.plain = weights, once, turned, plain
        self.made, self.kept, self.dropped = [], [], {}

    def sizes(self, y: Tensor) -> Sizes:
        """The sizes of a tensor, the batch counted."""
        return (self.batch, *map(self.size, y.shape))

    def laid_out(self, sizes: Sizes) -> Strides:
        """The strides of a weight, or of an input, of these sizes."""
        last = self.channels_last and len(sizes) == 4
        return lie.channels_last(sizes) if last else lie.contiguous(sizes)

    def given(self, y: Tensor) -> Value:
        """An input of the network."""
        sizes = self.sizes(y)
        storage = Storage(prod(sizes) * BYTES["float32"], "float32", "input")
        grad = self.input_grad
        return Value(storage, sizes, self.laid_out(sizes), "float32", grad, leaf=grad)

    def make(
        self, sizes: Sizes, dtype: Dtype, grad: bool = False, strides: Strides | None = None
    ) -> Value:
        """A tensor in memory of its own; ``strides`` as its axes are ordered, if unsaid."""
        storage = Storage(prod(sizes) * BYTES[dtype], dtype)
        self.made.append(storage)
        return Value(storage, sizes, lie.contiguous(sizes) if strides is None else strides,
                     dtype, grad)  # fmt: skip

    def like(self, x: Value, dtype: Dtype | None = None) -> Value:
        """A new tensor laid out as ``x``, or as near as memory without gaps allows."""
        strides = x.strides if lie.is_dense(*x.lie) else lie.elementwise(x.lie)
        return self.make(x.sizes, dtype or x.dtype, x.grad, strides)

    def keep(self, *values: Value) -> None:
        """Say that autograd saves these."""
        self.kept.extend(v.storage for v in values)

    def drop(self, *values: Value) -> None:
        """Say that the layer lets go of these, after all that it has made so far."""
        self.dropped.update((v.storage, len(self.made)) for v in values)

    def cast(self, x: Value, dtype: Dtype) -> Value:
        """``x`` in another dtype: itself, or a copy; autocast keeps a leaf's at hand."""
        if x.dtype == dtype:
            return x
        weight = x.leaf and (x.grad or x.storage.kind == "weight")
        if weight and self.autocast == dtype:
            if x.storage not in self.copies:
                self.copies[x.storage] = self.like(x, dtype)
            return self.copies[x.storage]
        return self.like(x, dtype)

    def low(self, x: Value) -> Value:
        """``x`` as autocast gives it to a product."""
        return x if self.autocast is None else self.cast(x, self.autocast)

    def low_of(self, x: Value) -> Dtype:
        """The dtype that a product of ``x`` comes out in."""
        return self.autocast or x.dtype

    def wide(self, x: Value, on: Device) -> Value:
        """``x`` as autocast gives it to what it runs in float32 on the device ``on``."""
        return x if self.autocast is None or self.device != on else self.cast(x, "float32")


def promoted(*values: Value) -> Dtype:
    """The dtype of what is worked out from values of several."""
    dtypes = {v.dtype for v in values}
    return dtypes.pop() if len(dtypes) == 1 else "float32"
