"""One process, or several that train one network together: the only place that knows.

Several are started by ``launch``, or by torchrun on several hosts. Data parallel by
``DistributedDataParallel``, or with weights, gradients and the optimizer's state shared out by
FSDP2 (``fully_shard``). Any number of processes goes on from a checkpoint, whether one has
written it whole or each its part (``shards``). Where one process fails, all of them end with
what it says.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Literal

import torch
from torch import Tensor, distributed as dist, nn
from torch.utils._pytree import tree_map

from archlang.train.errors import LostProcessError, TrainError

_GONE = ("gloo", "nccl", "connection closed", "connection reset", "peer")
"""What the libraries say of where another process does not answer."""
_FIRST, _SAID = "archlang/first", "archlang/said"
"""What the processes' common store has of the one that failed first: that, and its words."""

Parallel = Literal["ddp", "fsdp"]


class World:
    """The processes of a run. This one is alone, and needs no process group."""

    rank = 0
    """Which of the processes this is, counted from 0; the first writes files and talks."""
    size = 1
    """How many there are."""

    @property
    def first(self) -> bool:
        """Whether this process writes the files and talks."""
        return self.rank == 0

    def wrap(self, model: nn.Module) -> nn.Module:
        """The module that computes together with those of the other processes."""
        return model

    def unsynced(self, model: nn.Module, wanted: bool) -> AbstractContextManager[Any]:
        """Inside, gradients stay in their process where that is ``wanted``."""
        return nullcontext()

    def add_up(self, value: Tensor) -> Tensor:
        """The sum over all processes, in place."""
        return value

    def total(self, value: float) -> float:
        """The sum of a number over all processes."""
        return value

    def most(self, *values: int) -> list[int]:
        """The largest of each value over all processes."""
        return list(values)

    def alike(self, model: nn.Module) -> None:
        """Give all processes the buffers of the first."""

    def told(self, text: str) -> str:
        """What the first process says."""
        return text

    def any_of(self, text: str) -> str:
        """What the first process that does not say "" says."""
        return text

    def whole(self, state: Any) -> Any:
        """The same with every tensor that is shared out made whole; all processes must ask.

        The first process has them, on the CPU, one after another; the others have none.
        """
        return state

    def wait(self) -> None:
        """Go on when all processes have come here."""


class Together(World):
    """One of several processes, of a group that is there already."""

    def __init__(self, device: torch.device, parallel: Parallel) -> None:
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        self.device, self.parallel = device, parallel

    def wrap(self, model: nn.Module) -> nn.Module:
        if self.parallel == "ddp":
            from torch.nn.parallel import DistributedDataParallel

            return DistributedDataParallel(model)
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        # The whole at once: a container within need not be called, and would stay in parts.
        fully_shard(model, mesh=init_device_mesh(self.device.type, (self.size,)))
        return model

    def unsynced(self, model: nn.Module, wanted: bool) -> AbstractContextManager[Any]:
        module: Any = model
        if self.parallel == "ddp":
            held: AbstractContextManager[Any] = module.no_sync() if wanted else nullcontext()
            return held
        module.set_requires_gradient_sync(not wanted)
        return nullcontext()

    def add_up(self, value: Tensor) -> Tensor:
        dist.all_reduce(value)
        return value

    def total(self, value: float) -> float:
        held = torch.tensor(value, dtype=torch.float32, device=self.device)
        return float(self.add_up(held).item())

    def most(self, *values: int) -> list[int]:
        held = torch.tensor(values, device=self.device)
        dist.all_reduce(held, dist.ReduceOp.MAX)
        return [int(value) for value in held.tolist()]

    def alike(self, model: nn.Module) -> None:
        for buffer in model.buffers():
            dist.broadcast(buffer, 0)

    def told(self, text: str) -> str:
        said = [text]
        dist.broadcast_object_list(said, 0)
        return said[0]

    def any_of(self, text: str) -> str:
        said = [""] * self.size
        dist.all_gather_object(said, text)
        return next(filter(None, said), "")

    def whole(self, state: Any) -> Any:
        def one(value: Any) -> Any:
            if not in_parts(value):
                return value
            gathered = value.full_tensor()
            return gathered.cpu() if self.first else None

        return tree_map(one, state)

    def wait(self) -> None:
        dist.barrier()


