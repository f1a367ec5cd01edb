"""``archlang memory``: what a network takes, to the byte, at inference and in a training step."""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from archlang.analyses.memory.account import PRECISIONS, Memory, Setting
from archlang.analyses.memory.ledger import Kind, Moment, said
from archlang.cli.common import File, InputShapes, ModelName, Settings, load_network, stop
from archlang.cli.dtypes import DtypeName
from archlang.cli.output import check_plot, write_files
from archlang.cli.sizes import row_sizes
from archlang.cli.table import Cells, text_table
from archlang.network import Network
from archlang.wording import memory_text, si

LARGEST = 5
"""How many layers are listed."""
LEFT_OUT = "the CUDA context, workspaces of cuBLAS and cuDNN, what fragments over many steps"


class MemoryFormat(StrEnum):
    """What is printed."""

    text = "text"
    json = "json"


class OptimizerName(StrEnum):
    """PyTorch's optimizers, with its defaults."""

    sgd = "sgd"
    momentum = "momentum"
    rmsprop = "rmsprop"
    adam = "adam"
    adamw = "adamw"


class DeviceName(StrEnum):
    """Whose rules hold."""

    cpu = "cpu"
    cuda = "cuda"


Optimizers = Annotated[OptimizerName, typer.Option(help="Its state, and what an update takes.")]
Dtypes = Annotated[DtypeName, typer.Option(help="float32, or what autocast computes in.")]
Devices = Annotated[DeviceName, typer.Option(help="Whose rules hold.")]
Ema = Annotated[bool, typer.Option("--ema", help="Keep a running mean of the weights.")]
ChannelsLast = Annotated[
    bool, typer.Option("--channels-last", help="Weights and images have their channels innermost.")
]
Recompute = Annotated[
    list[str] | None,
    typer.Option(metavar="BLOCK", help="Compute this block again when going back. Repeatable."),
]


def memory(
    file: File,
    model: ModelName = None,
    set_: Settings = None,
    input_: InputShapes = None,
    batch: Annotated[int, typer.Option("--batch", "-b", min=1, help="Samples in a batch.")] = 1,
    optimizer: Optimizers = OptimizerName.adamw,
    dtype: Dtypes = DtypeName.float32,
    device: Devices = DeviceName.cpu,
    ema: Ema = False,
    channels_last: ChannelsLast = False,
    recompute: Recompute = None,
    plot: Annotated[
        str | None, typer.Option(help="Draw a step's timeline there: .svg, .png or .pdf.")
    ] = None,
    table: Annotated[
        str | None, typer.Option(help="Figures over sizes: FIRST:LAST:STEP, such as 128:512:32.")
    ] = None,
    format_: Annotated[MemoryFormat, typer.Option("--format", "-f", help="Printed as.")] = (
        MemoryFormat.text
    ),
) -> None:
    """Say what a network takes at inference and in a training step. Nothing is run.

    The loss of a step is the cross entropy of each output.
    """
    network = load_network(file, model, set_, input_)
    at = row_sizes(table, network) if table else []
    if plot is not None:
        check_plot(Path(plot))
    setting = setting_of(batch, optimizer, dtype, device, ema, channels_last, recompute)
    try:
        found = network.memory(setting)
    except ValueError as error:
        message, _, hint = str(error).partition("; ")
        stop(message, hint=hint)
    if plot is not None:
        from archlang.plots.memory import draw

        write_files(Path(plot), lambda path: draw(found, path))
    if format_ is MemoryFormat.json:
        print(json.dumps(_data(network, found, at), ensure_ascii=False))
        return
    print("\n".join(_lines(network, found)))
    if at:
        print()
        print("\n".join(_over_sizes(network, found, at)))
    if plot is not None:
        print(f"\nwritten to {plot}")


def setting_of(
    batch: int,
    optimizer: OptimizerName,
    dtype: DtypeName,
    device: DeviceName,
    ema: bool,
    channels_last: bool,
    recompute: list[str] | None = None,
) -> Setting:
    """How a network is run; ends the program where what that takes cannot be known."""
    if channels_last and device is DeviceName.cuda:
        stop(
            "--channels-last is worked out for the CPU alone",
            hint="on CUDA, cuDNN chooses what it lays out anew",
        )
    return Setting(
        batch,
        optimizer.value,
        PRECISIONS[dtype.value],
        device.value,
        ema,
        tuple(recompute or ()),
        channels_last=channels_last,
    )


def how_text(setting: Setting, first: str) -> str:
    """The setting in words."""
    how = [first, setting.dtype, str(setting.optimizer), f"on {setting.device}"]
    how += ["channels last"] if setting.channels_last else []
    how += [f"{', '.join(setting.recompute)} computed again"] if setting.recompute else []
    return ", ".join(how)


