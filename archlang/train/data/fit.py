"""Whether a network can learn a data set."""

from __future__ import annotations

from collections.abc import Mapping

from archlang.spelling import nearest
from archlang.train.data.dataset import Data
from archlang.train.data.maps import brackets, check_map, check_scales
from archlang.train.data.samples import ONLY
from archlang.train.errors import TrainError
from archlang.train.network import Network, output_shapes
from archlang.wording import count

Shape = tuple[int, int, int]


def check_fit(network: Network, data: Data) -> dict[str, Shape]:
    """The network's inputs [C, H, W], if it can learn this data; raises ``TrainError``."""
    _check_names(network, data)
    shapes = {name: _image_input(name, network) for name in network.inputs}
    for name, shape in shapes.items():
        samples = data.train.inputs.get(name) or data.train.inputs[ONLY]
        _check_channels(network, data, name, shape, samples.channels)
    _check_outputs(network, data, next(iter(shapes.values()))[1:])
    return shapes


def own_classes(network: Network, data: Data) -> dict[str, tuple[str, ...]]:
    """The classes of each output that has labels or masks of its own, in the network's order."""
    return {name: data.own[name] for name in (*network.outputs, *network.aux) if name in data.own}


def _check_names(network: Network, data: Data) -> None:
    """Raise ``TrainError`` unless there is an image for each input, and a label for each output."""
    inputs, given = tuple(network.inputs), data.inputs
    if given == (ONLY,) and len(inputs) > 1:
        raise TrainError(
            f"`{network.name}` takes {len(inputs)} inputs ({', '.join(inputs)}), "
            f"and {data.name} has one image for each label",
            "--data csv:FILE reads a table with a column of paths for each input, of its name; "
            "--data folder:FOLDER a folder for each",
        )
    if given != (ONLY,):
        _check_same(network.name, "input", "images", inputs, data.name, given)
    if data.own:
        outputs = (*network.outputs, *network.aux)
        of = "labels or masks" if data.train.masks else "labels"
        _check_same(network.name, "output", of, outputs, data.name, tuple(data.own))


def _check_same(
    network: str, what: str, of: str, wanted: tuple[str, ...], data: str, given: tuple[str, ...]
) -> None:
    """Raise ``TrainError`` unless the data has for every input, or output, what it takes."""
    for name in wanted:
        if name not in given:
            guess = nearest(name, [other for other in given if other not in wanted])
            raise TrainError(
                f"`{network}` has the {what} `{name}`, and {data} has no {of} of that name",
                f"are they those called `{guess}`? Name them as the spec does"
                if guess
                else f"it has {of} for {', '.join(given)}",
            )
    for name in given:
        if name not in wanted:
            raise TrainError(
                f"{data} has {of} for `{name}`, and `{network}` has no {what} of that name",
                f"it has {', '.join(wanted)}: leave the others out",
            )


def _check_channels(network: Network, data: Data, name: str, shape: Shape, channels: int) -> None:
    if shape[0] in (channels, 3) and (shape[0] != 3 or channels in (1, 3)):
        return
    several = len(network.inputs) > 1
    what = f"`{network.name}.{name}`" if several else f"`{network.name}`"
    images = f"images for `{name}`" if several else "images"
    raise TrainError(
        f"{what} takes {count(shape[0], 'channel')}, but {data.name}'s {images} have {channels}",
        f"declare the input as {brackets((channels, *shape[1:]))}",
    )


def _check_outputs(network: Network, data: Data, size: tuple[int, int]) -> None:
    """Raise ``TrainError`` unless every output tells the classes that it is to learn."""
    outputs = output_shapes(network)
    for name, output in outputs.items():
        what = network.name if len(network.outputs) == 1 else f"{network.name}.{name}"
        what = f"{network.name}.{name}" if name in network.aux else what
        if data.task_of(name) == "segmentation":
            check_map(network, data, what, name, size)
        else:
            classes = data.own.get(name, data.classes)
            _check_classes(network, data, what, output, len(classes), name)
    check_scales(network, data)


def _check_classes(
    network: Network, data: Data, what: str, output: tuple[int, ...], wanted: int, name: str
) -> None:
    if len(output) != 1:
        hint = f"end it with `global_avgpool -> linear({wanted})` or `flatten -> linear({wanted})`"
        if name in data.own and len(output) == 3:
            hint = f"`{name}` of {data.name} are labels: give it masks, or {hint}"
        raise TrainError(
            f"`{what}` yields {brackets(output)}, and a classifier yields one number "
            f"for each class: [{wanted}]",
            hint,
        )
    if output[0] == wanted:
        return
    hint = f"end it with `linear({wanted})`"
    own = name in data.own
    if any("classes" in text for text in network.files.values()) and not own:
        hint = f"`--set classes={wanted}` if it has such a parameter; otherwise {hint}"
    if len(network.outputs) > 1 and not own:
        hint += (
            "; every output is held against the same labels, unless a table has a column of "
            "labels for each, of its name"
        )
    has = f"{wanted} classes of `{name}`" if own else f"{wanted} classes"
    raise TrainError(f"`{what}` has {output[0]} outputs, but {data.name} has {has}", hint)


def _image_input(name: str, network: Network) -> Shape:
    shape = network.inputs[name]
    if len(shape) != 3:
        what = f"{network.name}.{name}" if len(network.inputs) > 1 else network.name
        raise TrainError(
            f"`{what}` takes {brackets(shape)}, and images are [C, H, W]",
            f"declare `input {name}: [1, 28, 28]`, and start with `flatten` for a vector",
        )
    return shape[0], shape[1], shape[2]


def by_input(data: Data, names: tuple[str, ...]) -> Mapping[str, Data]:
    """The data of each input alone, by the network's names for them."""
    given = data.inputs
    return {name: data.of_input(name if name in given else ONLY) for name in names}
