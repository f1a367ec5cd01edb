"""Sweeps from Python."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from archlang.diagnostic import ArchError
from archlang.elaborate import Program
from archlang.elaborate.files import read_source
from archlang.inspection import definitions
from archlang.network import choose
from archlang.train.errors import UsageError
from archlang.train.recipe import Layer
from archlang.train.recipe.read import Asked, layers_of
from archlang.train.sweeps.ask import Ask, Cost, Requirement
from archlang.train.sweeps.check import check
from archlang.train.sweeps.grid import Grid, axes_of
from archlang.train.sweeps.results import Outcome, Sweep
from archlang.types import Shape

if TYPE_CHECKING:
    from archlang.train.data import Data


def parameters_of(program: Program, models: Collection[str]) -> list[str]:
    """The parameters of the models, those of any of them."""
    bodies = [program.models[model].body for model in models]
    return list(dict.fromkeys(p.name for b in bodies if b is not None for p in b.params))


def ask_of(
    program: Program,
    models: Sequence[str],
    settings: Mapping[str, Any],
    layers: Sequence[Layer] = (),
    given: Sequence[tuple[str, Any]] = (),
    *,
    inputs: Mapping[str, Mapping[str, Shape]] | None = None,
    require: Sequence[str] = (),
    seeds: int = 1,
    draw: int | None = None,
    seed: int = 0,
    cost: Cost = "params",
) -> Ask:
    """What is asked, read and checked; raises ``UsageError``, or ``ArchError`` for a budget."""
    for what, number in (("seeds", seeds), ("random", 1 if draw is None else draw)):
        if number < 1:
            raise UsageError(f"--{what} is {number}, and should be at least 1")
    axes = axes_of(settings, parameters_of(program, models))
    return Ask(
        program,
        Grid(tuple(models), axes),
        tuple(layers),
        tuple(given),
        inputs or {},
        tuple(map(Requirement.of, require)),
        cost,
        seeds,
        draw,
        seed,
    )


def sweep(
    file: str | Path,
    settings: Mapping[str, Any],
    data: str | Data = "digits",
    recipe: Asked = None,
    out: str | Path | None = None,
    *,
    model: str | Sequence[str] | None = None,
    inputs: Mapping[str, Shape] | None = None,
    require: str | Sequence[str] = (),
    seeds: int = 1,
    draw: int | None = None,
    seed: int = 0,
    cost: Cost = "params",
    on: Literal["here", "ray"] = "here",
    cpus: int = 1,
    dry_run: bool = False,
    progress: bool = True,
    force: bool = False,
) -> Sweep:
    """Train the networks of a spec's file that all combinations of ``settings`` make, and fit.

    ``settings`` has values of the network's parameters and of the recipe's fields: each a list, or
    a text as on the command line (``"16,32"``, ``"1:4"``). ``require`` are budgets such as
    ``"params <= 1M"``, held before anything is trained; with ``dry_run`` nothing is. ``seeds`` is
    how often each combination is trained, ``draw`` how many of those that fit are drawn at random.
    ``on`` Ray, several are trained at once, each on so many ``cpus``. Called again with the same
    arguments, it goes on. ``data``, ``recipe`` and ``progress`` are as
    for ``train``, ``out`` defaults to ``runs/sweep-<model>-<data>``. Raises ``TrainError``,
    ``ArchError`` where the spec or a budget cannot be read, ``ModelChoiceError``.
    """
    path = Path(file)
    program = Program(read_source(path), str(path.resolve()))
    if program.diagnostics:
        raise ArchError(definitions(program))
    asked = [model] if model is None or isinstance(model, str) else model
    models = [choose(program, name) for name in asked]
    budgets = [require] if isinstance(require, str) else require
    shapes = dict.fromkeys(models, inputs) if inputs else None
    ask = ask_of(
        program, models, settings, layers_of(recipe),
        inputs=shapes, require=budgets, seeds=seeds, draw=draw, seed=seed, cost=cost,
    )  # fmt: skip
    points = check(ask)
    if dry_run:
        return Sweep(ask, data if isinstance(data, str) else data.name, tuple(map(Outcome, points)))
    from archlang.train.progress import Terminal
    from archlang.train.sweeps.run import carry_out

    terminal = Terminal() if progress else None
    folder = Path(out) if out is not None else None
    return carry_out(ask, points, data, folder, on=on, cpus=cpus, force=force, terminal=terminal)
