"""A recipe: everything about a run but the network and the data, as plain data.

Optimizers and schedules are told apart by ``name``, so that a new one is one class here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import cos, pi
from typing import Annotated, Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import ErrorDetails

from archlang.op import nearest
from archlang.train.errors import UsageError

Rate = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, lt=1)]
Groups = list[dict[str, Any]]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class AdamW(_Part):
    """AdamW; Loshchilov and Hutter 2019, Decoupled weight decay regularization."""

    name: Literal["adamw"] = "adamw"
    lr: Rate = 3e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.05

    def build(self, groups: Groups) -> torch.optim.Optimizer:
        """The optimizer over parameter groups, without their weight decay set."""
        return torch.optim.AdamW(groups, lr=self.lr)


class SGD(_Part):
    """Stochastic gradient descent; ``nesterov`` has no effect without ``momentum``."""

    name: Literal["sgd"] = "sgd"
    lr: Rate = 0.05
    momentum: Share = 0.9
    nesterov: bool = True
    weight_decay: Annotated[float, Field(ge=0)] = 5e-4

    def build(self, groups: Groups) -> torch.optim.Optimizer:
        """The optimizer over parameter groups, without their weight decay set."""
        nesterov = self.nesterov and self.momentum > 0
        return torch.optim.SGD(groups, lr=self.lr, momentum=self.momentum, nesterov=nesterov)


class _Schedule(_Part):
    """The share of the learning rate at each step; ``warmup`` is a share of the run."""

    warmup: Share = 0.05

    def factor(self, step: int, steps: int, per_epoch: int) -> float:
        """The share at ``step``, counted from 0, of ``steps`` in all."""
        warm = int(self.warmup * steps)
        if step < warm:
            return (step + 1) / warm
        return self.warmed(step, warm, steps, per_epoch)

    def warmed(self, step: int, warm: int, steps: int, per_epoch: int) -> float:
        """The share at ``step`` once the first ``warm`` steps are over."""
        raise NotImplementedError


class Constant(_Schedule):
    """The same rate throughout."""

    name: Literal["constant"] = "constant"

    def warmed(self, step: int, warm: int, steps: int, per_epoch: int) -> float:
        return 1.0


class Cosine(_Schedule):
    """Half a cosine from 1 down to almost 0; Loshchilov and Hutter 2017, SGDR."""

    name: Literal["cosine"] = "cosine"

    def warmed(self, step: int, warm: int, steps: int, per_epoch: int) -> float:
        return 0.5 * (1 + cos(pi * (step - warm) / max(1, steps - warm)))


class Step(_Schedule):
    """Times ``gamma`` after every ``every`` epochs."""

    name: Literal["step"] = "step"
    every: Annotated[int, Field(ge=1)] = 30
    gamma: Annotated[float, Field(gt=0, le=1)] = 0.1

    def warmed(self, step: int, warm: int, steps: int, per_epoch: int) -> float:
        return float(self.gamma ** (step // per_epoch // self.every))


class Recipe(_Part):
    """How to train. ``batch_size`` counts images; ``device`` is ``auto`` or PyTorch's name.

    ``shift`` moves each training image by up to that share of its height and width, anew in
    each epoch. Weight decay leaves out norms and biases. The blocks named in ``recompute``
    are computed again in the backward pass: less memory, the same results.
    """

    optimizer: Annotated[AdamW | SGD, Field(discriminator="name")] = AdamW()
    schedule: Annotated[Cosine | Step | Constant, Field(discriminator="name")] = Cosine()
    epochs: Annotated[int, Field(ge=1)] = 10
    batch_size: Annotated[int, Field(ge=1)] = 64
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    label_smoothing: Share = 0.1
    shift: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    device: str = "auto"
    dtype: Literal["float32", "bfloat16"] = "float32"
    recompute: tuple[str, ...] = ()

    @field_validator("optimizer", "schedule", mode="before")
    @classmethod
    def _name_alone(cls, given: Any, info: Any) -> Any:
        """Accept ``"sgd"`` for ``{"name": "sgd"}``, and fields of the default one without it."""
        if isinstance(given, str):
            return {"name": given}
        if isinstance(given, Mapping):
            default = {"optimizer": "adamw", "schedule": "cosine"}[info.field_name]
            return {"name": default, **given}
        return given

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Recipe:
        """The recipe with these fields; raises ``UsageError``, one line for the first mistake."""
        try:
            return cls.model_validate(dict(fields))
        except ValidationError as error:
            raise _explain(error.errors()[0]) from None

    def over(self, suggested: Mapping[str, Any]) -> Recipe:
        """This recipe, with what a data set suggests for the fields that were not given."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        return Recipe.of({**suggested, **given})

    def lr(self, step: int, per_epoch: int) -> float:
        """The learning rate at ``step``, counted from 0: a function of nothing else."""
        steps = self.epochs * per_epoch
        return self.optimizer.lr * self.schedule.factor(step, steps, per_epoch)

    def build_optimizer(self, parameters: Iterable[torch.nn.Parameter]) -> torch.optim.Optimizer:
        """The optimizer, which decays tensors of two or more axes and leaves vectors alone."""
        decayed: list[torch.nn.Parameter] = []
        free: list[torch.nn.Parameter] = []
        for p in parameters:
            if p.requires_grad:
                (decayed if p.ndim > 1 else free).append(p)
        groups = [
            {"params": decayed, "weight_decay": self.optimizer.weight_decay},
            {"params": free, "weight_decay": 0.0},
        ]
        return self.optimizer.build([g for g in groups if g["params"]])


_TAGS = {"adamw", "sgd", "cosine", "step", "constant"}


def _explain(error: ErrorDetails) -> UsageError:
    """One of pydantic's findings in our words."""
    # A union's tag stands in the location behind its field, and means nothing to a reader.
    loc = [str(part) for i, part in enumerate(error["loc"]) if i == 0 or part not in _TAGS]
    path, given, context = ".".join(loc), error["input"], error.get("ctx", {})
    if error["type"] == "extra_forbidden":
        known = _fields_beside(error["loc"])
        guess = nearest(loc[-1], known)
        hint = f"did you mean `{guess}`?" if guess else f"it has {', '.join(known)}"
        return UsageError(f"the recipe has no field `{path}`", hint)
    if error["type"] == "union_tag_invalid":
        expected = str(context["expected_tags"])
        return UsageError(f"`{path}` is '{context['tag']}', and should be one of {expected}")
    what = error["msg"].removeprefix("Input ").removeprefix("Value error, ")
    return UsageError(f"`{path}` is {given!r}, and {what}")


def _fields_beside(loc: tuple[int | str, ...]) -> list[str]:
    """The fields that stand where ``loc`` names one that does not exist."""
    parts: dict[str, type[_Part]] = {
        "adamw": AdamW,
        "sgd": SGD,
        "cosine": Cosine,
        "step": Step,
        "constant": Constant,
    }
    part = parts[str(loc[1])] if len(loc) > 2 else Recipe
    return [name for name in part.model_fields if name != "name"]
