"""A layer, and every question that anyone may ask of it.

A layer is one frozen class. Its fields are its syntax, in order; its methods are its rules.
A class that leaves a question open cannot be defined, and a name can be taken only once.
"""

# Annotations here and in the layers are not postponed: pydantic would compile the text of each
# anew for every layer, which takes longer than all else about them.

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import cache
from types import MappingProxyType
from typing import Any, ClassVar, Literal, NamedTuple, TypeAlias

from pydantic import BaseModel, ConfigDict

from archlang.step import Step, Value
from archlang.strides import suggests_channels_last
from archlang.types import Dim, Shape, Tensor
from archlang.window import Window

Torch: TypeAlias = Any
"""``torch.nn`` and the modules PyTorch lacks, or a stand-in that records what is built."""


class LayerError(ValueError):
    """A layer cannot take the tensor it is given.

    ``message`` stands alone; ``code`` is the diagnostic's; ``field`` is the parameter to
    point at, or None for the layer as a whole; ``hint`` says what would be right.
    """

    def __init__(
        self, message: str, *, code: str = "A202", field: str | None = None, hint: str = ""
    ) -> None:
        super().__init__(message)
        self.message, self.code, self.field, self.hint = message, code, field, hint


class Parameter(NamedTuple):
    """A parameter of a layer or block: ``required`` ones have no default."""

    name: str
    required: bool
    default: Any = None
    variadic: bool = False


class Work(NamedTuple):
    """Operations beyond multiply-accumulates, by what they are for: each is one scalar's.

    An addition, a multiplication, a comparison or a function's value counts as one. ``bias`` are
    the additions of biases, ``elementwise`` those of merges and what else is no other's.
    """

    bias: Dim = 0
    norm: Dim = 0
    activation: Dim = 0
    pool: Dim = 0
    elementwise: Dim = 0


QUESTIONS = (
    "infer", "window", "params", "buffers", "macs", "work", "neurons", "saved", "lower",
)  # fmt: skip
"""What every layer has to answer."""


