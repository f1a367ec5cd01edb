"""The loop. One integer, ``step``, says where a run is: all else follows from it and the seed."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from time import monotonic
from typing import Any

import torch
from torch import Tensor, nn

from archlang.train.data import Data
from archlang.train.device import autocast, memory_explained, random_state, set_random_state
from archlang.train.diagnose import dry_run, first_broken_layer
from archlang.train.errors import TrainError, UsageError
from archlang.train.evaluate import Score, evaluate
from archlang.train.loss import total_loss
from archlang.train.prepare import Preparation
from archlang.train.recipe import Recipe
from archlang.train.sampling import Sampler


class Trainer:
    """A network being trained on ``data``, both on the same device.

    ``step`` counts the steps done, through all epochs; ``history`` has an entry for every
    epoch done. Errors are ``TrainError``.
    """

    def __init__(
        self,
        model: nn.Module,
        data: Data,
        prepare: Preparation,
        recipe: Recipe,
        aux: Mapping[str, float],
    ) -> None:
        self.model, self.data, self.prepare = model, data, prepare
        self.recipe, self.aux = recipe, aux
        self.device = data.train_images.device
        self.optimizer = recipe.build_optimizer(model.parameters())
        self.sampler = Sampler(len(data.train_images), recipe.batch_size, recipe.seed, self.device)
        height, width = prepare.shape[1:]
        self._reach = round(recipe.shift * height), round(recipe.shift * width)
        self.step = 0
        self.steps = recipe.epochs * self.sampler.per_epoch
        self.history: list[dict[str, Any]] = []
        self.seconds = 0.0
        # The epoch's sums so far, for its mean loss.
        self._loss, self._seen = 0.0, 0

    @property
    def epoch(self) -> int:
        """The epoch of the step to come, counted from 0."""
        return self.step // self.sampler.per_epoch

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """The images [N, *shape], prepared, and labels [N] that ``step`` learns from."""
        indices = self.sampler.indices(step)
        offsets = self.sampler.offsets(step, indices, self._reach) if any(self._reach) else None
        images = self.prepare(self.data.train_images[indices], offsets)
        return images, self.data.train_labels[indices]

    def check(self) -> list[str]:
        """Try one batch, leaving no trace; returns remarks."""
        images, labels = self.batch(0)
        return dry_run(
            self.model,
            images,
            labels,
            self.aux,
            classes=len(self.data.classes),
            dtype=self.recipe.dtype,
        )

    def advance(self) -> float:
        """Take one step; returns its loss. The model is unharmed by a loss that is not finite."""
        started = monotonic()
        images, labels = self.batch(self.step)
        lr = self.recipe.lr(self.step, self.sampler.per_epoch)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.optimizer.zero_grad(set_to_none=True)
        self.model.train()
        with memory_explained(len(images)):
            with autocast(self.device, self.recipe.dtype):
                outputs = self.model(images)
            loss = total_loss(outputs, labels, self.aux, self.recipe.label_smoothing)
            value = loss.item()
            if not isfinite(value):
                raise self._diverged(f"the loss is {value}", images)
            torch.autograd.backward(loss)
            self.optimizer.step()
        self.step += 1
        self._loss += value * len(images)
        self._seen += len(images)
        self.seconds += monotonic() - started
        return value

    def finish_epoch(self) -> Score:
        """Evaluate on the test images and add an entry to the history."""
        started = monotonic()
        score = evaluate(
            self.model,
            self.data.test_images,
            self.data.test_labels,
            self.prepare,
            batch_size=self.recipe.batch_size,
            dtype=self.recipe.dtype,
        )
        if not isfinite(score.loss):
            images = self.prepare(self.data.test_images[: self.recipe.batch_size])
            raise self._diverged(f"the test loss is {score.loss}", images)
        self.seconds += monotonic() - started
        self.history.append(
            {
                "epoch": self.epoch,
                "step": self.step,
                "lr": self.recipe.lr(self.step - 1, self.sampler.per_epoch),
                "loss": self._loss / self._seen,
                "test_loss": score.loss,
                "accuracy": score.accuracy,
                "correct": score.correct,
                "count": score.count,
                "seconds": round(self.seconds, 3),
            }
        )
        self._loss, self._seen = 0.0, 0
        return score

    def best(self) -> dict[str, Any]:
        """The epoch with the highest test accuracy so far, the earliest of equals."""
        return max(self.history, key=lambda entry: (entry["correct"], -entry["epoch"]))

    def state(self) -> dict[str, Any]:
        """All that ``restore`` needs to go on as if nothing had happened."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "sums": {"loss": self._loss, "seen": self._seen},
            "random": random_state(self.device),
            "history": self.history,
            "best": self.best() if self.history else {},
            "seconds": self.seconds,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from ``state``; raises ``UsageError`` where its tensors are not this network's."""
        try:
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
        except (RuntimeError, ValueError):
            raise UsageError(
                "the checkpoint's weights are not those of this network, "
                "though the spec reads the same: a file it uses has changed",
                "--force starts anew, --out FOLDER keeps both",
            ) from None
        set_random_state(state["random"], self.device)
        self.step, self.seconds = state["step"], state["seconds"]
        self._loss, self._seen = state["sums"]["loss"], state["sums"]["seen"]
        self.history = list(state["history"])

    def _diverged(self, what: str, images: Tensor) -> TrainError:
        where = first_broken_layer(self.model, images, self.recipe.dtype)
        place = f"at step {self.step + 1} of {self.steps}, epoch {self.epoch + 1}"
        return TrainError(
            f"{what} {place}" + (f"; {where}" if where else ""),
            f"lower the learning rate: --lr {self.recipe.optimizer.lr / 10:.2g} --force",
        )
