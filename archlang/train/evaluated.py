"""The data that a trained network is scored on: found again, and brought to what it takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from archlang.train.data import (
    READERS,
    Columns,
    Data,
    FileSamples,
    Samples,
    TensorSamples,
    load,
)
from archlang.train.data.samples import ONLY
from archlang.train.errors import UsageError
from archlang.train.inputs import Split
from archlang.train.prepare import Preparation
from archlang.train.saved import Trained


def data_of(run: Trained, data: str | Data | None) -> Data:
    """The data that is asked for, split as for the training; or the run's own."""
    if isinstance(data, Data):
        return data
    if data is None:
        data = _own(run)
    return load(data, split=Split.of(run.recipe.get("split", {})), network=run.network)


def _own(run: Trained) -> str:
    """Where the run's own data is; raises ``UsageError`` where it is not known, or moved."""
    name, said = str(run.identity["data"]["name"]), str(run.source.get("data", ""))
    kind, _, path = said.partition(":")
    if not said:
        if name in READERS:
            return name
        raise UsageError(
            f"{run.path} was trained on {name}, and does not say where that was read",
            "say where it is, as in --data folder:PATH",
        )
    if not path:
        return said
    # Where it was comes first: the same words may mean another folder here.
    places = Path(str(run.source.get("path", path))), Path(path).expanduser()
    for place in places:
        if place.exists():
            return f"{kind}:{place}"
    raise UsageError(
        f"{run.path} was trained on {said}, and {places[0]} is no longer there",
        f"say where it is now: --data {kind}:PATH",
    )


def check_classes(run: Trained, data: Data) -> None:
    """Raise ``UsageError`` where labels mean something else than in training."""
    if run.own.keys() != data.own.keys():
        names = [", ".join(own) or "all outputs together" for own in (run.own, data.own)]
        raise UsageError(
            f"{run.path} was trained on labels for {names[0]}, and {data.name} has them for "
            f"{names[1]}",
            "name the columns of labels, and of masks, as in training",
        )
    for output in run.own:
        _check_same(run, data, run.own[output], data.own[output], f" of `{output}`")
    if not run.own:
        _check_same(run, data, run.classes, data.classes, "")


def _check_same(
    run: Trained, data: Data, mine: tuple[str, ...], theirs: tuple[str, ...], of: str
) -> None:
    """Raise ``UsageError`` where classes differ in number, name or order."""
    if mine == theirs:
        return
    if len(mine) != len(theirs):
        raise UsageError(
            f"{run.path} tells {len(mine)} classes{of} apart, but {data.name} has {len(theirs)}",
            f"it was trained on {run.identity['data']['name']}: {_some(mine)}",
        )
    i, (one, other) = next(
        (i, pair) for i, pair in enumerate(zip(mine, theirs, strict=True)) if pair[0] != pair[1]
    )
    raise UsageError(
        f"class {i}{of} is {one} in {run.path}, but {other} in {data.name}",
        f"name and order the classes as in training: {_some(mine)}",
    )


def samples_of(run: Trained, data: Data, part: str) -> Samples:
    """The samples of a part, with the channels that the run takes; raises ``UsageError``."""
    name = nearest_part(part)
    if name not in data.parts:
        raise UsageError(
            f"{data.name} has no {part} images", f"it has {', '.join(data.parts)} images"
        )
    return _in_channels(run, data.parts[name], data.name)


def nearest_part(part: str) -> str:
    """A part of a data set by any of its names."""
    return {"train": "training", "valid": "validation", "val": "validation"}.get(part, part)


def _in_channels(run: Trained, samples: Samples, name: str) -> Samples:
    """The samples with the channels that the run was trained on: grey and colour are made so."""
    if not isinstance(samples, Columns):
        return _made_so(run, samples, run.prepare, name)
    given = samples.images
    if given.keys() <= {ONLY, *run.prepares}:
        images = {
            n: _made_so(run, images, run.prepares.get(n, run.prepare), name)
            for n, images in given.items()
        }
        return replace(samples, images=images)
    return samples


def _made_so(run: Trained, samples: Samples, prepare: Preparation, name: str) -> Samples:
    """Those of one input, with its channels."""
    wanted = len(prepare.mean)
    if samples.channels == wanted:
        return samples
    if {samples.channels, wanted} == {1, 3}:
        if isinstance(samples, FileSamples):
            return replace(samples, channels_=wanted)
        if isinstance(samples, TensorSamples) and wanted == 3:
            return replace(samples, images=samples.images.expand(-1, 3, -1, -1))
    raise UsageError(
        f"`{run.network.name}` was trained on images of {wanted} channels, but {name}'s have "
        f"{samples.channels}"
    )


def notes_on(run: Trained, data: Data, part: str) -> list[str]:
    """What one should know about the numbers."""
    before = run.identity["data"]
    name = nearest_part(part)
    if before["name"] != data.name:
        return [f"it was trained on {before['name']}"]
    now, then = len(data.parts[name]), before.get(name)
    if then is not None and then != now:
        return [f"the run had {then:,} {name} images, and here are {now:,}"]
    return []


def _some(names: tuple[str, ...], most: int = 8) -> str:
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")
