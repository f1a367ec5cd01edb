"""``archlang compile``: a spec to a PyTorch module."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archlang.cli.common import File, InputShapes, ModelName, Settings, load_network, stop
from archlang.network import Network
from archlang.report import shape_text

if TYPE_CHECKING:
    from torch import nn

NEEDS_TORCH = "compiling needs PyTorch, which is not installed"
INSTALL = "pip install 'archlang[torch]'"


def compile_(
    file: File,
    model: ModelName = None,
    set_: Settings = None,
    input_: InputShapes = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            help="Where to write: .pt2 (exported program), .pt or .safetensors (initial weights).",
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="Where to build it: cpu, cuda, meta.")] = "cpu",
    batch: Annotated[int, typer.Option(min=1, help="Samples in the trial run.")] = 2,
    seed: Annotated[int, typer.Option(help="For the initial weights.")] = 0,
) -> None:
    """Compile a network to PyTorch, run it once, and hold what comes out against the spec."""
    network = load_network(file, model, set_, input_)
    if output is not None and Path(output).suffix not in _WRITERS:
        endings = ", ".join(_WRITERS)
        stop(f"cannot tell what to write from the name {output}", hint=f"it can end in {endings}")
    try:
        import torch
    except ImportError:
        stop(NEEDS_TORCH, hint=INSTALL)
    torch.manual_seed(seed)
    try:
        where = torch.device(device)
        module = network.to_torch(device).eval()
        inputs = [torch.zeros(batch, *s, device=where) for s in network.inputs.values()]
    except (RuntimeError, AssertionError) as error:
        stop(f"cannot build on the device {device}: {str(error).splitlines()[0]}")
    with torch.no_grad():
        result = module(*inputs)
    results = result if isinstance(result, dict) else {next(iter(network.outputs)): result}
    shapes = {n: tuple(t.shape[1:]) for n, t in results.items()}
    if shapes != network.outputs:
        stop(
            f"PyTorch gives {shapes} where the spec gives {network.outputs}: please report this", 1
        )
    parts = sum(1 for _ in module.modules())
    count = sum(p.numel() for p in module.parameters())
    ins = ", ".join(shape_text((batch, *s)) for s in network.inputs.values())
    outs = ", ".join(shape_text((batch, *s)) for s in shapes.values())
    print(f"{network.name}: {count:,} parameters in {parts} modules; {ins} -> {outs} on {where}")
    if output is not None:
        write(module, network, inputs, Path(output))
        print(f"written to {output}")


def write(module: nn.Module, network: Network, inputs: list[Any], path: Path) -> None:
    """Write a module in the form that the name's ending asks for."""
    if not path.parent.is_dir():
        stop(f"cannot write {path}: there is no folder {path.parent}")
    temporary = path.with_name(f".{path.name}.partial{path.suffix}")
    try:
        _WRITERS[path.suffix](module, network, inputs, temporary)
        temporary.replace(path)
    except OSError as error:
        stop(f"cannot write {path}: {(error.strerror or str(error)).lower()}")
    finally:
        temporary.unlink(missing_ok=True)


def _write_program(module: nn.Module, network: Network, inputs: list[Any], path: Path) -> None:
    import torch

    any_batch = tuple({0: torch.export.Dim("batch")} for _ in inputs)
    program = torch.export.export(module, tuple(inputs), dynamic_shapes=any_batch)
    torch.export.save(program, path)


def _write_weights(module: nn.Module, network: Network, inputs: list[Any], path: Path) -> None:
    import torch

    torch.save(module.state_dict(), path)


def _write_safetensors(module: nn.Module, network: Network, inputs: list[Any], path: Path) -> None:
    from safetensors.torch import save_file

    state = {k: t.contiguous() for k, t in module.state_dict().items()}
    save_file(state, path, {"model": network.name})


_WRITERS = {".pt2": _write_program, ".pt": _write_weights, ".safetensors": _write_safetensors}
