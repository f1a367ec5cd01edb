"""Where a network begins."""

from typing import Any

from archlang.arguments import Numbers, Sizes
from archlang.autograd import div, elementwise
from archlang.op import Fresh, LayerError, Torch, View, Weightless, Work
from archlang.step import Step, Value
from archlang.types import Tensor, product
from archlang.window import Window, pointwise


class Input(View):
    """A tensor that the network is given. It is a statement, and so has no name as a layer.

    Shape: nothing -> `shape`.
    """

    shape: Sizes

    def infer(self, *xs: Tensor) -> Tensor:
        return Tensor(tuple(self.shape))

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        return step.given(y)

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        return ()

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        return None


class Normalize(Weightless, Fresh, name="normalize"):
    """(x - mean) / std: what images are brought to before the first layer sees them.

    `mean` and `std` are a number each, or one for each channel: constants of the spec, which
    no `state_dict` holds.

    Shape: [C, *S] -> [C, *S], with any number of axes S.

    LeCun et al. 1998, Efficient BackProp.

        normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]) : [3, 224, 224] -> [3, 224, 224]
    """

    known_as = ("normalization", "standardize")
    mean: Numbers
    std: Numbers

    def work(self, y: Tensor, *xs: Tensor) -> Work:
        return Work(norm=product((2, y.numel)))

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        if x.rank == 0:
            raise LayerError("`normalize` needs a tensor [C, …] of one or more axes")
        for field, value in (("mean", self.mean), ("std", self.std)):
            if isinstance(value, list) and len(value) != x.channels:
                raise LayerError(
                    f"`{field}` has {len(value)} numbers, one for each channel, "
                    f"but {int(x.channels)} arrive",
                    field=field,
                )
        if 0 in (self.std if isinstance(self.std, list) else [self.std]):
            raise LayerError("`std` divides, so it must not be 0", field="std")
        return x

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        mean, std = (
            step.make((len(v) if isinstance(v, list) else 1, *(1,) * (x.rank - 2)), x.dtype)
            for v in (self.mean, self.std)
        )
        return div(step, elementwise(step, x, mean), std)

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        return pointwise(*xs)

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        return nn.Normalize(_constants(self.mean), _constants(self.std))


def _constants(value: float | list[float]) -> float | tuple[float, ...]:
    return tuple(value) if isinstance(value, list) else value
