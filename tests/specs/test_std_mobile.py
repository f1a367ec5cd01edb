"""std/conv, std/se and std/mobile: what their blocks cost, and what they compute."""

from math import prod

import pytest
import torch
from torch.nn.functional import conv2d
from torchvision.models._utils import _make_divisible
from torchvision.ops import SqueezeExcitation

import archlang

USES = 'use "std/conv"\nuse "std/mobile"\nuse "std/se"\n'


def network(body: str, shape: tuple[int, ...] = (3, 32, 32)) -> archlang.Network:
    return archlang.loads(f"{USES}model m {{ input image: {list(shape)}\n{body} }}")


# The course slides: 128 filters of 3x3 on 3 channels, biases left out. They print 1,158 for the
# flattened form, where (3 + 3 + 3) * 128 is 1,152.
FORMS = [
    ("conv(3x3, 128, bias=false)", 3_456),
    ("separable(3x3, 128, norm=identity, act=identity)", 411),
    ("depthwise(3x3) -> pointwise(128)", 411),
    ("spatially_separated(3, 128, mid=3)", 3 * 3 * 3 + 3 * 3 * 128),
    ("flattened(3, 128)", 1_152),
]


@pytest.mark.parametrize(("form", "weights"), FORMS)
def test_weights_of_128_filters(form, weights):
    found = network(form)
    assert found.totals.params == weights
    assert found.totals.macs == weights * 32 * 32
    assert sum(p.numel() for p in found.to_torch("meta").parameters()) == weights


# A cheaper form is one convolution whose filters are products: which, from its weights in order.
PRODUCTS = [
    ("depthwise(3x3) -> pointwise(8)", "cxij, ocyz -> ocij"),
    ("separable(3x3, 8, norm=identity, act=identity)", "cxij, ocyz -> ocij"),
    ("spatially_separated(3, 8)", "mciy, omxj -> ocij"),
    ("flattened(3, 8)", "ocyz, oxiw, ovuj -> ocij"),
]


@pytest.mark.parametrize(("form", "product"), PRODUCTS)
def test_forms_are_convolutions(form, product):
    module = network(form, (3, 12, 10)).to_torch().double()
    image = torch.randn(2, 3, 12, 10, dtype=torch.float64)
    filters = torch.einsum(product, *module.parameters())
    assert filters.shape == (8, 3, 3, 3)
    torch.testing.assert_close(module(image), conv2d(image, filters, padding=1))


@pytest.mark.parametrize("form", ["separable(3x3, 8", "spatially_separated(3, 8", "flattened(3, 8"])
def test_forms_take_a_stride(form):
    found = network(f"{form}, stride=2)", (3, 13, 10))
    assert found.outputs == {"output": (8, 7, 5)}
    assert found.to_torch()(torch.zeros(1, 3, 13, 10)).shape == (1, 8, 7, 5)


def test_conv_bn_is_of_any_rank_and_takes_layers():
    for shape in ((3, 9), (3, 9, 9), (3, 9, 9, 9)):
        state = network("conv_bn(3, 4, act=silu)", shape).to_torch("meta").state_dict()
        assert {key.removeprefix("0.") for key in state} == {
            "0.weight",
            *(f"1.{k}" for k in ("weight", "bias", "running_mean", "running_var")),
            "1.num_batches_tracked",
        }
    bare = network("conv_bn(3x3, 4, act=identity, norm=identity)")
    assert list(bare.to_torch("meta").state_dict()) == ["0.0.weight"]


def test_depthwise_multiplies_channels():
    found = network("depthwise(3x3, multiplier=4, bias=true)")
    assert found.outputs == {"output": (12, 32, 32)}
    assert found.totals.params == 12 * (3 * 3 + 1)


@pytest.mark.parametrize("divisor", [4, 8, 16])
def test_divisible_is_torchvisions(divisor):
    widths = list(range(1, 400, 3))
    for multiplier in (0.25, 0.35, 0.5, 0.75, 1, 1.1, 1.3, 1.8):
        expected = [_make_divisible(w * multiplier, divisor) for w in widths]
        network(
            f"require [divisible(w*{multiplier}, {divisor}) for w in {widths}] == {expected}\nrelu"
        )


