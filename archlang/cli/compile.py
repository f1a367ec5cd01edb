"""``archlang compile``: a spec to a PyTorch module, or to a file that runs without archlang."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archlang.cli.common import (
    FINDINGS,
    InputShapes,
    ModelName,
    Settings,
    load_network,
    stop,
)
from archlang.cli.output import check_folder, write_files
from archlang.cli.trained import explained, need_torch
from archlang.network import Network
from archlang.wording import listed, shape_text

if TYPE_CHECKING:
    import torch
    from torch import nn

    from archlang.analyses.varying import Axis
    from archlang.backends.torch.export import Exported
    from archlang.train.deployed import Deployed
    from archlang.types import Shape

NEEDS_TORCH = "compiling needs PyTorch, which is not installed"
INSTALL = "pip install 'archlang[torch]'"


class Format(StrEnum):
    """What a compiled network is written as."""

    pt2 = "pt2"
    onnx = "onnx"
    source = "source"
    pt = "pt"
    safetensors = "safetensors"


ENDINGS = {f".{'py' if f is Format.source else f}": f for f in Format}
NEEDS: dict[Format | None, tuple[str, ...]] = {
    Format.onnx: ("onnx", "onnxscript"),
    Format.safetensors: ("safetensors",),
}
"""The packages that a form takes beside PyTorch."""


WEIGHTS = (".pt", ".safetensors")
"""How the files of a run end."""

FileOrRun = Annotated[
    str,
    typer.Argument(
        metavar="FILE|RUN",
        help="A .arch file, - for standard input, or a run's folder: its network as trained.",
    ),
]


def compile_(
    file: FileOrRun,
    model: ModelName = None,
    set_: Settings = None,
    input_: InputShapes = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            help="Where to write: .py (PyTorch source), .onnx, .pt2 (exported program), "
            ".pt or .safetensors (weights).",
        ),
    ] = None,
    format_: Annotated[
        Format | None,
        typer.Option("--format", "-f", help="What to write; told from the name if not given."),
    ] = None,
    device: Annotated[str, typer.Option(help="Where to build it: cpu, cuda, meta.")] = "cpu",
    batch: Annotated[int, typer.Option(min=1, help="Samples in the trial run.")] = 2,
    seed: Annotated[int, typer.Option(help="For the initial weights.")] = 0,
) -> None:
    """Compile a network to PyTorch, run it once, and hold what comes out against the spec.

    With -o it is written too: as source, as a program for any batch, or its weights. Those are
    initial ones, or what a run has learned; its programs take pixels from 0 to 1.
    """
    of_run = _is_run(file)
    if of_run:
        _own_settings({"--model": model, "--set": set_, "--input": input_})
    network = None if of_run else load_network(file, model, set_, input_)
    wanted = chosen(output, format_)
    if output is not None:
        check_folder(Path(output))
    _check_installed(wanted)
    if device == "meta" and (of_run or (output is not None and wanted is not Format.source)):
        stop("on the device meta there are no weights to write", hint="leave out --device meta")
    if network is None:
        job = _learned(file, device, batch)
    elif wanted is Format.source and output is not None:
        print(f"{network.name}: {network.totals.params:,} parameters")
        _write_source(network, output)
        return
    else:
        job = _fresh(network, device, batch, seed)
    if output is not None and wanted is not None:
        _write(job, wanted, output)


def _is_run(file: str) -> bool:
    """Whether it is no spec that is meant: a run's folder, or a file of weights."""
    path = Path(file)
    return path.suffix in WEIGHTS or (path.is_dir() and not any(path.glob("*.arch")))


def _own_settings(given: Mapping[str, object]) -> None:
    """End the program where a run is to be something else than it is."""
    if said := [option for option, value in given.items() if value]:
        stop(
            f"a run has its own model, settings and input, which {said[0]} cannot change",
            hint=f"leave out {said[0]}, or name the spec in place of the run",
        )


