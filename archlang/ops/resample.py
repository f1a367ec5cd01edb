"""Resampling: layers that trade positions for channels, or make more or fewer of them."""

from fractions import Fraction
from typing import Any, Literal

from archlang.arguments import (
    OptionalSize,
    PositiveInt,
    Ratios,
    Truth,
    per_axis,
    plain,
    spatial_axes,
)
from archlang.autograd import suggested
from archlang.op import Fresh, LayerError, Op, Torch, Weightless, Work
from archlang.step import Step, Value
from archlang.strides import is_channels_last, suggests_channels_last
from archlang.types import (
    SizeRule,
    Tensor,
    constant_rule,
    divided_rule,
    product,
    ratio_rule,
    through,
)
from archlang.window import WHOLE, Slide, Window, between, ratio, shifted, sliding

_BY_AXES = {
    "nearest": ("nearest", "nearest", "nearest"),
    "nearest_exact": ("nearest-exact", "nearest-exact", "nearest-exact"),
    "linear": ("linear", "bilinear", "trilinear"),
    "bilinear": ("", "bilinear", ""),
    "bicubic": ("", "bicubic", ""),
    "trilinear": ("", "", "trilinear"),
}
"""What PyTorch calls each mode over one, two and three axes."""
_READS = {
    "nearest": 1, "nearest_exact": 1, "linear": 2, "bilinear": 2, "trilinear": 2, "bicubic": 4
}  # fmt: skip
"""How many inputs an output is worked out from along an axis."""
_SMALL = 128
"""The most that the height and width of a small image add up to."""
_FLOAT_LIMIT = 2**22
"""Times the largest size, a numerator below this is exact as a float."""


def _nearest(axis: int, size: int, points: int) -> Slide:
    return ratio(axis, size, points, 0, 0)


def _nearest_exact(axis: int, size: int, points: int) -> Slide:
    return ratio(axis, 2 * size, 2 * points, size, size)


def _weighted(axis: int, size: int, points: int, corners: bool, beyond: int) -> Slide:
    """What is next to (i + 1/2) * size / points - 1/2, or to where the corners put the point."""
    if not corners:
        return between(axis, 2 * size, 2 * points, size - points, beyond)
    return between(axis, size - 1 if points > 1 else 0, max(1, points - 1), 0, beyond)


