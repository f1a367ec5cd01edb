"""Which combinations fit: all that can be said of them before anything is trained."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, TypeAlias

from archlang.analyses.figures import Figures
from archlang.analyses.memory.account import Setting
from archlang.analyses.requirements import check_requirements, stated
from archlang.diagnostic import ArchError, Diagnostic
from archlang.elaborate.elaborator import free_names
from archlang.elaborate.expressions import METRICS
from archlang.elaborate.values import Measure
from archlang.graph import Graph
from archlang.network import Network
from archlang.train.errors import TrainError, UsageError
from archlang.train.recipe import Layer
from archlang.train.setting import setting_of, unknown
from archlang.train.sweeps.ask import Ask, Requirement
from archlang.train.sweeps.grid import Combination

By: TypeAlias = Literal["spec", "recipe", "requirement", "data"]
LONG = frozenset({"memory", "receptive_field"})
"""Figures that take longer than the network itself: asked for where nothing else is in the way."""
HELD = 16
"""How many networks are kept: neighbours in a grid often share theirs."""


@dataclass(frozen=True)
class LeftOut:
    """Why a combination is not trained: by what, in a few words, and with details."""

    by: By
    why: str
    notes: tuple[str, ...] = ()
    finding: Diagnostic | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        found = {} if self.finding is None else {"finding": self.finding.to_json()}
        return {"by": self.by, "why": self.why, "notes": list(self.notes), **found}


@dataclass(frozen=True)
class Point:
    """A combination, its figures by name (bytes, for memory), and why it is left out, if so."""

    combination: Combination
    figures: Mapping[str, int] = field(default_factory=dict)
    left_out: LeftOut | None = None


class Checker:
    """Holds combinations against a spec and its budgets, the same network once.

    ``device`` gives PyTorch's name of the kind of device that the recipe's name for it means. Once
    the data is read, ``suggested`` has what it says of the recipe, and ``fits`` raises
    ``TrainError`` where a network cannot learn it.
    """

    def __init__(
        self,
        ask: Ask,
        device: Callable[[str], str] = lambda name: "cuda" if name.startswith("cuda") else "cpu",
        suggested: Sequence[Layer] = (),
        fits: Callable[[Network], object] | None = None,
    ) -> None:
        self.ask, self.device, self.suggested, self.fits = ask, device, suggested, fits
        self._network = lru_cache(HELD)(self._made)
        self._known: dict[Any, tuple[Mapping[str, int], LeftOut | None]] = {}
        self._memory = any("memory" in free_names(r.condition) for r in ask.require)
        self._memory = self._memory or ask.cost == "memory"

    def point(self, combination: Combination) -> Point:
        """What is known of a combination; raises ``UsageError`` where a budget makes no sense."""
        try:
            recipe = self.ask.recipe(combination, self.suggested)
            settings = self.ask.settings(combination)
        except UsageError as error:
            notes = (error.hint,) if error.hint else ()
            return Point(combination, {}, LeftOut("recipe", error.message, notes))
        network = self._network(combination.model, tuple(settings.items()))
        graph = None if isinstance(network, ArchError) else network.graph
        device = self.device(recipe.device)
        setting = setting_of(recipe, device, graph) or unknown(recipe, device)
        again = recipe.recompute
        key = (combination.model, tuple(settings.items()), setting if self._memory else None, again)
        if key not in self._known:
            self._known[key] = self._looked(network, setting, again)
        return Point(combination, *self._known[key])

    def _made(self, model: str, settings: Iterable[tuple[str, str]]) -> Network | ArchError:
        try:
            return self.ask.network(model, dict(settings))
        except ArchError as error:
            return error

    def _looked(
        self, network: Network | ArchError, setting: Setting | str, again: tuple[str, ...]
    ) -> tuple[Mapping[str, int], LeftOut | None]:
        if isinstance(network, ArchError):
            first = next(d for d in network.diagnostics if d.severity == "error")
            return {}, LeftOut("spec", f"{first.code}: {first.message}", first.notes, first)
        graph, left_out = network.graph, self._impossible(network, setting, again)
        figures = _figures(graph, [n for n in self.ask.figures if n not in LONG], setting)
        for requirement in sorted(self.ask.require, key=_takes_long):
            if left_out is not None and _takes_long(requirement):
                break
            left_out = left_out or _unmet(graph, requirement, setting)
        if left_out is None or left_out.by == "requirement":
            asked = self.ask.figures if left_out is None else _named(left_out, self.ask.figures)
            figures |= _figures(graph, [n for n in asked if n in LONG], setting)
        return {n: figures[n] for n in self.ask.figures if n in figures}, left_out

    def _impossible(
        self, network: Network, setting: Setting | str, again: tuple[str, ...]
    ) -> LeftOut | None:
        """Why a network cannot be trained as it is asked for, whatever its figures."""
        if again and not isinstance(setting, str):
            try:
                network.memory(setting)
            except ValueError as error:
                return LeftOut("recipe", str(error))
        if self.fits is not None:
            try:
                self.fits(network)
            except TrainError as error:
                return LeftOut("data", error.message, (error.hint,) if error.hint else ())
        return None


def check(ask: Ask, checker: Checker | None = None) -> list[Point]:
    """Every combination that is asked for, those left out too, in order.

    Raises ``UsageError`` where a budget makes no sense, or a value of the recipe is never possible.
    """
    checker = checker or Checker(ask)
    points: list[Point] = []
    fit = 0
    for combination in ask.combinations():
        if ask.draw is not None and fit == ask.draw:
            break
        points.append(checker.point(combination))
        fit += points[-1].left_out is None
    _possible(ask, points)
    return points


def again(points: Iterable[Point], checker: Checker) -> list[Point]:
    """The same once more is known; what was left out stays so."""
    return [p if p.left_out is not None else checker.point(p.combination) for p in points]


def _possible(ask: Ask, points: Sequence[Point]) -> None:
    """Raise ``UsageError`` for what no recipe has: a slip of the hand, not a combination."""
    if failed := _failed(points):
        raise failed
    for axis in ask.grid.axes if ask.draw is None else ():
        for number, text in enumerate(axis.texts if not axis.of_network else ()):
            if _failed([p for p in points if p.combination.texts[axis.name] == text]):
                ask.recipe(Combination(ask.grid.models[0], {}, (axis.given(number),)))


def _failed(points: Sequence[Point]) -> UsageError | None:
    """What is wrong with the first of some recipes, if something is with all of them."""
    reasons = [p.left_out for p in points if p.left_out is not None and p.left_out.by == "recipe"]
    if not points or len(reasons) < len(points):
        return None
    return UsageError(reasons[0].why, " ".join(reasons[0].notes))


def _takes_long(requirement: Requirement) -> bool:
    return not LONG.isdisjoint(free_names(requirement.condition))


def _named(left_out: LeftOut, names: Sequence[str]) -> list[str]:
    return [n for n in names if n in left_out.why]


def _unmet(graph: Graph, requirement: Requirement, setting: Setting | str) -> LeftOut | None:
    """Why a network does not meet a requirement; raises ``UsageError`` where that has no sense."""
    account = None if isinstance(setting, str) else setting
    if account is None and "memory" in free_names(requirement.condition):
        what = f"what a step takes is not predicted with {setting}"
        return LeftOut("requirement", requirement.text, (what,))
    asked = stated(graph, requirement.source, requirement.condition)
    for found in check_requirements(graph, [asked], account):
        if found.code == "A205":
            return LeftOut("requirement", requirement.text, found.notes, found)
        hint = 'for example --require "params <= 1M"'
        if found.code == "A103":
            known = [*METRICS, *asked.env.values]
            guess = re.search(r"`(\w+)`", found.help)
            hint = f"the figures are {', '.join(METRICS)}"
            hint = f"did you mean `{guess[1]}`? {hint}" if guess and guess[1] in known else hint
        raise UsageError(f'--require "{requirement.text}" asks {_said(found.message)}', hint)
    return None


def _said(message: str) -> str:
    return (
        message.replace("unknown name", "for the unknown figure")
        if (message.startswith("unknown name"))
        else f"what has no answer: {message}"
    )


def _figures(graph: Graph, names: Iterable[str], setting: Setting | str) -> dict[str, int]:
    """Figures of a network, but those that a parameter of it takes the name of."""
    known = None if isinstance(setting, str) else setting
    found = Figures(graph, graph.root, known)
    hidden = graph.root.env.values if graph.root.env is not None else {}
    values: dict[str, int] = {}
    for name in names:
        if name in hidden or (name == "memory" and known is None):
            continue
        value = found.value(name)
        values[name] = int(value.of({}) if isinstance(value, Measure) else value)
    return values
