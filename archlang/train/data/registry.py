"""What data can be read, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from archlang.spelling import nearest
from archlang.train.data.dataset import Data
from archlang.train.data.split import carved
from archlang.train.errors import UsageError
from archlang.train.inputs import Split
from archlang.train.network import Network


@dataclass(frozen=True)
class Asked:
    """What a reader is given: the path behind the name, how to split, whether to look inside.

    ``verify`` reads the header of every file and every mask, so that what is wrong is found now.
    ``inputs`` and ``outputs`` are the names of the network's, auxiliary outputs last; () where no
    network is known.
    """

    path: Path | None = None
    split: Split = field(default_factory=Split)
    verify: bool = True
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


class Names(NamedTuple):
    """The names of a network's inputs and outputs, auxiliary outputs last."""

    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()

    @classmethod
    def of(cls, network: Network | None) -> Names:
        """Those of a network; none where none is known."""
        if network is None:
            return cls()
        return cls(tuple(network.inputs), (*network.outputs, *network.aux))


Read = Callable[[Asked], Data]


@dataclass(frozen=True)
class Reader:
    """How to get a data set by name; ``path`` says what may follow the name, "" for nothing.

    ``about`` is one line about it; ``here`` says whether it is there without a path.
    ``download`` fetches it into a folder.
    """

    read: Read
    path: str = ""
    about: str = ""
    here: Callable[[], bool] = lambda: False
    download: Callable[[Path], None] | None = None


READERS: dict[str, Reader] = {}


def reader(
    name: str,
    *,
    path: str = "",
    here: Callable[[], bool] = lambda: False,
    download: Callable[[Path], None] | None = None,
) -> Callable[[Read], Read]:
    """Make a function known as the reader of the data set ``name``; its docstring is about it."""

    def register(read: Read) -> Read:
        if name in READERS:
            raise TypeError(f"two data sets are named `{name}`")
        about = (read.__doc__ or "").strip().split("\n")[0]
        READERS[name] = Reader(read, path, about, here, download)
        return read

    return register


def load(
    spec: str,
    *,
    split: Split | None = None,
    verify: bool = True,
    download: bool = False,
    network: Network | Names | None = None,
) -> Data:
    """The data set that ``NAME`` or ``NAME:PATH`` names; raises ``TrainError``.

    ``split`` is for data that has no test samples of its own. With ``verify``, files are looked
    at now: whether they are images, and masks of so many classes. Nothing is ever fetched
    unless ``download`` is set. The inputs and outputs of a ``network`` say which columns of a
    table are read; without it all are.
    """
    name, _, path = spec.partition(":")
    found = READERS.get(name)
    if found is None:
        known = ", ".join(sorted(READERS))
        raise UsageError(f"there is no data set named `{name}`", f"{_meant(spec)}known are {known}")
    if path and not found.path:
        raise UsageError(f"`{name}` takes no path", f"write `--data {name}`")
    names = network if isinstance(network, Names) else Names.of(network)
    asked = Asked(Path(path).expanduser() if path else None, split or Split(), verify, *names)
    if download:
        fetch(name, found, asked.path)
    data = replace(found.read(asked), source=spec)
    return carved(data, asked.split.valid, asked.split.seed)


def _meant(spec: str) -> str:
    """What may be meant by the name of no data set: a path alone, or a slip."""
    path = Path(spec).expanduser()
    if spec and path.is_dir():
        return f"did you mean `folder:{spec}`? "
    if path.is_file():
        return f"did you mean `csv:{spec}`? "
    guess = nearest(spec.partition(":")[0], list(READERS))
    return f"did you mean `{guess}`? " if guess else ""


def fetch(name: str, reader: Reader, folder: Path | None) -> None:
    """Download a data set into ``folder``; raises ``UsageError`` where that cannot be done."""
    if reader.download is None:
        able = ", ".join(n for n, r in sorted(READERS.items()) if r.download)
        raise UsageError(f"`{name}` cannot be downloaded", f"these can be: {able}")
    if folder is None:
        raise UsageError(
            f"nothing says where to put `{name}`", f"write `{name}:FOLDER` with --download"
        )
    try:
        reader.download(folder)
    except ImportError:
        raise UsageError(
            "torchvision downloads it, and is not installed", "pip install 'archlang[torch]'"
        ) from None
    except Exception as error:  # whatever the network, the server and the disk come up with
        what = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(":")
        raise UsageError(
            f"`{name}` could not be downloaded: {what}",
            f"with no network, get its files elsewhere and write `{name}:FOLDER`",
        ) from None
