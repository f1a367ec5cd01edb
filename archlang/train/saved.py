"""A trained network, out of what its run has saved: ready to be evaluated and used."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from archlang.diagnostic import ArchError
from archlang.elaborate import Program
from archlang.network import from_program, input_names
from archlang.source import Source
from archlang.spelling import nearest
from archlang.train import checkpoint, device as devices
from archlang.train.batch import Many, called, each
from archlang.train.data.samples import ONLY
from archlang.train.errors import UsageError
from archlang.train.folder import RunFolder
from archlang.train.network import Network
from archlang.train.palette import Colour, colours
from archlang.train.preparations import AnyPreparation, Preparations, each_of, preparation_of
from archlang.train.prepare import Preparation
from archlang.train.task import main_outputs
from archlang.wording import shape_text

SAFETENSORS = ".safetensors"
_NEEDED = ("model", "identity", "prepare", "classes")


@dataclass(frozen=True)
class Trained:
    """A network with its trained weights, in evaluation mode on ``device``.

    ``prepare`` and ``classes`` are those of the training. ``weights`` has every value of the
    ``state_dict`` on the CPU: their running mean, ``averaged``, where the run kept one.
    ``epoch`` is the last one they have seen, None where the file does not say. ``source`` says
    where the data was read: as it was asked for, ``data``, and what that was then, ``path``;
    and the colours of its masks' classes, ``palette``. Of several inputs ``prepare`` is that of
    the first, and ``beside`` has the others'; where outputs have classes of their own, ``own`` has
    them, and ``classes`` are the first's.
    """

    path: Path
    network: Network
    module: nn.Module = field(repr=False)
    weights: Mapping[str, Tensor] = field(repr=False)
    prepare: Preparation
    classes: tuple[str, ...]
    identity: Mapping[str, Any] = field(repr=False)
    device: torch.device
    averaged: bool = False
    epoch: int | None = None
    source: Mapping[str, Any] = field(default_factory=dict)
    beside: Mapping[str, Preparation] = field(default_factory=dict)
    own: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def prepares(self) -> dict[str, Preparation]:
        """How the images of each input are prepared, in the network's order."""
        return {next(iter(self.network.inputs)): self.prepare, **self.beside}

    @property
    def preparation(self) -> AnyPreparation:
        """The same as one, as for training."""
        return Preparations(self.prepares) if self.beside else self.prepare

    def classes_of(self, output: str) -> tuple[str, ...]:
        """The classes that an output tells apart."""
        return self.own.get(output, self.classes)

    @property
    def recipe(self) -> Mapping[str, Any]:
        """The fields of the recipe that it was trained by."""
        fields: Mapping[str, Any] = self.identity["recipe"]
        return fields

    def per_pixel(self, output: str | None = None) -> bool:
        """Whether an output, or the first, tells a class for each pixel, not one for the image."""
        shapes = self.network.outputs
        return len(shapes.get(output or "", next(iter(shapes.values())))) > 1

    @property
    def output_names(self) -> tuple[str, ...]:
        """Its outputs, those left out that exist in training only."""
        return tuple(name for name in self.network.outputs if name not in self.network.aux)

    def palette(self, output: str) -> tuple[Colour, ...]:
        """The colours of an output's classes, those of the data's masks where they had any."""
        given = ((r, g, b) for r, g, b in self.source.get("palette", ()))
        return colours(len(self.classes_of(output)), tuple(given))

    def logits(self, images: Many, output: str | None = None) -> Tensor:
        """Those of one output, by its name; of the first without one."""
        found = self.outputs(images)
        return found[output or next(iter(found))]

    @torch.no_grad()
    def outputs(self, images: Many) -> dict[str, Tensor]:
        """Each output, float32 [N, classes] or [N, classes, H, W], of prepared images.

        Images are on the device, of several inputs in their order. Computed in the precision that
        it was trained in.
        """
        if self.recipe.get("channels_last"):
            images = each(images, devices.channels_last)
        with devices.autocast(self.device, self.recipe.get("dtype", "float32")):
            outputs = called(self.module, images)
        found = main_outputs(outputs, self.network.aux)
        if len(self.output_names) == 1:
            found = {self.output_names[0]: next(iter(found.values()))}
        return {name: value.float() for name, value in found.items()}


Run: TypeAlias = Trained | str | Path


def trained(source: Run, *, device: str = "auto", network: Network | None = None) -> Trained:
    """The network of a run's folder (its best epoch), or of one of the files in it.

    It is made anew out of the spec kept with the weights, unless ``network`` is given. Raises
    ``UsageError`` where there is no run, where its file is damaged, or where the weights are
    not the network's.
    """
    if isinstance(source, Trained):
        return source
    path = _file(Path(source).expanduser())
    state = _from_json(path) if path.suffix == SAFETENSORS else _from_checkpoint(path)
    chosen = devices.choose(device)
    prepare = preparation_of(state["prepare"])
    found = network or rebuilt(state["identity"], each_of(prepare, (ONLY,)), path)
    first, *others = each_of(prepare, tuple(found.inputs)).items()
    with devices.random_kept(torch.device("cpu")):
        module = found.to_torch()
    _fill(module, state["weights"], path, found.name)
    if state["identity"]["recipe"].get("channels_last"):
        devices.lay_out(module)
    module.to(chosen).eval()
    return Trained(
        path,
        found,
        module,
        state["weights"],
        first[1],
        tuple(state["classes"]),
        state["identity"],
        chosen,
        state["averaged"],
        state["epoch"],
        state.get("source", {}),
        dict(others),
        {name: tuple(classes) for name, classes in state.get("own", {}).items()},
    )


