"""A network that has been checked: what the Python API gives out."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from archlang.analyses.cost import Totals, total
from archlang.diagnostic import ArchError
from archlang.elaborate import Program
from archlang.elaborate.files import read_source
from archlang.graph import Graph, Solved
from archlang.inspection import definitions, inspect
from archlang.source import Source
from archlang.spelling import nearest
from archlang.syntax import ast
from archlang.types import Shape

if TYPE_CHECKING:
    from torch import nn

    from archlang.analyses.memory.account import Memory, Setting
    from archlang.analyses.memory.fit import Fit
    from archlang.analyses.receptive import TensorField
    from archlang.analyses.varying import Axis
    from archlang.draw.diagram import Diagram


class ModelChoiceError(ValueError):
    """Which of a spec's models is meant is not said, or no model has the name given."""


class Network:
    """One model of a spec, elaborated and checked.

    Shapes leave the batch out. ``settings`` are the values given to the model's
    parameters beside those in the spec.
    """

    def __init__(self, program: Program, graph: Graph, settings: Mapping[str, Any]) -> None:
        self.source: Source = program.source
        self.graph = graph
        self.settings = dict(settings)
        self._program = program

    @property
    def name(self) -> str:
        """The model's name."""
        return self.graph.name

    @property
    def program(self) -> Program:
        """The spec that it is of, with all that the spec uses."""
        return self._program

    @cached_property
    def files(self) -> dict[str, str]:
        """The texts of the spec and of every file that it uses, by name: the spec's comes first.

        A name is the path from the spec's folder, or ``std/…`` for the standard library's.
        """
        home = os.path.dirname(self._program.key)
        texts = {
            key if source.standard else os.path.relpath(key, home): source.text
            for source, key in self._program.keys.items()
        }
        own = os.path.basename(self._program.key)
        return {own: self.source.text, **dict(sorted(texts.items()))}

    @cached_property
    def inputs(self) -> dict[str, Shape]:
        """The shape of each input, by name."""
        return {n: _plain(node.output.shape) for n, node in self.graph.inputs.items()}

    @cached_property
    def outputs(self) -> dict[str, Shape]:
        """The shape of each output, by name; one that the spec does not name is ``output``."""
        return {n: _plain(node.output.shape) for n, node in self.graph.outputs.items()}

    @cached_property
    def aux(self) -> dict[str, float]:
        """The loss weight of each output that exists in training only."""
        return {n: aux.weight for n, aux in self.graph.aux.items()}

    @cached_property
    def totals(self) -> Totals:
        """Parameters, buffers, MACs, FLOPs, neurons and depth."""
        return total(self.graph)

    @property
    def blocks(self) -> list[str]:
        """The names of the blocks it is made of, in the order of their first use."""
        regions = self.graph.root.regions()
        return list(dict.fromkeys(r.name for r in regions if r.kind == "block"))

    def at(self, inputs: Mapping[str, Shape]) -> Network:
        """The same model worked out at other input shapes, by the inputs' names; as ``load``."""
        return from_program(self._program, self.name, self.settings, inputs, self.graph.solved)

    def varying(self) -> list[Axis]:
        """For each axis of each input, whether one module takes other sizes too, and why not."""
        from archlang.analyses.varying import varying

        return varying(self.graph)

    def receptive_field(self, at: str | None = None) -> TensorField:
        """The receptive field of a tensor, along each axis of each input that it depends on.

        ``at`` names a module path, a label, an input or an output; without it, the last tensor
        that still is a map is taken. Raises ``ValueError`` where there is no such tensor.
        """
        from archlang.analyses.receptive import field_of, find, sight

        if at is not None:
            return field_of(self.graph, find(self.graph, at))
        found = sight(self.graph).map
        if found is None:
            raise ValueError(f"no tensor of {self.name} is a map of its input; name one")
        return found

    def memory(self, setting: Setting | None = None) -> Memory:
        """What the network takes in bytes, at inference and in a training step.

        ``setting`` says the batch, the optimizer, the precision and the device; unsaid, one
        sample in float32 on the CPU, trained by AdamW. Raises ``ValueError`` where it has no block
        that is to be computed again.
        """
        from archlang.analyses.memory.account import Memory, Setting

        setting = setting or Setting()
        self._must_use(setting.recompute)
        return Memory(self.graph, setting)

    def fit(self, limit: int, setting: Setting | None = None) -> Fit:
        """What fits into ``limit`` bytes: the largest batch, the largest input at a batch.

        ``setting`` is as for ``memory``; its batch is that of the inputs.
        """
        from archlang.analyses.memory.account import Setting
        from archlang.analyses.memory.fit import Fit

        def at(sizes: Mapping[str, int]) -> Graph:
            nodes = self.graph.inputs
            return self.at({n: node.output.at(sizes).shape for n, node in nodes.items()}).graph

        return Fit(self.graph, limit, setting or Setting(), at)

    def to_torch(self, device: str | None = None, *, recompute: Collection[str] = ()) -> nn.Module:
        """A PyTorch module, its weights initialised as PyTorch does.

        It takes each input as (batch, *shape), in the order of the spec, and gives the
        output, or a dict by name where there are several, or auxiliary ones in training.
        ``device`` is where it is built: ``"meta"`` makes no tensors. Blocks named in
        ``recompute`` keep only their input for the backward pass, and are computed again
        there (activation checkpointing). Raises ``ValueError`` where the network has no
        such block, ``ImportError`` where PyTorch is not installed.
        """
        from archlang.backends.torch import build

        self._must_use(recompute)
        return build(self.graph, device, recompute)

    def _must_use(self, blocks: Collection[str]) -> None:
        """Raises ``ValueError`` where there is no such block."""
        for name in blocks:
            if name not in self.blocks:
                guess = nearest(name, self.blocks)
                known = f"its blocks are {', '.join(self.blocks)}" if self.blocks else "it has none"
                hint = f"did you mean `{guess}`?" if guess else known
                raise ValueError(f"{self.name} uses no block `{name}`; {hint}")

    def to_source(self) -> str:
        """A file of PyTorch source that makes the network without archlang.

        It has a class for each block, that of the model last, named as the model is, in
        CapWords. An instance has the ``state_dict`` keys of ``to_torch``'s module, and with
        the same weights gives the same output. Raises ``ImportError`` where PyTorch is not
        installed.
        """
        from archlang.backends.torch.source import source

        return source(self.graph)

    def diagram(
        self,
        level: Literal["overview", "stage", "layer"] = "overview",
        expand: str | Sequence[str] = (),
        direction: Literal["TB", "LR"] = "TB",
        theme: Literal["light", "dark", "auto"] = "light",
    ) -> Diagram:
        """Its picture, which a notebook shows and ``save`` writes to a file.

        ``expand`` are patterns of paths to open, such as ``layer3``. Raises ``ValueError`` for
        one that no part matches.
        """
        from archlang.draw.diagram import diagram

        return diagram(self, level, expand, direction, theme)

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, str]:
        """What a notebook shows it as: its overview."""
        return self.diagram()._repr_mimebundle_(include, exclude)

    def __repr__(self) -> str:
        return f"<Network {self.name}: {self.totals.params:,} parameters>"


