"""Checkpoints whose shared-out tensors stay so: each process writes its part, none holds all.

The parts are safetensors files in a folder beside the checkpoint, which names it and has all
else; where a tensor is apart, it has one of the same shape without storage (PyTorch's device
``meta``). The checkpoint is written last, by one name taking the place of another, so that only
whole ones count. A folder of parts that no checkpoint names is left over, and goes. Written and
read by ``torch.distributed.checkpoint``, in any number of processes.
"""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten_with_path, tree_map_with_path

from archlang.train import checkpoint
from archlang.train.distributed import World, in_parts
from archlang.train.errors import UsageError

Like: TypeAlias = Callable[[tuple[Any, ...], Tensor], Tensor]
"""Makes the tensor to read into, by its path in the checkpoint and one of its shape."""
PARTS = "parts"
"""Under this name a checkpoint has its parts: their ``folder``, and the bytes of its ``files``."""

_HINT = "the folder belongs to the checkpoint; --force starts anew"


def save(path: Path, state: Mapping[str, Any], world: World) -> None:
    """Write a checkpoint of which each process has its part; all processes must ask.

    Raises ``UsageError`` in all of them where one cannot write.
    """
    from torch.distributed.checkpoint.api import CheckpointException
    from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageWriter
    from torch.distributed.checkpoint.state_dict_saver import save as write

    flat, _ = tree_flatten_with_path(state)
    apart = {_name(at): value for at, value in flat if in_parts(value)}
    folder = path.parent / world.told(_fresh(path).name)
    try:
        write(apart, storage_writer=HuggingFaceStorageWriter(str(folder), save_distributed=True))
    except CheckpointException as failed:
        raise _cause(path, failed) from None
    if world.first:
        checkpoint.sync_folder(folder)
        rest = tree_map_with_path(lambda _, x: _placeholder(x) if in_parts(x) else x, dict(state))
        checkpoint.save(path, {**rest, PARTS: {"folder": folder.name, "files": _sizes(folder)}})
        clear(path, keep=folder.name)
    world.wait()


def filled(state: dict[str, Any], path: Path, like: Like | None = None) -> dict[str, Any]:
    """A checkpoint read from ``path``, its parts read as well: whole, or as ``like`` has them.

    Raises ``UsageError`` where parts are missing or damaged.
    """
    parts = state.get(PARTS)
    if parts is None:
        return state
    _check(path.parent / parts["folder"], parts["files"])
    make = like or (lambda _, x: torch.empty_like(x, device="cpu"))
    rest = {key: value for key, value in state.items() if key != PARTS}
    made = tree_map_with_path(lambda at, x: make(_keys(at), x) if _away(x) else x, rest)
    before, _ = tree_flatten_with_path(rest)
    after, _ = tree_flatten_with_path(made)
    wanted = {_name(at): new for (at, old), (_, new) in zip(before, after, strict=True)
              if _away(old)}  # fmt: skip
    _read(path.parent / parts["folder"], wanted)
    return dict(made)


def pattern(path: Path) -> str:
    """The names of the folders of parts of the checkpoint ``path``, as ``glob`` takes them."""
    return f"{path.stem}-{PARTS}-*"


def clear(path: Path, keep: str = "") -> None:
    """Remove the folders of parts of the checkpoint ``path``, but the one to ``keep``."""
    for folder in _folders(path):
        if folder.name != keep:
            shutil.rmtree(folder, ignore_errors=True)


def tidy(path: Path) -> None:
    """Remove the folders of parts that a checkpoint does not name: left behind by ``kill -9``."""
    if _folders(path):
        parts = checkpoint.read(path).get(PARTS) if path.exists() else None
        clear(path, parts["folder"] if parts else "")


def _folders(path: Path) -> list[Path]:
    return list(path.parent.glob(pattern(path)))


def _sizes(folder: Path) -> dict[str, int]:
    return {file.name: file.stat().st_size for file in sorted(folder.iterdir())}


def _check(folder: Path, files: Mapping[str, int]) -> None:
    """Raise ``UsageError`` unless all parts are there as they were written."""
    if not folder.is_dir():
        raise UsageError(f"the parts of a checkpoint, {folder}, are not there", _HINT)
    there = _sizes(folder)
    for name, size in files.items():
        if there.get(name) != size:
            raise UsageError(f"{folder / name} is damaged, or not there", _HINT)


def _read(folder: Path, wanted: dict[str, Any]) -> None:
    from torch.distributed.checkpoint.api import CheckpointException
    from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader
    from torch.distributed.checkpoint.state_dict_loader import load

    try:
        with warnings.catch_warnings():  # that no process group is there: none is needed
            warnings.simplefilter("ignore")
            load(wanted, storage_reader=HuggingFaceStorageReader(str(folder)), no_dist=True)
    except (Exception, CheckpointException):  # whatever its first wrong byte leads to
        raise UsageError(f"{folder} cannot be read: it is damaged", _HINT) from None


def _cause(path: Path, failed: Any) -> BaseException:
    """What made writing fail, in whichever process."""
    causes: list[BaseException] = [error for error, _ in failed.failures.values()]
    for error in causes:
        if isinstance(error, OSError):
            return checkpoint.unwritable(path, error)
    return causes[0]


def _fresh(path: Path) -> Path:
    """A folder of parts that is not there yet."""
    names = (path.with_name(f"{path.stem}-{PARTS}-{n}") for n in count())
    return next(folder for folder in names if not folder.exists())


def _placeholder(value: Tensor) -> Tensor:
    return torch.empty(value.shape, dtype=value.dtype, device="meta")


def _away(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_meta


def _keys(at: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(getattr(key, "key", getattr(key, "idx", None)) for key in at)


def _name(at: tuple[Any, ...]) -> str:
    return ".".join(map(str, _keys(at)))