def _check_installed(wanted: Format | None) -> None:
    """End the program where something is missing that compiling takes."""
    if find_spec("torch") is None:
        stop(NEEDS_TORCH, hint=INSTALL)
    if missing := [p for p in NEEDS.get(wanted, ()) if find_spec(p) is None]:
        extra = "onnx" if wanted is Format.onnx else "torch"
        stop(
            f"writing {wanted} needs {' and '.join(missing)}, not installed here",
            hint=f"pip install 'archlang[{extra}]'",
        )


def chosen(output: str | None, format_: Format | None) -> Format | None:
    """What ``-o`` and ``--format`` ask for together; ends the program where they do not fit."""
    if output is None:
        if format_ is not None:
            stop(
                f"--format {format_} says what to write, but not where",
                hint=f"add -o NAME{next(e for e, f in ENDINGS.items() if f is format_)}",
            )
        return None
    ending = Path(output).suffix
    told = ENDINGS.get(ending)
    if format_ is None and told is None:
        stop(
            f"cannot tell what to write from the name {output}",
            hint=f"it can end in {', '.join(ENDINGS)}; or say what with --format",
        )
    if format_ is not None and told not in (None, format_):
        stop(
            f"--format {format_} does not fit the name {output}: {ending} is for {told}",
            hint="leave out --format, or change the ending",
        )
    return format_ or told


@dataclass(frozen=True, slots=True)
class _Job:
    """A module to write, and the network that it is of; that of a run is ``deployed``."""

    network: Network
    module: nn.Module
    deployed: Deployed | None = None

    @property
    def inputs(self) -> dict[str, Shape]:
        """What the module takes, the batch left out."""
        return self.network.inputs if self.deployed is None else self.deployed.inputs

    @property
    def axes(self) -> list[Axis]:
        """Which sizes of that may vary."""
        return self.network.varying() if self.deployed is None else self.deployed.axes

    @property
    def about(self) -> dict[str, str]:
        """What is written beside a program."""
        return {} if self.deployed is None else self.deployed.about


def _fresh(network: Network, device: str, batch: int, seed: int) -> _Job:
    """A network with initial weights, run once."""
    import torch

    torch.manual_seed(seed)
    try:
        where = torch.device(device)
        job = _Job(network, network.to_torch(device).eval())
        _try(job, where, batch)
    except (RuntimeError, AssertionError) as error:
        stop(f"cannot build on the device {device}: {str(error).splitlines()[0]}")
    return job


def _learned(run: str, device: str, batch: int) -> _Job:
    """The network of a run with the weights it learned, run once; says which these are."""
    need_torch("compiling a run")
    with explained():
        from archlang.train.deployed import deploy

        deployed = deploy(run, device=device)
    one = deployed.trained
    job = _Job(deployed.network, deployed.module, deployed)
    _try(job, one.device, batch)
    weights = "the running mean of the weights" if one.averaged else "the weights"
    print(
        f"with {weights} of " + (f"epoch {one.epoch}" if one.epoch is not None else str(one.path))
    )
    return job


def _try(job: _Job, where: torch.device, batch: int) -> None:
    """Run a module once, hold what comes out against the spec, and say so."""
    import torch

    network, module = job.network, job.module
    with torch.no_grad():
        result = module(*(torch.zeros(batch, *s, device=where) for s in job.inputs.values()))
    results = result if isinstance(result, dict) else {next(iter(network.outputs)): result}
    shapes = {n: tuple(t.shape[1:]) for n, t in results.items()}
    if shapes != network.outputs:
        stop(
            f"PyTorch gives {shapes} where the spec gives {network.outputs}: please report this", 1
        )
    parts = sum(1 for _ in module.modules())
    count = sum(p.numel() for p in module.parameters())
    ins = ", ".join(shape_text((batch, *s)) for s in job.inputs.values())
    outs = ", ".join(shape_text((batch, *s)) for s in shapes.values())
    print(f"{network.name}: {count:,} parameters in {parts} modules; {ins} -> {outs} on {where}")


def _write(job: _Job, wanted: Format, output: str) -> None:
    """Write a module, and say what was written."""
    from archlang.backends.torch.export import ExportError

    try:
        _WRITERS[wanted](job, output)
    except ExportError as error:
        stop(f"cannot write {output}: {error.message}", FINDINGS, error.hint)
    if job.deployed is not None:
        _lines(_notes(job.deployed, wanted))