class Upsample(Weightless, Fresh, name="upsample"):
    """Read the input at other points than it has, more or fewer, spread evenly over it.

    Their number along each axis is `size`, or `scale` times as many as arrive. A scale is a
    number above 0, exact (3/2, 0.5, 1/3), or one for each axis; what it makes is rounded down,
    and the points are those of that size (in PyTorch, `recompute_scale_factor`).

    What a point takes is told by `mode`. With nearest it is the value that it falls on
    (`nearest_exact` rounds as imaging libraries do), with `linear` the mean of its neighbours
    weighted by distance along each axis, with `bicubic` a cubic of the 16 around it. `bilinear`
    and `trilinear` are `linear` over two and three axes. With `align_corners` the outermost
    points lie on the centres of the outermost inputs.

    Shape: [C, *S] -> [C, *floor(S * scale)] or [C, *size], with one to three axes S.

    Long et al. 2015, Fully convolutional networks for semantic segmentation.

        upsample(2) : [64, 28, 28] -> [64, 56, 56]
    """

    known_as = ("upsampling", "interpolate", "resize")
    keeps_layout = True

    scale: Ratios = None
    size: OptionalSize = None
    mode: Literal["nearest", "nearest_exact", "linear", "bilinear", "bicubic", "trilinear"] = (
        "nearest"
    )
    align_corners: Truth = False

    def work(self, y: Tensor, *xs: Tensor) -> Work:
        # A point's products with the values around it, and their sum.
        if "nearest" in self.mode:
            return Work()
        around = 16 if self.mode == "bicubic" else 2 ** (y.rank - 1)
        return Work(elementwise=product((2 * around - 1, y.numel)))

    def infer(self, *xs: Tensor) -> Tensor:
        (x,) = xs
        axes = spatial_axes(x.shape, self.name)
        self._check_mode(axes)
        sizes = []
        for size, (rule, figure) in zip(x.spatial, self._rules(axes), strict=True):
            out = through(size, rule)
            if out is None:
                raise LayerError(
                    f"nothing is left of an axis of {int(size)} times {figure}",
                    code="A208",
                    field="scale",
                )
            sizes.append(out)
        return Tensor((x.channels, *sizes))

    @classmethod
    def bridge(cls, x: Tensor, y: Tensor) -> Op | None:
        if x.rank != y.rank or x.rank < 2:
            return None
        ratios = [Fraction(int(b), int(a)) for a, b in zip(x.spatial, y.spatial, strict=True)]
        if len(set(ratios)) > 1 or ratios[0].denominator > 1 or ratios[0] <= 1:
            return None
        return cls(scale=ratios[0])

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        sizes = enumerate(zip(xs[0].spatial, y.spatial, strict=True), 1)
        return ((shifted(0, 0), *(self._reads(axis, int(n), int(m)) for axis, (n, m) in sizes)),)

    def _reads(self, axis: int, size: int, points: int) -> Slide:
        if self.mode == "nearest":
            return _nearest(axis, size, points)
        if self.mode == "nearest_exact":
            return _nearest_exact(axis, size, points)
        return _weighted(axis, size, points, self.align_corners, int(self.mode == "bicubic"))

    def _check_mode(self, axes: int) -> None:
        if not _BY_AXES[self.mode][axes - 1]:
            over = next(n for n, name in enumerate(_BY_AXES[self.mode], 1) if name)
            raise LayerError(
                f"`mode={self.mode}` is over {over} axes, "
                f"but the tensor has {axes} beside its channels",
                field="mode",
                hint="`linear` is over any number of axes" if self.mode != "bicubic" else "",
            )
        if self.align_corners and self.mode.startswith("nearest"):
            raise LayerError(
                f"`align_corners` has no meaning with `mode={self.mode}`", field="align_corners"
            )

    def _rules(self, axes: int) -> list[tuple[SizeRule, object]]:
        """The rule of each axis, and the figure it comes from."""
        if (self.scale is None) == (self.size is None):
            rest = "not both" if self.scale is not None else "and has neither"
            raise LayerError(f"`upsample` needs either `scale` or `size`, {rest}")
        if self.size is not None:
            return [(constant_rule(n), n) for n in per_axis(self.size, axes, "size")]
        return [(ratio_rule(*r.as_integer_ratio()), r) for r in self._ratios(axes)]

    def _ratios(self, axes: int) -> tuple[Fraction, ...]:
        scale = self.scale
        assert scale is not None
        if isinstance(scale, (int, Fraction)):
            return (Fraction(scale),) * axes
        if len(scale) != axes:
            raise LayerError(
                f"`scale` is for {len(scale)} axes, but the tensor has {axes} beside its channels",
                field="scale",
            )
        return tuple(map(Fraction, scale))

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        x = step.wide(x, "cuda")
        out = suggested(step, step.sizes(y), x)
        if step.device == "cpu":
            step.drop(*self._work(step, x, out))
        return out

    def _work(self, step: Step, x: Value, out: Value) -> list[Value]:
        """What kernels of the CPU take for themselves in the forward pass.

        One takes images with their channels last, small ones in copies. The others first make
        a table of what each output reads, and by how much it counts.
        """
        images = x.rank == 4 and self.mode != "bicubic"
        last = suggests_channels_last(*x.lie) and x.sizes[1] > 3
        if images and (last or sum(out.sizes[2:]) <= _SMALL):
            copied = (v for v in (x, out) if not is_channels_last(*v.lie))
            return [step.make(v.sizes, v.dtype) for v in copied]
        if x.rank == 5 and last:
            return []
        reads = (_READS[self.mode] * sum(out.sizes[2:]),)
        return [step.make(reads, "int64"), step.make(reads, x.dtype)]

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        (x,) = xs
        mode = _BY_AXES[self.mode][x.rank - 2]
        options: dict[str, Any] = {} if mode == "nearest" else {"mode": mode}
        if self.align_corners:
            options["align_corners"] = True
        if self.size is not None:
            return nn.Upsample(size=plain(self.size), **options)
        ratios = self._ratios(x.rank - 1)
        if any(r != float(r) or r.numerator >= _FLOAT_LIMIT for r in ratios):
            return nn.RatioUpsample([r.as_integer_ratio() for r in ratios], **options)
        if any(r.denominator > 1 for r in ratios):
            options["recompute_scale_factor"] = True
        factors = tuple(r.numerator if r.denominator == 1 else float(r) for r in ratios)
        factor = factors[0] if len(set(factors)) == 1 else factors
        return nn.Upsample(scale_factor=factor, **options)


