"""Activations: a function of each value by itself."""

from typing import Any, ClassVar, Literal

from archlang.arguments import Number, Truth
from archlang.autograd import unary
from archlang.op import Fresh, LayerError, Recast, Torch, Weightless, Work, format_value
from archlang.step import Step, Value
from archlang.types import Dim, Tensor
from archlang.window import Window, pointwise


class _Activation(Weightless):
    """What activations share. Written in place (`inplace`), they make no new values."""

    keeps_layout = True
    module: ClassVar[str]
    options: ClassVar[dict[str, str]] = {}
    """Fields that PyTorch's module calls otherwise."""
    saves: ClassVar[Literal["input", "output"]]
    """What its gradient is worked out from."""
    inplace_saves: ClassVar[Literal["input", "output"]] = "input"
    """The same where it is written in place; what it keeps of its input is a copy."""

    @classmethod
    def __pydantic_init_subclass__(cls, *, name: str = "", **kwargs: Any) -> None:
        if name and not hasattr(cls, "saves"):
            raise TypeError(f"layer `{name}` does not say what it `saves`")
        if name:
            kept = {cls.saves, cls.inplace_saves if "inplace" in cls.model_fields else cls.saves}
            cls.keeps_output = "output" in kept
        super().__pydantic_init_subclass__(name=name, **kwargs)

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        return x

    def on_map(self, *maps: Tensor) -> Recast | None:
        return Recast(self)

    def work(self, y: Tensor, *xs: Tensor) -> Work:
        return Work(activation=y.numel)

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        return pointwise(*xs)

    def neurons(self, y: Tensor, *xs: Tensor) -> Dim:
        return 0 if getattr(self, "inplace", False) else y.numel

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        inplace = getattr(self, "inplace", False)
        return unary(step, x, self.inplace_saves if inplace else self.saves, inplace)

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        said = {p.name: getattr(self, p.name) for p in self.parameters()}
        defaults = {p.name: p.default for p in self.parameters()}
        options = {self.options.get(n, n): v for n, v in said.items() if v != defaults[n]}
        return getattr(nn, self.module)(**options)


class Relu(_Activation, name="relu"):
    """max(x, 0).

    Shape: [*A] -> [*A].

    Nair and Hinton 2010, Rectified linear units improve restricted Boltzmann machines.

        relu : [64, 56, 56] -> [64, 56, 56]
    """

    keeps_layout = False
    module = "ReLU"
    saves = inplace_saves = "output"
    inplace: Truth = False


class LeakyRelu(_Activation, name="leaky_relu"):
    """The value x where x > 0, and slope * x elsewhere.

    Shape: [*A] -> [*A].

    Maas et al. 2013, Rectifier nonlinearities improve neural network acoustic models.

        leaky_relu(0.2) : [64, 56, 56] -> [64, 56, 56]
    """

    known_as = ("lrelu",)
    keeps_layout = False
    module = "LeakyReLU"
    saves = "input"
    inplace_saves = "output"
    options: ClassVar[dict[str, str]] = {"slope": "negative_slope"}
    slope: Number = 0.01
    inplace: Truth = False


class Elu(_Activation, name="elu"):
    """The value x where x > 0, and alpha * (exp(x) - 1) elsewhere.

    Shape: [*A] -> [*A].

    Clevert et al. 2016, Fast and accurate deep network learning by exponential linear units.

        elu : [64, 56, 56] -> [64, 56, 56]
    """

    module = "ELU"
    saves = "input"
    inplace_saves = "output"
    alpha: Number = 1.0
    inplace: Truth = False


class Absolute(Weightless, Fresh, name="absolute"):
    """The size of each value, |x|.

    Shape: [*A] -> [*A].

    Jarrett et al. 2009, What is the best multi-stage architecture for object recognition?

        absolute : [64, 56, 56] -> [64, 56, 56]
    """

    known_as = ("abs",)

    def work(self, y: Tensor, *xs: Tensor) -> Work:
        return Work(activation=y.numel)

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        return x

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        return unary(step, x, "input")

    def workspace(self, step: Step, y: Value, *xs: Value) -> int:
        return y.bytes  # the signs

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        return pointwise(*xs)

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        return None

    def call(self, module: str, args: tuple[str, ...], xs: tuple[Tensor, ...]) -> str:
        return f"{args[0]}.abs()"

    def on_map(self, *maps: Tensor) -> Recast | None:
        return Recast(self)


class Celu(_Activation, name="celu"):
    """max(x, 0) + min(0, alpha * (exp(x / alpha) - 1)).

    Shape: [*A] -> [*A].

    Barron 2017, Continuously differentiable exponential linear units.

        celu(0.5) : [64, 56, 56] -> [64, 56, 56]
    """

    module = "CELU"
    saves = "input"
    inplace_saves = "output"
    alpha: Number = 1.0
    inplace: Truth = False

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        if self.alpha == 0:
            raise LayerError("`alpha` divides, so it must not be 0", field="alpha")
        return x


