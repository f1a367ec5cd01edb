"""``archlang train``: from a spec to a checkpoint."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archlang.cli.common import File, InputShapes, ModelName, Settings, load_network, stop

if TYPE_CHECKING:
    from archlang.network import Network
    from archlang.train import Result

DataSet = Annotated[
    str,
    typer.Option("--data", "-d", help="digits, fashion-mnist[:FOLDER] or mnist:FOLDER."),
]
Epochs = Annotated[int | None, typer.Option(help="Times through the training images.")]
BatchSize = Annotated[int | None, typer.Option(help="Images a step.")]
Rate = Annotated[float | None, typer.Option("--lr", help="The highest learning rate.")]
Optimizer = Annotated[str | None, typer.Option(help="adamw or sgd.")]
Schedule = Annotated[str | None, typer.Option(help="cosine, step or constant.")]
Decay = Annotated[float | None, typer.Option(help="Weight decay; norms and biases have none.")]
Smoothing = Annotated[float | None, typer.Option(help="Label smoothing, 0 up to 1.")]
Shift = Annotated[float | None, typer.Option(help="Random shift, as a share of the image.")]
Seed = Annotated[int | None, typer.Option(help="Of weights, order and augmentation.")]
Dtype = Annotated[str | None, typer.Option(help="float32 or bfloat16.")]
Recompute = Annotated[
    list[str] | None,
    typer.Option(metavar="BLOCK", help="Compute this block again when going back: less memory."),
]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:1, …")]
Out = Annotated[Path | None, typer.Option(help="The run's folder; runs/MODEL-DATA if not given.")]
Force = Annotated[bool, typer.Option("--force", help="Start anew over a run that is there.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say only the result.")]

PACKAGES = ("torch", "numpy", "safetensors")


def train(
    file: File,
    model: ModelName = None,
    data: DataSet = "digits",
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    lr: Rate = None,
    optimizer: Optimizer = None,
    schedule: Schedule = None,
    weight_decay: Decay = None,
    label_smoothing: Smoothing = None,
    shift: Shift = None,
    seed: Seed = None,
    dtype: Dtype = None,
    recompute: Recompute = None,
    device: Device = None,
    out: Out = None,
    set_: Settings = None,
    input_: InputShapes = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Train a network on real data; run again, it goes on where it stopped."""
    network = load_network(file, model, set_, input_)
    if missing := [name for name in PACKAGES if find_spec(name) is None]:
        what = "PyTorch" if "torch" in missing else " and ".join(missing)
        stop(f"training needs {what}", hint="pip install 'archlang[torch]'")
    recipe = _given(
        optimizer=_given(name=optimizer, lr=lr, weight_decay=weight_decay) or None,
        schedule=schedule,
        epochs=epochs,
        batch_size=batch_size,
        label_smoothing=label_smoothing,
        shift=shift,
        seed=seed,
        dtype=dtype,
        recompute=recompute,
        device=device,
    )
    _run(network, data, recipe, out, force=force, quiet=quiet)


def _run(
    network: Network,
    data: str,
    recipe: dict[str, Any],
    out: Path | None,
    *,
    force: bool,
    quiet: bool,
) -> None:
    # Read when PyTorch loads. Threads that spin while they wait for one another make small
    # networks ten times slower as soon as another program wants a core.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from archlang.train import InterruptedRunError, TrainError, train

    try:
        result = train(network, data, recipe, out, progress=not quiet, force=force)
    except InterruptedRunError as stopped:
        typer.echo(f"{stopped.message}; {stopped.hint}", err=True)
        raise typer.Exit(stopped.exit_code) from None
    except TrainError as error:
        stop(error.message, error.exit_code, error.hint)
    _print(result)


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _print(result: Result) -> None:
    last = result.history[-1]
    typer.echo(
        f"test accuracy: {result.accuracy:.2%} ({last['correct']:,} of {last['count']:,}) "
        f"after epoch {last['epoch']}, {result.seconds:.1f} s"
    )
    typer.echo(f"best epoch:    {result.best_accuracy:.2%} after epoch {result.best_epoch}")
    typer.echo(f"checkpoint:    {result.checkpoint}")
    typer.echo(f"weights:       {result.weights} (the best epoch's)")
