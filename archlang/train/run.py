"""A run from a network to its files."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import torch
from torch import nn

from archlang.train import checkpoint, device as devices, shards
from archlang.train.batch import count
from archlang.train.data import Data, carved, check_fit, load
from archlang.train.data.fit import own_classes
from archlang.train.data.maps import middles
from archlang.train.distributed import World, joined, own_device, processes
from archlang.train.errors import InterruptedRunError, UsageError
from archlang.train.folder import RunFolder
from archlang.train.heap import heap_kept
from archlang.train.identity import check_recipe, classes_of, identify, said, versions
from archlang.train.introduction import introduction
from archlang.train.joint import feed_of, judge_of
from archlang.train.loop import Course, Trainer
from archlang.train.memory import Budget
from archlang.train.network import Network, unreached
from archlang.train.preparations import AnyPreparation, measured as measured_on
from archlang.train.progress import Reporter, Terminal
from archlang.train.recipe import Layer, Recipe, resolve
from archlang.train.recipe.read import Asked, layers_of
from archlang.train.records import TensorBoard, write_curves, write_page
from archlang.train.stop import Stopper
from archlang.train.task import task_of
from archlang.train.transfer import begin
from archlang.wording import bytes_text


@dataclass(frozen=True)
class Result:
    """What came of a run. Accuracies are shares of the images, 0 to 1; ``loss`` in nats.

    ``accuracy`` and ``loss`` are the last epoch's on the test images, ``test_accuracy`` that of
    the best, whose weights ``weights`` holds. ``best_accuracy`` is on the images that it was
    chosen by: without validation images these are the test images, and it flatters.
    """

    accuracy: float
    loss: float
    test_accuracy: float
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
        device: torch.device,
        folder: RunFolder,
        reporter: Reporter,
        *,
        force: bool,
        world: World | None = None,
    ) -> None:
        self.network, self.data, self.folder, self.reporter = network, data, folder, reporter
        self.recipe, self.world = recipe, world or World()
        self._peak: int | None = None
        self.prepare = measured(network, data, recipe, reporter)
        self.device = device
        self.budget = Budget(network, recipe, self.device, self.world.size, tuple(data.own))
        self.identity = identify(network, data, self.prepare, recipe)
        torch.manual_seed(recipe.seed)
        with self.budget.explained():
            model = build(network, recipe.recompute)
        begun = begin(model, recipe, anew=force or not folder.last.exists())
        self.board: TensorBoard | None = None
        for line in introduction(network, data, self.prepare, recipe, self.budget):
            reporter.say(line)
        for line in begun:
            reporter.say(line)
        found = self._open(force)
        with self.budget.explained():
            model.to(self.device)
            course = self._course()
            self.trainer = Trainer(model, course, recipe, self.device, self.world, network)
        if found is not None:
            self.trainer.restore(shards.filled(found, folder.last, self.trainer.like))
            reporter.say(f"going on from {folder.last}, step {self.trainer.step}")

    def _open(self, force: bool) -> dict[str, Any] | None:
        """The checkpoint to go on from; the first process makes the folder."""
        if self.world.first:
            found = self.folder.open(self.identity, force=force)
        self.world.wait()
        if not self.world.first:
            found = checkpoint.read(self.folder.last) if self.folder.last.exists() else None
        return found

    def _course(self) -> Course:
        data, recipe, world = self.data, self.recipe, self.world
        own = own_classes(self.network, data)
        shared: dict[str, Any] = {
            "batch_size": recipe.batch_size,
            "workers": recipe.workers,
            "rank": world.rank,
            "world": world.size,
            "device": self.device,
            "middles": middles(self.network),
            "own": {name: len(classes) for name, classes in own.items()},
        }
        feed = feed_of(
            data.train,
            self.prepare,
            recipe.augment,
            seed=recipe.seed,
            classes=len(data.classes),
            **shared,
        )
        test = judge_of(data.test, self.prepare, **shared)
        task = task_of(data, own, recipe.output_weights)
        if data.valid is None:
            return Course(task, feed, test, self.network.aux)
        judge = judge_of(data.valid, self.prepare, **shared)
        return Course(task, feed, judge, self.network.aux, "validation", test)

    def go(self) -> Result:
        """Train to the end; raises ``TrainError``, leaving a checkpoint if one step was done."""
        trainer = self.trainer
        if trainer.step < trainer.steps:
            with self.budget.explained():
                for remark in trainer.check():
                    self.reporter.say(f"warning: {remark}")
            self._write_config()
            if self.recipe.tensorboard and self.world.first:
                self.board = TensorBoard(self.folder.tensorboard, trainer.step)
            self.reporter.start(trainer.step, trainer.steps)
            try:
                with Stopper() as stopper:
                    self._loop(stopper)
            finally:
                self.reporter.stop()
                if self.board is not None:
                    self.board.close()
        else:
            self.reporter.say("this run is complete already; --force trains anew")
        self.world.wait()
        if not trainer.tests and trainer.course.test is not None:
            trainer.finish(checkpoint.load_weights(self.folder.weights))
            self._save(self.folder.last)
        self._write_config(self.result())
        return self.result()

    def _loop(self, stopper: Stopper) -> None:
        trainer, saved = self.trainer, monotonic()
        started, first = trainer.seconds, trainer.step
        while trainer.step < trainer.steps:
            epoch = f"epoch {trainer.epoch + 1}/{self.recipe.epochs}"
            with self.budget.explained():
                loss = self._measured() if self._to_measure(first) else trainer.advance()
            spent = max(trainer.seconds - started, 1e-9)
            rate = (trainer.step - first) * self.recipe.batch_size / spent
            self.reporter.step(trainer.step, epoch, loss, rate)
            if trainer.step % trainer.per_epoch == 0:
                self._finish_epoch()
                saved = monotonic()
            asked, due = self.world.most(stopper.asked, self._due(saved))
            if due or (asked and trainer.step < trainer.steps):
                self._save(self.folder.last)
                saved = monotonic()
            if asked and trainer.step < trainer.steps:
                raise self._interrupted(asked)

    def _due(self, saved: float) -> bool:
        """Whether ``last.pt`` is to be written in the middle of an epoch."""
        save = self.recipe.save
        if self.trainer.step % self.trainer.per_epoch == 0:
            return False
        by_steps = save.steps is not None and self.trainer.step % save.steps == 0
        return by_steps or (save.seconds is not None and monotonic() - saved >= save.seconds)

    def _to_measure(self, first: int) -> bool:
        """Whether what the step to come takes can be held against what is predicted.

        It is not the first, for all that is kept between steps is there, and its batch is whole.
        On the CPU, what several processes hold to exchange is not seen.
        """
        if self.world.size > 1 and self.device.type == "cpu":
            return False
        size = -(-self.recipe.batch_size // self.world.size)
        later = self._peak is None and self.trainer.step > first
        return later and count(self.trainer.fetch()[0]) == size

    def _measured(self) -> float:
        """Take a step, and say what it took."""
        loss, peak = self.trainer.measured()
        self._peak = peak
        text = bytes_text(peak)
        if self.budget.predicted is not None:
            text += f", {bytes_text(self.budget.predicted)} predicted"
        self.reporter.say(f"memory: a step took {text}")
        return loss

    def _finish_epoch(self) -> None:
        with self.budget.explained():
            entry = self.trainer.finish_epoch()
        # Last of all `last.pt`: cut short before it, the epoch is done again, to the same end.
        if self.trainer.best() is entry:
            self._save(self.folder.best)
            weights = self.trainer.weights()
            if self.world.first:
                checkpoint.save_weights(self.folder.weights, weights, self._about())
        if self.world.first:
            self.folder.record(entry)
        self._save(self.folder.last)
        if self.board is not None:
            self.board.epoch(entry)
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
        history, best, tests = self.trainer.history, self.trainer.best(), self.trainer.tests
        last = tests.get("last", history[-1])
        return Result(
            accuracy=last["accuracy"],
            loss=last["eval_loss"],
            test_accuracy=tests.get("best", best)["accuracy"],
            best_accuracy=best["accuracy"],
            best_epoch=best["epoch"],
            seconds=self.trainer.seconds,
            history=tuple(history),
            checkpoint=self.folder.last,
            weights=self.folder.weights,
        )

    def _contents(self, whole: bool) -> dict[str, Any]:
        return {
            **self.trainer.state(whole),
            "identity": self.identity,
            "prepare": self.prepare.plain(),
            **classes_of(self.data),
            "source": said(self.data),
        }

    def _save(self, file: Path) -> None:
        """Write a checkpoint: the first process, or each its part."""
        if self.world.size > 1 and self.recipe.parallel == "fsdp" and self.recipe.save.sharded:
            shards.save(file, self._contents(whole=False), self.world)
            return
        contents = self._contents(whole=True)
        if self.world.first:
            checkpoint.save(file, contents)
            shards.clear(file)

    def _about(self) -> dict[str, Any]:
        return {
            "model": self.network.name,
            "data": self.data.name,
            **classes_of(self.data),
            "prepare": self.prepare.plain(),
        }

    def _write_config(self, result: Result | None = None) -> None:
        if not self.world.first:
            return
        content: dict[str, Any] = {
            **self.identity,
            "device": str(self.device),
            "params": self.network.totals.params,
            "prepare": self.prepare.plain(),
            **classes_of(self.data),
            "source": said(self.data),
            "versions": versions(),
        }
        if result is not None:
            content["results"] = {
                "accuracy": result.accuracy,
                "loss": result.loss,
                "test_accuracy": result.test_accuracy,
                "best_accuracy": result.best_accuracy,
                "best_epoch": result.best_epoch,
                "seconds": round(result.seconds, 3),
            }
            title = f"{self.network.name} on {self.data.name}"
            write_curves(self.folder, self.trainer.history, title)
        checkpoint.save_json(self.folder.config, content)
        write_page(self.folder, content)


def measured(network: Network, data: Data, recipe: Recipe, reporter: Reporter) -> AnyPreparation:
    """What is taken from every image, measured on those to learn from."""
    try:
        return measured_on(
            data,
            check_fit(network, data),
            recipe.preprocess,
            recipe.augment,
            workers=recipe.workers,
            tell=reporter.reading,
        )
    finally:
        reporter.stop()


def build(network: Network, recompute: tuple[str, ...]) -> nn.Module:
    """The module to train; raises ``UsageError`` where it has no such block to recompute.

    What nothing needs is held still: processes would wait for its gradients.
    """
    try:
        module = network.to_torch(recompute=recompute)
    except ValueError as error:
        raise UsageError(str(error)) from None
    for name in unreached(network):
        module.get_parameter(name).requires_grad_(False)
    return module


@heap_kept()
def train(
    network: Network,
    data: str | Data = "digits",
    recipe: Asked = None,
    out: str | Path | None = None,
    *,
    progress: bool | Reporter = True,
    force: bool = False,
) -> Result:
    """Train ``network`` to classify ``data``; again with the same arguments, it goes on.

    ``data`` is ``NAME`` or ``NAME:PATH``, or a ``Data``. ``recipe`` has fields, or is the name
    of a preset or of a ``.toml`` file; what it leaves open, the data suggests. ``out`` defaults
    to ``runs/<model>-<data>``. Raises ``TrainError``.
    """
    layers = layers_of(recipe)
    asked = resolve(layers).recipe
    device = own_device(devices.choose(asked.device))
    reporter = (
        progress if isinstance(progress, Reporter) else Terminal() if progress else Reporter()
    )
    # All that can go wrong goes wrong inside: of several processes one then says it.
    with devices.random_kept(device), joined(device, asked.parallel) as world:
        found = load(data, split=asked.split, network=network) if isinstance(data, str) else data
        found = carved(found, asked.split.valid, asked.split.seed)
        chosen = resolve([Layer(f"suggested by {found.name}", found.suggests), *layers]).recipe
        check_recipe(network, chosen)
        folder = RunFolder(Path(out) if out else Path("runs") / f"{network.name}-{found.name}")
        check_fit(network, found)
        with Budget(network, chosen, device, processes()).explained():
            listener = reporter if world.first else Reporter()
            run = Run(network, found, chosen, device, folder, listener, force=force, world=world)
            return run.go()
