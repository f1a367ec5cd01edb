"""``archlang sweep``: many settings of a network, held to budgets first, then trained."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archlang.cli.common import (
    FINDINGS,
    USAGE,
    File,
    InputShapes,
    chosen,
    parse_inputs,
    parse_settings,
    print_diagnostics,
    read as read_spec,
    stop,
    use_color,
)
from archlang.cli.table import Cells, text_table
from archlang.cli.train import BatchSize, DataSet, Device, Epochs, Force, Out, Quiet, Recipes
from archlang.cli.trained import explained, need_torch
from archlang.diagnostic import ArchError, Diagnostic
from archlang.elaborate import Program
from archlang.network import input_names
from archlang.train.errors import InterruptedRunError
from archlang.wording import bytes_text, si

if TYPE_CHECKING:
    from archlang.train.sweeps.check import Point
    from archlang.train.sweeps.results import Outcome, Sweep

SHOWN = 3
"""How many different findings of specs are printed."""


class SweepFormat(StrEnum):
    """What is printed."""

    text = "text"
    json = "json"


class CostName(StrEnum):
    """What accuracy is held against."""

    params = "params"
    macs = "macs"
    memory = "memory"


class Place(StrEnum):
    """Where runs are made."""

    here = "here"
    ray = "ray"


Models = Annotated[
    str | None,
    typer.Option("--model", "-m", help="Which model, or several with commas between them."),
]
Values = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="The values of a model parameter or of a field of the recipe: width=16,32,64, "
        "depth=1:4, optimizer.lr=0.01,0.1. Repeatable: all combinations are meant.",
    ),
]
Require = Annotated[
    list[str] | None,
    typer.Option(help='A budget, held before anything is trained: "params <= 1M". Repeatable.'),
]
Seeds = Annotated[int, typer.Option(min=1, help="How often each combination is trained.")]
Random = Annotated[
    int | None,
    typer.Option("--random", min=1, help="Draw so many of the combinations that fit."),
]
Seed = Annotated[int | None, typer.Option(min=0, help="The first seed, and that of --random.")]
Cost = Annotated[CostName, typer.Option(help="What accuracy is drawn against.")]
On = Annotated[Place, typer.Option(help="Train in this process, or on Ray several at once.")]
Cpus = Annotated[int, typer.Option(min=1, help="On Ray, the processors that a run takes.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be trained, and stop.")]
Format = Annotated[SweepFormat, typer.Option("--format", "-f", help="Printed as.")]


def sweep(
    file: File,
    model: Models = None,
    set_: Values = None,
    require: Require = None,
    data: DataSet = "digits",
    recipe: Recipes = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    seeds: Seeds = 1,
    seed: Seed = None,
    random: Random = None,
    cost: Cost = CostName.params,
    device: Device = None,
    on: On = Place.here,
    cpus: Cpus = 1,
    out: Out = None,
    input_: InputShapes = None,
    dry_run: DryRun = False,
    force: Force = False,
    format_: Format = SweepFormat.text,
    quiet: Quiet = False,
) -> None:
    """Train all combinations of settings that meet the budgets, and draw accuracy against cost.

    What breaks the spec or a budget is told, and never trained. Run again, it goes on where it
    stopped; with more values or seeds, it trains what is new. The exit code is 1 where nothing
    fits, or a run failed.
    """
    flags = {"epochs": epochs, "batch_size": batch_size, "seed": seed, "device": device}
    given = [(path, value) for path, value in flags.items() if value is not None]
    options = {
        "require": require or (), "seeds": seeds, "draw": random, "seed": seed or 0,
        "cost": cost.value,
    }  # fmt: skip
    with _explained():
        found = _checked(file, model, _values(set_), recipe, given, input_, data, options)
    if dry_run or not found.kept:
        _print(found, format_)
        _tell(found)
        if not found.kept:
            stop("no combination is left to train", FINDINGS, _why(found))
        return
    if not quiet:
        for line in _table(found, sys.stderr):
            print(line, file=sys.stderr)
        _tell(found)
    need_torch("training")
    # As for `archlang train`: read when PyTorch loads.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    with _explained():
        from archlang.train.progress import Terminal
        from archlang.train.sweeps.run import carry_out

        terminal = None if quiet else Terminal()
        done = carry_out(
            found.ask, [o.point for o in found.outcomes], data, out,
            on=on.value, cpus=cpus, force=force, terminal=terminal,
            planned=partial(_planned, found, quiet),
        )  # fmt: skip
    _print(done, format_)
    _end(done)


def _planned(before: Sweep, quiet: bool, found: Sweep) -> None:
    """Say what has come out now that the data is read, and what is done already."""
    if quiet:
        return
    for was, now in zip(before.outcomes, found.outcomes, strict=True):
        if was.point.left_out is None and now.point.left_out is not None:
            print(f"left out: {found.words(now)}: {now.point.left_out.why}", file=sys.stderr)
    runs = [run for outcome in found.outcomes for run in outcome.runs]
    if done := sum(run.state == "done" for run in runs):
        print(f"{done:,} of {_count(len(runs), 'run')} are done already", file=sys.stderr)


def _checked(
    file: str,
    model: str | None,
    values: dict[str, str],
    recipe: str | None,
    given: Sequence[tuple[str, Any]],
    inputs: list[str] | None,
    data: str,
    options: dict[str, Any],
) -> Sweep:
    """The combinations that are asked for, held against the spec and the budgets."""
    from archlang.train.recipe import read_recipe
    from archlang.train.sweeps.api import ask_of
    from archlang.train.sweeps.check import check
    from archlang.train.sweeps.results import Outcome, Sweep

    program = Program(*read_spec(file))
    names = model.split(",") if model else [None]
    models = list(dict.fromkeys(chosen(program, name and name.strip()) for name in names))
    layers = read_recipe(recipe) if recipe else []
    shapes = {m: parse_inputs(inputs, input_names(program, m)) for m in models if inputs}
    try:
        ask = ask_of(program, models, values, layers, given, inputs=shapes, **options)
    except ArchError as error:
        print_diagnostics(error.diagnostics, sys.stderr)
        raise typer.Exit(USAGE) from None
    return Sweep(ask, data, tuple(map(Outcome, check(ask))))


def _values(given: list[str] | None) -> dict[str, str]:
    """``--set`` values by name; ends the program where one is said twice."""
    seen: dict[str, str] = {}
    for item in given or []:
        for name, text in parse_settings([item]).items():
            if name in seen:
                both = f"--set {name}={seen[name]},{text}"
                stop(f"--set {name} is said twice", hint=f"write its values together: {both}")
            seen[name] = text
    return seen


@contextmanager
def _explained() -> Iterator[None]:
    """What cannot be done, or was stopped, ends the command with its message."""
    with explained():
        try:
            yield
        except InterruptedRunError as error:
            typer.echo(f"{error.message}; {error.hint}", err=True)
            raise typer.Exit(error.exit_code) from None


def _tell(found: Sweep) -> None:
    """The findings behind what is left out, and what is going to be trained."""
    findings = [p.left_out.finding for p in map(_point, found.outcomes) if p.left_out is not None]
    broken = [d for d in findings if d is not None and d.code != "A205"]
    distinct: dict[Any, Diagnostic] = {(d.code, d.message, str(d.span)): d for d in broken[::-1]}
    if distinct:
        print(file=sys.stderr)
        print_diagnostics(list(distinct.values())[::-1][:SHOWN], sys.stderr)
    if len(distinct) > SHOWN:
        print(f"… and {len(distinct) - SHOWN} more", file=sys.stderr)
    left, kept, seeds = len(found.outcomes) - len(found.kept), len(found.kept), found.ask.seeds
    runs = f", {seeds} seeds each: {kept * seeds:,} runs" if seeds > 1 else ""
    whole = found.ask.grid.size
    drawn = f" of {whole:,}" if found.ask.draw is not None else ""
    print(
        f"\n{_count(len(found.outcomes), 'combination')}{drawn}: "
        f"{left:,} left out, {kept:,} to train{runs}",
        file=sys.stderr,
    )


def _point(outcome: Outcome) -> Point:
    return outcome.point


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _why(found: Sweep) -> str:
    """What leaves out most."""
    left_out = [o.point.left_out for o in found.outcomes if o.point.left_out is not None]
    reasons = ["the spec" if one.by == "spec" else one.why for one in left_out]
    most = max(dict.fromkeys(reasons), key=reasons.count)
    return f"what leaves out most, {reasons.count(most):,} of {len(reasons):,}: {most}"


def _print(found: Sweep, format_: SweepFormat) -> None:
    """All combinations, on standard output."""
    if format_ is SweepFormat.json:
        from archlang import __version__

        folder = None if found.folder is None else str(found.folder)
        data = {"version": __version__, **found.to_json(), "folder": folder}
        print(json.dumps(data, ensure_ascii=False))
        return
    for line in _table(found, sys.stdout):
        print(line)
    from archlang.train.sweeps.results import spread

    if (best := found.best) is None:
        return
    test = f", {best.test:.2%} of the test images" if "test" not in found.score else ""
    print(f"\nbest:    {found.words(best)}: {spread(best)} {found.score}{test}")
    print(f"results: {found.folder}")


def _table(found: Sweep, stream: Any) -> Iterator[str]:
    """A row for each combination."""
    from archlang.train.sweeps.folder import said
    from archlang.train.sweeps.results import cells, columns, spread

    figures, done = found.ask.figures, bool(found.trained)
    front = {id(outcome) for outcome in found.front}
    head = (*columns(found), *figures, *([found.score, "seconds"] if done else []), "")
    rows = []
    for outcome in found.outcomes:
        texts = [*cells(found, outcome), *(_figure(outcome, name) for name in figures)]
        if done:
            seconds = "" if outcome.seconds is None else f"{outcome.seconds:,.1f}"
            texts += [spread(outcome), seconds]
        note = said(outcome) if done or outcome.point.left_out is not None else ""
        texts.append(note or ("Pareto front" if id(outcome) in front else ""))
        rows.append(Cells(tuple(texts), plain=outcome.point.left_out is not None))
    first, last = len(columns(found)), len(head) - 1
    width = shutil.get_terminal_size().columns if stream.isatty() else None
    right = range(first, last)
    for line, plain in text_table(head, rows, right=right, shrink=last, width=width):
        yield f"\033[2m{line}\033[0m" if plain and use_color(stream) else line


def _figure(outcome: Outcome, name: str) -> str:
    value = outcome.point.figures.get(name)
    if value is None:
        return ""
    return bytes_text(value) if name == "memory" else si(value) if name == "macs" else f"{value:,}"


def _end(done: Sweep) -> None:
    """End the program with 1 where something that was to be trained is not."""
    if not done.kept:
        _tell(done)
        stop("no combination is left to train", FINDINGS, _why(done))
    failed = [run for outcome in done.outcomes for run in outcome.failed]
    if failed:
        what = _count(len(failed), "run")
        stop(f"{what} failed: {failed[0].message}", FINDINGS, "the same command tries again")
