"""Edits written into the files of specs: what they change, and not a byte beside it."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from pathlib import Path

from archlang.source import Edit

BOM = b"\xef\xbb\xbf"


def rewritten(data: bytes, edits: Iterable[Edit]) -> bytes:
    """A file's bytes with edits of its text made; all else stays as it is, byte for byte.

    A span counts characters of the text as it is read: UTF-8, its mark left out, ``\\r\\n`` as
    one. Edits do not overlap, and their line ends become those of the file.
    """
    ends = _ends(data)
    mark = data.startswith(BOM)
    text = data[len(BOM) if mark else 0 :].decode("utf-8")
    joined = [m.start() - i for i, m in enumerate(re.finditer("\r\n", text))]

    def place(offset: int) -> int:
        return offset + bisect_left(joined, offset)

    for edit in sorted(edits, key=lambda e: e.span.start, reverse=True):
        made = edit.text.replace("\n", ends)
        text = text[: place(edit.span.start)] + made + text[place(edit.span.end) :]
    return (BOM if mark else b"") + text.encode("utf-8")


def encoded(text: str, like: bytes) -> bytes:
    """A text as the bytes of a file, with the mark and the line ends of ``like``."""
    mark = BOM if like.startswith(BOM) else b""
    return mark + text.replace("\n", _ends(like)).encode("utf-8")


def _ends(data: bytes) -> str:
    """What ends the first line of a file."""
    first = re.search(rb"\r\n|\n|\r", data)
    return first[0].decode() if first else "\n"


def write(files: Mapping[Path, bytes]) -> None:
    """Write files anew, each whole or not at all, and none before all could be; raises ``OSError``.

    A file keeps its mode; a link stays one, and what it points to is written.
    """
    made: list[tuple[str, Path]] = []
    try:
        for path, data in files.items():
            target = path.resolve()
            if not os.access(target, os.W_OK):
                raise PermissionError(13, "permission denied", str(path))
            handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
            made.append((name, target))
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            shutil.copymode(target, name)
        while made:
            os.replace(*made[-1])
            made.pop()
    finally:
        for name, _ in made:
            Path(name).unlink(missing_ok=True)
