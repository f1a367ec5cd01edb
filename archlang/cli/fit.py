"""``archlang fit``: what of a network fits into a memory, and what would make it smaller."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from fractions import Fraction
from typing import Annotated

import typer

from archlang.analyses.memory.fit import FIXED, Fit, Recomputed
from archlang.analyses.memory.ledger import Moment, said
from archlang.analyses.memory.search import Largest
from archlang.cli.common import (
    FINDINGS,
    File,
    InputShapes,
    ModelName,
    Settings,
    load_network,
    stop,
)
from archlang.cli.dtypes import DtypeName
from archlang.cli.memory import (
    LEFT_OUT,
    ChannelsLast,
    DeviceName,
    Devices,
    Dtypes,
    Ema,
    OptimizerName,
    Optimizers,
    how_text,
    setting_of,
)
from archlang.cli.sizes import FIXED as FIXED_SIZES
from archlang.cli.table import Cells, text_table
from archlang.network import Network
from archlang.syntax.builder import UNITS
from archlang.wording import memory_text, si

USES = {"step": "training", "inference": "inference"}


class FitFormat(StrEnum):
    """What is printed."""

    text = "text"
    json = "json"


def fit(
    file: File,
    memory: Annotated[str, typer.Option(help="What there is, such as 8GB, 8GiB or 500MB.")],
    model: ModelName = None,
    set_: Settings = None,
    input_: InputShapes = None,
    batch: Annotated[
        int | None,
        typer.Option("--batch", "-b", min=1, help="Samples, for the input's size and the blocks."),
    ] = None,
    along: Annotated[
        str | None, typer.Option(help="The one size of the input to make larger; all, if unsaid.")
    ] = None,
    optimizer: Optimizers = OptimizerName.adamw,
    dtype: Dtypes = DtypeName.float32,
    device: Devices = DeviceName.cpu,
    ema: Ema = False,
    channels_last: ChannelsLast = False,
    format_: Annotated[FitFormat, typer.Option("--format", "-f", help="Printed as.")] = (
        FitFormat.text
    ),
) -> None:
    """Say which batch and which input fit into a memory. Nothing is run.

    The last table has what it brings to compute a block again in the backward pass, instead of
    keeping what is inside: without --batch, at the largest batch that fits. The exit code is 1
    where a training step does not fit with a single sample.
    """
    limit = memory_size(memory)
    network = load_network(file, model, set_, input_)
    setting = setting_of(batch or 1, optimizer, dtype, device, ema, channels_last)
    found = network.fit(limit, setting)
    names = found.legal.names
    if along is not None and along not in names:
        stop(f"the input has no size {along}", hint=f"it has {', '.join(names) or 'none'}")
    at = batch or (found.batch.size if found.batch is not None else 1)
    if format_ is FitFormat.json:
        from archlang import __version__

        data = found.to_json(network.blocks, at, along)
        head = {"version": __version__, "model": network.name}
        print(json.dumps({**head, **data}, ensure_ascii=False))
    else:
        print("\n".join(_lines(network, found, at, along)))
    if found.batch is None:
        raise typer.Exit(FINDINGS)


def memory_size(text: str) -> int:
    """The bytes of a size such as ``8GB``, in the units of the language; ends the program else."""
    match = re.fullmatch(r"(\d{1,30}(?:\.\d{1,30})?) ?([A-Za-z]*)", text.strip())
    unit = {"B": 1, "": 1, **UNITS}.get(match[2]) if match else None
    if match is None or unit is None:
        units = ", ".join(u for u in UNITS if u.endswith("B"))
        stop(f"--memory takes a size such as 8GB, not {text}", hint=f"its units are {units}")
    size = int(Fraction(match[1]) * unit)
    if size < 1:
        stop(f"--memory takes at least one byte, and {text} is none")
    return size


def _lines(network: Network, found: Fit, at: int, along: str | None) -> Iterator[str]:
    setting = found.setting
    inputs = ", ".join(f"{n} {x.output}" for n, x in network.graph.inputs.items())
    yield f"{network.name}   {inputs}   {how_text(setting, finer(found.limit))}"
    yield ""
    rows = [_row("batch, training", found.batch), _row("batch, inference", found.inference_batch)]
    rows += _size_rows(found, along)
    head = ("", "largest", "peak", "next", "its peak")
    for line, _ in text_table(head, rows, right=(1, 2, 3, 4), shrink=0, width=None):
        yield line
    yield from _why(network, found)
    choices = found.recomputed(network.blocks, at)
    if len(choices) > 1:
        yield ""
        yield f"at batch {at}, with blocks computed again in the backward pass"
        yield ""
        yield from _choices(choices)


def _choices(choices: list[Recomputed]) -> Iterator[str]:
    """The rows of what may be computed again, nothing being the first, all together the last."""
    body = []
    for i, row in enumerate(choices):
        name = "nothing" if i == 0 else "all of these" if len(row.blocks) > 1 else row.blocks[0]
        saved = signed(row.saved) if row.blocks else ""
        work = (si(row.macs), f"{row.share:.0%}") if row.blocks else ("", "")
        sizes = (memory_text(row.kept), memory_text(row.peak), saved)
        body.append(Cells((name, *sizes, *work, str(row.batch or "none"))))
    head = ("again", "kept", "peak", "saved", "MACs", "of forward", "largest batch")
    for line, _ in text_table(head, body, right=(1, 2, 3, 4, 5, 6), shrink=0, width=None):
        yield line


def signed(size: int) -> str:
    """Bytes for people, which may be less than none."""
    return f"-{memory_text(-size)}" if size < 0 else memory_text(size)


def _row(name: str, found: Largest | None) -> Cells:
    if found is None:
        return Cells((name, "none", "", "", ""))
    over: tuple[str, str] = ("", "")
    if found.next is not None and found.over is not None:
        over = str(found.next), finer(found.over)
    return Cells((name, str(found.size), finer(found.peak), *over))


def finer(size: int) -> str:
    """Bytes for people, finer, so that a peak and the limit beside it differ."""
    return f"{size / (1 << 30):.3f} GiB" if size >= 1 << 30 else f"{size / (1 << 20):.3f} MiB"


def _size_rows(found: Fit, along: str | None) -> Iterator[Cells]:
    """The largest legal input at the batch, where its sizes have names."""
    if not found.legal.names:
        return
    names = " = ".join(found.legal.names) if along is None else along
    for use, name in USES.items():
        largest = found.largest_size("step" if use == "step" else "inference", along)
        yield _row(f"{names} at batch {found.setting.batch}, {name}", largest)


def _why(network: Network, found: Fit) -> Iterator[str]:
    """What keeps the answers where they are."""
    if found.batch is None:
        yield ""
        yield from _too_small(found, found.least("step"))
    if found.setting.device == "cuda" and found.batch is not None:
        memory = network.memory(replace(found.setting, batch=found.batch.size))
        yield ""
        reserved = f"the allocator reserves {memory_text(memory.reserved or 0)} (estimate)"
        yield f"At batch {found.batch.size} {reserved}. Leave room for"
        yield f"{LEFT_OUT}."
    if not found.legal.names:
        yield ""
        yield from FIXED_SIZES
    elif found.legal.fixed_by is not None:
        node = found.legal.fixed_by
        yield ""
        yield f"The weights of `{node.path}`, {node.op}, are made for one size of the input:"
        yield f"legal is {found.legal.words()}."


def _too_small(found: Fit, moment: Moment) -> Iterator[str]:
    """What a step with one sample takes, and how much of it no smaller batch changes."""
    parts = [(said(k), moment.live.get(k, 0)) for k in FIXED]
    fixed = sum(size for _, size in parts)
    over = memory_text(moment.total - found.limit)
    yield f"A step with one sample takes {memory_text(moment.total)}: {over} too much."
    listed = ", ".join(f"{name} {memory_text(size)}" for name, size in parts if size)
    yield f"Of that {memory_text(fixed)} are there whatever the batch: {listed}."
