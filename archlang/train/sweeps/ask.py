"""What is asked of a sweep."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from archlang.elaborate import Program
from archlang.elaborate.expressions import METRICS
from archlang.network import Network, from_program
from archlang.source import Source
from archlang.syntax import ast
from archlang.syntax.builder import UNITS
from archlang.syntax.parser import parse_expression
from archlang.train.errors import UsageError
from archlang.train.recipe import Layer, Recipe, model_settings, resolve
from archlang.train.recipe.read import from_values
from archlang.train.sweeps.grid import Combination, Grid, is_seed
from archlang.types import Shape

Cost: TypeAlias = Literal["params", "macs", "memory"]


@dataclass(frozen=True)
class Requirement:
    """A budget, as it was written and as it is read."""

    text: str
    source: Source = field(repr=False, compare=False)
    condition: ast.Expr = field(repr=False, compare=False)

    @classmethod
    def of(cls, text: str) -> Requirement:
        """Read one; raises ``ArchError``, or ``UsageError``.

        `memory` without arguments is that of the step that is going to be trained.
        """
        for number, digits, letters in re.findall(r"\b((\d[\d.]*)([A-Za-z]+))\b", text):
            right = next((u for u in UNITS if u.lower() == letters.lower()), letters)
            if right != letters:
                hint = f"write {digits}{right}: the units are {', '.join(UNITS)}"
                raise UsageError(f'`{number}` in --require "{text}" is no number', hint)
        source = Source("<require>", text)
        return cls(text, source, _called(parse_expression(source)))


def _called(node: Any) -> Any:
    """An expression in which `memory` is `memory()`."""
    if isinstance(node, ast.Name) and node.name == "memory":
        return ast.Call(node.start, node.end, node.name, [])
    if isinstance(node, list):
        return [_called(item) for item in node]
    if isinstance(node, ast.Node):
        return replace(node, **{name: _called(value) for name, value in node.meaning()})
    return node


@dataclass(frozen=True)
class Ask:
    """A spec, the combinations of its settings and a recipe's, and what they must meet.

    ``layers`` and ``given`` are what all combinations share of the recipe, ``given`` fields with
    their values. ``draw`` is how many are drawn at random, with ``seed``, of those that fit.
    """

    program: Program
    grid: Grid
    layers: tuple[Layer, ...] = ()
    given: tuple[tuple[str, Any], ...] = ()
    inputs: Mapping[str, Mapping[str, Shape]] = field(default_factory=dict)
    """By model the shapes of its inputs, where they are not the spec's."""
    require: tuple[Requirement, ...] = ()
    cost: Cost = "params"
    seeds: int = 1
    draw: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        seeds = [axis for axis in self.grid.axes if is_seed(axis.path) and not axis.of_network]
        if self.seeds > 1 and seeds and seeds[0].varies:
            raise UsageError(
                f"`{seeds[0].name}` has several values, and --seeds asks for {self.seeds} of each",
                f"say one of them: --seeds {len(seeds[0].texts)} gives means and deviations",
            )

    def combinations(self) -> Iterator[Combination]:
        """Those to look at, in turn."""
        return self.grid.all() if self.draw is None else self.grid.drawn(self.seed)

    def recipe_layers(self, combination: Combination, seed: int | None = None) -> list[Layer]:
        """What a combination says of the recipe, as layers; raises ``UsageError``."""
        given = [*self.given, *combination.given]
        if seed is not None:
            given.append(("seed", seed))
        return [*self.layers, from_values(given)]

    def recipe(self, combination: Combination, suggested: Sequence[Layer] = ()) -> Recipe:
        """Its recipe, with what the data suggests; raises ``UsageError``."""
        return resolve([*suggested, *self.recipe_layers(combination)]).recipe

    def seeds_of(self, recipe: Recipe) -> tuple[int, ...]:
        """The seeds that a combination is trained with."""
        return tuple(range(recipe.seed, recipe.seed + self.seeds))

    def settings(self, combination: Combination) -> dict[str, str]:
        """The values of the network's parameters."""
        return model_settings(self.recipe_layers(combination))

    def network(self, model: str, settings: Mapping[str, str]) -> Network:
        """The network of a model with these settings; raises ``ArchError``."""
        return from_program(self.program, model, settings, self.inputs.get(model))

    @property
    def figures(self) -> tuple[str, ...]:
        """The names of the figures that are told of each combination."""
        from archlang.elaborate.elaborator import free_names

        asked = {name for r in self.require for name in free_names(r.condition)}
        return tuple(n for n in METRICS if n in asked or n in ("params", "macs", self.cost))
