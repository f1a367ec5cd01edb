"""How other tools count a network: their totals, addend by addend.

Tools go by PyTorch's modules, and so do the rules here: each is for the class of module that a
layer makes, or, for a layer that needs none, for the one that others write in its place. What is
written as a function instead, some of them miss; here it counts as the module does.

torchinfo 1.8, fvcore 0.1.5, ptflops 0.7 (its PyTorch backend, the default) and thop 0.1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import prod
from typing import TypeAlias

from archlang.analyses.cost import costs
from archlang.analyses.work import works
from archlang.graph import Graph, Node
from archlang.op import Work, module_name

Addends: TypeAlias = dict[str, int]
Rule: TypeAlias = Callable[["Use"], Addends]


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a layer as a module, for one sample."""

    node: Node
    module: str
    macs: int
    work: Work

    @property
    def takes(self) -> int:
        """Scalars that arrive."""
        return prod(map(int, self.node.inputs[0].output.shape))

    @property
    def gives(self) -> int:
        """Scalars that come out."""
        return int(self.node.output.numel)

    @property
    def places(self) -> int:
        """Positions that come out."""
        return prod(map(int, self.node.output.spatial))

    def scalars(self, name: str) -> int:
        """Learned scalars of one name."""
        shape = self.node.params.get(name)
        return 0 if shape is None else prod(map(int, shape))


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: what it calls its total, and its rule for each class of modules."""

    name: str
    calls: str
    rules: dict[str, Rule]
    others: Rule = lambda use: {}
    """The rule for modules that have none of their own."""


def addends(graph: Graph, tool: Tool) -> Addends:
    """What a tool's total is made of, the largest first; the total is their sum."""
    live = graph.live()
    found: Addends = {}
    for node in graph.nodes:
        if node.inputs and node.index in live:
            macs, work = costs(graph)[node.index].macs, works(graph)[node.index]
            use = Use(node, module_name(node.op, node.tensors), macs, work)
            for what, count in tool.rules.get(use.module, tool.others)(use).items():
                found[what] = found.get(what, 0) + count
    return dict(sorted(((k, v) for k, v in found.items() if v), key=lambda item: -item[1]))


def _named(names: Iterable[str], rule: Rule) -> dict[str, Rule]:
    return dict.fromkeys(names, rule)


def _over(*heads: str) -> list[str]:
    """Classes over one to three axes."""
    return [f"{head}{axes}d" for head in heads for axes in (1, 2, 3)]


def _times(what: str, of: str, factor: int = 1) -> Rule:
    return lambda use: {what: factor * getattr(use, of)}


CONVOLUTIONS = _over("Conv", "UnevenConv")
TRANSPOSED = _over("ConvTranspose")
LINEARS = ["Linear", "AxisLinear", "DropConnectLinear"]
BATCH_NORMS = _over("BatchNorm")
INSTANCE_NORMS = _over("InstanceNorm")
LAYER_NORMS = ["LayerNorm"]


# torchinfo: learned scalars named weight and bias, those of convolutions once for each position.


def _by_scalars(use: Use) -> Addends:
    if "Conv" in use.module:
        weights, biases = use.scalars("weight"), use.scalars("bias")
        return {"convolutions": use.places * weights, "biases": use.places * biases}
    if use.module in LINEARS:
        return {"linears": use.scalars("weight"), "biases": use.scalars("bias")}
    return {"norms and others": use.scalars("weight") + use.scalars("bias")}


# fvcore: products, and what it takes norms, adaptive averages and resampling to need.


def _products(use: Use) -> Addends:
    return {"products": use.macs}


def _batch_norm(use: Use) -> Addends:
    return {"batch norms": use.gives * (2 if use.node.params else 1)}


def _other_norm(use: Use) -> Addends:
    return {"other norms": use.gives * (5 if use.node.params else 4)}


def _resampled(use: Use) -> Addends:
    mode = str(getattr(use.node.op, "mode", ""))
    over = use.node.output.rank - 1
    each = {"nearest": 1, "bilinear": 4, "linear": 4}.get(mode, 0) if over == 2 else 0
    return {"resampling": each * use.gives}


# ptflops: hooks on modules, and on the functions that some modules call, which count twice.


def _with_bias(use: Use) -> Addends:
    return {"products": use.macs, "biases": use.work.bias}


def _scaled(use: Use) -> Addends:
    return {"norms": use.takes * (2 if use.node.params else 1)}


def _attention(use: Use) -> Addends:
    """A value of the softmax is one operation, and the last projection's bias always counted."""
    scaled, softmax = use.takes, use.work.activation // 3
    biases = use.takes * (4 if "in_proj_bias" in use.node.params else 1)
    return {"products": use.macs, "biases": biases, "attention": scaled + softmax}


# thop: what it has no rule for, attention among it, counts nothing.


def _transposed(use: Use) -> Addends:
    channels, out = use.node.tensors[0].channels, use.node.output
    _, _, *kernel = use.node.params["weight"]
    groups = int(getattr(use.node.op, "groups", 1))
    return {"products": int(out.numel) * (int(channels) // groups) * prod(map(int, kernel))}


def _normed(use: Use) -> Addends:
    return {"norms": use.takes * (4 if use.node.params else 2)}


def _adaptive(use: Use) -> Addends:
    return {"average pools": use.takes + use.gives}


TORCHINFO = Tool("torchinfo", "mult-adds", {}, _by_scalars)

FVCORE = Tool(
    "fvcore",
    "flops",
    {
        **_named(BATCH_NORMS, _batch_norm),
        **_named((*INSTANCE_NORMS, *LAYER_NORMS, "AxisLayerNorm", "GroupNorm"), _other_norm),
        "AdaptiveAvgPool2d": _times("adaptive average pools", "takes"),
        "Upsample": _resampled,
        "MultiheadAttention": lambda use: {},  # at inference one operator, which it does not know
    },
    _products,
)

PTFLOPS = Tool(
    "ptflops",
    "MACs",
    {
        **_named((*CONVOLUTIONS, *TRANSPOSED, "Linear"), _with_bias),
        **_named((*BATCH_NORMS, *INSTANCE_NORMS, "GroupNorm"), _scaled),
        **_named(LAYER_NORMS, _times("norms", "takes")),  # whose own word for affine it overlooks
        **_named(("ReLU", "PReLU", "ELU", "GELU"), _times("activations", "gives", 2)),
        **_named(("LeakyReLU", "ReLU6", "SiLU", "Softmax"), _times("activations", "gives")),
        **_named(
            _over("MaxPool", "AvgPool", "AdaptiveMaxPool", "AdaptiveAvgPool"),
            _times("pools", "takes", 2),
        ),
        "Upsample": _times("resampling", "gives", 2),
        "MultiheadAttention": _attention,
    },
)

THOP = Tool(
    "thop",
    "MACs",
    {
        **_named((*CONVOLUTIONS, "Linear"), _products),
        **_named(TRANSPOSED, _transposed),
        **_named((*BATCH_NORMS, *INSTANCE_NORMS, *LAYER_NORMS), _normed),
        **_named(_over("AvgPool"), _times("average pools", "gives")),
        **_named(_over("AdaptiveAvgPool"), _adaptive),
        "PReLU": _times("activations", "takes"),
    },
)

TOOLS = {tool.name: tool for tool in (TORCHINFO, FVCORE, PTFLOPS, THOP)}
