"""Networks that the compiled modules are tried with."""

from __future__ import annotations

import torch

import archlang
from tests.syntax.sketches import SKETCHES

UNET = """
block double_conv(c) : [C, H, W] -> [c, H, W] {
    conv(3x3, c) -> bn -> relu -> conv(3x3, c) -> bn -> relu
}
model unet(classes = 2, base = 8) {
    input image: [3, H=32, W=32]
    require H % 4 == 0 and W % 4 == 0 : "two poolings, each undone exactly"
    d1 = double_conv(base)
    maxpool(2x2);  d2 = double_conv(2*base)
    maxpool(2x2) -> double_conv(4*base)
    conv_transpose(2x2, 2*base, stride=2)
    concat { identity | d2 } -> double_conv(2*base)
    conv_transpose(2x2, base, stride=2)
    concat { identity | d1 } -> double_conv(base)
    conv(1x1, classes)
}
"""
SIAMESE = """
model siamese {
    input left: [1, 33, 33]
    input right: [1, 33, 33]
    shared tower = { conv(9x9, 8, pad=0) -> relu -> maxpool(2x2) -> flatten -> linear(16) }
    a = left -> tower
    b = right -> tower
    concat { a | b } -> linear(1) -> sigmoid
}
"""
HEADS = """
model heads {
    input image: [3, 16, 16]
    a = conv(3x3, 4) -> relu
    h = a -> global_avgpool -> linear(2)
    a -> maxpool(2)
    b = conv(3x3, 5); c = relu -> global_maxpool
    aux h weight=0.3
    output b, c
}
"""
MIXED = """
block se(r = 2) : [C, H, W] -> [C, H, W] {
    gate { global_avgpool -> linear(C // r) -> relu(inplace=true) -> linear(C) -> sigmoid }
}
model mixed {
    input image: [4, 16, 16]
    conv(3x3, 8, groups=2, pad=[[0, 2], [1, 1]]) -> bn -> relu(inplace=true)
    dense { bn -> conv(1x1, 4) -> relu(inplace=true) } x 2
    se
    channel_shuffle(4)
    residual { drop_path(0.2) -> layernorm(axis=0) }
    concat { slice(0, 8) -> maxpool(3, stride=1, pad=1) | slice(8, 16) -> avgpool(3, 1, 1) }
    flatten(start=1) -> permute(1, 0)
    add { identity | pos = parameter([256, 16], batch=true, init=0.1) }
    residual { attention(4) -> dropout(0.1) }
    slice(0, 1) -> flatten -> linear(3)
}
"""


def network(name: str) -> archlang.Network:
    """One of the texts above, or a sketch by its model's name."""
    texts = {"unet": UNET, "siamese": SIAMESE, "heads": HEADS, "mixed": MIXED}
    if name in texts:
        return archlang.loads(texts[name])
    file, model, size = SMALL[name]
    inputs = {"image": (3, size, size)}
    return archlang.load(SKETCHES[file], model, inputs=inputs)


SMALL = {
    "googlenet": ("googlenet", "googlenet", 64),
    "resnet50": ("resnet", "resnet50", 32),
    "densenet121": ("densenet", "densenet121", 32),
    "mobilenet_v3_small": ("mobilenet", "mobilenet_v3_small", 32),
    "shufflenet_v2_x1_0": ("shufflenet", "shufflenet_v2_x1_0", 32),
    "convnext_tiny": ("convnext", "convnext_tiny", 32),
    "vit_b_16": ("vit", "vit_b_16", 32),
    "regnet_y_400mf": ("regnet", "regnet_y_400mf", 32),
    "squeezenet1_0": ("squeezenet", "squeezenet1_0", 32),
}
"""Sketches, with the file they are in and a size at which they are quick."""
NAMES = ("unet", "siamese", "heads", "mixed", *SMALL)


def inputs(of: archlang.Network, batch: int = 2) -> list[torch.Tensor]:
    """Random tensors for each input."""
    generator = torch.Generator().manual_seed(3)
    return [torch.randn(batch, *shape, generator=generator) for shape in of.inputs.values()]


def tensors(output: torch.Tensor | dict[str, torch.Tensor]) -> list[torch.Tensor]:
    """The tensors of an output, whatever its form."""
    return list(output.values()) if isinstance(output, dict) else [output]
