"""From a graph to a tree of PyTorch modules whose paths are the spec's."""

from __future__ import annotations

import linecache
from collections.abc import Collection
from contextlib import nullcontext
from functools import lru_cache
from typing import Any, TypeAlias

import torch
from torch import nn

from archlang.analyses.plan import (
    Plan,
    Scope,
    below,
    forward_text,
    is_sequence,
)
from archlang.analyses.taken import taken
from archlang.backends.torch import modules
from archlang.backends.torch.guard import Guard
from archlang.backends.torch.recompute import Recomputed
from archlang.graph import Graph, Node

Children: TypeAlias = dict[str, nn.Module | nn.Parameter]


class _Namespace:
    """Where layers find modules: PyTorch's, and those that it lacks."""

    def __getattr__(self, name: str) -> Any:
        found = getattr(nn, name, None) or getattr(modules, name)
        setattr(self, name, found)
        return found


class ArchModule(nn.Module):
    """A part of a compiled network: its ``forward`` was written from the spec."""


def build(
    graph: Graph, device: str | torch.device | None = None, recompute: Collection[str] = ()
) -> nn.Module:
    """The module of a network, initialised as PyTorch initialises its layers.

    It takes the inputs in order, each (batch, *shape), and gives the output; a dict by name
    where the spec names several, or, in training, auxiliary ones. Inputs of other shapes than
    the network is legal for raise ``ValueError``. Blocks named in ``recompute`` are computed
    again in the backward pass.
    """
    with torch.device(device) if device is not None else nullcontext():
        plan = Plan(graph, recompute)
        module = _Builder(plan).module(plan.root)
    evaluation = taken(graph)
    training = taken(graph, training=True) if graph.aux else evaluation
    module.__takes__ = Guard(evaluation, training)  # type: ignore[assignment]
    return module


class _Builder:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.namespace = _Namespace()
        self.plain: set[Node] = set()

    def module(self, scope: Scope) -> nn.Module:
        """The module of a scope, with all that is inside it."""
        again = self.plan.again(scope)
        children = self.children(scope)
        simple = scope is not self.plan.root and is_sequence(scope, self.plain)
        if simple and len(children) == len(scope.steps):
            kind = _class(_name(scope), None, again)
        else:
            kind = _class(_name(scope), forward_text(self.plan, scope), again)
        return _filled(kind(), children)

    def children(self, scope: Scope) -> Children:
        """The modules right below a scope by name, in the order of the spec."""
        # a scope that no output needs is only a place for weights: it has nothing to run
        scopes = {s.part.path: s.part for s in scope.steps if isinstance(s.part, Scope) and s.gives}
        return self.below(scope.path, scope.nodes, scopes)

    def below(self, path: str, nodes: list[Node], scopes: dict[str, Scope]) -> Children:
        """The modules of ``nodes`` right below ``path``, those in ``scopes`` built whole."""
        groups: dict[str, list[Node]] = {}
        for node in nodes:
            if node.path.startswith(f"{path}." if path else ""):
                groups.setdefault(below(node.path, path).partition(".")[0], []).append(node)
        found: Children = {}
        for name, group in groups.items():
            full = f"{path}.{name}" if path else name
            child: nn.Module | nn.Parameter | None
            if group[0].path == full:
                child = self.layer(group[0])
            elif full in scopes:
                child = self.module(scopes[full])
            else:
                child = _filled(ArchModule(), self.below(full, group, scopes))
            if child is not None:
                found[name] = child
        return found

    def layer(self, node: Node) -> nn.Module | nn.Parameter | None:
        op = self.plan.layer(node)
        module: nn.Module | nn.Parameter | None = op.lower(self.namespace, *node.tensors)
        if isinstance(module, nn.Module) and op.call("m", ("x",), node.tensors) == "m(x)":
            self.plain.add(node)
        return module


def _filled(module: nn.Module, children: Children) -> nn.Module:
    for name, child in children.items():
        if isinstance(child, nn.Parameter):
            module.register_parameter(name, child)
        else:
            module.add_module(name, child)
    return module


def _name(scope: Scope) -> str:
    """What a scope's class is called: its block's name, in the style of classes."""
    region = scope.region
    if region.kind == "group":
        return ""
    return "".join(word[:1].upper() + word[1:] for word in region.name.split("_"))


@lru_cache(maxsize=4096)
def _class(name: str, text: str | None, again: bool = False) -> type[nn.Module]:
    """A module class that runs ``text``, or its parts in order; one for all that run the same.

    With ``again`` it is computed again in the backward pass. An instance is copied and saved with
    what makes its class, so that it can be loaded wherever archlang is.
    """
    if text is None and not name and not again:
        return nn.Sequential

    def reduced(self: nn.Module, protocol: Any) -> Any:
        if type(self) is not kind:  # a class that someone made of it
            return object.__reduce_ex__(self, protocol)
        return _restored, (name, text, again), self.__dict__

    inside: dict[str, Any] = {"__reduce_ex__": reduced}
    bases: tuple[type[nn.Module], ...] = (nn.Sequential if text is None else ArchModule,)
    if again:
        bases = (Recomputed, _class(name, text))
    elif text is not None:
        inside["forward"] = _compiled(name, text)
    kind: type[nn.Module] = type(name or ("Sequential" if text is None else "Group"), bases, inside)
    return kind


def _restored(name: str, text: str | None, again: bool) -> nn.Module:
    """An instance without anything in it, as copying and loading fill it."""
    kind = _class(name, text, again)
    return kind.__new__(kind)


def _compiled(name: str, text: str) -> Any:
    """The ``forward`` of a text, which tracebacks show."""
    file = f"<archlang {name or 'group'} {abs(hash(text)):x}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    names: dict[str, Any] = {"torch": torch}
    exec(compile(text, file, "exec"), names)
    return names["forward"]