def test_divisible_is_exact():
    """Nine tenths of 80 are 72 and no less, so 80 comes to 72 by steps of 72; in floats too."""
    network("require divisible(80, 72) == 72 and divisible(81, 72) == 144\nrelu")


def test_se_is_the_papers():
    """Hu et al. 2018, Sec. 4: 2/r * C^2 weights a block, where biases are left out."""
    found = network("se(bias=false)", (64, 7, 7))
    assert found.totals.params == 2 * 64**2 // 16
    module = found.to_torch().double()
    x = torch.randn(2, 64, 7, 7, dtype=torch.float64)
    first, second = module.parameters()
    gates = torch.sigmoid(torch.relu(x.mean((2, 3)) @ first.T) @ second.T)
    torch.testing.assert_close(module(x), x * gates[:, :, None, None])


def test_squeeze_excite_is_torchvisions():
    theirs = SqueezeExcitation(24, 6, torch.nn.SiLU, torch.nn.Hardsigmoid).double()
    ours = network("se = squeeze_excite(6, act=silu, gate_act=hardsigmoid)", (24, 7, 5)).to_torch()
    state = {f"se.{key}": value for key, value in theirs.state_dict().items()}
    ours.double().load_state_dict(state, strict=True)
    x = torch.randn(2, 24, 7, 5, dtype=torch.float64)
    torch.testing.assert_close(ours(x), theirs(x))


def test_both_gates_are_one_function():
    linear = network("se(r=4)", (24, 7, 5)).to_torch()
    conv = network("squeeze_excite(6)", (24, 7, 5)).to_torch()
    state = {
        key: value[:, :, None, None] if value.ndim == 2 else value
        for key, value in linear.state_dict().items()
    }
    conv.load_state_dict(state, strict=True)
    x = torch.randn(2, 24, 7, 5)
    torch.testing.assert_close(conv(x), linear(x))


# What is added to what arrives: the shortcut stands where nothing changes shape.
@pytest.mark.parametrize(
    ("block", "shortcut"),
    [
        ("inverted_residual(6, 16)", True),
        ("inverted_residual(6, 24)", False),
        ("inverted_residual(6, 16, stride=2)", False),
        ("mbconv(3x3, 64, 16)", True),
        ("mbconv(3x3, 64, 16, squeeze=squeeze_excite(4))", True),
        ("mbconv(3x3, 64, 16, stride=2)", False),
        ("fused_mbconv(3x3, 64, 16)", True),
        ("fused_mbconv(3x3, 16, 16)", True),
        ("fused_mbconv(3x3, 64, 24)", False),
    ],
)
def test_shortcuts(block, shortcut):
    """With all norms at zero, what is left is the shortcut."""
    module = network(block, (16, 8, 8)).to_torch().eval()
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            if name.endswith((".weight", ".bias")) and tensor.ndim == 1:
                tensor.zero_()
        x = torch.randn(2, 16, 8, 8)
        expected = x if shortcut else torch.zeros_like(module(x))
        torch.testing.assert_close(module(x), expected)


def test_drop_leaves_the_branch_out_in_training():
    module = network("mbconv(3x3, 64, 16, drop=0.5)", (16, 4, 4)).to_torch().train()
    torch.manual_seed(0)
    x = torch.randn(64, 16, 4, 4)
    left_out = (module(x) == x).all(dim=(1, 2, 3))
    assert 16 < int(left_out.sum()) < 48
    plain = network("mbconv(3x3, 64, 16)", (16, 4, 4))
    assert not any(n.op.name == "drop_path" for n in plain.graph.nodes)


def test_costs_of_the_inverted_residual():
    """Sandler et al. 2018, Sec. 3.3: h * w * d' * t * (d' + k^2 + d'') multiply-adds."""
    h, w, d, t, k, out = 14, 14, 64, 6, 3, 96
    found = network(f"inverted_residual({t}, {out})", (d, h, w))
    assert found.totals.macs == prod((h, w, d, t, d + k**2 + out))
