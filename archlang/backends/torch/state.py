"""Files of weights: what others have saved, read safely, and what is written here."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

SAFETENSORS = ".safetensors"
WRAPPERS = ("state_dict", "model_state_dict", "model", "weights")
"""Under what names checkpoints keep a network's tensors."""


class StateError(Exception):
    """A file whose weights cannot be had: ``message`` says why, ``hint`` what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


@dataclass(frozen=True, slots=True)
class State:
    """Tensors by key, as a file has them.

    ``inside`` is where they were found, as ``model.state_dict``, or "" where they are the
    whole file; ``ignored`` are the keys beside them that hold no tensor. Where the file keeps
    no order, as safetensors do not, they are ``sorted`` by name.
    """

    tensors: dict[str, Tensor]
    inside: str = ""
    ignored: tuple[str, ...] = ()
    sorted: bool = False


def read(path: Path) -> State:
    """The weights in a file, on the CPU: ``.safetensors``, else as ``torch.save`` writes them.

    Nothing in it is run. Raises ``StateError`` where it is not there, cannot be read, is
    damaged, or holds objects that only running code would restore.
    """
    try:
        if path.stat().st_size == 0:
            raise StateError(f"{path} is empty")
        if path.suffix == SAFETENSORS:
            return State(_safetensors(path), sorted=True)
        found = _torch(path)
    except FileNotFoundError:
        raise StateError(f"there is no file {path}") from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StateError(f"cannot read {path}: {reason}") from None
    return _unwrapped(found, path)


def _safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if path.is_dir():
        raise StateError(f"{path} is a folder")
    try:
        found = load_file(path)
        return {key: found[key] for key in sorted(found, key=_natural)}
    except SafetensorError:
        raise StateError(f"{path} is damaged, or no safetensors file") from None


def _natural(key: str) -> list[tuple[int, str]]:
    """By what a key is sorted so that ``layer.10`` follows ``layer.9``: the file keeps no order."""
    return [(int(p), "") if p.isdigit() else (-1, p) for p in re.split(r"(\d+)", key)]


def _torch(path: Path) -> Any:
    if path.is_dir():
        raise StateError(f"{path} is a folder")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _loaded(path)
        except UnpicklingError as error:
            if "GLOBAL" in str(error):
                raise StateError(
                    f"{path} holds objects beside tensors; restoring those runs code, so it is "
                    "not loaded",
                    "save the tensors alone, as in torch.save(model.state_dict(), …)",
                ) from None
            raise StateError(f"{path} is damaged, or no file that PyTorch saved") from None
        except OSError:
            raise
        except Exception:  # a damaged file raises whatever its first wrong byte leads to
            raise StateError(f"{path} is damaged, or no file that PyTorch saved") from None


def _loaded(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except RuntimeError:  # the form before PyTorch 1.6 cannot be mapped
        return torch.load(path, map_location="cpu", weights_only=True)


def _unwrapped(found: Any, path: Path) -> State:
    """The tensors in what a file holds, however deep a checkpoint keeps them."""
    inside: list[str] = []
    while isinstance(found, Mapping):
        tensors = {str(k): t for k, t in found.items() if isinstance(t, Tensor)}
        if tensors:
            if all(t.is_meta for t in tensors.values()):
                raise StateError(
                    f"{path} keeps its tensors in parts beside it",
                    "name the weights.safetensors of its run",
                )
            ignored = tuple(str(k) for k in found if str(k) not in tensors)
            return State(tensors, ".".join(inside), ignored)
        wrapper = next((w for w in WRAPPERS if isinstance(found.get(w), Mapping)), None)
        if wrapper is None:
            keys = ", ".join(f"`{k}`" for k in list(found)[:8]) or "nothing"
            raise StateError(f"{path} has no tensors where weights are kept; it has {keys}")
        inside.append(wrapper)
        found = found[wrapper]
    raise StateError(f"{path} holds a {type(found).__name__}, not tensors by name")


def save(state: Mapping[str, Tensor], path: Path, name: str, *, safetensors: bool) -> list[Path]:
    """Write a state dict, as safetensors or as ``torch.save`` does; the files written.

    ``name`` is the network's, kept where the form has a place for it.
    """
    if not safetensors:
        torch.save(dict(state), path)
        return [path]
    from safetensors.torch import save_file

    save_file({k: t.contiguous() for k, t in state.items()}, path, {"model": name})
    return [path]
