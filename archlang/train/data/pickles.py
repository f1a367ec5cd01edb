"""Pickles read without running anything of theirs: arrays of bytes, lists, texts and numbers."""

from __future__ import annotations

import pickle
from typing import IO, Any, ClassVar

import numpy as np


def _encode(text: str, encoding: str) -> bytes:
    """How Python 3 writes bytes in an old protocol; no other codec is of use here."""
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"bytes in {encoding}")
    return text.encode("latin1")


def _blank_array(*_: object) -> np.ndarray[Any, Any]:
    """The empty array that a pickle then fills."""
    return np.ndarray((0,), np.uint8)


class PlainUnpickler(pickle.Unpickler):
    """Builds plain values and NumPy arrays; raises ``UnpicklingError`` for all else."""

    _ALLOWED: ClassVar[dict[tuple[str, str], Any]] = {
        ("numpy.core.multiarray", "_reconstruct"): _blank_array,
        ("numpy._core.multiarray", "_reconstruct"): _blank_array,
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("_codecs", "encode"): _encode,
    }

    def find_class(self, module: str, name: str) -> Any:
        """One of the few names that are allowed, whatever the file asks for."""
        found = self._ALLOWED.get((module, name))
        if found is None:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return found


def read_pickle(file: IO[bytes]) -> dict[bytes, Any]:
    """The dictionary in a pickle of Python 2 or 3, its keys as bytes.

    Raises ``pickle.UnpicklingError`` for a file that is damaged or holds anything else.
    """
    try:
        found = PlainUnpickler(file, encoding="bytes").load()
    except pickle.UnpicklingError:
        raise
    except Exception as error:  # what a damaged pickle leads to is anyone's guess
        raise pickle.UnpicklingError(f"it is damaged ({type(error).__name__})") from None
    if not isinstance(found, dict):
        raise pickle.UnpicklingError("it holds no dictionary")
    return {k.encode() if isinstance(k, str) else k: value for k, value in found.items()}
