"""Receptive fields held against PyTorch, a network and a place at a time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from math import prod

import archlang
from archlang.analyses.receptive import find, start_at
from archlang.analyses.receptive.paths import fields, tracks
from archlang.analyses.receptive.places import Runs, each
from archlang.analyses.receptive.trace import trace
from archlang.graph import Graph, Node
from archlang.network import Network
from archlang.op import Op
from tests.analyses.witness import Witness
from tests.properties.comparison import at_its_size
from tests.properties.generator import network as drawn_network
from tests.properties.text import spec
from tests.sizes.networks import Maker

HEAVY = 100_000
"""Of an input with more values fewer places are asked about."""


def blurs(op: Op) -> bool:
    """Whether all channels count for an output of a layer, though it looks at some of them."""
    dealt = ("pixel_shuffle", "pixel_unshuffle", "channel_shuffle")
    return getattr(op, "groups", 1) != 1 or op.name in dealt


@dataclass
class Counts:
    """What came of some networks: how many were compared, and where the answers differ."""

    exact: int = 0
    blurred: int = 0
    wrong: list[str] = field(default_factory=list)


def asked(runs: Runs, size: int, r: random.Random, most: int) -> set[int]:
    """Indices to ask about: the edges of what is claimed, those beside them, and some others."""
    edges = {edge + step for run in runs for edge in run for step in (-1, 0, 1)}
    picked = set(r.sample(sorted(edges), most)) if len(edges) > most else edges
    return (picked | {0, size - 1, r.randrange(size)}) & set(range(size))


def starts(shape: tuple[int, ...], r: random.Random, most: int, whole: bool) -> list[list[range]]:
    """Places of an output: corners, and some between; all channels of an image, if ``whole``."""
    places = [tuple(r.randrange(n) for n in shape) for _ in range(most - 2)]
    places += [tuple(0 for _ in shape), tuple(n - 1 for n in shape)]
    return [
        [
            range(n) if axis == 0 and (whole or len(shape) > 2) else range(i, i + 1)
            for axis, (i, n) in enumerate(zip(place, shape, strict=True))
        ]
        for place in places[:most]
    ]


def difference(
    network: Network,
    r: random.Random,
    at: str | None = None,
    *,
    channels: bool = False,
    loose: bool = False,
    whole: bool = True,
) -> str:
    """Where places of an output depend on other than what is said; empty where they do not.

    ``at`` names another tensor than the outputs. Channels are looked at where ``channels`` says
    so; with ``loose`` places may depend on less.
    """
    if at is not None:
        network = ending(network, at)
    witness, graph = Witness(network), network.graph
    heavy = any(prod(shape) > HEAVY for shape in network.inputs.values())
    for output, node in graph.outputs.items():
        for start in starts(network.outputs[output], r, 1 if heavy else 3, whole):
            box = tuple(slice(places[0], places[-1] + 1) for places in start)
            places = tuple(((b.start, b.stop - 1),) for b in box)
            found = trace(graph, {node.index: places})
            for name, given in graph.inputs.items():
                for axis, runs in enumerate(found.of(given)):
                    if axis == 0 and not channels:
                        continue
                    said = set(each(runs))
                    for index in asked(runs, network.inputs[name][axis], r, 2 if heavy else 6):
                        depends = bool(witness.reached(name, axis, index)[output][box].any())
                        if depends != (index in said) and (depends or not loose):
                            where = f"{output} at {box}, {name} along {axis}"
                            return f"{where}: {runs}, but at {index} it is {depends}"
    return ""


def ending(network: Network, at: str) -> Network:
    """The network as far as one tensor."""
    graph = network.graph
    outputs = {"output": find(graph, at)}
    ended = replace(graph, outputs=outputs, aux={}, worked_out={})
    return Network(network._program, ended, network.settings)


def hulls_differ(network: Network, seed: int = 0) -> str:
    """Where a field from front to back is not the hull of what is exact from back to front.

    They differ by what lies outside of a tensor, so they are compared where nothing does.
    """
    graph, r = network.graph, random.Random(seed)
    for node in graph.nodes:
        if node.inputs and all(int(n) > 0 for n in node.output.shape):
            for position in _some(graph, node, r):
                if wrong := _hull_differs(graph, node, position):
                    return f"{node.path} at {position}: {wrong}"
    return ""


def _some(graph: Graph, node: Node, r: random.Random) -> Iterator[tuple[int, ...]]:
    axes = sorted({a for f in fields(graph)[node.index] if f is not None for a in f.carried})
    for share in (0, r.random(), 0.5):
        yield tuple(int(int(node.output.shape[a]) * share) for a in axes)


def _hull_differs(graph: Graph, node: Node, position: tuple[int, ...]) -> str:
    try:
        start = start_at(graph, node, position)
    except ValueError:  # an axis that is not told of
        return ""
    found = trace(graph, {node.index: start})
    for track, seen in zip(tracks(graph), fields(graph)[node.index], strict=True):
        given = graph.inputs[track.input]
        runs = found.of(given)[track.axis]
        if seen is None:
            if runs and track.axis:
                return f"{track}: {runs}, though it should not depend on it"
            continue
        if seen.first is None or seen.last is None or seen.whole or not runs:
            continue
        ((i, _),) = start[seen.axis]
        first, last = seen.first(i), seen.last(i)
        exact = runs[0][0], runs[-1][1]
        if not found.cut and exact != (first, last):
            return f"{track}: {runs} is not {first} to {last}"
    return ""


def compare_made(seed: int, counts: Counts) -> None:
    """A random network of layers that slide, pool and resample, and branches that agree."""
    network = at_its_size(Maker(seed).net().spec)
    counts.exact += 1
    wrong = difference(network, random.Random(seed)) or hulls_differ(network, seed)
    if wrong:
        counts.wrong.append(f"seed {seed}: {wrong}")


def compare_drawn(seed: int, counts: Counts) -> None:
    """A random network of any layers, on any axes; only those that PyTorch runs."""
    text = spec(drawn_network(seed), seed)
    try:
        network = at_its_size(text)
    except archlang.ArchError:
        return
    loose = any(blurs(n.op) for n in network.graph.nodes)
    counts.blurred += loose
    counts.exact += not loose
    r = random.Random(seed)
    wrong = difference(network, r, channels=not loose, loose=loose, whole=False)
    wrong = wrong or hulls_differ(network, seed)
    if wrong:
        counts.wrong.append(f"seed {seed}: {wrong}\n{text}")


AGREE = [
    # the least of each family of specs, at moderate sizes
    ("alexnet", "alexnet", (3, 71, 66)),
    ("densenet", "densenet40_k12", None),
    ("googlenet", "googlenet", (3, 67, 64)),
    ("lenet5", "lenet5", None),
    ("mnasnet", "mnasnet0_5", (3, 64, 70)),
    ("mobilenet", "mobilenet_v1_025_224", (3, 66, 64)),
    ("mobilenet", "mobilenet_v3_small", (3, 64, 65)),
    ("resnet", "resnet18", (3, 70, 64)),
    ("resnet_cifar", "resnet20", None),
    ("shufflenet", "shufflenet_v2_x0_5", (3, 64, 71)),
    ("signal", "m3", (1, 999)),
    ("squeezenet", "squeezenet1_1", (3, 69, 64)),
    ("unet", "unet_same", (3, 48, 32)),
    ("volume", "voxnet", None),
    ("zfnet", "zfnet", (3, 70, 71)),
]
AGREE_LONG = [
    ("convnext", "convnext_tiny", (3, 96, 64)),
    ("convnext", "convnextv2_atto", (3, 96, 64)),
    ("efficientnet", "efficientnet_b0", (3, 64, 64)),
    ("fcn", "fcn8s", (3, 33, 41)),
    ("fcn", "fcn_resnet50", (3, 65, 64)),
    ("inception", "bn_inception", (3, 70, 64)),
    ("inception", "inception_v3", None),
    ("mobilenet", "mobilenet_v2", (3, 64, 65)),
    ("preact", "preact_resnet110", None),
    ("regnet", "regnet_y_400mf", (3, 64, 67)),
    ("resnet", "resnet50", (3, 64, 65)),
    ("resnet_d", "resnet50a", (3, 64, 65)),
    ("resnet_d", "resnet50d", (3, 64, 64)),
    ("resnet_rs", "resnet_rs50", (3, 64, 64)),
    ("senet", "se_resnet50", (3, 64, 65)),
    ("unet", "unet", (1, 188, 188)),
    ("vgg", "vgg11", (3, 64, 70)),
    ("volume", "c3d", None),
    ("volume", "deepmedic", None),
    ("xception", "xception", (3, 71, 75)),
]
"""A spec, a model and the shape of its input, where it is not the spec's own."""