def _plain(shape: Shape) -> Shape:
    return tuple(int(d) for d in shape)


def load(
    path: str | Path,
    model: str | None = None,
    settings: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Shape] | None = None,
) -> Network:
    """The network in a spec's file.

    ``model`` names one of several; ``settings`` give values to its parameters (numbers,
    booleans, lists, or the text of an expression); ``inputs`` are input shapes, the batch
    left out, to use instead of the spec's. Raises ``ArchError`` with every finding,
    ``ModelChoiceError`` where the model is not clear, ``OSError`` where the file cannot
    be read.
    """
    path = Path(path)
    program = Program(read_source(path), str(path.resolve()))
    return from_program(program, model, settings, inputs)


def loads(
    text: str,
    model: str | None = None,
    settings: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Shape] | None = None,
) -> Network:
    """The network in a spec's text; as ``load``."""
    return from_program(Program(Source("<text>", text)), model, settings, inputs)


def from_program(
    program: Program,
    model: str | None = None,
    settings: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Shape] | None = None,
    solved: Sequence[Solved] | None = None,
) -> Network:
    """The network of one model of a program; as ``load``.

    ``solved`` are the values of its ``?``, where they are known.
    """
    if program.diagnostics:
        raise ArchError(definitions(program))
    name = choose(program, model)
    graph, found = inspect(program, name, settings, inputs, solved)
    if graph is None or any(d.severity == "error" for d in found):
        raise ArchError(found)
    return Network(program, graph, settings or {})


def input_names(program: Program, model: str) -> list[str]:
    """The names of a model's inputs, as its text declares them."""
    body = program.models[model].body
    if body is None:
        return []
    return [s.name for b in body.body.branches for s in b.stmts if isinstance(s, ast.Input)]


def choose(program: Program, model: str | None) -> str:
    """The model that is meant; raises ``ModelChoiceError`` where that is not clear."""
    names = list(program.models)
    listed = ", ".join(program.complete or names)
    if model is not None:
        if model in program.models:
            return model
        guess = nearest(model, names)
        meant = f"; did you mean `{guess}`?" if guess else f": it has {listed}" if names else ""
        raise ModelChoiceError(f"{program.source.name} has no model `{model}`{meant}")
    if not names:
        raise ModelChoiceError(f"{program.source.name} has no model")
    candidates = program.complete or names
    if len(candidates) == 1:
        return candidates[0]
    raise ModelChoiceError(f"{program.source.name} has several models: {listed}")
