"""A run from a network to its files."""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from torch import nn

from archlang.train import checkpoint, device as devices
from archlang.train.data import Data, check_fit, load
from archlang.train.errors import InterruptedRunError, UsageError
from archlang.train.folder import RunFolder
from archlang.train.loop import Trainer
from archlang.train.network import Network
from archlang.train.prepare import Preparation
from archlang.train.progress import Reporter, Terminal
from archlang.train.recipe import Recipe
from archlang.train.stop import Stopper


@dataclass(frozen=True)
class Result:
    """What came of a run. Accuracies are shares of the test images, 0 to 1; ``loss`` in nats.

    ``accuracy`` and ``loss`` are the last epoch's. ``best`` was chosen by looking at the
    test images, so it flatters. ``weights`` holds the best epoch's.
    """

    accuracy: float
    loss: float
    best_accuracy: float
    best_epoch: int
    seconds: float
    history: tuple[dict[str, Any], ...]
    checkpoint: Path
    weights: Path


class Run:
    """A trainer, the folder it writes to, and whom it tells."""

    def __init__(
        self,
        network: Network,
        data: Data,
        recipe: Recipe,
        folder: RunFolder,
        reporter: Reporter,
        *,
        force: bool,
    ) -> None:
        self.network, self.data, self.folder, self.reporter = network, data, folder, reporter
        self.recipe = recipe
        self.prepare = Preparation.measured(data, check_fit(network, data))
        self.device = data.train_images.device
        self.identity = identify(network, data, self.prepare, recipe)
        self._introduce()
        found = folder.open(self.identity, force=force)
        torch.manual_seed(recipe.seed)
        with devices.memory_explained(recipe.batch_size):
            model = build(network, recipe.recompute).to(self.device)
        self.trainer = Trainer(model, data, self.prepare, recipe, network.aux)
        if found is not None:
            self.trainer.restore(found)
            reporter.say(f"going on from {folder.last}, step {self.trainer.step}")

    def go(self) -> Result:
        """Train to the end; raises ``TrainError``, leaving a checkpoint if one step was done."""
        trainer = self.trainer
        if trainer.step < trainer.steps:
            for remark in trainer.check():
                self.reporter.say(f"warning: {remark}")
            self._write_config()
            self.reporter.start(trainer.step, trainer.steps)
            try:
                with Stopper() as stopper:
                    self._loop(stopper)
            finally:
                self.reporter.stop()
        else:
            self.reporter.say("this run is complete already; --force trains anew")
        self._write_config(self.result())
        return self.result()

    def _loop(self, stopper: Stopper) -> None:
        trainer, per_epoch = self.trainer, self.trainer.sampler.per_epoch
        started, first = trainer.seconds, trainer.step
        while trainer.step < trainer.steps:
            epoch = f"epoch {trainer.epoch + 1}/{self.recipe.epochs}"
            loss = trainer.advance()
            spent = max(trainer.seconds - started, 1e-9)
            rate = (trainer.step - first) * self.recipe.batch_size / spent
            self.reporter.step(trainer.step, epoch, loss, rate)
            if trainer.step % per_epoch == 0:
                self._finish_epoch()
            if stopper.asked and trainer.step < trainer.steps:
                self._save_last()
                raise self._interrupted(stopper.asked)

    def _finish_epoch(self) -> None:
        self.trainer.finish_epoch()
        entry = self.trainer.history[-1]
        # Last of all `last.pt`: cut short before it, the epoch is done again, to the same end.
        if self.trainer.best() is entry:
            checkpoint.save(self.folder.best, self._contents())
            checkpoint.save_weights(
                self.folder.weights, self.trainer.model.state_dict(), self._about()
            )
        self.folder.record(entry)
        self._save_last()
        self.reporter.epoch(entry)

    def _interrupted(self, number: int) -> InterruptedRunError:
        return InterruptedRunError(
            f"stopped by {signal.Signals(number).name} after step {self.trainer.step} "
            f"of {self.trainer.steps}; {self.folder.last} is saved",
            "run the same command again to go on",
            exit_code=128 + number,
        )

    def result(self) -> Result:
        """What the history says."""
        history, best = self.trainer.history, self.trainer.best()
        return Result(
            accuracy=history[-1]["accuracy"],
            loss=history[-1]["test_loss"],
            best_accuracy=best["accuracy"],
            best_epoch=best["epoch"],
            seconds=self.trainer.seconds,
            history=tuple(history),
            checkpoint=self.folder.last,
            weights=self.folder.weights,
        )

    def _contents(self) -> dict[str, Any]:
        return {
            **self.trainer.state(),
            "identity": self.identity,
            "prepare": self.prepare.plain(),
            "classes": list(self.data.classes),
        }

    def _save_last(self) -> None:
        checkpoint.save(self.folder.last, self._contents())

    def _about(self) -> dict[str, str]:
        return {
            "model": self.network.name,
            "data": self.data.name,
            "classes": json.dumps(self.data.classes),
            "prepare": json.dumps(self.prepare.plain()),
        }

    def _write_config(self, result: Result | None = None) -> None:
        content: dict[str, Any] = {
            **self.identity,
            "device": str(self.device),
            "params": self.network.totals.params,
            "prepare": self.prepare.plain(),
            "classes": list(self.data.classes),
            "versions": {"archlang": _version("archlang"), "torch": torch.__version__},
        }
        if result is not None:
            content["results"] = {
                "accuracy": result.accuracy,
                "loss": result.loss,
                "best_accuracy": result.best_accuracy,
                "best_epoch": result.best_epoch,
                "seconds": round(result.seconds, 3),
            }
        checkpoint.save_json(self.folder.config, content)

    def _introduce(self) -> None:
        data, say = self.data, self.reporter.say
        say(f"device: {devices.describe(self.device)}")
        say(f"network: {self.network.name}, {self.network.totals.params:,} parameters")
        say(
            f"data: {data.name}, {len(data.train_images):,} images to learn from, "
            f"{len(data.test_images):,} to test with, {len(data.classes)} classes"
        )
        for note in self.prepare.notes(data):
            say(f"note: {note}")
        optimizer = self.recipe.optimizer
        say(
            f"recipe: {optimizer.name}, lr {optimizer.lr:g}, {self.recipe.schedule.name}, "
            f"{self.recipe.epochs} epochs, batch {self.recipe.batch_size}, "
            f"seed {self.recipe.seed}"
        )


