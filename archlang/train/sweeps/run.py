"""A sweep from its combinations to its folder. Needs PyTorch."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from archlang.network import Network
from archlang.train import device as devices
from archlang.train.data import Data, check_fit
from archlang.train.data.registry import Names
from archlang.train.errors import InterruptedRunError
from archlang.train.progress import Terminal
from archlang.train.recipe import Layer, Recipe
from archlang.train.stop import Stopper
from archlang.train.sweeps.ask import Ask
from archlang.train.sweeps.check import Checker, Point, again
from archlang.train.sweeps.folder import SweepFolder, about
from archlang.train.sweeps.results import OneRun, Outcome, Sweep, score_in, share
from archlang.train.sweeps.work import Job, Watcher, loaded, work

On: TypeAlias = Literal["here", "ray"]
Place: TypeAlias = tuple[int, int]
"""The number of a combination, and that of its run."""


class Course:
    """The runs of a sweep, those that are done and those to come.

    ``device`` gives the kind of device that the recipe's name for it means where runs are made.
    """

    def __init__(
        self,
        ask: Ask,
        points: Iterable[Point],
        data: str | Data,
        out: Path | None,
        *,
        device: Callable[[str], str],
        force: bool,
        terminal: Terminal | None,
    ) -> None:
        self.ask, self.data, self.force, self.terminal = ask, data, force, terminal
        points = list(points)
        first = next(p for p in points if p.left_out is None)
        found = self._loaded(ask.recipe(first.combination), self._network(first))
        self.suggested = Layer(f"suggested by {found.name}", found.suggests)
        fits: Callable[[Network], object] = lambda network: check_fit(network, found)  # noqa: E731
        points = again(points, Checker(ask, device, [self.suggested], fits))
        self.folder = SweepFolder(out or Path("runs") / f"sweep-{_stem(ask)}-{found.name}")
        name = data if isinstance(data, str) else found.name
        self.about = about(ask, name, self._network(first).files)
        self.jobs: dict[Place, Job] = {}
        outcomes = [self._outcome(n, point) for n, point in enumerate(points)]
        self.sweep = Sweep(ask, found.name, tuple(outcomes), self.folder.path)

    def open(self) -> None:
        """Make the folder; raises ``TrainError`` where it has another sweep."""
        self.folder.open(self.about, force=self.force)

    def _loaded(self, recipe: Recipe, network: Network) -> Data:
        if isinstance(self.data, Data):
            return self.data
        return loaded(self.data, recipe.split.model_dump_json(), Names.of(network))

    def _network(self, point: Point) -> Network:
        return self.ask.network(point.combination.model, self.ask.settings(point.combination))

    def _outcome(self, number: int, point: Point) -> Outcome:
        """A combination with its runs, as they lie in the folder."""
        if point.left_out is not None:
            return Outcome(point)
        ask, combination = self.ask, point.combination
        recipe, settings = ask.recipe(combination, [self.suggested]), ask.settings(combination)
        runs = []
        for place, seed in enumerate(ask.seeds_of(recipe)):
            path = self.folder.path / combination.folder(seed)
            layers = tuple(ask.recipe_layers(combination, seed))
            inputs = ask.inputs.get(combination.model)
            self.jobs[number, place] = Job(
                combination.model, settings, inputs, layers, recipe.split, path, self.force
            )
            wanted = {
                "model": combination.model,
                "files": self.about["files"],
                "settings": settings,
                "recipe": {**recipe.identity(), "seed": seed},
            }
            score = None if self.force else score_in(path, wanted)
            runs.append(OneRun(seed, path.name, "done" if score else "open", score))
        return Outcome(point, tuple(runs))

    def to_do(self) -> Iterator[tuple[Place, Job]]:
        """The runs to come: every combination with its first seed, then with the next."""
        for place in sorted(self.jobs, key=lambda p: (p[1], p[0])):
            number, run = place
            if self.sweep.outcomes[number].runs[run].state == "open":
                yield place, self.jobs[place]

    def recipe(self, place: Place) -> Recipe:
        """The recipe of a run."""
        combination = self.sweep.outcomes[place[0]].point.combination
        return self.ask.recipe(combination, [self.suggested])

    def told(self, place: Place, failure: str) -> None:
        """Take down what a run came to, and write it."""
        number, run = place
        outcomes = list(self.sweep.outcomes)
        outcome = outcomes[number]
        score = None if failure else score_in(self.jobs[place].folder, {})
        failure = failure or ("" if score else "its folder cannot be read")
        made = replace(
            outcome.runs[run], state="done" if score else "failed", score=score, message=failure
        )
        runs = (*outcome.runs[:run], made, *outcome.runs[run + 1 :])
        outcomes[number] = replace(outcome, runs=runs)
        self.sweep = replace(self.sweep, outcomes=tuple(outcomes))
        self.write()
        if self.terminal is not None:
            what = f"failed: {failure}"
            if score is not None:
                what = f"{share(score.value)}  {score.seconds:,.1f} s"
            count = f"{self.over:>{len(str(len(self.jobs)))}}/{len(self.jobs)}"
            self.terminal.say(f"[{count}]  {self.words(place)}  {what}")

    @property
    def over(self) -> int:
        """How many of the runs are done, or have failed."""
        return sum(run.state != "open" for o in self.sweep.outcomes for run in o.runs)

    def words(self, place: Place) -> str:
        """Which run it is, for people."""
        outcome = self.sweep.outcomes[place[0]]
        seed = f", seed {outcome.runs[place[1]].seed}" if self.ask.seeds > 1 else ""
        return f"{self.sweep.words(outcome)}{seed}"

    def write(self, *, draw: bool = False) -> None:
        """Put down what is known by now."""
        self.folder.write(self.sweep, self.about, draw=draw)

    def interrupted(self, number: int) -> InterruptedRunError:
        """What to raise where all was asked to stop."""
        self.write(draw=True)
        return InterruptedRunError(
            f"stopped by {signal.Signals(number).name} after {self.over} of {len(self.jobs)} runs; "
            f"{self.folder.path} has all that is done",
            "run the same command again to go on",
            exit_code=128 + number,
        )


def _stem(ask: Ask) -> str:
    if len(ask.grid.models) == 1:
        return ask.grid.models[0]
    return Path(ask.program.source.name).stem


def carry_out(
    ask: Ask,
    points: Iterable[Point],
    data: str | Data = "digits",
    out: Path | None = None,
    *,
    on: On = "here",
    cpus: int = 1,
    force: bool = False,
    terminal: Terminal | None = None,
    planned: Callable[[Sweep], None] = lambda sweep: None,
) -> Sweep:
    """Train what of ``points`` is not left out; ``planned`` is told what that is, before it starts.

    Raises ``TrainError`` where nothing can be trained; a run that fails is told in its outcome.
    """
    options: Mapping[str, Any] = {"force": force, "terminal": terminal}
    points = list(points)
    if all(p.left_out is not None for p in points):
        return Sweep(ask, data if isinstance(data, str) else data.name, _none(points))
    if on == "ray":
        from archlang.train.sweeps.on_ray import Cluster

        with Cluster(cpus) as cluster:
            course = Course(ask, points, data, out, device=cluster.device, **options)
            _go(course, planned, lambda stopper: cluster.train(course, stopper))
    else:
        course = Course(ask, points, data, out, device=_kind, **options)
        _go(course, planned, lambda stopper: _here(course, stopper))
    return course.sweep


def _none(points: Iterable[Point]) -> tuple[Outcome, ...]:
    return tuple(map(Outcome, points))


def _kind(name: str) -> str:
    return devices.choose(name).type


def _go(
    course: Course, planned: Callable[[Sweep], None], trained: Callable[[Stopper], None]
) -> None:
    planned(course.sweep)
    if not course.jobs:
        return
    course.open()
    course.write()
    with Stopper() as stopper:
        trained(stopper)
    course.write(draw=True)


def _here(course: Course, stopper: Stopper) -> None:
    """Train one after the other, in this process."""
    said: set[str] = set()
    for place, job in list(course.to_do()):
        watcher = Watcher(course.terminal, stopper, course.words(place), said)
        try:
            if stopper.asked:
                raise course.interrupted(stopper.asked)
            failure = work(course.ask.program, course.data, job, watcher)
        except InterruptedRunError as error:
            raise course.interrupted(error.exit_code - 128) from None
        course.told(place, failure)
