"""What ``archlang predict`` writes for networks that tell a class for each pixel."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archlang.cli.common import stop
from archlang.cli.output import write_files

if TYPE_CHECKING:
    from archlang.train import Segmented, Trained
    from archlang.train.given import Images


def marked(
    runs: Sequence[Trained],
    images: Images,
    passes: int | None,
    *,
    folder: Path | None,
    top: int,
    **how: Any,
) -> list[dict[str, Any]]:
    """An image each: the shares of its classes and, with a ``folder``, the files written there."""
    from archlang.train import segment
    from archlang.train.given import files_of

    found = segment(runs, images, passes, **how)
    names = _names(files_of(images, runs[0]), folder) if folder is not None else []
    rows: list[dict[str, Any]] = []
    for number, one in enumerate(found):
        row = _row(one, top)
        if folder is not None:
            row |= _write(one, folder / names[number])
        rows.append(row)
    return rows


def _names(images: Sequence[tuple[Path, Path]], folder: Path) -> list[Path]:
    """What each image's files are named after; ends the program where two would be the same."""
    names: list[Path] = []
    seen: dict[Path, Path] = {}
    for root, path in images:
        name = path.relative_to(root).with_suffix("")
        if name in seen:
            stop(
                f"the masks of {seen[name]} and {path} would both be {folder / name}.png",
                hint="give them to two commands, with a folder each",
            )
        seen[name] = path
        names.append(name)
    given = {path.resolve() for _, path in images}
    for name in names:
        for target in _targets(folder / name).values():
            if target.resolve() in given:
                stop(f"{target} would be written over", hint="put the masks into another folder")
    try:
        for name in {folder, *(folder / name.parent for name in names)}:
            name.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        stop(f"cannot make {folder}: {(error.strerror or str(error)).lower()}")
    return names


def _targets(stem: Path) -> dict[str, Path]:
    ends = {
        "mask": "",
        "overlay": "-overlay",
        "entropy_map": "-entropy",
        "mutual_information_map": "-mutual-information",
    }
    return {what: stem.with_name(f"{stem.name}{end}.png") for what, end in ends.items()}


def _row(one: Segmented, top: int) -> dict[str, Any]:
    shares = one.shares
    ranks = sorted(range(len(shares)), key=lambda k: (-shares[k], k))[:top]
    row: dict[str, Any] = {
        "image": one.name,
        "top": [{"class": one.classes[k], "share": shares[k]} for k in ranks],
        "entropy": one.mean(one.entropy),
    }
    if one.draws > 1:
        row["mutual_information"] = one.mean(one.mutual_information)
    return row


def _write(one: Segmented, stem: Path) -> dict[str, str]:
    """Write an image's files; what they are, by what they hold."""
    contents = {
        "mask": one.mask_png(),
        "overlay": one.overlay_png(),
        "entropy_map": one.map_png(one.entropy),
    }
    if one.draws > 1:
        contents["mutual_information_map"] = one.map_png(one.mutual_information)
    targets = _targets(stem)
    for what, content in contents.items():
        write_files(targets[what], partial(_written, content))
    return {what: str(targets[what]) for what in contents}


def _written(content: bytes, path: Path) -> list[Path]:
    path.write_bytes(content)
    return [path]
