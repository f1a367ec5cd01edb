"""Regularisation: layers that act in training, and pass their input through at inference."""

from typing import Any, ClassVar

from archlang.arguments import Probability, Truth, spatial_axes
from archlang.autograd import dropout, mul
from archlang.op import Recast, Torch, View
from archlang.step import Step, Value
from archlang.strides import Sizes
from archlang.types import Tensor
from archlang.window import Window, pointwise


class _Dropout(View):
    """What forms of dropout share; ``module`` is PyTorch's, for the number of axes S."""

    keeps_layout = True
    module: ClassVar[str]

    shifts: ClassVar[bool] = False
    """Whether it adds to what it scales."""

    p: Probability = 0.5
    inplace: Truth = False

    @property
    def drops(self) -> bool:
        return self.p > 0

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        return x

    def on_map(self, *maps: Tensor) -> Recast | None:
        return Recast(self)

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        inplace = self.inplace and not self.shifts  # PyTorch's alpha dropout never is
        return dropout(step, x, self.p, self.noise(x), inplace, self.shifts)

    def noise(self, x: Value) -> Sizes | None:
        """The sizes of what is drawn; None for one draw a value."""
        return None

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        return pointwise(*xs)

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        options: dict[str, Any] = {"inplace": True} if self.inplace else {}
        return getattr(nn, self.module.format(xs[0].rank - 1))(self.p, **options)


class Dropout(_Dropout, name="dropout"):
    """Set each value to 0 with probability `p`, and scale the others by 1/(1-p), in training.

    At inference its output is its input, so it makes no neurons.

    Shape: [*A] -> [*A].

    Srivastava et al. 2014, Dropout: a simple way to prevent neural networks from overfitting.

        dropout(0.2) : [4096] -> [4096]
    """

    module = "Dropout"


class ChannelDropout(_Dropout, name="channel_dropout"):
    """Set whole channels to 0 with probability `p`, and scale the others by 1/(1-p), in training.

    Neighbouring positions say much the same, so that dropping single values hides little. At
    inference its output is its input, so it makes no neurons.

    Shape: [C, *S] -> [C, *S], with one to three axes S.

    Tompson et al. 2015, Efficient object localization using convolutional networks.

        channel_dropout(0.2) : [64, 28, 28] -> [64, 28, 28]
    """

    known_as = ("dropout1d", "dropout2d", "dropout3d", "spatial_dropout")
    module = "Dropout{}d"

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        spatial_axes(x.shape, self.name)
        return x

    def noise(self, x: Value) -> Sizes | None:
        return (*x.sizes[:2], *(1,) * (x.rank - 2))


class AlphaDropout(_Dropout, name="alpha_dropout"):
    """Dropout for `selu`, in training: what is dropped is set to the limit of `selu`, not to 0.

    Each value is dropped with probability `p`; then all is scaled and shifted so that mean and
    variance stay what they were. At inference its output is its input, so it makes no neurons.

    Shape: [*A] -> [*A].

    Klambauer et al. 2017, Self-normalizing neural networks.

        alpha_dropout(0.1) : [256] -> [256]
    """

    module = "AlphaDropout"
    shifts = True


class DropPath(View, name="drop_path"):
    """Set a whole sample to 0 with probability `p`, and scale the others by 1/(1-p), in training.

    Last in a residual branch, it leaves the branch out. At inference its output is its
    input, so it makes no neurons.

    Shape: [*A] -> [*A].

    Huang et al. 2016, Deep networks with stochastic depth.

        drop_path(0.1) : [96, 56, 56] -> [96, 56, 56]
    """

    known_as = ("stochastic_depth",)
    keeps_layout = True

    p: Probability

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        return x

    def on_map(self, *maps: Tensor) -> Recast | None:
        return Recast(self)

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        if self.p == 0 or not step.training:
            return x
        return mul(step, x, step.make((x.sizes[0], *(1,) * (x.rank - 1)), x.dtype))

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        return pointwise(*xs)

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        return nn.DropPath(self.p)
