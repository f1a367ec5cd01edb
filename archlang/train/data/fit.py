"""Whether a network can learn a data set."""

from __future__ import annotations

from archlang.train.data.dataset import Data
from archlang.train.errors import TrainError
from archlang.train.network import Network


def check_fit(network: Network, data: Data) -> tuple[int, int, int]:
    """The network's input [C, H, W], if it can learn this data; raises ``TrainError``."""
    shape = _image_input(network)
    channels = data.train.channels
    if shape[0] not in (channels, 3) or (shape[0] == 3 and channels not in (1, 3)):
        raise TrainError(
            f"`{network.name}` takes {shape[0]} channels, but {data.name}'s images have {channels}",
            f"declare the input as {_brackets((channels, *shape[1:]))}",
        )
    for name, output in network.outputs.items():
        what = network.name if len(network.outputs) == 1 else f"{network.name}.{name}"
        _check_output(network, data, what, output, shape[1:])
    return shape


def _check_output(
    network: Network, data: Data, what: str, output: tuple[int, ...], size: tuple[int, ...]
) -> None:
    """Raise ``TrainError`` unless there is one number a class, for masks at every pixel."""
    wanted = len(data.classes)
    if data.task == "segmentation":
        if output != (wanted, *size):
            raise TrainError(
                f"`{what}` yields {_brackets(output)}, and {data.name}'s masks take one "
                f"number for each class at each pixel: {_brackets((wanted, *size))}",
                f"end it with `conv(1x1, {wanted})` at the input's size",
            )
        return
    if len(output) != 1:
        raise TrainError(
            f"`{what}` yields {_brackets(output)}, and a classifier yields one number "
            f"for each class: [{wanted}]",
            f"end it with `global_avgpool -> linear({wanted})` or `flatten -> linear({wanted})`",
        )
    if output[0] != wanted:
        hint = f"end it with `linear({wanted})`"
        if any("classes" in text for text in network.files.values()):
            hint = f"`--set classes={wanted}` if it has such a parameter; otherwise {hint}"
        if len(network.outputs) > 1:
            hint += "; every output is held against the same labels"
        raise TrainError(
            f"`{what}` has {output[0]} outputs, but {data.name} has {wanted} classes", hint
        )


def _image_input(network: Network) -> tuple[int, int, int]:
    if len(network.inputs) != 1:
        names = ", ".join(network.inputs)
        raise TrainError(
            f"`{network.name}` takes {len(network.inputs)} inputs ({names}), "
            "and data has one image for each label",
            "train it in a loop of your own: archlang.load(FILE).to_torch() is the module",
        )
    ((name, shape),) = network.inputs.items()
    if len(shape) != 3:
        raise TrainError(
            f"`{network.name}` takes {_brackets(shape)}, and images are [C, H, W]",
            f"declare `input {name}: [1, 28, 28]`, and start with `flatten` for a vector",
        )
    return shape[0], shape[1], shape[2]


def _brackets(shape: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, shape))}]"
