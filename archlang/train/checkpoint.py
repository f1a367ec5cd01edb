"""Files that are either the old or the new, never half of one."""

from __future__ import annotations

import errno
import json
import os
import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from archlang.train.errors import UsageError

FORMAT = 2
"""Counts up when the contents of a checkpoint change meaning."""


class _Writer:
    """A file that remembers why it could not be written: PyTorch loses the reason."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.error: OSError | None = None

    def write(self, data: Any) -> int:
        try:
            return self.file.write(data)
        except OSError as error:
            self.error = error
            raise

    def flush(self) -> None:
        self.file.flush()


def write_atomically(path: Path, write: Callable[[Any], object]) -> None:
    """Put what ``write`` writes in place of ``path``; if it fails, the old file stays.

    The bytes are on the disk before the name points to them. Raises ``UsageError`` where
    the disk or the folder does not allow it.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=temporary_prefix(path), dir=path.parent)
    except OSError as error:
        raise unwritable(path, error) from None
    try:
        with os.fdopen(handle, "wb") as file:
            writer = _Writer(file)
            try:
                write(writer)
            except RuntimeError as error:
                raise writer.error or error from None
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        os.replace(name, path)
        sync_folder(path.parent)
    except OSError as error:
        raise unwritable(path, error) from None
    finally:
        Path(name).unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Put a new name on the disk as well, where the system knows how to."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)


def temporary_prefix(path: Path) -> str:
    """How the name of a file begins that was to become ``path``: left behind by ``kill -9``."""
    return f".{path.name}."


def unwritable(path: Path, error: OSError) -> UsageError:
    """What to say of ``path`` where the system does not let it be written."""
    hint = "choose another folder with --out"
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        kept = f"; {path.name} is still the one of before" if path.exists() else ""
        hint = f"make room and run the same command again{kept}"
    return UsageError(f"{path} cannot be written: {error.strerror or error}", hint)


def save(path: Path, state: Mapping[str, Any]) -> None:
    """Write a checkpoint of tensors, numbers, strings, lists and dictionaries."""
    write_atomically(path, lambda file: torch.save({"format": FORMAT, **state}, file))


def load(path: Path) -> dict[str, Any]:
    """A checkpoint's contents, whole and on the CPU, whoever wrote them; runs no code of them.

    Raises ``UsageError`` as ``read`` does, and where its parts are missing or damaged.
    """
    from archlang.train.shards import filled

    return filled(read(path), path)


def read(path: Path) -> dict[str, Any]:
    """A checkpoint's contents, on the CPU, but what lies in parts beside it (see ``shards``).

    Raises ``UsageError`` where the file is missing, damaged, or not one of ours.
    """
    try:
        with warnings.catch_warnings():
            # What it thinks of files that are none of ours.
            warnings.simplefilter("ignore")
            state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UsageError(f"there is no checkpoint {path}") from None
    except Exception:  # a damaged file raises whatever its first wrong byte leads to
        raise UsageError(
            f"{path} cannot be read as a checkpoint: it is damaged, or something else",
            "--force starts anew",
        ) from None
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise UsageError(
            f"{path} was not written by this version of archlang", "--force starts anew"
        )
    return state


def save_weights(path: Path, model: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Write a ``state_dict`` as safetensors; in its header, ``about`` as JSON."""
    # Cloned, for safetensors refuses two names of one tensor, and channels that are innermost.
    plain = torch.contiguous_format
    tensors = {n: value.detach().cpu().clone(memory_format=plain) for n, value in model.items()}
    # Under one key: several would come in an order of their own in every file.
    metadata = {"archlang": json.dumps(about, sort_keys=True)}
    content = safetensors.torch.save(tensors, metadata=metadata)
    write_atomically(path, lambda file: file.write(content))


def load_weights(path: Path) -> dict[str, Tensor]:
    """What ``save_weights`` wrote, on the CPU; raises ``UsageError`` where it is damaged."""
    try:
        return safetensors.torch.load_file(path)
    except FileNotFoundError:
        raise UsageError(f"there are no weights {path}") from None
    except (OSError, safetensors.SafetensorError):
        raise UsageError(f"{path} cannot be read: it is damaged", "--force starts anew") from None


def save_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON for people to read."""
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    write_atomically(path, lambda file: file.write(text.encode()))