class Op(BaseModel):
    """Base of all layers: the questions, and the registry of names."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    name: ClassVar[str] = ""
    variadic: ClassVar[str] = ""
    """The field that takes all positional arguments, where one does (``permute(1, 2, 0)``)."""
    merges: ClassVar[bool] = False
    """Whether it takes branches instead of one tensor."""
    implicit: ClassVar[Literal["", "first", "last"]] = ""
    """Where a merge written with one branch gets an identity beside it."""
    least: ClassVar[int] = 1
    most: ClassVar[int | None] = None
    """The most branches that a merge may be written with; ``least`` is the fewest."""
    depth: ClassVar[int] = 0
    """Convolutions, linears and attention projections that a path through it passes."""
    keeps_output: ClassVar[bool] = False
    """Whether the backward pass needs its output, so that nothing may be written over it."""
    stretches: ClassVar[bool] = False
    """Whether it stretches a batch of one to the batch of its other tensors."""
    aliases: ClassVar[bool] = False
    """Whether its output may share memory with what it takes."""
    fixes: ClassVar[bool] = False
    """Whether it pools to sizes of its own, whatever the sizes of what it takes."""
    usual: ClassVar[str] = ""
    """PyTorch's module that others write for it, where it needs none; `{}` is the axes S."""
    passes_gradient: ClassVar[bool] = False
    """Whether what arrives gets the gradient of its output as it is, or a part of it."""
    keeps_layout: ClassVar[bool] = False
    """Whether the gradient that it makes lies in memory as the one that it gets."""
    sign: ClassVar[str] = ""
    """The one letter that a merge is drawn as: ``⊕``."""
    centres: ClassVar[bool] = False
    """Whether it takes its mean away from each channel, and so whatever was added to all of it."""
    probabilities: ClassVar[bool] = False
    """Whether what it gives are probabilities, or their logarithms."""
    weights_viewed: ClassVar[bool] = False
    """Whether the gradients of its weights are views, to which autograd adds only in a copy."""
    known_as: ClassVar[tuple[str, ...]] = ()
    """What others call it, beside its own name: no names here, but messages know them."""
    torch_takes: ClassVar[str] = ""
    """What PyTorch's module takes by position, where that is other than its own parameters."""
    registry: ClassVar[dict[str, type["Op"]]] = {}

    def __init_subclass__(cls, *, name: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)

    @classmethod
    def __pydantic_init_subclass__(cls, *, name: str = "", **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if not name:
            return
        if name in Op.registry:
            raise TypeError(f"two layers are named `{name}`")
        for question in QUESTIONS:
            if getattr(cls, question) is getattr(Op, question):
                raise TypeError(f"layer `{name}` does not answer `{question}`")
        if not (cls.__doc__ or "").strip():
            raise TypeError(f"layer `{name}` has no documentation")
        cls.name = name
        Op.registry[name] = cls

    def infer(self, *xs: Tensor) -> Tensor:
        """The tensor that comes out; raises ``LayerError`` where PyTorch would."""
        raise NotImplementedError

    def assumes(self) -> dict[str, str]:
        """What its fields that sizes depend on default to, in words, the most telling first."""
        return {}

    def known(self, *xs: Tensor) -> int | None:
        """Which of the branches that are known comes out in shape, others being lost."""
        return None

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        """For each of ``xs`` where an output looks, in evaluation, axis by axis."""
        raise NotImplementedError

    def params(self, *xs: Tensor) -> dict[str, Shape]:
        """Learned tensors by key, as PyTorch names them; the key "" is the layer's own path."""
        raise NotImplementedError

    def buffers(self, *xs: Tensor) -> dict[str, Shape]:
        """Tensors kept but not learned, by key."""
        raise NotImplementedError

    def macs(self, y: Tensor, *xs: Tensor) -> Dim:
        """Multiply-accumulates of its products, for one sample."""
        raise NotImplementedError

    def work(self, y: Tensor, *xs: Tensor) -> Work:
        """Operations beyond its products, for one sample at inference."""
        raise NotImplementedError

    def neurons(self, y: Tensor, *xs: Tensor) -> Dim:
        """Scalars of new values it makes for one sample: 0 for a view, or in place."""
        raise NotImplementedError

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        """What comes out in one forward pass; tells ``step`` what is made and what is kept.

        ``y`` is ``infer``'s shape. What PyTorch's autograd saves for the backward pass is
        said with ``step.keep``, by the memory it lies in.
        """
        raise NotImplementedError

    def workspace(self, step: Step, y: Value, *xs: Value) -> int:
        """Bytes that its backward pass takes at most beside the gradients that it gives.

        ``y`` and ``xs`` are the forward pass's. What libraries (oneDNN, cuDNN) take is not counted.
        Below 0 where those gradients come one by one, and what they were made from goes between.
        """
        return 0

    def gives_plain(self, x: Value, plain: bool) -> bool:
        """Whether the gradient of ``x`` lies in the order of its axes; ``plain``: its output's."""
        return plain if self.keeps_layout else not suggests_channels_last(*x.lie)

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        """The PyTorch module that computes it, or None where ``call`` needs none."""
        raise NotImplementedError

    def call(self, module: str, args: tuple[str, ...], xs: tuple[Tensor, ...]) -> str:
        """The Python expression that applies ``module`` to the variables ``args``.

        It may use ``torch``, and stands for a value of shape (batch, *infer(xs)).
        """
        return f"{module}({', '.join(args)})"

    def once(self, module: str) -> str | None:
        """As ``call``, but of shape (1, *infer(xs)): for a value that is every sample's."""
        return None

    @property
    def drops(self) -> bool:
        """Whether it drops values at random in training."""
        return False

    def flattens(self, x: Tensor) -> bool:
        """Whether it lays all the axes of ``x`` out as one, the values in their order."""
        return False

    def on_map(self, *maps: Tensor) -> "Recast | None":
        """The layer that does all over maps what this one does to vectors.

        A map [C, *K] stands for the vector of its values in their order; on a map larger than K
        what comes out has a position for each window of K. None where no layer does so.
        """
        return None

    def sliding(self, x: Tensor) -> "Recast | None":
        """For one that ``fixes`` sizes: the layer that gives the same for ``x``, and slides.

        It gives more positions on a larger map. None where the windows over ``x`` differ.
        """
        return None

    def repairs(self, *xs: Tensor) -> Iterator[tuple[str, Any]]:
        """Other arguments that change the sizes that come out and nothing else, likeliest first.

        Where branches disagree, one of them may be what was meant.
        """
        return iter(())

    @classmethod
    def bridge(cls, x: Tensor, y: Tensor) -> "Op | None":
        """The layer of this class that brings ``x`` to the sizes of ``y``, channels left alone.
        None where there is none, as for all that do more than that."""
        return None

    @classmethod
    @cache
    def parameters(cls) -> list[Parameter]:
        """Its parameters in the order of the syntax."""
        return [
            Parameter(n, f.is_required(), f.default, n == cls.variadic)
            for n, f in cls.model_fields.items()
        ]

    def caption(self, y: Tensor, *xs: Tensor) -> str:
        """It in the few words that a picture has room for: ``3×3 maxpool /2``.

        Its kernel, what else it requires and its stride; other options are left out.
        """
        axes = xs[0].rank - 1 if xs else 0
        kernel, stride = getattr(self, "kernel", None), getattr(self, "stride", 1)
        said: list[str] = []
        for p in self.parameters():
            value = getattr(self, p.name)
            if p.variadic:
                said.extend(format_value(v) for v in value)
            elif p.required and p.name not in ("kernel", "stride"):
                shown = "×".join(map(str, value)) if isinstance(value, tuple) else value
                said.append(format_value(shown))
        text = ", ".join([self.name, *said])
        if kernel is not None:
            text = f"{'×'.join(map(str, _each(kernel, axes)))} {text}"
        steps = _each(kernel if stride is None else stride, axes)
        if set(steps) != {1}:
            steps = steps[:1] if len(set(steps)) == 1 else steps
            text += f" /{'×'.join(map(str, steps))}"
        return text

    def __str__(self) -> str:
        """It as a user would write it: required arguments first, defaults left out."""
        parts: list[str] = []
        for p in self.parameters():
            value = getattr(self, p.name)
            if p.variadic:
                parts.extend(format_value(v) for v in value)
            elif p.required:
                parts.append(format_value(value))
            elif value != p.default:
                parts.append(f"{p.name}={format_value(value)}")
        return f"{self.name}({', '.join(parts)})" if parts else self.name


def _each(size: Any, axes: int) -> tuple[int, ...]:
    """A size for each axis, where one may stand for all."""
    return size if isinstance(size, tuple) else (size,) * max(axes, 1)


class Recast(NamedTuple):
    """A layer in the place of another one.

    ``said`` names its parameters that say what a parameter of another name said there; one that
    is ``idle`` gives out what it takes, and may be left out.
    """

    op: Op
    said: Mapping[str, str] = MappingProxyType({})
    idle: bool = False


def single(*maps: Tensor) -> bool:
    """Whether maps have one position each: their channels are then vectors."""
    return all(size == 1 for x in maps for size in x.spatial)


class Weightless(Op):
    """A layer that learns nothing and multiplies nothing."""

    def params(self, *xs: Tensor) -> dict[str, Shape]:
        return {}

    def buffers(self, *xs: Tensor) -> dict[str, Shape]:
        return {}

    def macs(self, y: Tensor, *xs: Tensor) -> Dim:
        return 0


class Fresh(Op):
    """A layer whose whole output is new values."""

    def neurons(self, y: Tensor, *xs: Tensor) -> Dim:
        return y.numel


class View(Weightless):
    """A layer that shows the values it is given in another form, and makes none."""

    aliases = passes_gradient = True

    def work(self, y: Tensor, *xs: Tensor) -> Work:
        return Work()

    def neurons(self, y: Tensor, *xs: Tensor) -> Dim:
        return 0


def format_value(value: object) -> str:
    """A value as a user would write it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return "x".join(str(v) for v in value)
    if isinstance(value, list):
        return f"[{', '.join(format_value(v) for v in value)}]"
    if isinstance(value, Fraction) and Fraction(repr(float(value))) == value:
        value = float(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


class Recorder:
    """A stand-in for ``torch.nn``: what is built through it comes out as text."""

    def __getattr__(self, name: str) -> Callable[..., str]:
        def record(*args: Any, **options: Any) -> str:
            given = [*map(repr, args), *(f"{k}={v!r}" for k, v in options.items())]
            return f"{name}({', '.join(given)})"

        return record


def module_name(op: Op, xs: tuple[Tensor, ...]) -> str:
    """The class of PyTorch's module that a layer is, or that others write for it; else ""."""
    made = op.lower(Recorder(), *xs)
    if made is not None:
        return str(made).partition("(")[0]
    return op.usual.format(xs[0].rank - 1) if op.usual else ""


def module_text(op: Op, xs: tuple[Tensor, ...]) -> str:
    """The module that a layer builds for tensors, and how it is called."""
    call = op.call("module", tuple(f"x{i}" for i in range(len(xs))), xs)
    return f"{op.lower(Recorder(), *xs)} as {call}"