def identify(network: Network, data: Data, prepare: Preparation, recipe: Recipe) -> dict[str, Any]:
    """What makes two runs the same: the device and what is recomputed may change, nothing else."""
    return {
        "model": network.name,
        "spec": network.source.text,
        "settings": {k: _plain(v) for k, v in network.settings.items()},
        "input": list(prepare.shape),
        "data": {
            "name": data.name,
            "train": len(data.train_images),
            "test": len(data.test_images),
            "mean": list(prepare.mean),
            "std": list(prepare.std),
        },
        "recipe": recipe.model_dump(exclude={"device", "recompute"}),
    }


def build(network: Network, recompute: tuple[str, ...]) -> nn.Module:
    """The module to train; raises ``UsageError`` where it has no such block to recompute."""
    try:
        return network.to_torch(recompute=recompute)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _plain(value: object) -> str | int | float | bool:
    return value if isinstance(value, str | int | float | bool) else str(value)


def train(
    network: Network,
    data: str | Data = "digits",
    recipe: Recipe | Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    *,
    progress: bool | Reporter = True,
    force: bool = False,
) -> Result:
    """Train ``network`` to classify ``data``; again with the same arguments, it goes on.

    ``data`` is ``NAME`` or ``NAME:PATH``, or a ``Data``; what ``recipe`` leaves open, the
    data suggests. ``out`` defaults to ``runs/<model>-<data>``. Raises ``TrainError``.
    """
    if recipe is None or isinstance(recipe, Mapping):
        recipe = Recipe.of(recipe or {})
    device = devices.choose(recipe.device)
    found = load(data) if isinstance(data, str) else data
    recipe = recipe.over(found.suggests)
    folder = RunFolder(Path(out) if out else Path("runs") / f"{network.name}-{found.name}")
    reporter = (
        progress if isinstance(progress, Reporter) else Terminal() if progress else Reporter()
    )
    check_fit(network, found)
    with devices.memory_explained(recipe.batch_size), devices.random_kept(device):
        return Run(network, found.to(device), recipe, folder, reporter, force=force).go()
