"""What a run says while it goes on, always on stderr."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

EVERY = 0.25
"""Seconds between two looks of the progress bar: drawing it takes half a millisecond."""


class Reporter:
    """Listens to a run and says nothing; the base of those that speak."""

    def say(self, text: str) -> None:
        """A remark."""

    def reading(self, done: int, count: int) -> None:
        """Before training, ``done`` of ``count`` image files are read and measured."""

    def start(self, step: int, steps: int) -> None:
        """Training begins at ``step``, counted from 0."""

    def step(self, step: int, epoch: str, loss: float, rate: float) -> None:
        """``step`` steps are done; ``rate`` is in images a second."""

    def epoch(self, entry: Mapping[str, Any]) -> None:
        """An epoch is over."""

    def stop(self) -> None:
        """Reading, or training, is over, for whatever reason."""


class Terminal(Reporter):
    """A progress bar where there is a terminal, and a line for each epoch."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False)
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._shown = 0.0

    def say(self, text: str) -> None:
        self.console.print(text, markup=False, soft_wrap=True)

    def reading(self, done: int, count: int) -> None:
        if not self.console.is_terminal:
            return
        if self._progress is None:
            self._progress = Progress(
                TextColumn("reading images"),
                BarColumn(),
                TextColumn("{task.completed:,} of {task.total:,}"),
                TimeRemainingColumn(),
                console=self.console,
                transient=True,
            )
            self._task = self._progress.add_task("", total=count)
            self._progress.start()
        if self._task is not None:
            self._progress.update(self._task, completed=done)
        if done == count:
            self.stop()

    def start(self, step: int, steps: int) -> None:
        if not self.console.is_terminal:
            return
        self._progress = Progress(
            TextColumn("{task.fields[epoch]}"),
            BarColumn(),
            TextColumn("loss {task.fields[loss]:.4f}"),
            TextColumn("{task.fields[rate]:,.0f} images/s"),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
            refresh_per_second=1 / EVERY,
        )
        self._task = self._progress.add_task(
            "", total=steps, completed=step, epoch="", loss=0.0, rate=0.0
        )
        self._progress.start()

    def step(self, step: int, epoch: str, loss: float, rate: float) -> None:
        if self._progress is None or self._task is None:
            return
        # A small network takes hundreds of steps a second, and nobody reads so fast.
        if (now := monotonic()) - self._shown >= EVERY:
            self._shown = now
            self._progress.update(self._task, completed=step, epoch=epoch, loss=loss, rate=rate)

    def epoch(self, entry: Mapping[str, Any]) -> None:
        on = entry["on"]
        scores = [
            f"{on} loss {score['eval_loss']:.4f}  {on} accuracy {score['accuracy']:.2%}"
            + (f"  {on} IoU {score['iou']:.2%}" if "iou" in score else "")
            for score in [entry]
        ]
        if "outputs" in entry:
            named = entry["outputs"].items()
            scores = [f"{on} accuracy"] + [
                f"{n} {score['accuracy']:.2%}"
                + (f" (IoU {score['iou']:.2%})" if "iou" in score else "")
                for n, score in named
            ]
        self.say(
            f"epoch {entry['epoch']:>3}  loss {entry['loss']:.4f}  {'  '.join(scores)}  "
            f"lr {entry['lr']:.2g}"
        )

    def stop(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
