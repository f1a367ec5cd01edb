"""The first line of a table: which of its columns are images, and which are learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from archlang.spelling import nearest
from archlang.train.data.images import is_image
from archlang.train.data.registry import Asked
from archlang.train.data.samples import ONLY
from archlang.train.errors import UsageError
from archlang.wording import listed

PATH, LABEL, MASK, SPLIT = "path", "label", "mask", "split"
_COLUMNS = "path and label, or path and mask; split is optional: train, test or valid"
_FIRST = f"its first line names the columns: {_COLUMNS}"


@dataclass(frozen=True)
class Heading:
    """Which columns are what: ``images`` of the ``inputs``, and the ``targets``.

    The only input is ``ONLY``, whatever its column is named. Of the targets those named in
    ``masks`` are paths, the others labels. ``unread`` are the columns that the network takes
    nothing of.
    """

    images: tuple[str, ...]
    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    masks: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, file: Path, columns: Sequence[str], cells: Mapping[str, Sequence[str]], asked: Asked
    ) -> Heading:
        """By the names of the network's inputs and outputs; where none is known, by ``cells``.

        These are by column. Raises ``UsageError``.
        """
        _check(file, columns)
        _check_both(file, columns, asked)
        images = _images(file, columns, cells, asked)
        targets = _targets(file, columns, cells, images, asked)
        inputs = images if len(images) > 1 else (ONLY,)
        unread: tuple[str, ...] = ()
        if asked.inputs:
            unread = tuple(c for c in columns if c and c not in (*images, *targets, SPLIT))
        masks = tuple(t for t in targets if t == MASK or _of_images(cells[t]))
        return cls(images, inputs, targets, masks, unread)

    @classmethod
    def of_inputs(cls, file: Path, columns: Sequence[str], inputs: tuple[str, ...]) -> Heading:
        """Of a table of images alone, to be used; raises ``UsageError``."""
        _check(file, columns)
        return cls(_images(file, columns, {}, Asked(inputs=inputs)), inputs, ())

    def notes(self, file: Path) -> tuple[str, ...]:
        """What a user may want to know of it."""
        if not self.unread:
            return ()
        named = f"the column{'s' if len(self.unread) > 1 else ''} {listed(self.unread)}"
        return (f"the network takes nothing of {named} in {file.name}",)


def _check(file: Path, columns: Sequence[str]) -> None:
    if not columns:
        raise UsageError(f"{file} is empty", _FIRST)
    if twice := [name for name in columns if name and columns.count(name) > 1]:
        raise UsageError(f"{file} has two columns {twice[0]}", "give each a name of its own")
    if len(columns) == 1 and any(mark in columns[0] for mark in ";\t|"):
        raise UsageError(f"{file} is not separated by commas: `{columns[0]}`", "use commas")


def _check_both(file: Path, columns: Sequence[str], asked: Asked) -> None:
    """Raise ``UsageError`` where a label and a mask are there for the same outputs."""
    if not asked.outputs or not {LABEL, MASK} <= set(columns):
        return
    if len(asked.outputs) == 1:
        raise UsageError(f"{file} has both columns, label and mask", f"it wants {_COLUMNS}")
    if not set(asked.outputs) <= set(columns):
        raise UsageError(
            f"{file} has both columns, label and mask",
            f"the network's outputs are {listed(asked.outputs)}: name the columns as these",
        )


def _images(
    file: Path, columns: Sequence[str], cells: Mapping[str, Sequence[str]], asked: Asked
) -> tuple[str, ...]:
    """The columns of images, in the order of the inputs."""
    if len(asked.inputs) > 1:
        if missing := [name for name in asked.inputs if name not in columns]:
            raise _lacks(file, columns, missing[0], asked.inputs, "inputs", "paths")
        return asked.inputs
    for name in (PATH, *asked.inputs):
        if name in columns:
            return (name,)
    kinds = (LABEL, MASK, SPLIT)
    found = [c for c in columns if c not in kinds and _of_images(cells.get(c, ()))]
    if not asked.inputs:
        # Nothing but its name tells a mask from an image.
        found = [c for c in found if MASK not in c.lower()] or found
    if not asked.inputs and found:
        return tuple(found)
    if asked.inputs and len(found) > 1:
        raise UsageError(
            f"{file} has the columns of images {listed(found)}, and the network has one input, "
            f"{asked.inputs[0]}",
            f"name the column that it takes `{asked.inputs[0]}`, or path",
        )
    raise _no_column(file, columns, PATH)


def _of_images(cells: Sequence[str]) -> bool:
    """Whether a column has images: its first cell names one."""
    return bool(cells) and is_image(Path(cells[0]))


def _targets(
    file: Path,
    columns: Sequence[str],
    cells: Mapping[str, Sequence[str]],
    images: Sequence[str],
    asked: Asked,
) -> tuple[str, ...]:
    """The columns that are learned, by the order of the outputs; or the one that all share."""
    if asked.outputs and len(asked.outputs) > 1 and set(asked.outputs) <= set(columns):
        return asked.outputs
    if not asked.outputs and {LABEL, MASK} <= set(columns):
        return LABEL, MASK
    for kind in (LABEL, MASK):
        if kind in columns:
            return (kind,)
    if not asked.outputs:
        found = tuple(c for c in columns if c and c not in (*images, SPLIT))
        if not found or all(nearest(c, [LABEL, MASK]) for c in found):
            raise _no_column(file, columns, f"{LABEL} or {MASK}")
        # What no two rows share is no class: a number, a name, a remark.
        told = [c for c in found if len(set(cells[c])) < len(cells[c]) or _of_images(cells[c])]
        return tuple(told) or found
    there = [name for name in asked.outputs if name in columns]
    if len(asked.outputs) == 1 and there:
        return (there[0],)
    if there or len(asked.outputs) > 1:
        missing = next(name for name in asked.outputs if name not in columns)
        raise _lacks(file, columns, missing, asked.outputs, "outputs", "labels or masks")
    raise _no_column(file, columns, f"{LABEL} or {MASK}")


def _lacks(
    file: Path, columns: Sequence[str], missing: str, names: Sequence[str], what: str, of: str
) -> UsageError:
    """A column that the network needs and the table lacks."""
    hint = f"the network's {what} are {listed(names)}: each wants a column of {of} of its name"
    if what == "outputs":
        hint += f", or all of them one column {LABEL} or {MASK}"
    guess = nearest(missing, [c for c in columns if c not in names])
    if guess:
        hint = f"is `{guess}` the column {missing}? {hint}"
    return UsageError(f"{file} has no column {missing}, but {', '.join(columns)}", hint)


def _no_column(file: Path, columns: Sequence[str], lacks: str) -> UsageError:
    hint = _FIRST
    wanted = [PATH] if lacks == PATH else [LABEL, MASK]
    near = ((c, nearest(c, wanted)) for c in columns if c not in (PATH, LABEL, MASK, SPLIT))
    for name, guess in near:
        if guess:
            hint = f"is `{name}` the column {guess}? {hint}"
            break
    return UsageError(f"{file} has no column {lacks}, but {', '.join(columns)}", hint)