class Selu(_Activation, name="selu"):
    """1.0507 * elu(x, alpha=1.6733), which drives means to 0 and variances to 1.

    Shape: [*A] -> [*A].

    Klambauer et al. 2017, Self-normalizing neural networks.

        selu : [256] -> [256]
    """

    module = "SELU"
    saves = "input"
    inplace_saves = "output"
    inplace: Truth = False


class Hardtanh(_Activation, name="hardtanh"):
    """min(max(x, min_val), max_val).

    Shape: [*A] -> [*A].

    Collobert 2004, Large scale machine learning.

        hardtanh : [64, 56, 56] -> [64, 56, 56]
    """

    module = "Hardtanh"
    saves = "input"
    min_val: Number = -1.0
    max_val: Number = 1.0
    inplace: Truth = False

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        if self.min_val >= self.max_val:
            raise LayerError(
                f"`max_val` must be more than `min_val`, {format_value(self.min_val)}, "
                f"not {format_value(self.max_val)}",
                field="max_val",
            )
        return x


class Relu6(_Activation, name="relu6"):
    """min(max(x, 0), 6).

    Shape: [*A] -> [*A].

    Krizhevsky 2010, Convolutional deep belief networks on CIFAR-10.

        relu6 : [32, 112, 112] -> [32, 112, 112]
    """

    module = "ReLU6"
    saves = "input"
    inplace: Truth = False


class Sigmoid(_Activation, name="sigmoid"):
    """1 / (1 + exp(-x)).

    Shape: [*A] -> [*A].

    Rumelhart et al. 1986, Learning representations by back-propagating errors.

        sigmoid : [64] -> [64]
    """

    module = "Sigmoid"
    saves = "output"


class Tanh(_Activation, name="tanh"):
    """The hyperbolic tangent.

    Shape: [*A] -> [*A].

    LeCun et al. 1998, Efficient BackProp.

        tanh : [6, 28, 28] -> [6, 28, 28]
    """

    module = "Tanh"
    saves = "output"


class Softplus(_Activation, name="softplus"):
    """log(1 + exp(beta * x)) / beta, a smooth relu.

    Where beta * x is more than `threshold`, x itself, which it hardly differs from.

    Shape: [*A] -> [*A].

    Dugas et al. 2001, Incorporating second-order functional knowledge for better option pricing.

        softplus : [64] -> [64]
    """

    module = "Softplus"
    saves = "input"
    beta: Number = 1.0
    threshold: Number = 20.0

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        return unary(step, step.wide(x, "cuda"), "input")


class LogSigmoid(_Activation, name="log_sigmoid"):
    """log(1 / (1 + exp(-x))).

    Shape: [*A] -> [*A].

    Mikolov et al. 2013, Distributed representations of words and phrases (as a loss).

        log_sigmoid : [64] -> [64]
    """

    module = "LogSigmoid"
    saves = "input"

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        result = step.make(x.sizes, x.dtype, x.grad)
        rest = [step.like(x)] if step.device == "cpu" else []  # exp(-|x|)
        if x.grad:
            step.keep(x, *rest)
        return result


class Gelu(_Activation, name="gelu"):
    """The value x times the share of a standard normal that lies below x.

    Shape: [*A] -> [*A].

    Hendrycks and Gimpel 2016, Gaussian error linear units.

        gelu : [197, 3072] -> [197, 3072]
    """

    module = "GELU"
    saves = "input"


class Silu(_Activation, name="silu"):
    """x * sigmoid(x), also called swish.

    Shape: [*A] -> [*A].

    Elfwing et al. 2018, Sigmoid-weighted linear units for neural network function
    approximation in reinforcement learning.

        silu : [32, 112, 112] -> [32, 112, 112]
    """

    known_as = ("swish",)
    module = "SiLU"
    saves = "input"
    inplace: Truth = False


class Mish(_Activation, name="mish"):
    """x * tanh(log(1 + exp(x))).

    Shape: [*A] -> [*A].

    Misra 2020, Mish: a self regularized non-monotonic activation function.

        mish : [32, 112, 112] -> [32, 112, 112]
    """

    module = "Mish"
    saves = "input"
    inplace: Truth = False


class Hardswish(_Activation, name="hardswish"):
    """x * relu6(x + 3) / 6.

    Shape: [*A] -> [*A].

    Howard et al. 2019, Searching for MobileNetV3.

        hardswish : [16, 112, 112] -> [16, 112, 112]
    """

    known_as = ("hswish", "hard_silu")
    module = "Hardswish"
    saves = "input"
    inplace: Truth = False


class Hardsigmoid(_Activation, name="hardsigmoid"):
    """relu6(x + 3) / 6.

    Shape: [*A] -> [*A].

    Howard et al. 2019, Searching for MobileNetV3.

        hardsigmoid : [64] -> [64]
    """

    known_as = ("hsigmoid",)
    module = "Hardsigmoid"
    saves = "input"
    inplace: Truth = False