def in_parts(value: Any) -> bool:
    """Whether a tensor is shared out over processes (a ``DTensor``)."""
    return isinstance(value, Tensor) and hasattr(value, "full_tensor")


def placed(value: Tensor, like: Tensor) -> Tensor:
    """A whole tensor shared out as ``like`` is."""
    if not in_parts(like) or in_parts(value):
        return value
    from torch.distributed.tensor import distribute_tensor

    target: Any = like
    whole = value.to(target.device)
    return distribute_tensor(whole, target.device_mesh, target.placements, src_data_rank=None)


def placed_state(state: Mapping[str, Any], optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """An optimizer's state, its whole tensors shared out as the weights are."""
    weights = [p for group in optimizer.param_groups for p in group["params"]]

    def one(number: int, value: Any) -> Any:
        fits = isinstance(value, Tensor) and value.shape == weights[number].shape
        return placed(value, weights[number]) if fits else value

    return {
        **state,
        "state": {
            number: {name: one(number, value) for name, value in held.items()}
            for number, held in state["state"].items()
        },
    }


def processes() -> int:
    """How many processes torchrun, or ``launch``, has started; 1 where neither did."""
    return int(os.environ.get("WORLD_SIZE", "1")) if "RANK" in os.environ else 1


def own_device(device: torch.device) -> torch.device:
    """The device of this process: each on a host has its own accelerator."""
    if device.type == "cpu" or processes() == 1:
        return device
    return torch.device(device.type, int(os.environ.get("LOCAL_RANK", "0")))


@contextmanager
def joined(device: torch.device, parallel: Parallel) -> Iterator[World]:
    """The processes of this run, their group being there inside."""
    if processes() == 1:
        yield World()
        return
    if device.type != "cpu":
        torch.accelerator.set_device_index(device.index or 0)
    started = not dist.is_initialized()
    if started:
        _join("gloo" if device.type == "cpu" else "nccl")
    try:
        yield Together(device, parallel)
    except TrainError as error:
        raise _agreed(error) from None
    except Exception as error:
        if isinstance(error, RuntimeError) and lost(error):
            raise _agreed(LostProcessError()) from None
        _agreed(_mistake(error))
        raise
    finally:
        if started:
            dist.destroy_process_group()


def _join(backend: str) -> None:
    """Meet the other processes; raises ``LostProcessError`` where one does not come."""
    try:
        dist.init_process_group(backend)
    except RuntimeError as error:
        if not (lost(error) or isinstance(error, dist.DistError)):
            raise
        raise LostProcessError from None


def lost(error: Exception) -> bool:
    """Whether an exception says that another process does not answer."""
    return any(sign in str(error).lower() for sign in _GONE)


def _mistake(error: Exception) -> TrainError:
    """What the other processes say of an exception that nobody has foreseen."""
    return TrainError(
        f"process {dist.get_rank()} failed: {type(error).__name__}: {error}",
        "its own words stand above; the same command goes on from the last save",
    )


def _agreed(error: TrainError) -> TrainError:
    """What the process that failed first says: for it alone it is not ``elsewhere``."""
    store: Any = dist.distributed_c10d._get_default_store()
    first = False
    try:
        if store.check([_SAID]):
            return TrainError.from_text(store.get(_SAID).decode(), elsewhere=True)
        first = store.add(_FIRST, 1) == 1
        error.elsewhere = not first
        if first:
            store.set(_SAID, error.to_text())
    except RuntimeError:  # the store went with the process that kept it, maybe with these words
        error.elsewhere = not (first or isinstance(error, LostProcessError))
    return error
