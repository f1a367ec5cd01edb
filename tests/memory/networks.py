"""Networks to measure: a model of each spec, at sizes that take little; and random ones."""

from __future__ import annotations

import random
from pathlib import Path

import torch
from torch import Tensor

import archlang
from archlang import Network

SPECS = Path(__file__).parents[2] / "specs"
BATCH = 8

QUICK = {
    "lenet5": ("lenet5", None),
    "resnet20": ("resnet_cifar", None),
    "squeezenet1_1": ("squeezenet", (3, 64, 64)),
    "shufflenet_v2_x0_5": ("shufflenet", (3, 64, 64)),
    "mobilenet_v3_small": ("mobilenet", (3, 64, 64)),
    "convnextv2_atto": ("convnext", (3, 64, 64)),
    "googlenet": ("googlenet", (3, 64, 64)),
    "unet_same": ("unet", (1, 32, 32)),
    "voxnet": ("volume", None),
}
"""A model, the file that it is in, and the size of its input where it is not the spec's."""
LONG = {
    "alexnet": ("alexnet", (3, 128, 128)),
    "convnext_tiny": ("convnext", (3, 64, 64)),
    "densenet_bc100_k12": ("densenet", None),
    "densenet121": ("densenet", (3, 96, 96)),
    "efficientnet_b0": ("efficientnet", (3, 96, 96)),
    "fcn_resnet50": ("fcn", (3, 64, 64)),
    "bn_inception": ("inception", (3, 96, 96)),
    "inception_v3": ("inception", None),
    "mnasnet0_5": ("mnasnet", (3, 96, 96)),
    "mobilenet_v1_025_224": ("mobilenet", (3, 96, 96)),
    "mobilenet_v2": ("mobilenet", (3, 96, 96)),
    "preact_resnet110": ("preact", None),
    "regnet_y_400mf": ("regnet", (3, 96, 96)),
    "resnet18": ("resnet", (3, 96, 96)),
    "resnet50": ("resnet", (3, 96, 96)),
    "resnext50_32x4d": ("resnet", (3, 64, 64)),
    "resnet50d": ("resnet_d", (3, 96, 96)),
    "resnet_rs50": ("resnet_rs", (3, 96, 96)),
    "se_resnet50": ("senet", (3, 96, 96)),
    "siamese": ("siamese", None),
    "m3": ("signal", None),
    "vgg11": ("vgg", (3, 64, 64)),
    "vit_b_16": ("vit", None),
    "xception": ("xception", (3, 96, 96)),
    "zfnet": ("zfnet", None),
}
"""As ``QUICK``: the rest."""


def load(name: str) -> Network:
    """The network of that name in ``QUICK`` or ``LONG``."""
    file, shape = (QUICK | LONG)[name]
    path = SPECS / f"{file}.arch"
    network = archlang.load(path, name)
    return network if shape is None else network.at(dict.fromkeys(network.inputs, shape))


def batch_of(network: Network, size: int = BATCH) -> tuple[list[Tensor], Tensor]:
    """Inputs and labels."""
    inputs = [torch.randn(size, *shape) for shape in network.inputs.values()]
    classes, *places = next(iter(network.outputs.values()))
    return inputs, torch.randint(0, classes, (size, *places))


def random_spec(seed: int) -> str:
    """A network of convolutions, norms, activations and pools, in branches that merge."""
    r = random.Random(seed)
    body = " -> ".join(_part(r, depth=0) for _ in range(r.randint(3, 6)))
    head = r.choice(("global_avgpool", "adaptive_avgpool(2x2) -> flatten", "maxpool(4) -> flatten"))
    classes = r.randint(2, 200)
    return (
        f"model m {{\n    input image: [{r.choice((1, 3))}, 32, 32]\n"
        f"    conv(3x3, {r.choice((8, 16, 24))}) -> {body} -> {head}\n    linear({classes})\n}}"
    )


def random_blocks(seed: int) -> str:
    """A network of blocks in blocks, of the parts of the other random ones."""
    r = random.Random(seed)

    def some(most: int) -> str:
        return " -> ".join(_part(r, depth=1) for _ in range(r.randint(1, most)))

    ends = [r.choice(("identity", "relu(inplace=true)", "conv(1x1, 8)", "bn")) for _ in range(3)]
    return (
        f"block inner {{ {some(3)} -> conv(3x3, 16) -> {ends[0]} }}\n"
        f"block outer {{ {some(2)} -> inner -> {some(1)} -> inner -> {ends[1]} }}\n"
        "model m {\n    input image: [3, 32, 32]\n"
        f"    conv(3x3, 16) -> {some(2)} -> outer -> inner -> {ends[2]} -> outer\n"
        "    global_avgpool -> linear(10)\n}"
    )


def _part(r: random.Random, depth: int) -> str:
    if depth < 2 and r.random() < 0.45:
        return _merge(r, depth + 1)
    return r.choice((_unit, _unit, _plain))(r)


def _unit(r: random.Random) -> str:
    conv = f"conv({r.choice(('1x1', '3x3', '5x5'))}, {r.choice((8, 16, 32))}"
    return f"{conv}, bias={r.choice(('true', 'false'))}) -> {r.choice(('bn', 'bn', 'identity'))}"


def _plain(r: random.Random) -> str:
    return r.choice(
        ("relu", "relu(inplace=true)", "relu6(inplace=true)", "silu", "gelu", "tanh", "sigmoid",
         "dropout(0.2)", "dropout(0.2, inplace=true)", "hardswish", "maxpool(3x3, stride=1, pad=1)",
         "avgpool(3x3, stride=1, pad=1)", "bn", "groupnorm(4)", "identity")
    )  # fmt: skip


def _merge(r: random.Random, depth: int) -> str:
    branch = " -> ".join(_part(r, depth) for _ in range(r.randint(1, 3)))
    other = " -> ".join(_part(r, depth) for _ in range(r.randint(1, 2)))
    return r.choice(
        (
            f"residual {{ {branch} -> conv(1x1, 16) | conv(1x1, 16) }} -> relu(inplace=true)",
            f"add {{ {branch} -> conv(1x1, 8) | {other} -> conv(3x3, 8) | conv(1x1, 8) }}",
            f"concat {{ {branch} | {other} }}",
            f"dense {{ {branch} -> conv(3x3, 8) }} x {r.randint(1, 3)}",
            f"conv(1x1, 16) -> gate {{ global_avgpool -> linear(4) -> {r.choice(('relu', 'silu'))}"
            " -> linear(16) -> sigmoid }",
        )
    )
