"""Where a run computes, and in which precision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch

from archlang.train.draws import seed_of
from archlang.train.errors import TrainError, UsageError
from archlang.wording import count


def choose(name: str) -> torch.device:
    """The device of that name, ``auto`` being the accelerator if there is one.

    Raises ``UsageError`` for one that PyTorch does not know or this computer does not have.
    """
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    if name == "auto":
        return accelerator or torch.device("cpu")
    available = "cpu" if accelerator is None else f"cpu and {accelerator.type}"
    hint = f"available here: {available}; `auto` takes the best"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UsageError(f"there is no device named `{name}`", hint) from None
    there = torch.accelerator.device_count() if accelerator else 0
    here = accelerator is not None and device.type == accelerator.type
    if device.type != "cpu" and not (here and (device.index or 0) < there):
        raise UsageError(f"the device `{name}` is not available here", hint)
    return device


def describe(device: torch.device) -> str:
    """The device in words."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    if device.type == "cpu":
        return f"cpu ({count(torch.get_num_threads(), 'thread')})"
    return str(device)


def autocast(device: torch.device, dtype: str) -> AbstractContextManager[Any]:
    """A context that computes in 16 bits where that is safe, or changes nothing."""
    if dtype == "float32":
        return nullcontext()
    low = torch.float16 if dtype == "float16" else torch.bfloat16
    return torch.autocast(device.type, dtype=low)


def channels_last(x: torch.Tensor) -> torch.Tensor:
    """``x`` with its channels innermost, where it has the four axes of images."""
    return x.to(memory_format=torch.channels_last) if x.ndim == 4 else x


def lay_out(module: torch.nn.Module) -> None:
    """Lay out all that a module has as ``channels_last`` does; weights of volumes stay."""
    for tensor in (*module.parameters(), *module.buffers()):
        tensor.data = channels_last(tensor.data)


class Number:
    """A number that may still be computed; an accelerator goes on with what comes after it."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self._ready: Any = None
        self._tensor = tensor.detach()
        if tensor.is_cuda:
            self._tensor = self._tensor.to("cpu", non_blocking=True)
            self._ready = torch.cuda.current_stream(tensor.device).record_event()

    @property
    def value(self) -> float:
        """It, waited for."""
        if self._ready is not None:
            self._ready.synchronize()
        return self._tensor.item()


def seed_everything(device: torch.device, *what: int) -> None:
    """Make what a step draws, on the CPU and on ``device``, follow from these numbers."""
    seed = seed_of("step", *what)
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)


def random_state(device: torch.device) -> dict[str, torch.Tensor]:
    """Every random state that a step can draw from."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def set_random_state(states: dict[str, torch.Tensor], device: torch.device) -> None:
    """Go on from ``random_state``; a device's own is skipped where the run has moved."""
    torch.set_rng_state(states["cpu"].cpu())
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"].cpu(), device)


@contextmanager
def random_kept(device: torch.device) -> Iterator[None]:
    """Whatever is drawn inside, the random states afterwards are those of before."""
    before = random_state(device)
    try:
        yield
    finally:
        set_random_state(before, device)


def exhausted(error: Exception) -> bool:
    """Whether an exception of PyTorch says that there is no memory left."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate" in str(error)


@contextmanager
def fitting(images: int) -> Iterator[None]:
    """Running out of memory inside, with so many images at once, becomes a ``TrainError``."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not (isinstance(error, MemoryError) or exhausted(error)):
            raise
        fewer = f"try --batch-size {images // 2}" if images > 1 else "use smaller images"
        raise TrainError(
            f"out of memory with {images} image{'s' if images > 1 else ''} at once", fewer
        ) from None


def first_line(error: Exception) -> str:
    """What an exception of PyTorch says, without its trace and its advice."""
    lines: list[Any] = [line.strip() for line in str(error).splitlines() if line.strip()]
    return str(lines[0]) if lines else type(error).__name__
