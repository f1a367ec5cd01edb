"""A recipe: everything about a run but the network and the data, as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, field_validator

from archlang.analyses.memory.account import PRECISIONS
from archlang.train.augment import Augment
from archlang.train.errors import UsageError
from archlang.train.inputs import Preprocess, Split
from archlang.train.part import NotNegative, Part, Positive
from archlang.train.recipe.mistakes import explain
from archlang.train.recipe.optimizers import AdamW, AnyOptimizer
from archlang.train.recipe.part import Count, Share
from archlang.train.recipe.schedules import AnySchedule, Cosine, Moment

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

TAGS: dict[str, str] = {"optimizer": "adamw", "schedule": "cosine"}
"""The parts that are told apart by a name, and which they are where none is given."""

Setting = bool | int | float | str | list[Any]


class Ema(Part):
    """A running mean of the weights, which evaluation and ``weights.safetensors`` use.

    Polyak and Juditsky 1992; early on, what was seen so far counts alike.
    """

    decay: Annotated[float, Field(gt=0, lt=1)] = 0.999
    """How slowly it forgets: after n steps at most (1 + n) / (10 + n)."""

    def at(self, step: int) -> float:
        """The share of the old mean that is kept when step ``step``, counted from 0, is done."""
        return min(self.decay, (1 + step) / (10 + step))


class Saving(Part):
    """When a run saves ``last.pt``, beside the end of each epoch. Changes no result."""

    steps: Count | None = None
    """Also after every so many steps."""
    seconds: Positive | None = 300.0
    """Also after so many seconds."""
    sharded: bool = True
    """With `parallel = "fsdp"`, each process writes its part; else one has all, and writes it."""


class Init(Part):
    """The weights to begin with. What bears another name or shape keeps its initial values."""

    weights: str
    """A run's folder, or a file: `.safetensors`, `.pt` or `.pth`."""
    fresh: tuple[str, ...] = ()
    """What keeps its initial values though it would fit: globs of modules, as `fc`."""


class Recipe(Part):
    """How to train. The tables and fields left out have the values here."""

    optimizer: AnyOptimizer = AdamW()
    """Which way, and how far, a step goes."""
    schedule: AnySchedule = Cosine()
    """How the learning rate changes in the course of the run."""
    epochs: Count = 10
    """Times through the training images."""
    batch_size: Count = 64
    """Images a step, all processes and accumulated parts together."""
    accumulate: Count = 1
    """Parts that a batch is worked through in, one after the other: less memory."""
    clip_norm: Positive | None = None
    """The largest norm that all gradients together may have; above it they are scaled down."""
    label_smoothing: Share = 0.1
    """The share of each label that is spread over all classes (Szegedy et al. 2016)."""
    output_weights: dict[str, NotNegative] = Field(default={})
    """What outputs count for in the loss, by name, where it is not 1; the spec weighs auxiliary
    ones."""
    augment: Augment = Augment()
    """How training images are changed at random."""
    preprocess: Preprocess = Preprocess()
    """What is taken from every image."""
    split: Split = Split()
    """How one set of samples becomes several."""
    ema: Ema | None = None
    """A running mean of the weights."""
    init: Init | None = None
    """Weights that another network has learned, to begin with."""
    freeze: tuple[str, ...] = ()
    """What is not learned, statistics of norms included: globs of modules, as `layer1*`."""
    layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    """How much slower each layer learns than the one behind it (Clark et al. 2020)."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Of weights, order and augmentation."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """What layers compute in, where that is safe; float16 with a scaled loss."""
    channels_last: bool = False
    """Keep images with their channels innermost: faster with bfloat16."""
    compile: bool = False
    """Compile the network with `torch.compile`: seconds to minutes to start."""
    model: dict[str, Setting] = Field(default={})
    """Parameters of the network, as `--set` gives them; a string is an expression."""
    save: Saving = Saving()
    """When `last.pt` is written."""
    parallel: Literal["ddp", "fsdp"] = "ddp"
    """How several processes share the work: `fsdp` shares out weights and optimizer as well."""
    tensorboard: bool = False
    """Write logs for TensorBoard into the run's folder as well."""
    workers: Annotated[int, Field(ge=0)] = 0
    """Processes that read images. Changes no result."""
    recompute: tuple[str, ...] = ()
    """Blocks that are computed again in the backward pass: less memory, the same results."""
    device: str = "auto"
    """`auto`, or PyTorch's name."""

    @field_validator(*TAGS, mode="before")
    @classmethod
    def _name_alone(cls, given: Any, info: Any) -> Any:
        """Accept ``"sgd"`` for ``{"name": "sgd"}``, and fields of the default one without it."""
        if isinstance(given, str):
            return {"name": given}
        if isinstance(given, Mapping):
            return {"name": TAGS[info.field_name], **given}
        return given

    @field_validator("dtype", mode="before")
    @classmethod
    def _short(cls, given: Any) -> Any:
        return PRECISIONS.get(given, given) if isinstance(given, str) else given

    @field_validator("ema", mode="before")
    @classmethod
    def _on_or_off(cls, given: Any) -> Any:
        """Accept true for a part as it comes, and false for none: TOML has no word for that."""
        return {True: {}, False: None}[given] if isinstance(given, bool) else given

    @field_validator("clip_norm", mode="before")
    @classmethod
    def _off(cls, given: Any) -> Any:
        return None if given is False else given

    @field_validator("accumulate")
    @classmethod
    def _parts_of_a_batch(cls, parts: int, info: Any) -> int:
        if parts > (size := info.data.get("batch_size", parts)):
            raise ValueError(f"should be at most batch_size, which is {size}")
        return parts

    @classmethod
    def of(cls, fields: Mapping[str, Any], at: str = "") -> Self:
        """The recipe with these fields; raises ``UsageError``, one line for the first mistake."""
        try:
            return cls.model_validate(dict(fields))
        except ValidationError as error:
            raise UsageError(*explain(cls, error.errors()[0])[1:]) from None

    def lr(self, step: int, per_epoch: int, history: Sequence[Mapping[str, Any]] = ()) -> float:
        """The learning rate at ``step``, counted from 0, the epochs in ``history`` being done."""
        now = Moment(step, self.epochs * per_epoch, per_epoch, history)
        return self.optimizer.rate(self.batch_size) * self.schedule.factor(now)

    def build_optimizer(self, parameters: Iterable[nn.Parameter]) -> Optimizer:
        """The optimizer, which decays tensors of two or more axes and leaves vectors alone."""
        decayed: list[nn.Parameter] = []
        free: list[nn.Parameter] = []
        for p in parameters:
            if p.requires_grad:
                both = self.optimizer.decay == "all"
                (decayed if both or p.ndim > 1 else free).append(p)
        groups: list[dict[str, Any]] = [
            {"params": decayed, "weight_decay": self.optimizer.weight_decay},
            {"params": free, "weight_decay": 0.0},
        ]
        return self.optimizer.build([g for g in groups if g["params"]])

    def identity(self) -> dict[str, Any]:
        """The fields that change what comes of a run."""
        return self.model_dump(mode="json", exclude=ELSEWHERE)

    @classmethod
    def recorded(cls, identity: Mapping[str, Any]) -> dict[str, Any]:
        """What ``identity`` gave, maybe in an older version, as this one gives it.

        A field that is new since has its default, which is what was done without it. What this
        version does not understand is left as it is.
        """
        try:
            return cls.model_validate(dict(identity)).identity()
        except ValidationError:
            return dict(identity)


ELSEWHERE = {"device", "model", "parallel", "recompute", "save", "tensorboard", "workers"}
"""Fields that change no result, or do so through the network, which is compared itself."""