def weights_of(state: Mapping[str, Any]) -> tuple[dict[str, Tensor], bool]:
    """The weights to use out of a checkpoint, and whether they are a running mean."""
    mean: dict[str, Tensor] = state.get("ema") or {}
    return mean or state["model"], bool(mean)


def rebuilt(
    identity: Mapping[str, Any], prepares: Mapping[str, Preparation], path: Path
) -> Network:
    """The network of the spec that is kept in a run, for its inputs' shapes; reads no file.

    Those of an only input are under ``ONLY``.
    """
    files: Mapping[str, str] = identity["files"]
    own, text = next(iter(files.items()))
    # As deep as paths to what is used climb, so that all of them stay below the root.
    climbs = max(PurePosixPath(name).parts.count("..") for name in files)
    home = "/".join(["/spec"] + ["spec"] * climbs)
    texts = {
        name.removesuffix(".arch")
        if name.startswith("std/")
        else os.path.normpath(f"{home}/{name}"): Source(name, content)
        for name, content in files.items()
    }
    program = Program(Source(own, text), f"{home}/{own}", texts, closed=True)
    try:
        if program.diagnostics:
            raise ArchError(program.diagnostics)
        name = identity["model"]
        names = input_names(program, name)
        shapes = {key or names[0]: one.shape for key, one in prepares.items()}
        inputs = shapes if len(shapes) == len(names) else None
        return from_program(program, name, identity["settings"], inputs)
    except (ArchError, KeyError, ValueError) as error:
        first = error.diagnostics[0].message if isinstance(error, ArchError) else str(error)
        raise UsageError(
            f"the spec kept in {path} is no longer understood: {first}",
            "use the version of archlang that the run's run.json names",
        ) from None


def _file(path: Path) -> Path:
    """The checkpoint that is meant by a folder or a file."""
    if path.is_dir():
        folder = RunFolder(path)
        for file in (folder.best, folder.last):
            if file.exists():
                return file
        inside = sorted(p.parent.name for p in path.glob("*/last.pt"))
        raise UsageError(
            f"there is no run in {path}",
            f"it has the runs {', '.join(inside[:5])}"
            if inside
            else "a run's folder holds best.pt and last.pt; `archlang train` makes it",
        )
    if not path.exists():
        beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        guess = nearest(path.name, beside)
        raise UsageError(
            f"there is no run {path}",
            f"did you mean {path.parent / guess}?" if guess else "`archlang train` makes one",
        )
    return path


def _from_checkpoint(path: Path) -> dict[str, Any]:
    try:
        state = checkpoint.load(path)
    except UsageError as error:
        if path.suffix == ".arch":
            raise UsageError(
                f"{path} is a spec, and a trained network is wanted",
                "name a run's folder; `archlang train` makes one",
            ) from None
        others = [n for n in ("best.pt", "last.pt") if n != path.name]
        whole = [str(path.with_name(n)) for n in others if path.with_name(n).exists()]
        hint = f"another one of the run may be whole: {whole[0]}" if whole else "train it anew"
        raise UsageError(error.message, hint) from None
    if missing := [name for name in _NEEDED if name not in state]:
        raise UsageError(
            f"{path} is no checkpoint of a run: it lacks `{missing[0]}`",
            "name a run's folder; `archlang train` makes one",
        )
    weights, averaged = weights_of(state)
    epoch = state["history"][-1]["epoch"] if state.get("history") else None
    return {**state, "weights": weights, "averaged": averaged, "epoch": epoch}


def _from_json(path: Path) -> dict[str, Any]:
    """What a file of weights alone leaves out is in the run's JSON beside it."""
    beside = RunFolder(path.parent).config
    try:
        about = json.loads(beside.read_text("utf-8"))
        identity = {name: about[name] for name in ("model", "files", "settings", "data", "recipe")}
        found = {"prepare": about["prepare"], "classes": about["classes"]}
        found["own"] = about.get("own", {})
        found["source"] = about.get("source", {})
    except (OSError, ValueError, KeyError):
        raise UsageError(
            f"{path} holds weights alone, and no run's {beside.name} lies beside it",
            "name the run's folder, or its best.pt",
        ) from None
    try:
        weights = checkpoint.load_weights(path)
    except UsageError as error:
        raise UsageError(error.message, "name the run's folder: its best.pt may be whole") from None
    averaged = bool(about["recipe"].get("ema"))
    return {
        **found,
        "identity": identity,
        "weights": weights,
        "averaged": averaged,
        "epoch": about.get("results", {}).get("best_epoch"),
    }


def _fill(module: nn.Module, weights: Mapping[str, Tensor], path: Path, name: str) -> None:
    """Put the weights in; raises ``UsageError`` where they are of another network."""
    here = module.state_dict()
    for key in [*here, *(k for k in weights if k not in here)]:
        mine, theirs = here.get(key), weights.get(key)
        if mine is not None and theirs is not None and mine.shape == theirs.shape:
            continue
        lacks = "lacks" if theirs is None else "has also" if mine is None else "has"
        shown = (
            f"`{key}` as {shape_text(tuple(theirs.shape))}, not {shape_text(tuple(mine.shape))}"
            if mine is not None and theirs is not None
            else f"`{key}`"
        )
        raise UsageError(
            f"{path} holds another network than `{name}`: it {lacks} {shown}",
            "load it with the spec that it was trained with: the run keeps its text",
        )
    module.load_state_dict(dict(weights))
