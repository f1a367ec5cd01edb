"""The optimizers, told apart by ``name``: a new one is one class here.

This module imports no PyTorch before an optimizer is built.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import Field

from archlang.analyses.memory.optimizers import OPTIMIZERS, Optimizer as Taken
from archlang.train.part import NotNegative, Part, Positive
from archlang.train.recipe.part import Count, Share

if TYPE_CHECKING:
    from torch.optim import Optimizer

Groups: TypeAlias = list[dict[str, Any]]
Betas = tuple[Share, Share]


class Descent(Part):
    """What all optimizers have; each has its own ``name``, ``lr`` and ``weight_decay``."""

    lr: Positive = 0.1
    """The highest learning rate; the schedule scales it."""
    lr_batch: Count | None = None
    """The batch that `lr` is for; another scales it in proportion (Goyal et al. 2017)."""
    weight_decay: NotNegative = 0.0
    """How much the weights are drawn towards 0."""
    decay: Literal["weights", "all"] = "weights"
    """What decays: `weights` leaves out norms and biases."""

    def rate(self, batch_size: int) -> float:
        """The highest learning rate with batches of ``batch_size``."""
        return self.lr * batch_size / self.lr_batch if self.lr_batch else self.lr

    def build(self, groups: Groups) -> Optimizer:
        """The optimizer over parameter groups, which have their own weight decay."""
        raise NotImplementedError

    @property
    def taken(self) -> Taken:
        """What it holds between steps, and what an update takes."""
        raise NotImplementedError


class AdamW(Descent):
    """AdamW; Loshchilov and Hutter 2019, Decoupled weight decay regularization."""

    name: Literal["adamw"] = "adamw"
    lr: Positive = 3e-3
    weight_decay: NotNegative = 0.05
    betas: Betas = (0.9, 0.999)
    """How slowly the means of gradients and of their squares forget."""
    eps: Positive = 1e-8
    """Added to what is divided by."""

    def build(self, groups: Groups) -> Optimizer:
        from torch import optim

        return optim.AdamW(groups, lr=self.lr, betas=self.betas, eps=self.eps)

    @property
    def taken(self) -> Taken:
        return OPTIMIZERS["adamw"]


class Adam(Descent):
    """Adam; Kingma and Ba 2015. Its weight decay is added to the gradient."""

    name: Literal["adam"] = "adam"
    lr: Positive = 1e-3
    betas: Betas = (0.9, 0.999)
    """How slowly the means of gradients and of their squares forget."""
    eps: Positive = 1e-8
    """Added to what is divided by."""

    def build(self, groups: Groups) -> Optimizer:
        from torch import optim

        return optim.Adam(groups, lr=self.lr, betas=self.betas, eps=self.eps)

    @property
    def taken(self) -> Taken:
        return replace(OPTIMIZERS["adam"], sums=int(self.weight_decay > 0))


class SGD(Descent):
    """Stochastic gradient descent; ``nesterov`` has no effect without ``momentum``."""

    name: Literal["sgd"] = "sgd"
    lr: Positive = 0.05
    weight_decay: NotNegative = 5e-4
    momentum: Share = 0.9
    """How slowly the sum of past gradients fades."""
    nesterov: bool = True
    """Take the gradient a step ahead (Sutskever et al. 2013)."""

    def build(self, groups: Groups) -> Optimizer:
        from torch import optim

        nesterov = self.nesterov and self.momentum > 0
        return optim.SGD(groups, lr=self.lr, momentum=self.momentum, nesterov=nesterov)

    @property
    def taken(self) -> Taken:
        kept = OPTIMIZERS["momentum" if self.momentum > 0 else "sgd"]
        ahead = self.nesterov and self.momentum > 0
        return replace(kept, sums=int(self.weight_decay > 0) + int(ahead))


class RMSprop(Descent):
    """RMSprop; Tieleman and Hinton 2012, lecture 6.5 of their course."""

    name: Literal["rmsprop"] = "rmsprop"
    lr: Positive = 1e-3
    alpha: Share = 0.99
    """How slowly the mean of squared gradients forgets."""
    momentum: Share = 0.0
    """How slowly the sum of past updates fades."""
    eps: Positive = 1e-8
    """Added to what is divided by."""

    def build(self, groups: Groups) -> Optimizer:
        from torch import optim

        return optim.RMSprop(
            groups, lr=self.lr, alpha=self.alpha, eps=self.eps, momentum=self.momentum
        )

    @property
    def taken(self) -> Taken:
        kept = OPTIMIZERS["rmsprop"]
        state = kept.state + int(self.momentum > 0)
        return replace(kept, state=state, sums=int(self.weight_decay > 0))


AnyOptimizer: TypeAlias = Annotated[AdamW | Adam | SGD | RMSprop, Field(discriminator="name")]