def _data(network: Network, found: Memory, at: list[int]) -> dict[str, Any]:
    from archlang import __version__

    data = {"version": __version__, "model": network.name, **found.to_json()}
    if at:
        data["table"] = [_figures(network, found.setting, size) for size in at]
    return data


def _figures(network: Network, setting: Setting, size: int) -> dict[str, int | None]:
    """The account where every size that the input names is ``size``; None where not legal."""
    from archlang.analyses.sizes import legal

    allowed = legal(network.graph, training=True)
    point = dict.fromkeys(allowed.names, size)
    figures: dict[str, int | None] = {"size": size, "kept": None, "inference": None, "step": None}
    if allowed.holds(point):
        inputs = {n: node.output.at(point).shape for n, node in network.graph.inputs.items()}
        there = network.at(inputs).memory(setting)
        figures |= {"kept": there.kept, "inference": there.inference.total}
        figures["step"] = there.step.total
    return figures


def _over_sizes(network: Network, found: Memory, at: list[int]) -> Iterator[str]:
    """The rows of ``--table``."""
    rows = []
    for size in at:
        figures = _figures(network, found.setting, size)
        known = [n for n in (figures[k] for k in ("kept", "inference", "step")) if n is not None]
        texts = _texts(*known) if known else ["not legal", "", ""]
        rows.append(Cells((str(size), *texts), plain=not known))
    head = ("size", "kept", "inference", "step")
    for line, _ in text_table(head, rows, right=(0, 1, 2, 3), shrink=0, width=None):
        yield line


def _texts(*sizes: int) -> list[str]:
    return [memory_text(size) if size else "" for size in sizes]


def _lines(network: Network, found: Memory) -> Iterator[str]:
    setting = found.setting
    inputs = ", ".join(f"{n} {x.output}" for n, x in network.graph.inputs.items())
    yield f"{network.name}   {inputs}   {how_text(setting, f'batch {setting.batch}')}"
    yield ""
    yield from _account(found)
    yield ""
    for name, moment in (("inference", found.inference), ("step", found.step)):
        yield f"{name:<11}{memory_text(moment.total)}, {_where(moment)}"
    if found.reserved is not None:
        yield f"reserved   {memory_text(found.reserved)} (estimate), without {LEFT_OUT}"
    if setting.recompute:
        share = found.recomputed / max(1, network.totals.macs)
        yield f"again      {si(found.recomputed)} MACs a sample, {share:.0%} of the forward pass"
    yield f"plain sum  {_plain_sum(found)}"
    yield ""
    yield from _largest(found)


def _where(moment: Moment) -> str:
    """Where a moment is, in words."""
    if moment.phase == "update":
        return "in the optimizer's update"
    if moment.phase == "recompute":
        return f"where `{moment.path}`, {moment.layer}, is computed again"
    what = moment.layer if not moment.path else f"`{moment.path}`, {moment.layer}"
    return f"in the {moment.phase} pass of {what}" if what else "before the first layer"


def _account(found: Memory) -> Iterator[str]:
    """Each addend: all of it, and what is alive at the two worst moments."""
    wholes: dict[Kind, int] = {
        "parameters": found.parameters,
        "buffers": found.buffers,
        "ema": found.ema,
        "state": found.state,
        "batch": found.inputs + found.labels,
        "gradients": found.gradients,
        "kept": found.kept,
        "working": 0,
    }
    rows = []
    for kind, whole in wholes.items():
        inference, step = (m.live.get(kind, 0) for m in (found.inference, found.step))
        if whole or inference or step:
            rows.append(Cells((said(kind), *_texts(whole, inference, step))))
    totals = (memory_text(m.total) for m in (found.inference, found.step))
    rows.append(Cells(("peak", "", *totals)))
    head = ("", "in all", "inference", "step")
    for line, _ in text_table(head, rows, right=(1, 2, 3), shrink=0, width=None):
        yield line


def _plain_sum(found: Memory) -> str:
    """The account of the slides: parameters and all activations, each counted to its end."""
    parts = (found.parameters, found.activations, found.plain_sum)
    parameters, activations, both = (f"{n / 1e6:,.1f} MB" for n in parts)
    return (
        f"{parameters} of parameters + {activations} of activations ({si(found.neurons)} neurons)"
        f" = {both}"
    )


def _largest(found: Memory) -> Iterator[str]:
    """The layers with the most to keep and to learn."""
    layers = sorted(found.layers, key=lambda layer: -(layer.parameters + layer.kept))[:LARGEST]
    rows = [Cells((x.path, x.layer, *_texts(x.parameters, x.output, x.kept))) for x in layers]
    head = ("largest", "layer", "parameters", "output", "kept")
    for line, _ in text_table(head, rows, right=(2, 3, 4), shrink=1, width=None):
        yield line