class PixelShuffle(Weightless, Fresh, name="pixel_shuffle"):
    """Lay each `factor`^2 channels out as a square of `factor` x `factor` positions.

    Shape: [C, H, W] -> [C / factor^2, H * factor, W * factor]; factor^2 divides C.

    Shi et al. 2016, Real-time single image and video super-resolution using an efficient
    sub-pixel convolutional neural network.

        pixel_shuffle(2) : [64, 28, 28] -> [16, 56, 56]
    """

    known_as = ("depth_to_space",)
    aliases = True  # with a factor of 1, on some devices

    factor: PositiveInt

    def work(self, y: Tensor, *xs: Tensor) -> Work:
        return Work()

    def infer(self, *xs: Tensor) -> Tensor:
        x = _image(self.name, *xs)
        channels = through(x.channels, divided_rule(self.factor**2))
        if channels is None:
            raise LayerError(
                f"the square of `factor` {self.factor} does not divide the channels that arrive, "
                f"{int(x.channels)}",
                field="factor",
            )
        sizes = [through(size, ratio_rule(self.factor, 1)) for size in x.spatial]
        return Tensor((channels, *(size for size in sizes if size is not None)))

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        return suggested(step, step.sizes(y), x)

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        return ((WHOLE, *(ratio(axis, 1, self.factor, 0, 0) for axis in (1, 2))),)

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        return nn.PixelShuffle(self.factor)


class PixelUnshuffle(Weightless, Fresh, name="pixel_unshuffle"):
    """Lay each square of `factor` x `factor` positions out as `factor`^2 channels.

    Shape: [C, H, W] -> [C * factor^2, H / factor, W / factor]; factor divides H and W.

    Shi et al. 2016, Real-time single image and video super-resolution using an efficient
    sub-pixel convolutional neural network.

        pixel_unshuffle(2) : [3, 56, 56] -> [12, 28, 28]
    """

    known_as = ("space_to_depth",)
    aliases = True  # with a factor of 1, on some devices

    factor: PositiveInt

    def work(self, y: Tensor, *xs: Tensor) -> Work:
        return Work()

    def infer(self, *xs: Tensor) -> Tensor:
        x = _image(self.name, *xs)
        sizes = []
        for size in x.spatial:
            out = through(size, divided_rule(self.factor))
            if out is None:
                raise LayerError(
                    f"`factor` {self.factor} does not divide an axis of {int(size)}",
                    field="factor",
                )
            sizes.append(out)
        return Tensor((product((x.channels, self.factor, self.factor)), *sizes))

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        (x,) = xs
        return suggested(step, step.sizes(y), x)

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        return ((WHOLE, *(sliding(axis, self.factor, self.factor, 0) for axis in (1, 2))),)

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        return nn.PixelUnshuffle(self.factor)


def _image(layer: str, x: Tensor) -> Tensor:
    if x.rank != 3:
        raise LayerError(f"`{layer}` needs a tensor [C, H, W], not {x}")
    return x
