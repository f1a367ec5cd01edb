"""IDX, the file format of MNIST and its kin: a header and unsigned bytes, gzipped or not."""

from __future__ import annotations

import gzip
import zlib
from math import prod
from pathlib import Path

import torch
from torch import Tensor

from archlang.train.errors import UsageError

_UNSIGNED_BYTE = 0x08
_AGAIN = "download or copy it again"


def read_idx(path: Path, axes: int) -> Tensor:
    """The array in an IDX file of unsigned bytes: uint8, of the ``axes`` sizes in its header.

    Raises ``UsageError`` where the file cannot be read, is cut short, or holds something else.
    """
    try:
        raw = path.read_bytes()
        content = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise UsageError(f"{path} is a damaged gzip file", _AGAIN) from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from None
    header = 4 + 4 * axes
    if len(content) < header:
        raise UsageError(
            f"{path} is cut short: {len(content)} bytes, less than an IDX header", _AGAIN
        )
    if content[:4] != bytes((0, 0, _UNSIGNED_BYTE, axes)):
        raise UsageError(
            f"{path} is not an IDX file of bytes with {axes} axes: "
            f"it starts with {content[:4].hex(' ')}, not 00 00 08 {axes:02x}",
            "check that images and labels were not exchanged or renamed",
        )
    sizes = [int.from_bytes(content[i : i + 4], "big") for i in range(4, header, 4)]
    expected, found = prod(sizes), len(content) - header
    if expected != found:
        shape = "x".join(map(str, sizes))
        what = "is cut short" if found < expected else "is longer than its header says"
        raise UsageError(
            f"{path} {what}: {shape} needs {expected:,} bytes, {found:,} are there", _AGAIN
        )
    if expected == 0:
        raise UsageError(f"{path} is empty", _AGAIN)
    return torch.frombuffer(bytearray(content), dtype=torch.uint8, offset=header).view(sizes)
