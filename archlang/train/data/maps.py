"""Maps of classes: where in its image a network tells the class of a pixel."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

from torch import Tensor

from archlang.train.data.dataset import Data
from archlang.train.data.samples import IGNORE
from archlang.train.errors import TrainError
from archlang.train.network import Network, output_shapes


class Middle(NamedTuple):
    """The part of a mask that a map of ``height`` by ``width`` is held against.

    It is the middle, and of it every so many pixels along height and width: a map at half the
    images' scale is held against ``every`` second one.
    """

    height: int
    width: int
    every: int = 1

    def of(self, masks: Tensor) -> Tensor:
        """That part of masks [N, H, W]: of as many pixels as one stands for the middle one."""
        (high, wide), step = masks.shape[-2:], self.every
        top, left = (high - self.height * step) // 2, (wide - self.width * step) // 2
        down = slice(top + step // 2, top + self.height * step, step)
        right = slice(left + step // 2, left + self.width * step, step)
        return masks[..., down, right]


def middles(network: Network) -> dict[str, Middle | None]:
    """What of a mask each output learns; None where it tells one class for an image.

    Auxiliary outputs are among them, where the network tells their shapes.
    """
    size = next(iter(network.inputs.values()))[1:]
    return {
        name: Middle(shape[1], shape[2], _every(network, name, shape[1:], size))
        if len(shape) == 3
        else None
        for name, shape in output_shapes(network).items()
    }


def notes_on_maps(network: Network, data: Data) -> list[str]:
    """What to say where masks are cut to the network's maps, or seen at a smaller scale."""
    _, *seen = next(iter(network.inputs.values()))
    found: list[str] = []
    several = len(output_shapes(network)) > 1
    for name, middle in middles(network).items():
        if middle is None or data.task_of(name) != "segmentation":
            continue
        height, width, every = middle
        what = f"the map `{name}`" if several else "the map"
        if every > 1:
            found.append(
                f"{what} is {height}x{width}: of masks one row and one column in {every} are "
                "learned and counted"
            )
        if [height * every, width * every] != seen:
            size = _by((height * every, width * every))
            found.append(
                f"{what} is {size}: of masks that much of their middle is learned and counted"
            )
    return found


def check_map(network: Network, data: Data, what: str, name: str, size: tuple[int, int]) -> None:
    """Raise ``TrainError`` unless output ``name`` tells the class of each pixel of the middle.

    ``size`` is that of the images. Layers without padding leave out as many pixels at either
    edge: masks are cut to the rest (Ronneberger et al. 2015).
    """
    output, wanted = output_shapes(network)[name], len(data.own.get(name, data.classes))
    if len(output) != 3 or output[0] != wanted or output[1] > size[0] or output[2] > size[1]:
        hint = f"end it with `conv(1x1, {wanted})` at the input's size"
        if len(output) == 1 and name in data.own:
            hint = f"`{name}` of {data.name} are masks: give it labels, or {hint}"
        elif len(output) == 3 and output[0] < wanted:
            hint += f"; the highest class of a pixel is {wanted - 1}, and {IGNORE} stands for none"
        raise TrainError(
            f"`{what}` yields {brackets(output)}, and {data.name}'s masks take one "
            f"number for each class at each pixel: {brackets((wanted, *size))}",
            hint,
        )
    _check_place(network, what, name, (output[1], output[2]), size)


def check_scales(network: Network, data: Data) -> None:
    """Raise ``TrainError`` where all that learns from masks is coarser than they are."""
    maps = {
        name: middle
        for name, middle in middles(network).items()
        if middle is not None and name in network.outputs and data.task_of(name) == "segmentation"
    }
    if not maps or any(middle.every == 1 for middle in maps.values()):
        return
    name, (height, width, every) = next(iter(maps.items()))
    what = network.name if len(network.outputs) == 1 else f"{network.name}.{name}"
    size = _by(next(iter(network.inputs.values()))[1:])
    raise TrainError(
        f"`{what}` yields maps of {_by((height, width))} for images of {size}: it tells the class "
        f"of every {every} pixels, and masks have one for each",
        f"bring it to the images' scale, as with `upsample({every})`; other outputs may be coarser",
    )


def _every(network: Network, name: str, output: tuple[int, ...], size: tuple[int, ...]) -> int:
    """Of how many pixels along a side a map tells the class of one."""
    if output == size:
        return 1
    sights = [_sight(network, name, axis) for axis in (1, 2)]
    strides = {sight.stride for sight in sights if sight is not None}
    if len(strides) == 1:
        return int(strides.pop())
    # What it sees is not known, and its size has to tell.
    every = size[0] // output[0] if output[0] else 1
    return every if size == tuple(every * short for short in output) else 1


def _check_place(
    network: Network, what: str, name: str, output: tuple[int, int], size: tuple[int, int]
) -> None:
    """Raise ``TrainError`` unless a map lies in the middle of its image, pixel by pixel."""
    yields = f"`{what}` yields maps of {_by(output)} for images of {_by(size)}"
    every = _every(network, name, output, size)
    for number, (short, side) in enumerate(zip(output, size, strict=True)):
        along, length = ("height", "width")[number], short * every
        if short == side:
            continue
        sight = _sight(network, name, number + 1)
        if sight is not None and sight.stride != every:
            raise TrainError(
                f"{yields}: it tells the class of every {sight.stride} pixels in {along}",
                "bring height and width to one scale",
            )
        if length > side:
            raise TrainError(
                f"{yields}: at {every} pixels for each of its own it reaches beyond them",
                "leave out padding, or `crop` it",
            )
        if (side - length) % 2:
            raise TrainError(
                f"{yields}: the {side - length} left out in {along} cannot be shared by both edges",
                "a smaller map tells the classes in the middle of a mask: pad a layer, or `crop` "
                "so that an even number is left out",
            )
        # A coarse pixel stands for those around its centre, and may lie on any of them.
        edge = Fraction(side - length, 2)
        if sight is not None and not edge <= sight.centre <= edge + every - 1:
            raise TrainError(
                f"{yields}: it does not lie in their middle, but begins at pixel {sight.centre}",
                "pad, or `crop`, both edges alike",
            )


def _sight(network: Network, name: str, axis: int) -> Any:
    """What an axis of the output sees of the first input; None where that is not known."""
    asked: Any = getattr(network, "receptive_field", None)
    if asked is None:
        return None
    first = next(iter(network.inputs))
    try:
        fields = asked(name).axes
    except ValueError:  # it has no name of its own in the network
        return None
    return next((f for f in fields if f.input == first and f.axis == axis and not f.whole), None)


def brackets(shape: tuple[int, ...]) -> str:
    """``[C, H, W]``."""
    return f"[{', '.join(map(str, shape))}]"


def _by(size: tuple[int, ...]) -> str:
    return "x".join(map(str, size))
