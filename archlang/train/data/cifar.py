"""CIFAR-10 and CIFAR-100: 50,000 + 10,000 of 32x32 in colour, as they are handed round.

That is an archive (`.tar.gz`) or the folder in it, of Python's pickles or of plain bytes.
"""

from __future__ import annotations

import pickle
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from torch import Tensor

from archlang.train.data.builtin import fetcher
from archlang.train.data.dataset import Data
from archlang.train.data.pickles import read_pickle
from archlang.train.data.registry import Asked, reader
from archlang.train.errors import UsageError

_PIXELS = 3 * 32 * 32
Open = Callable[[str], IO[bytes]]


@dataclass(frozen=True)
class Layout:
    """The files of a data set, as pickles and as bytes; ``label`` names the pickles' labels.

    A record of bytes has ``before`` bytes of labels, the last of which counts.
    """

    name: str
    train: tuple[str, ...]
    test: str
    meta: str
    names: bytes
    label: bytes
    train_bytes: tuple[str, ...]
    test_bytes: str
    meta_bytes: str
    before: int


TEN = Layout(
    "cifar10",
    tuple(f"data_batch_{i}" for i in range(1, 6)),
    "test_batch",
    "batches.meta",
    b"label_names",
    b"labels",
    tuple(f"data_batch_{i}.bin" for i in range(1, 6)),
    "test_batch.bin",
    "batches.meta.txt",
    1,
)
HUNDRED = Layout(
    "cifar100",
    ("train",),
    "test",
    "meta",
    b"fine_label_names",
    b"fine_labels",
    ("train.bin",),
    "test.bin",
    "fine_label_names.txt",
    2,
)


@reader("cifar10", path="PATH", download=fetcher("CIFAR10"))
def cifar10(asked: Asked) -> Data:
    """CIFAR-10, Krizhevsky 2009: 50,000 + 10,000 of 32x32 in colour, as archive or folder."""
    return _read(TEN, asked.path)


@reader("cifar100", path="PATH", download=fetcher("CIFAR100"))
def cifar100(asked: Asked) -> Data:
    """CIFAR-100, Krizhevsky 2009: the same kind of images in 100 fine classes."""
    return _read(HUNDRED, asked.path)


def _read(layout: Layout, path: Path | None) -> Data:
    if path is None:
        raise UsageError(
            f"`{layout.name}` is read from files, and no path is given",
            f"write `--data {layout.name}:PATH` with its .tar.gz, or the folder in it",
        )
    if not path.exists():
        raise UsageError(
            f"there is no {path}",
            f"`--data {layout.name}:PATH` wants its .tar.gz, or the folder in it",
        )
    with _files(layout, path) as (names, open_):
        pickled = layout.test in names
        wanted = (
            (*layout.train, layout.test, layout.meta)
            if pickled
            else (*layout.train_bytes, layout.test_bytes, layout.meta_bytes)
        )
        if not names & {*layout.train, layout.test, *layout.train_bytes, layout.test_bytes}:
            raise UsageError(
                f"{path} holds none of {layout.name}'s files",
                f"they are {', '.join((*layout.train, layout.test, layout.meta))}, or end in .bin",
            )
        if missing := [name for name in wanted if name not in names]:
            raise UsageError(
                f"{path} has no {missing[0]}",
                f"`{layout.name}` wants {', '.join(wanted)}; get its archive again",
            )
        part = _pickled if pickled else _plain
        classes = _classes(layout, path, open_, pickled)
        train = [part(layout, path, name, open_) for name in wanted[:-2]]
        images, labels = (torch.cat(each) for each in zip(*train, strict=True))
        return Data.held(
            layout.name, classes, (images, labels), part(layout, path, wanted[-2], open_)
        )


@contextmanager
def _files(layout: Layout, path: Path) -> Iterator[tuple[set[str], Open]]:
    """The names of the files at ``path``, an archive, a folder or one above; and what opens one."""
    if path.is_dir():
        inner = sorted(p for p in path.iterdir() if p.is_dir())
        marks = (layout.test, layout.test_bytes)
        folders = [f for f in (path, *inner) if any((f / mark).is_file() for mark in marks)]
        folder = folders[0] if folders else path
        names = {p.name for p in folder.iterdir()}
        yield names, lambda name: (folder / name).open("rb")
        return
    try:
        with tarfile.open(path) as archive:
            members = {Path(m.name).name: m for m in archive.getmembers() if m.isfile()}

            def unpacked(name: str) -> IO[bytes]:
                file = archive.extractfile(members[name])
                return BytesIO(file.read() if file else b"")

            yield set(members), unpacked
    except (tarfile.TarError, EOFError, zlib.error):
        raise UsageError(
            f"{path} cannot be read as an archive: it is cut short, or something else",
            "download or copy it again",
        ) from None


def _loaded(path: Path, name: str, open_: Open) -> dict[bytes, Any]:
    try:
        with open_(name) as file:
            return read_pickle(file)
    except pickle.UnpicklingError as error:
        raise UsageError(
            f"{name} in {path} cannot be read: {error}",
            "nothing in it was run; get the archive again, from where it comes from",
        ) from None
    except OSError as error:
        raise UsageError(f"{name} in {path} cannot be read: {error.strerror or error}") from None


def _pickled(layout: Layout, path: Path, name: str, open_: Open) -> tuple[Tensor, Tensor]:
    """Images uint8 [N, 3, 32, 32] and labels int64 [N] of a pickle."""
    found = _loaded(path, name, open_)
    data, labels = found.get(b"data"), found.get(layout.label)
    if (
        not isinstance(data, np.ndarray)
        or data.dtype != np.uint8
        or data.ndim != 2
        or data.shape[1] != _PIXELS
        or not isinstance(labels, list)
        or not all(isinstance(label, int) for label in labels)
        or len(labels) != len(data)
    ):
        raise UsageError(
            f"{name} in {path} does not hold {layout.name}'s images and labels",
            f"it wants `data`, uint8 [N, {_PIXELS}], and as many "
            f"`{layout.label.decode()}`; cifar10 and cifar100 are not the same files",
        )
    images = torch.from_numpy(data.copy()).view(-1, 3, 32, 32)
    return images, torch.tensor(labels, dtype=torch.int64)


def _plain(layout: Layout, path: Path, name: str, open_: Open) -> tuple[Tensor, Tensor]:
    """The same of a file of bytes: labels and pixels, image after image."""
    with open_(name) as file:
        content = file.read()
    record = layout.before + _PIXELS
    if not content or len(content) % record:
        raise UsageError(
            f"{name} in {path} is cut short, or something else: {len(content):,} bytes "
            f"are no multiple of {record:,}",
            "get the archive again",
        )
    records = torch.frombuffer(bytearray(content), dtype=torch.uint8).view(-1, record)
    images = records[:, layout.before :].reshape(-1, 3, 32, 32)
    return images, records[:, layout.before - 1].long()


def _classes(layout: Layout, path: Path, open_: Open, pickled: bool) -> tuple[str, ...]:
    if not pickled:
        with open_(layout.meta_bytes) as file:
            return tuple(file.read().decode("utf-8", "replace").split())
    names = _loaded(path, layout.meta, open_).get(layout.names)
    if not isinstance(names, list):
        raise UsageError(
            f"{layout.meta} in {path} does not name {layout.name}'s classes",
            f"it wants `{layout.names.decode()}`; cifar10 and cifar100 are not the same files",
        )
    return tuple(n.decode("utf-8", "replace") if isinstance(n, bytes) else str(n) for n in names)
