"""The folder of a run: what lies in it, and whether a run may go on from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from archlang.train import checkpoint, shards
from archlang.train.changes import difference
from archlang.train.errors import TrainError, UsageError
from archlang.train.identity import recorded


class RunFolder:
    """Where a run keeps ``last.pt``, ``best.pt`` and what stands beside them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.last, self.best = path / "last.pt", path / "best.pt"
        self.weights = path / "weights.safetensors"
        self.config, self.history = path / "run.json", path / "history.jsonl"
        self.page, self.tensorboard = path / "README.md", path / "tensorboard"
        self.curves = (path / "curves.svg", path / "curves.png")
        files = (self.last, self.best, self.weights, self.history, self.config)
        self._files = (*files, *self.curves, self.page)

    def described(self) -> list[tuple[str, str]]:
        """What may lie in a run's folder, the file to go on from first, and what each is.

        Names are as ``glob`` takes them.
        """
        parts = 'the weights and the optimizer\'s state of `{}`, shared out by `parallel = "fsdp"`'
        return [
            (self.last.name, "the run after its last step saved, to go on from"),
            (shards.pattern(self.last), f"{parts.format(self.last.name)}: it needs them"),
            (self.best.name, "the same after its best epoch"),
            (shards.pattern(self.best), f"{parts.format(self.best.name)}: it needs them"),
            (
                self.weights.name,
                "the best epoch's weights, with their running mean where one is kept",
            ),
            (self.history.name, "a line of JSON for each epoch"),
            (self.config.name, "the spec, the recipe, the data and the results"),
            *((file.name, "loss, accuracy and learning rate, drawn") for file in self.curves),
            (self.tensorboard.name, "logs for TensorBoard, by `tensorboard = true`"),
            (self.page.name, "this page"),
        ]

    def open(self, identity: Mapping[str, Any], *, force: bool) -> dict[str, Any] | None:
        """The checkpoint to go on from, without its parts, or None to start; makes the folder.

        Raises ``TrainError`` where the folder holds a run of another ``identity``, unless
        ``force`` is set, which clears the run there.
        """
        make(self.path)
        for file in self._files:
            for leftover in self.path.glob(checkpoint.temporary_prefix(file) + "*"):
                _remove(leftover)
        for file in (self.last, self.best):
            shards.tidy(file)
        if force or not self.last.exists():
            self._clear()
            return None
        state = checkpoint.read(self.last)
        if "identity" not in state:
            raise UsageError(
                f"{self.last} is no checkpoint of a run", "--force starts anew in its place"
            )
        if shown := difference(recorded(state["identity"]), identity):
            raise TrainError(
                f"{self.path} holds a run that differs{shown}",
                "--force starts anew in its place, --out FOLDER keeps both",
            )
        return state

    def _clear(self) -> None:
        """Remove a run's files, the one to go on from first; nothing else is touched."""
        for file in self._files:
            _remove(file)
        for file in (self.last, self.best):
            shards.clear(file)

    def record(self, entry: Mapping[str, Any]) -> None:
        """Append an epoch to the history, unless a run cut short has left it there."""
        try:
            with self.history.open("a+", encoding="utf-8") as file:
                file.seek(0)
                lines = file.read().split("\n")
                if any(_epoch_of(line) == entry["epoch"] for line in lines):
                    return
                torn = "\n" if lines[-1] else ""
                file.write(f"{torn}{json.dumps(entry)}\n")
        except OSError as error:
            raise UsageError(
                f"{self.history} cannot be written: {error.strerror or error}"
            ) from None


def _remove(file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(
            f"{file} cannot be removed: {error.strerror or error}",
            "choose another folder with --out",
        ) from None


def _epoch_of(line: str) -> int | None:
    try:
        return int(json.loads(line)["epoch"])
    except (ValueError, KeyError, TypeError):
        return None


def make(path: Path) -> None:
    """Make a folder, if it is not there; raises ``UsageError`` where it cannot be made."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be made: {error.strerror or error}", "choose another folder with --out"
        ) from None
