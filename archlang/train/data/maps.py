"""Maps of classes: where in its image a network tells the class of a pixel."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from archlang.train.data.dataset import Data
from archlang.train.errors import TrainError
from archlang.train.network import Network


def mask_size(network: Network) -> tuple[int, int] | None:
    """Height and width of the network's maps; None where it tells one class for an image."""
    shape = next(iter(network.outputs.values()))
    return (shape[1], shape[2]) if len(shape) == 3 else None


def cut(network: Network) -> list[str]:
    """What to say where masks are cut to the size of the network's maps."""
    size, (_, *seen) = mask_size(network), next(iter(network.inputs.values()))
    if size in (None, tuple(seen)):
        return []
    assert size is not None
    return [f"the map is {_by(size)}: of masks that much of their middle is learned and counted"]


def check_map(network: Network, data: Data, what: str, name: str, size: tuple[int, int]) -> None:
    """Raise ``TrainError`` unless output ``name`` tells the class of each pixel of the middle.

    ``size`` is that of the images. Layers without padding leave out as many pixels at either
    edge: masks are cut to the rest (Ronneberger et al. 2015).
    """
    output, wanted = network.outputs[name], len(data.classes)
    if len(output) != 3 or output[0] != wanted or output[1] > size[0] or output[2] > size[1]:
        raise TrainError(
            f"`{what}` yields {brackets(output)}, and {data.name}'s masks take one "
            f"number for each class at each pixel: {brackets((wanted, *size))}",
            f"end it with `conv(1x1, {wanted})` at the input's size",
        )
    if output[1:] != size:
        _check_place(network, what, name, (output[1], output[2]), size)
    (first, shape), *_ = network.outputs.items()
    if output[1:] != shape[1:]:
        raise TrainError(
            f"`{what}` yields maps of {_by(output[1:])}, and `{network.name}.{first}` "
            f"of {_by(shape[1:])}",
            "all outputs learn from the same part of a mask: `crop` the larger",
        )


def _check_place(
    network: Network, what: str, name: str, output: tuple[int, int], size: tuple[int, int]
) -> None:
    """Raise ``TrainError`` unless a smaller map lies in the middle of its image, pixel by pixel."""
    yields = f"`{what}` yields maps of {_by(output)} for images of {_by(size)}"
    for number, (length, side) in enumerate(zip(output, size, strict=True)):
        if (side - length) % 2:
            raise TrainError(
                f"{yields}: the {side - length} left out in {('height', 'width')[number]} "
                "cannot be shared by both edges",
                "a smaller map tells the classes in the middle of a mask: pad a layer, or `crop` "
                "so that an even number is left out",
            )
        sight = _sight(network, name, number + 1)
        if sight is None or length == side:
            continue
        if sight.stride != 1:
            raise TrainError(
                f"{yields}: it tells the class of every {sight.stride} pixels, and masks have one "
                "for each",
                f"bring it to the images' scale, as with `upsample({sight.stride})`",
            )
        if sight.centre != Fraction(side - length, 2):
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
    fields = asked(name).axes
    return next((f for f in fields if f.input == first and f.axis == axis and not f.whole), None)


def brackets(shape: tuple[int, ...]) -> str:
    """``[C, H, W]``."""
    return f"[{', '.join(map(str, shape))}]"


def _by(size: tuple[int, ...]) -> str:
    return "x".join(map(str, size))
