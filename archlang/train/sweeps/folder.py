"""The folder of a sweep: its runs, and what it says of itself."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from archlang.train.errors import TrainError, UsageError
from archlang.train.recipe import ELSEWHERE
from archlang.train.sweeps.ask import Ask
from archlang.train.sweeps.grid import SEED
from archlang.train.sweeps.results import Outcome, Sweep, cells, columns, share, spread

if TYPE_CHECKING:
    from archlang.plots.tradeoff import Mark, Words

LABEL = 16
"""Up to how many letters a value has in the picture."""


class SweepFolder:
    """Where a sweep keeps its runs, each in a folder of its own, and what stands beside them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config, self.table = path / "sweep.json", path / "sweep.csv"
        self.page = path / "README.md"
        self.pictures = (path / "accuracy.svg", path / "accuracy.png")

    def open(self, about: Mapping[str, Any], *, force: bool) -> None:
        """Make the folder; raises ``TrainError`` where it holds a sweep that differs in ``about``.

        Other values, budgets and seeds are no difference: runs that are there already are kept.
        """
        from archlang.train.changes import difference
        from archlang.train.folder import make

        make(self.path)
        if force or not self.config.exists():
            return
        try:
            there = json.loads(self.config.read_text("utf-8"))["about"]
        except (OSError, ValueError, KeyError, TypeError):
            raise UsageError(
                f"{self.config} cannot be read as that of a sweep",
                "--out takes another folder, --force trains anew in this one",
            ) from None
        if shown := difference(there, about):
            raise TrainError(
                f"{self.path} holds a sweep that differs{shown}",
                "--force trains anew in its place, --out FOLDER keeps both",
            )

    def write(self, sweep: Sweep, about: Mapping[str, Any], *, draw: bool) -> None:
        """Put down what is known by now; with ``draw``, the pictures too."""
        from archlang import __version__
        from archlang.train import checkpoint

        content = {"version": __version__, **sweep.to_json(), "about": about}
        checkpoint.save_json(self.config, content)
        if draw:
            self._draw(sweep)
        for path, text in ((self.table, _csv(sweep)), (self.page, "\n".join(self._page(sweep)))):
            checkpoint.write_atomically(path, partial(_put, text.encode()))

    def _draw(self, sweep: Sweep) -> None:
        if find_spec("matplotlib") is None or not sweep.front:
            return
        from archlang.plots.tradeoff import draw

        try:
            draw(_marks(sweep), _words(sweep), self.pictures)
        except OSError as error:
            why = error.strerror or error
            raise UsageError(f"{self.pictures[0]} cannot be written: {why}") from None

    def _page(self, sweep: Sweep) -> Iterator[str]:
        """``README.md`` of the folder."""
        yield f"# {' and '.join(sweep.ask.grid.models)} on {sweep.data}: a sweep"
        yield ""
        yield from _summary(sweep)
        if self.pictures[0].exists():
            yield from ("", f"![{sweep.score} against {sweep.ask.cost}]({self.pictures[0].name})")
        yield ""
        head = [*columns(sweep), *sweep.ask.figures, sweep.score, "seconds", "front", ""]
        yield f"| {' | '.join(head)} |"
        yield f"|{'---|' * len(head)}"
        for outcome in sweep.outcomes:
            yield f"| {' | '.join(_row(sweep, outcome))} |"
        yield ""
        yield "| file | what it is |"
        yield "|---|---|"
        for path, what in (
            (self.config, "all of it: combinations, figures, runs, and why some are left out"),
            (self.table, "the same as a table"),
            *((picture, "accuracy against cost, drawn") for picture in self.pictures),
            (self.page, "this page"),
        ):
            if path.exists() or path == self.page:
                yield f"| `{path.name}` | {what} |"
        yield "| a folder for each run | its own `README.md` says what is in it |"
        yield ""
        yield (
            "The same `archlang sweep` command goes on where the sweep stopped, and leaves alone "
            "what is done; so does one with more values or more seeds."
        )
        yield ""


COSTS = {"params": "parameters", "macs": "MACs", "memory": "memory of a training step"}


