"""``archlang train``: from a spec to a checkpoint."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from archlang.cli.common import (
    File,
    InputShapes,
    ModelName,
    network_of,
    parse_settings,
    read as read_spec,
    stop,
)
from archlang.cli.table import Cells, text_table
from archlang.elaborate import Program
from archlang.network import ModelChoiceError, Network, choose
from archlang.train.errors import InterruptedRunError, TrainError

if TYPE_CHECKING:
    from archlang.train import Result
    from archlang.train.recipe import Layer

DataSet = Annotated[
    str,
    typer.Option("--data", "-d", help="digits, or a data set with its path, such as mnist:FOLDER."),
]
Recipes = Annotated[
    str | None,
    typer.Option("--recipe", "-r", help="A preset, such as resnet, or a .toml file."),
]
Fields = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="A field of the recipe, such as optimizer.lr=0.05, or a model parameter, such as "
        "classes=10. Repeatable.",
    ),
]
Epochs = Annotated[int | None, typer.Option(help="Times through the training images.")]
BatchSize = Annotated[int | None, typer.Option(help="Images a step.")]
Rate = Annotated[float | None, typer.Option("--lr", help="The highest learning rate.")]
Optimizer = Annotated[str | None, typer.Option(help="adamw, adam, sgd or rmsprop.")]
Schedule = Annotated[
    str | None, typer.Option(help="cosine, step, plateau, polynomial or constant.")
]
Decay = Annotated[float | None, typer.Option(help="Weight decay; norms and biases have none.")]
Smoothing = Annotated[float | None, typer.Option(help="Label smoothing, 0 up to 1.")]
Shift = Annotated[float | None, typer.Option(help="Random shift, as a share of the image.")]
Seed = Annotated[int | None, typer.Option(help="Of weights, order and augmentation.")]
Dtype = Annotated[str | None, typer.Option(help="float32, bfloat16 or float16.")]
Recompute = Annotated[
    list[str] | None,
    typer.Option(metavar="BLOCK", help="Compute this block again when going back: less memory."),
]
Devices = Annotated[
    int | None, typer.Option(min=1, help="Processes on this computer, each with its own device.")
]
Weights = Annotated[
    str | None,
    typer.Option(
        metavar="RUN|FILE", help="Begin with these weights, by name; a new head stays fresh."
    ),
]
Freeze = Annotated[
    list[str] | None,
    typer.Option(metavar="GLOB", help="What is not learned, such as layer1*. Repeatable."),
]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:1, …")]
Out = Annotated[Path | None, typer.Option(help="The run's folder; runs/MODEL-DATA if not given.")]
Force = Annotated[bool, typer.Option("--force", help="Start anew over a run that is there.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say only the result.")]
Explain = Annotated[
    bool, typer.Option("--explain", help="Print the recipe, and where each value is from.")
]


def _schema(wanted: bool) -> None:
    if wanted:
        from archlang.train.recipe import schema

        typer.echo(json.dumps(schema(), indent=2, ensure_ascii=False))
        raise typer.Exit


Schema = Annotated[
    bool,
    typer.Option(
        "--schema", callback=_schema, is_eager=True, help="Print the JSON schema of a recipe."
    ),
]

PACKAGES = ("torch", "numpy", "safetensors")


def train(
    file: File,
    model: ModelName = None,
    data: DataSet = "digits",
    recipe: Recipes = None,
    set_: Fields = None,
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
    weights: Weights = None,
    freeze: Freeze = None,
    device: Device = None,
    devices: Devices = None,
    out: Out = None,
    input_: InputShapes = None,
    force: Force = False,
    quiet: Quiet = False,
    explain: Explain = False,
    schema: Schema = False,
) -> None:
    """Train a network on real data; run again, it goes on where it stopped."""
    flags = {
        "optimizer": optimizer,
        "optimizer.lr": lr,
        "optimizer.weight_decay": weight_decay,
        "schedule": schedule,
        "epochs": epochs,
        "batch_size": batch_size,
        "label_smoothing": label_smoothing,
        "augment.shift": shift,
        "seed": seed,
        "dtype": dtype,
        "recompute": recompute,
        "init.weights": weights,
        "freeze": freeze,
        "device": device,
    }
    with _explained():
        network, layers = _asked(file, model, input_, recipe, set_, flags)
    if missing := [name for name in PACKAGES if find_spec(name) is None]:
        what = "PyTorch" if "torch" in missing else " and ".join(missing)
        stop(f"training needs {what}", hint="pip install 'archlang[torch]'")
    # Read when PyTorch loads. Threads that spin while they wait for one another make small
    # networks ten times slower as soon as another program wants a core.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    with _explained():
        if explain:
            _print_recipe(data, network, layers)
        elif devices is not None and devices > 1 and "RANK" not in os.environ:
            from archlang.train.launch import launch

            launch(["-m", "archlang", *sys.argv[1:]], devices)
        else:
            from archlang.train import train as go

            result = go(network, data, layers, out, progress=not quiet, force=force)
            if os.environ.get("RANK", "0") == "0":
                _print(result)


def _asked(
    file: str,
    model: str | None,
    inputs: list[str] | None,
    recipe: str | None,
    set_: list[str] | None,
    flags: dict[str, Any],
) -> tuple[Network, list[Layer]]:
    """The network and the layers of the recipe that the command line asks for."""
    from archlang.train.recipe import model_settings, read, resolve

    program = Program(*read_spec(file))
    layers = read.read_recipe(recipe) if recipe else []
    fields, settings = read.split_settings(parse_settings(set_), parameters_of(program, model))
    given = [
        *((path, value) for path, value in flags.items() if value is not None),
        *((path, read.value_of(text)) for path, text in fields.items()),
        *((f"model.{name}", text) for name, text in settings.items()),
    ]
    layers.append(read.from_values(given))
    resolve(layers)
    wanted = [f"{name}={value}" for name, value in model_settings(layers).items()]
    return network_of(program, model, wanted, inputs), layers


def parameters_of(program: Program, model: str | None) -> list[str]:
    """The parameters of the model that is meant; ends the program where there is none."""
    try:
        chosen = "" if program.diagnostics else choose(program, model)
    except ModelChoiceError:
        chosen = ""
    if not chosen:
        network_of(program, model, None, None)
    body = program.models[chosen].body
    return [p.name for p in body.params] if body is not None else []


@contextmanager
def _explained() -> Iterator[None]:
    """What training cannot do ends the command with its message."""
    try:
        yield
    except TrainError as error:
        from archlang.train.launch import LAUNCHED, tell

        tell(error)
        if error.elsewhere or (LAUNCHED in os.environ and "RANK" in os.environ):
            raise typer.Exit(error.exit_code) from None
        _end(error)


def _end(error: TrainError) -> NoReturn:
    if isinstance(error, InterruptedRunError):
        typer.echo(f"{error.message}; {error.hint}", err=True)
        raise typer.Exit(error.exit_code)
    stop(error.message, error.exit_code, error.hint)


def _print_recipe(data: str, network: Network, layers: list[Layer]) -> None:
    """Every field of the recipe, its value and where that is from."""
    from archlang.train import load
    from archlang.train.recipe import layers as made

    found = load(data, network=network)
    suggested = made.Layer(f"suggested by {found.name}", found.suggests)
    rows = [Cells(row) for row in made.resolve([suggested, *layers]).rows()]
    head = ("field", "value", "from")
    for line, _ in text_table(head, rows, right=(), shrink=0, width=None):
        typer.echo(line.rstrip())


def _print(result: Result) -> None:
    last = result.history[-1]
    counted = f" ({last['correct']:,} of {last['count']:,})" if last["on"] == "test" else ""
    typer.echo(
        f"test accuracy: {result.accuracy:.2%}{counted} "
        f"after epoch {last['epoch']}, {result.seconds:.1f} s"
    )
    for name, score in last.get("outputs", {}).items():
        iou = f", IoU {score['iou']:.2%}" if "iou" in score else ""
        typer.echo(f"  {name}: {score['accuracy']:.2%}{iou}")
    chosen = f"{result.best_accuracy:.2%} after epoch {result.best_epoch}"
    if last["on"] != "test":
        chosen += f" on the {last['on']} images; {result.test_accuracy:.2%} on the test images"
    typer.echo(f"best epoch:    {chosen}")
    typer.echo(f"checkpoint:    {result.checkpoint}")
    typer.echo(f"weights:       {result.weights} (the best epoch's)")