def _notes(deployed: Deployed, wanted: Format) -> Iterator[str]:
    """What to know of a file made of a run."""
    if wanted in (Format.pt2, Format.onnx):
        yield "note: it takes pixels from 0 to 1; its metadata name the classes"
    else:
        yield from (f"note: {line}" for line in deployed.taken())


def _write_source(network: Network, output: str) -> None:
    def write(path: Path) -> list[Path]:
        path.write_text(network.to_source(), encoding="utf-8")
        return [path]

    write_files(Path(output), write)
    print(f"written to {output}")


def _write_weights(job: _Job, output: str) -> None:
    _write_state(job, output, safetensors=False)


def _write_safetensors(job: _Job, output: str) -> None:
    _write_state(job, output, safetensors=True)


def _write_state(job: _Job, output: str, *, safetensors: bool) -> None:
    from archlang.backends.torch.state import save

    state, name = job.module.state_dict(), job.network.name
    write_files(Path(output), lambda path: save(state, path, name, safetensors=safetensors))
    print(f"written to {output}")


def _write_program(job: _Job, output: str) -> None:
    import torch

    from archlang.backends.torch.export import export, quiet

    exported = export(job.module, job.inputs, job.axes)

    def write(path: Path) -> list[Path]:
        with quiet():
            torch.export.save(exported.program, path, extra_files=job.about)
        return [path]

    files = write_files(Path(output), write)
    _lines(_described(job, exported, files, "the exported program"))


def _write_onnx(job: _Job, output: str) -> None:
    from archlang.backends.torch.export import agree, export, onnxruntime, write_onnx

    inputs = list(job.inputs)
    exported = export(job.module, job.inputs, job.axes)
    ran = "onnxruntime"

    def write(path: Path) -> list[Path]:
        nonlocal ran
        files = write_onnx(exported, inputs, list(job.network.outputs), path, job.about)
        if (run := onnxruntime(path, inputs)) is None:
            ran = ""
        else:
            agree(exported, job.module, run)
        return files

    files = write_files(Path(output), write)
    _lines(_described(job, exported, files, ran))


_WRITERS: dict[Format, Callable[[_Job, str], None]] = {
    Format.source: lambda job, output: _write_source(job.network, output),
    Format.pt2: _write_program,
    Format.onnx: _write_onnx,
    Format.pt: _write_weights,
    Format.safetensors: _write_safetensors,
}


def _lines(lines: Iterator[str]) -> None:
    print("\n".join(lines))


def _described(job: _Job, exported: Exported, files: list[Path], ran: str) -> Iterator[str]:
    """What was written, for which sizes, and where it was run beside the module."""
    free = {(a.input, a.axis): a.name for a in exported.free}
    shapes = []
    for name, shape in job.inputs.items():
        sizes = (free.get((name, i), str(size)) for i, size in enumerate(shape))
        shapes.append(f"{name} [{', '.join(('batch', *sizes))}]")
    written = " and ".join(map(str, files))
    yield f"written to {written}: {', '.join(shapes)}"
    groups: dict[str, list[str]] = {}
    for axis, least in exported.free.items():
        steps = f" in steps of {axis.step}" if axis.step > 1 else ""
        groups.setdefault(f"from {least} up{steps}", []).append(axis.name)
    for text, names in groups.items():
        yield f"{listed(names)} {text}"
    tried = "; ".join(", ".join(map(shape_text, shapes)) for shapes in exported.tried)
    if ran:
        yield f"{ran} gives the module's outputs at {tried}"
    else:
        yield "it was checked, but not run: onnxruntime is not installed"
    stays: dict[str, list[str]] = {}
    for axis in job.axes:
        reason = exported.fixed.get(axis, axis.reason)
        if axis.name and reason:
            stays.setdefault(f"{axis.size}: {reason}", []).append(axis.name)
    for text, names in stays.items():
        yield f"note: {listed(names)} {'stays' if len(set(names)) == 1 else 'stay'} {text}"