def _marks(sweep: Sweep) -> list[Mark]:
    """What is drawn: every combination that is trained, and has a known cost."""
    from archlang.plots.tradeoff import Mark

    front = {id(outcome) for outcome in sweep.front}
    names = columns(sweep)
    marks = []
    for o in sweep.trained:
        texts = [text if len(text) <= LABEL else f"{text[:LABEL]}…" for text in cells(sweep, o)]
        alone = len(names) == 1 and names != ["model"]
        name = f"{names[0]}={texts[0]}" if alone else " · ".join(texts)
        if o.mean is not None and sweep.ask.cost in o.point.figures:
            marks.append(Mark(sweep.cost(o), o.mean, o.deviation, name, id(o) in front))
    return marks


def _words(sweep: Sweep) -> Words:
    from archlang.plots.tradeoff import Words

    ask, names = sweep.ask, columns(sweep)
    several = any(o.deviation is not None for o in sweep.trained)
    seeds = f", mean and deviation of {ask.seeds} seeds" if several else ""
    return Words(
        title=f"{', '.join(ask.grid.models)} on {sweep.data}",
        cost=COSTS[ask.cost],
        value=f"{sweep.score}{seeds}",
        unit="B" if ask.cost == "memory" else "",
        names=" · ".join(names) if len(names) > 1 else "",
    )


def about(ask: Ask, data: str, files: Mapping[str, str]) -> dict[str, Any]:
    """What two sweeps in one folder must share: the spec, the data, and what no axis says."""
    recipe = {Path(layer.source).name: layer.fields for layer in ask.layers}
    given = {path: value for path, value in ask.given if path not in {*ELSEWHERE, SEED}}
    plain = {"files": files, "data": data, "inputs": ask.inputs, "recipe": recipe, **given}
    found: dict[str, Any] = json.loads(json.dumps(plain, default=str))
    return found


def _summary(sweep: Sweep) -> Iterator[str]:
    left, done = len(sweep.outcomes) - len(sweep.kept), len(sweep.trained)
    budgets = " and ".join(f"`{r.text}`" for r in sweep.ask.require)
    held = f", held to {budgets}" if budgets else ""
    seeds = f", {sweep.ask.seeds} seeds each" if sweep.ask.seeds > 1 else ""
    yield (
        f"{len(sweep.outcomes):,} combinations{held}: {left:,} left out, "
        f"{done:,} of {len(sweep.kept):,} trained{seeds}."
    )
    if sweep.best is not None:
        test = f", {share(sweep.best.test)} of the test images" if "test" not in sweep.score else ""
        yield f"Best by {sweep.score}: {sweep.words(sweep.best)}, {spread(sweep.best)}{test}."


def _row(sweep: Sweep, outcome: Outcome) -> Iterator[str]:
    yield from (text.replace("|", "\\|") for text in cells(sweep, outcome))
    for name in sweep.ask.figures:
        value = outcome.point.figures.get(name)
        yield "" if value is None else f"{value:,}"
    yield spread(outcome)
    yield "" if outcome.seconds is None else f"{outcome.seconds:,.1f}"
    yield "yes" if any(o is outcome for o in sweep.front) else ""
    yield said(outcome).replace("|", "\\|")


def said(outcome: Outcome) -> str:
    """Why a combination has no score, or not that of all its seeds."""
    if outcome.point.left_out is not None:
        return f"left out: {outcome.point.left_out.why}"
    if outcome.failed:
        return f"failed: {outcome.failed[0].message}"
    todo = len(outcome.runs) - len(outcome.scores)
    if not todo:
        return ""
    return "not trained yet" if not outcome.scores else f"{todo} of {len(outcome.runs)} to train"


def _put(data: bytes, file: IO[bytes]) -> None:
    file.write(data)


def _csv(sweep: Sweep) -> str:
    """A line for each combination; shares from 0 to 1, bytes, seconds."""
    ask = sweep.ask
    names = [axis.name for axis in ask.grid.axes]
    text = io.StringIO()
    made = csv.writer(text, lineterminator="\n")
    scores = ("mean", "deviation", "test_accuracy", "seconds")
    made.writerow(["model", *names, *ask.figures, "seeds", *scores, "front", "left_out", "note"])
    for o in sweep.outcomes:
        texts, figures = o.point.combination.texts, o.point.figures
        row: list[Any] = [o.point.combination.model, *(texts[n] for n in names)]
        row += [figures.get(n) for n in ask.figures]
        row += [len(o.scores), o.mean, o.deviation, o.test, o.seconds]
        row += [int(any(f is o for f in sweep.front)), int(o.point.left_out is not None), said(o)]
        made.writerow(row)
    return text.getvalue()
