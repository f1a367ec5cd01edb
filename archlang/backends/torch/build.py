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
from archlang.backends.torch import modules
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
    where the spec names several, or, in training, auxiliary ones. Blocks named in
    ``recompute`` are computed again in the backward pass.
    """
    with torch.device(device) if device is not None else nullcontext():
        plan = Plan(graph)
        return _Builder(plan, frozenset(recompute)).module(plan.root)


class _Builder:
    def __init__(self, plan: Plan, recompute: frozenset[str]) -> None:
        self.plan = plan
        self.recompute = recompute
        self.inside = 0
        self.namespace = _Namespace()
        self.plain: set[Node] = set()

    def module(self, scope: Scope) -> nn.Module:
        """The module of a scope, with all that is inside it."""
        again = scope.region.kind == "block" and scope.region.name in self.recompute
        self.inside += again
        children = self.children(scope)
        self.inside -= again
        simple = scope is not self.plan.root and is_sequence(scope, self.plain)
        if simple and len(children) == len(scope.steps):
            kind = _class(_name(scope), nn.Sequential, None)
        else:
            kind = _class(_name(scope), ArchModule, forward_text(self.plan, scope))
        if again:
            kind = type(kind.__name__, (Recomputed, kind), {})
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
        if self.inside and getattr(op, "inplace", False):
            # what is computed again must find its input as it was
            op = op.model_copy(update={"inplace": False})
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
def _class(name: str, base: type[nn.Module], text: str | None) -> type[nn.Module]:
    """A module class that runs ``text``; one for all scopes that run the same."""
    if text is None:
        return type(name, (base,), {}) if name else base
    file = f"<archlang {name or 'group'} {abs(hash(text)):x}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    names: dict[str, Any] = {"torch": torch}
    exec(compile(text, file, "exec"), names)
    return type(name or "Group", (base,), {"forward": names["forward"]})
