"""The loop. One integer, ``step``, says where a run is: all else follows from it and the seed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from math import isfinite
from time import monotonic
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn

from archlang.train.batch import Many, called, chunks, count, each, first, tensors
from archlang.train.counted import factors
from archlang.train.device import (
    Number,
    autocast,
    channels_last,
    lay_out,
    random_state,
    seed_everything,
    set_random_state,
)
from archlang.train.diagnose import dry_run, first_broken_layer, not_compiled
from archlang.train.distributed import World, placed, placed_state
from archlang.train.ema import Average, put
from archlang.train.errors import TrainError, UsageError
from archlang.train.memory import measured
from archlang.train.network import Network
from archlang.train.recipe import Recipe
from archlang.train.scoring import evaluate
from archlang.train.task import Task
from archlang.train.transfer import SCALE, optimizer_of


class Feed(Protocol):
    """Batches of prepared images and targets, a function of the step."""

    per_epoch: int

    def start(self, step: int) -> Iterator[tuple[Many, Many]]:
        """The batches from ``step``, counted from 0 through all epochs, on."""
        ...


@dataclass(frozen=True)
class Course:
    """What is learned and by what it is judged: ``judge`` has every sample once.

    ``on`` says what the judging samples are, test or validation; ``test``, where they are not,
    has every test sample once. ``aux`` has the weight in the loss of each output that exists
    in training only.
    """

    task: Task
    feed: Feed
    judge: Iterable[tuple[Many, Many]]
    aux: Mapping[str, float]
    on: str = "test"
    test: Iterable[tuple[Many, Many]] | None = None


class Trainer:
    """A network being trained.

    ``step`` counts the steps done, through all epochs; ``history`` has an entry for every
    epoch done. ``network`` is what ``model`` was made of, for messages that name a layer. Errors
    are ``TrainError``.
    """

    def __init__(
        self,
        model: nn.Module,
        course: Course,
        recipe: Recipe,
        device: torch.device,
        world: World | None = None,
        network: Network | None = None,
    ) -> None:
        self.model, self.course, self.recipe, self.device = model, course, recipe, device
        self.network = network
        self.world = world or World()
        if recipe.channels_last:
            lay_out(model)
        self.wrapped = self.world.wrap(model)
        self.run = _compiled(self.wrapped) if recipe.compile else self.wrapped
        self.optimizer = optimizer_of(model, recipe)
        self.average = Average(model, recipe.ema) if recipe.ema else None
        self.scaler = torch.amp.GradScaler(device.type, enabled=recipe.dtype == "float16")
        self.per_epoch = course.feed.per_epoch
        self.steps = recipe.epochs * self.per_epoch
        self.step = 0
        self.history: list[dict[str, Any]] = []
        self.seconds = 0.0
        self.tests: dict[str, dict[str, Any]] = {}
        # The epoch's sums so far, for its mean loss.
        self._loss, self._seen = 0.0, 0
        self._batches: Iterator[tuple[Many, Many]] | None = None
        self._batch: tuple[Many, Many] | None = None

    @property
    def epoch(self) -> int:
        """The epoch of the step to come, counted from 0."""
        return self.step // self.per_epoch

    @property
    def lr(self) -> float:
        """The learning rate of the step to come."""
        return self.recipe.lr(self.step, self.per_epoch, self.history)

    def check(self) -> list[str]:
        """Try one batch, leaving no trace; returns remarks."""
        images, targets = self.fetch()
        part = -(-count(images) // self.recipe.accumulate)
        images, targets = self._laid_out(first(images, part)), first(targets, part)
        how: dict[str, Any] = {"task": self.course.task, "dtype": self.recipe.dtype}
        remarks = dry_run(self.wrapped, images, targets, self.course.aux, **how)
        if self.recipe.compile:
            dry_run(self.run, images, targets, self.course.aux, **how, compiled=True)
        return remarks

    def advance(self) -> float:
        """Take one step; returns its loss. The model is unharmed by a loss that is not finite."""
        started = monotonic()
        images, targets = self.fetch()
        self._batch = None
        lr = self.lr
        for group in self.optimizer.param_groups:
            group["lr"] = lr * group.get(SCALE, 1.0)
        # What dropout draws depends on the step, so that nothing else can change it.
        seed_everything(self.device, self.recipe.seed, self.step, self.world.rank)
        if not self.model.training:
            self.model.train()
        self.optimizer.zero_grad(set_to_none=True)
        value, seen = self._gradients(self._laid_out(images), targets)
        self._update()
        self.step += 1
        if self.average is not None:
            self.average.update(self.step - 1)
        self._loss += value * seen
        self._seen += seen
        self.seconds += monotonic() - started
        return value

    def fetch(self) -> tuple[Many, Many]:
        """The batch of the step to come."""
        if self._batch is None:
            if self._batches is None:
                self._batches = self.course.feed.start(self.step)
            self._batch = next(self._batches)
        return self._batch

    def _gradients(self, images: Many, targets: Many) -> tuple[float, int]:
        """The gradients of the mean loss of all processes' images; that loss, and how many."""
        seen = self.world.total(count(images))
        parts = min(self.recipe.accumulate, count(images))
        pairs = [(images, targets)]
        if parts > 1:
            pairs = list(zip(chunks(images, parts), chunks(targets, parts), strict=True))
        told: list[Number] = []
        counted = factors([y for _, y in pairs], self.world)
        for number, ((x, y), factor) in enumerate(zip(pairs, counted, strict=True), start=1):
            with self.world.unsynced(self.wrapped, number < len(pairs)):
                with autocast(self.device, self.recipe.dtype):
                    outputs = called(self.run, x)
                mean = self.course.task.loss(
                    outputs, y, self.course.aux, self.recipe.label_smoothing, factor
                )
                told.append(Number(mean))
                # The processes' gradients are averaged, so each counts by its images.
                share = count(x) * self.world.size / seen
                torch.autograd.backward(self.scaler.scale(mean * share if share != 1 else mean))
        loss, broken = 0.0, images
        for (x, _), one in zip(pairs, told, strict=True):
            if not isfinite(value := one.value):
                broken = x
            loss += value * count(x)
        # Said when all processes know: the others waited for its gradients.
        if not isfinite(loss := self.world.total(loss) / seen):
            raise self._diverged(f"the loss is {loss}", broken, self.step + 1)
        return loss, int(seen)

    def _update(self) -> None:
        """Move the weights, by gradients that are scaled down where they are too large."""
        if self.recipe.clip_norm is not None:
            self.scaler.unscale_(self.optimizer)
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()

    def finish_epoch(self) -> dict[str, Any]:
        """Evaluate on the images that judge, and add an entry to the history."""
        started = monotonic()
        score = self.evaluate(self.course.judge)
        self.seconds += monotonic() - started
        entry = {
            "epoch": self.epoch,
            "step": self.step,
            "lr": self.recipe.lr(self.step - 1, self.per_epoch, self.history),
            "loss": self._loss / self._seen,
            "on": self.course.on,
            **score,
            "seconds": round(self.seconds, 3),
        }
        self.history.append(entry)
        self._loss, self._seen = 0.0, 0
        return entry

    def evaluate(self, batches: Iterable[tuple[Many, Many]]) -> dict[str, Any]:
        """Score the network, with the mean of its weights where one is kept."""
        with self.average.used() if self.average is not None else nullcontext():
            return self._score(batches)

    def _score(self, batches: Iterable[tuple[Many, Many]]) -> dict[str, Any]:
        self.world.alike(self.model)
        score = evaluate(
            self.run,
            ((self._laid_out(images), targets) for images, targets in batches),
            self.course.task,
            self.device,
            aux=self.course.aux,
            dtype=self.recipe.dtype,
            world=self.world,
        )
        losses = [one["eval_loss"] for one in score.get("outputs", {"": score}).values()]
        if not isfinite(sum(losses)):
            images, _ = next(iter(batches))
            what = f"the {self.course.on} loss is {next(v for v in losses if not isfinite(v))}"
            raise self._diverged(what, images, self.step)
        return score

    def finish(self, best: Mapping[str, Tensor]) -> None:
        """Score the last and the ``best`` weights by the test images, if others judged so far."""
        if self.course.test is None:
            return
        self.tests["last"] = self.evaluate(self.course.test)
        with put(self.model, best):
            self.tests["best"] = self._score(self.course.test)

    def best(self) -> dict[str, Any]:
        """The best epoch so far, the earliest of equals."""
        task = self.course.task
        return max(self.history, key=lambda entry: (task.merit(entry), -entry["epoch"]))

    def measured(self) -> tuple[float, int]:
        """Take one step; returns its loss, and the bytes of its worst moment."""
        self.optimizer.zero_grad(set_to_none=True)
        states = (value for state in self.optimizer.state.values() for value in state.values())
        mean = self.average.mean.values() if self.average is not None else ()
        batch = (tensor for part in self.fetch() for tensor in tensors(part))
        held = (*self.model.parameters(), *self.model.buffers(), *states, *mean, *batch)
        return measured(self.advance, (t for t in held if isinstance(t, Tensor)), self.device)

    def weights(self) -> dict[str, Tensor]:
        """The weights to use: their mean where one is kept."""
        held = self.average.state() if self.average is not None else self.model.state_dict()
        return dict(self.world.whole(held))

    def state(self, whole: bool = True) -> dict[str, Any]:
        """All that ``restore`` needs to go on as if nothing had happened.

        Tensors that are shared out are made ``whole`` in the first process, or left so.
        """
        held = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "ema": self.average.state() if self.average is not None else {},
        }
        return {
            **(self.world.whole(held) if whole else held),
            "scaler": self.scaler.state_dict(),
            "step": self.step,
            "sums": {"loss": self._loss, "seen": self._seen},
            "random": random_state(self.device),
            "history": self.history,
            "best": self.best() if self.history else {},
            "tests": self.tests,
            "seconds": self.seconds,
        }

    def like(self, at: tuple[Any, ...], value: Tensor) -> Tensor:
        """Memory for a tensor of the state, by its path in it: shared out as the weight is."""
        here: Tensor | None = None
        if at[0] == "optimizer":
            weights = [p for group in self.optimizer.param_groups for p in group["params"]]
            here = weights[at[2]] if at[2] < len(weights) else None
        else:
            here = self.model.state_dict().get(at[-1])
        fits = here is not None and here.shape == value.shape and here.dtype == value.dtype
        return torch.empty_like(
            here if fits and here is not None else value, device=self.device, requires_grad=False
        )

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from ``state``; raises ``UsageError`` where its tensors are not this network's."""
        try:
            here = self.model.state_dict()
            weights = {n: placed(v, here.get(n, v)) for n, v in state["model"].items()}
            self.model.load_state_dict(weights)
            self.optimizer.load_state_dict(placed_state(state["optimizer"], self.optimizer))
            self.scaler.load_state_dict(state["scaler"])
            if self.average is not None:
                self.average.restore(state["ema"])
        except (RuntimeError, ValueError, KeyError):
            raise UsageError(
                "the checkpoint's weights are not those of this network, "
                "though its spec reads the same",
                "--force starts anew, --out FOLDER keeps both",
            ) from None
        set_random_state(state["random"], self.device)
        self.step, self.seconds = state["step"], state["seconds"]
        self._loss, self._seen = state["sums"]["loss"], state["sums"]["seen"]
        self.history, self.tests = list(state["history"]), dict(state["tests"])
        self._batches = self._batch = None

    def _laid_out(self, images: Many) -> Many:
        return each(images, channels_last) if self.recipe.channels_last else images

    def _diverged(self, what: str, images: Many, step: int) -> TrainError:
        dtype = self.recipe.dtype
        where = self.world.any_of(first_broken_layer(self.model, images, dtype, self.network))
        epoch = -(-step // self.per_epoch)
        place = f"at step {step} of {self.steps}, epoch {epoch}"
        return TrainError(
            f"{what} {place}" + (f"; {where}" if where else ""),
            f"lower the learning rate: --lr {self.recipe.optimizer.lr / 10:.2g} --force",
        )


def _compiled(model: nn.Module) -> nn.Module:
    """The module to be compiled when it first runs; raises ``UsageError`` where that cannot be.

    Each size of a batch has kernels of its own. One kernel for several would round otherwise, and
    which sizes were seen before differs for a run that goes on.
    """
    try:
        return cast(nn.Module, torch.compile(model, dynamic=False))
    except RuntimeError as error:  # this Python, or this system, is not one of those it is for
        raise not_compiled(error) from error
