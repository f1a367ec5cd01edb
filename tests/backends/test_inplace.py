"""Layers that write in place: only where nothing that is needed is written over."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import archlang
from archlang.op import Op
from archlang.ops.activation import _Activation

INPLACE = (
    "relu", "relu6", "leaky_relu", "elu", "silu", "hardswish", "hardsigmoid", "dropout", "celu",
    "selu", "hardtanh", "mish", "channel_dropout", "alpha_dropout",
)  # fmt: skip
UNSAFE = [
    # its input is used elsewhere
    "residual { R -> conv(3x3, 4) }",
    "residual { conv(3x3, 4) | R }",
    "add { R | identity }",
    "concat { R | R }",
    "R",
    "R x 3",
    "a = conv(3x3, 4); R; add { identity | a }",
    "a = conv(3x3, 4); b = R; c = a -> R; add { b | c }",
    "gate { R -> global_avgpool }",
    "dense { R }",
    "conv(3x3, 4) -> dense { R -> conv(1x1, 4) } x 2",
    "conv(3x3, 4) -> residual { residual { R } }",
    "image -> conv(3x3, 4) -> mul { R | identity }",
    # what made its input needs it for the gradient
    "tanh -> R",
    "sigmoid -> R",
    "conv(3x3, 4) -> softmax -> R",
    "relu -> R",
    "elu -> R",
    "global_maxpool -> R",
    "conv(3x3, 4) -> R -> R",
    "conv(3x3, 4) -> R -> tanh -> R",
    # after a view of something that is needed
    "tanh -> flatten -> R",
    "conv(3x3, 4) -> residual { flatten(start=1) -> R -> conv(1, 4) -> flatten -> linear(4)\n"
    " | global_avgpool }",
    "a = conv(3x3, 4); slice(0, 2) -> R; b = a -> slice(0, 2); a; mul { b | b }",
    "a = conv(3x3, 4); permute(1, 2, 0) -> R -> permute(2, 0, 1); add { identity | a }",
    "identity -> R",
    "a = conv(3x3, 4); identity -> dropout -> drop_path(0.5) -> R; add { identity | a }",
    "add { identity | parameter([4, 6, 6], init=-1) -> R }",
    "parameter([4, 6, 6], init=-1) -> R -> conv(3x3, 4)",
    # several uses of one layer
    "shared s = R; conv(3x3, 4) -> s -> conv(3x3, 4) -> s",
    "shared s = R; a = conv(3x3, 4) -> s; t = conv(3x3, 4); b = s; add { t | b }",
    "shared s = conv(3x3, 4) -> R; s -> s",
    "shared s = R -> conv(3x3, 4); conv(3x3, 4) -> s -> s",
    # in blocks and labelled groups
    "b",
    "g = { R -> conv(3x3, 4) }; add { identity | image }",
    "a = conv(3x3, 4); g = { R; bn }; add { identity | a }",
    "conv(3x3, 4); bn; R; conv(3x3, 4); bn; R",
    "conv(3x3, 4) -> layernorm -> R -> linear(3, axis=-1)",
    "flatten(start=1) -> attention(6) -> R",
    "channel_shuffle(2) -> R",
    "channel_shuffle(1) -> R",
    "adaptive_avgpool(6) -> R",
    "avgpool(1) -> R",
    "maxpool(1) -> R",
    "conv(3x3, 4) -> split(2, 1) -> R",
    "a = conv(3x3, 4); split(2, 0) -> R; concat { a | identity }",
    "conv(3x3, 4) -> reshape(2, 2, -1) -> R",
    "conv(3x3, 4) -> crop(1) -> R",
    "a = conv(3x3, 4); center_crop(3) -> R; concat { a -> crop([[1, 2], [1, 2]]) | identity }",
    "conv(3x3, 4) -> pixel_shuffle(1) -> R",
    "conv(3x3, 4) -> maxout(2) -> R",
    "conv(3x3, 4) -> prelu(4) -> R",
    "conv(3x3, 4) -> locally_connected(2x2, 4) -> R",
    "conv(3x3, 4) -> lrn(3) -> R -> grn -> R -> groupnorm(2) -> R",
    "conv(3x3, 4) -> upsample(2) -> R -> upsample(1.15, mode=linear) -> R",
    "conv(3x3, 4) -> pad(1) -> R -> pad(1, mode=reflect) -> R -> pad(1, mode=replicate) -> R",
    "conv(3x3, 4) -> normalize(1, 2) -> R -> log_softmax -> R",
    "conv(3x3, 4) -> add { identity } -> R",
    "conv(3x3, 4) -> concat { identity } -> R; image",
]  # fmt: skip
BLOCK = "block b { residual { R -> conv(3x3, 4) }; R }"


def build(body: str, layer: str) -> nn.Module:
    before, body = (text.replace("R", layer) for text in (BLOCK, body))
    text = f"{before}\nmodel m {{\n    input image: [4, 6, 6]\n    {body}\n}}"
    return archlang.loads(text).to_torch()


def results(module: nn.Module, x: torch.Tensor) -> list[torch.Tensor | None]:
    """Output, gradients, and the input after the run."""
    x = x.clone().requires_grad_()
    given = x * 1
    before = given.detach().clone()
    torch.manual_seed(5)
    y = module(given)
    assert torch.equal(given, before), "the input is written over"
    wanted = [x, *module.parameters()]
    return [y.detach(), *torch.autograd.grad((y * y).sum(), wanted, allow_unused=True)]


def same(body: str, layer: str) -> None:
    drops = layer.endswith("dropout")
    inplace = f"{layer}(0.3, inplace=true)" if drops else f"{layer}(inplace=true)"
    plain = f"{layer}(0.3)" if drops else layer
    torch.manual_seed(2)
    module, other = build(body, inplace), build(body, plain)
    other.load_state_dict(module.state_dict())
    x = torch.randn(3, 4, 6, 6)
    for one, two in zip(results(module, x), results(other, x), strict=True):
        assert (one is None) == (two is None)
        if one is not None and two is not None:
            torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("body", UNSAFE)
def test_relu(body: str) -> None:
    same(body, "relu")


@pytest.mark.parametrize("layer", INPLACE[1:])
@pytest.mark.parametrize("body", UNSAFE[::4])
def test_other_layers(body: str, layer: str) -> None:
    same(body, layer)


def test_an_unsafe_layer_would_be_found() -> None:
    module, other = build("residual { R -> conv(3x3, 4) }", "relu"), nn.ReLU(inplace=True)
    (layer,) = (m for m in module.modules() if isinstance(m, nn.ReLU))
    layer.inplace = True
    assert other.inplace
    with pytest.raises((AssertionError, RuntimeError)):
        results(module, torch.randn(3, 4, 6, 6))


WRITTEN = [
    "conv(3x3, 4) -> R",
    "conv(3x3, 4) -> bn -> R",
    "conv(3x3, 4) -> R -> maxpool(2) -> conv(3x3, 4) -> R",
    "residual { conv(3x3, 4) -> bn } -> R",
    "dense { bn -> R -> conv(3x3, 4) }",
]


@pytest.mark.parametrize("body", WRITTEN)
def test_where_it_is_safe_it_is_written_in_place(body: str) -> None:
    layers = [m for m in build(body, "relu(inplace=true)").modules() if isinstance(m, nn.ReLU)]
    assert layers
    assert all(layer.inplace for layer in layers)


ACTIVATIONS = sorted(n for n, op in Op.registry.items() if issubclass(op, _Activation))


def refuses(layer: nn.Module) -> bool:
    """Whether PyTorch's autograd misses what was written over behind a layer."""
    x = torch.randn(2, 4, 6, 6, requires_grad=True)
    y = nn.functional.mish(layer(x * 1), inplace=True)
    try:
        y.sum().backward()
    except RuntimeError as error:
        return "modified by an inplace operation" in str(error)
    return False


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_are_written_over_where_autograd_lets_them_be(name: str) -> None:
    """Whether written in place themselves or not; and what comes out and its gradient stay."""
    written = [name, *([f"{name}(inplace=true)"] if "inplace" in Op.registry[name].model_fields
                       else [])]  # fmt: skip
    modules = [build(f"conv(3x3, 4) -> {layer}", "relu") for layer in written]
    refused = [refuses(list(module.modules())[-1]) for module in modules]
    assert Op.registry[name].keeps_output is any(refused)
    for layer in written:
        module = build(f"conv(3x3, 4) -> {layer} -> R", "mish(inplace=true)")
        *_, mish = (m for m in module.modules() if isinstance(m, nn.Mish))
        assert mish.inplace is not any(refused)
        same(f"conv(3x3, 4) -> {layer} -> R", "mish")


def test_what_is_asked_for_once_is_not_done_elsewhere() -> None:
    layers = [m for m in build("conv(3x3, 4) -> R", "relu").modules() if isinstance(m, nn.ReLU)]
    assert not any(layer.inplace for layer in layers)


def test_auxiliary_heads_and_outputs_are_not_written_over() -> None:
    text = """model m {
        input image: [4, 6, 6]
        a = conv(3x3, 4); h = relu(inplace=true)
        b = a -> bn; c = relu(inplace=true)
        aux a weight=1
        output b, c, h
    }"""
    module = archlang.loads(text).to_torch()
    other = archlang.loads(text.replace("(inplace=true)", "")).to_torch()
    other.load_state_dict(module.state_dict())
    x = torch.randn(2, 4, 6, 6)
    for mode in (True, False):
        found, expected = module.train(mode)(x), other.train(mode)(x)
        assert found.keys() == expected.keys()
        for name in found:
            torch.testing.assert_close(found[name], expected[name])
