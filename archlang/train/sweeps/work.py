"""One run of a sweep, in whatever process it is made."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from archlang.elaborate import Program
from archlang.network import from_program
from archlang.train.data import Data, load
from archlang.train.data.registry import Names
from archlang.train.errors import InterruptedRunError, TrainError
from archlang.train.inputs import Split
from archlang.train.progress import Reporter, Terminal
from archlang.train.recipe import Layer
from archlang.train.run import train
from archlang.train.stop import Stopper
from archlang.types import Shape


@dataclass(frozen=True)
class Job:
    """A network, a recipe with its seed, and the folder of the run."""

    model: str
    settings: Mapping[str, str]
    inputs: Mapping[str, Shape] | None
    layers: tuple[Layer, ...]
    split: Split
    folder: Path
    force: bool


def work(program: Program, data: str | Data, job: Job, reporter: Reporter) -> str:
    """Train to the end, from where the run stopped; returns why that failed, if so.

    Raises ``InterruptedRunError`` where it was asked to stop.
    """
    try:
        network = from_program(program, job.model, job.settings, job.inputs)
        split = job.split.model_dump_json()
        found = loaded(data, split, Names.of(network)) if isinstance(data, str) else data
        train(network, found, job.layers, job.folder, progress=reporter, force=job.force)
    except InterruptedRunError:
        raise
    except TrainError as error:
        return error.message
    except Exception as error:  # one run that fails is no reason to lose the night
        if os.environ.get("ARCHLANG_DEBUG"):
            raise
        return f"{type(error).__name__}: {error}".splitlines()[0]
    return ""


@lru_cache(maxsize=1)
def loaded(data: str, split: str, names: Names) -> Data:
    """A data set, which neighbours in a sweep share."""
    return load(data, split=Split.model_validate_json(split), network=names)


class Watcher(Reporter):
    """Shows a run's progress where there is a terminal, and passes on that all is to stop.

    Of what a run says of itself it keeps what is of the whole sweep, once, and warnings.
    """

    def __init__(self, terminal: Terminal | None, stopper: Stopper, what: str, said: set[str]):
        self.terminal, self.stopper, self.what, self.said = terminal, stopper, what, said

    def say(self, text: str) -> None:
        if self.terminal is None or text in self.said:
            return
        if text.startswith(("device:", "data:", "note:", "warning:")):
            self.said.add(text)
            self.terminal.say(text)

    def start(self, step: int, steps: int) -> None:
        if self.terminal is not None:
            self.terminal.start(step, steps)

    def step(self, step: int, epoch: str, loss: float, rate: float) -> None:
        if self.stopper.asked:  # before the run itself listened: it does now, and saves
            signal.raise_signal(self.stopper.asked)
        if self.terminal is not None:
            self.terminal.step(step, f"{self.what}  {epoch}", loss, rate)

    def stop(self) -> None:
        if self.terminal is not None:
            self.terminal.stop()
