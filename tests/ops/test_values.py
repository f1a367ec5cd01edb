"""What shapes do not show: each option reaches PyTorch, and the modules of our own are right."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - as everyone calls it
from torchvision.models.convnext import LayerNorm2d
from torchvision.ops import StochasticDepth

import archlang
from archlang.backends.torch import modules
from archlang.op import Op
from tests.ops.pytorch import Layer

IMAGE = (4, 6, 5)


def shuffled(x: torch.Tensor) -> torch.Tensor:
    n, c, h, w = x.shape
    return x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)


def spread(x: torch.Tensor, factor: int) -> torch.Tensor:
    """Each group of channels as squares, position by position."""
    rows = [torch.stack(group.unbind(1), -1) for group in x.split(factor, 1)]
    n, h, w, _ = rows[0].shape
    return torch.stack(rows, 2).reshape(n, 1, h * factor, w * factor)


EXPECTED: list[tuple[str, dict[str, Any], Callable[[torch.Tensor], torch.Tensor]]] = [
    ("maxpool", {"kernel": 3, "stride": 2, "pad": 1}, lambda x: F.max_pool2d(x, 3, 2, 1)),
    ("maxpool", {"kernel": 2, "dilation": 2}, lambda x: F.max_pool2d(x, 2, 2, 0, 2)),
    ("maxpool", {"kernel": 2, "ceil": True}, lambda x: F.max_pool2d(x, 2, ceil_mode=True)),
    ("avgpool", {"kernel": 2, "pad": 1}, lambda x: F.avg_pool2d(x, 2, 2, 1)),
    (
        "avgpool",
        {"kernel": 3, "stride": 2, "pad": 1, "ceil": True, "count_include_pad": False},
        lambda x: F.avg_pool2d(x, 3, 2, 1, True, False),
    ),
    ("global_avgpool", {}, lambda x: F.adaptive_avg_pool2d(x, 1).flatten(1)),
    ("global_maxpool", {}, lambda x: F.adaptive_max_pool2d(x, 1).flatten(1)),
    ("adaptive_avgpool", {"size": (2, 3)}, lambda x: F.adaptive_avg_pool2d(x, (2, 3))),
    ("adaptive_maxpool", {"size": (2, 3)}, lambda x: F.adaptive_max_pool2d(x, (2, 3))),
    ("bn", {"eps": 0.5}, lambda x: x / 1.5**0.5),
    ("layernorm", {"eps": 0.5}, lambda x: F.layer_norm(x, (5,), eps=0.5)),
    ("groupnorm", {"groups": 2, "eps": 0.5}, lambda x: F.group_norm(x, 2, eps=0.5)),
    ("instancenorm", {"eps": 0.5}, lambda x: F.instance_norm(x, eps=0.5)),
    ("instancenorm", {"eps": 0.5, "track": True}, lambda x: x / 1.5**0.5),
    ("rmsnorm", {"eps": 0.5}, lambda x: x / (x.square().mean(-1, True) + 0.5).sqrt()),
    ("rmsnorm", {"axis": 0, "eps": 0.5}, lambda x: x / (x.square().mean(1, True) + 0.5).sqrt()),
    ("grn", {}, lambda x: x),
    (
        "lrn",
        {"size": 3, "alpha": 0.5, "beta": 0.6, "k": 2},
        lambda x: F.local_response_norm(x, 3, 0.5, 0.6, 2),
    ),
    (
        "normalize",
        {"mean": [1, 2, 3, 4], "std": 2},
        lambda x: (x - torch.arange(1, 5).view(4, 1, 1)) / 2,
    ),
    ("prelu", {"init": 0.1}, lambda x: F.leaky_relu(x, 0.1)),
    ("maxout", {"pieces": 2}, lambda x: x[:, ::2].maximum(x[:, 1::2])),
    ("glu", {}, lambda x: x[:, :2] * x[:, 2:].sigmoid()),
    ("celu", {"alpha": 0.5}, lambda x: F.celu(x, 0.5)),
    ("selu", {}, F.selu),
    ("hardtanh", {"min_val": -0.5, "max_val": 2}, lambda x: x.clamp(-0.5, 2)),
    ("mish", {}, lambda x: x * F.softplus(x).tanh()),
    ("softplus", {"beta": 2, "threshold": 1}, lambda x: F.softplus(x, 2, 1)),
    ("log_sigmoid", {}, lambda x: x.sigmoid().log()),
    ("log_softmax", {}, lambda x: x.softmax(1).log()),
    ("upsample", {"scale": 2}, lambda x: x.repeat_interleave(2, 2).repeat_interleave(2, 3)),
    ("upsample", {"scale": (1, 3)}, lambda x: x.repeat_interleave(3, 3)),
    (
        "upsample",
        {"scale": [Fraction(3, 2), Fraction(4, 5)], "mode": "linear"},
        lambda x: F.interpolate(x, (9, 4), mode="bilinear"),
    ),
    (
        "upsample",
        {"size": (9, 4), "mode": "bicubic", "align_corners": True},
        lambda x: F.interpolate(x, (9, 4), mode="bicubic", align_corners=True),
    ),
    (
        "upsample",
        {"scale": 0.5, "mode": "nearest_exact"},
        lambda x: F.interpolate(x, (3, 2), mode="nearest-exact"),
    ),
    ("pixel_shuffle", {"factor": 2}, lambda x: spread(x, 2)),
    ("pad", {"amount": (2, 1), "value": 3}, lambda x: F.pad(x, (1, 1, 2, 2), value=3)),
    (
        "pad",
        {"amount": [[0, 1], [2, 3]], "mode": "reflect"},
        lambda x: F.pad(x, (2, 3, 0, 1), "reflect"),
    ),
    ("pad", {"amount": 3, "mode": "replicate"}, lambda x: F.pad(x, (3,) * 4, "replicate")),
    ("pad", {"amount": 3, "mode": "circular"}, lambda x: F.pad(x, (3,) * 4, "circular")),
    ("crop", {"amount": [[0, 1], [2, 0]]}, lambda x: x[:, :, :5, 2:]),
    ("center_crop", {"size": (2, 2)}, lambda x: x[:, :, 2:4, 1:3]),
    ("relu", {}, F.relu),
    ("leaky_relu", {}, lambda x: F.leaky_relu(x, 0.01)),
    ("leaky_relu", {"slope": 0.3}, lambda x: F.leaky_relu(x, 0.3)),
    ("elu", {"alpha": 0.5}, lambda x: F.elu(x, 0.5)),
    ("relu6", {}, lambda x: x.clamp(0, 6)),
    ("sigmoid", {}, torch.sigmoid),
    ("tanh", {}, torch.tanh),
    ("softmax", {}, lambda x: x.softmax(1)),
    ("softmax", {"axis": -1}, lambda x: x.softmax(3)),
    ("gelu", {}, F.gelu),
    ("silu", {}, lambda x: x * x.sigmoid()),
    ("hardswish", {}, lambda x: x * (x + 3).clamp(0, 6) / 6),
    ("hardsigmoid", {}, lambda x: (x + 3).clamp(0, 6) / 6),
    ("dropout", {"p": 0.9}, lambda x: x),
    ("drop_path", {"p": 0.9}, lambda x: x),
    ("channel_dropout", {"p": 0.9}, lambda x: x),
    ("alpha_dropout", {"p": 0.9}, lambda x: x),
    ("identity", {}, lambda x: x),
    ("flatten", {}, lambda x: x.flatten(1)),
    ("flatten", {"start": 1}, lambda x: x.flatten(2)),
    ("flatten", {"end": -2}, lambda x: x.flatten(1, 2)),
    ("permute", {"axes": (2, 0, 1)}, lambda x: x.permute(0, 3, 1, 2)),
    ("slice", {"start": 1, "end": -1, "axis": 1}, lambda x: x[:, :, 1:5]),
    ("reshape", {"sizes": [20, -1]}, lambda x: x.view(3, 20, 6)),
    ("split", {"parts": 3, "index": 1, "axis": 1}, lambda x: x[:, :, 2:4]),
    ("channel_shuffle", {"groups": 2}, shuffled),
    ("parameter", {"shape": [2, 1], "init": 0.5}, lambda x: torch.full((len(x), 2, 1), 0.5)),
]


@pytest.mark.parametrize(
    ("name", "fields", "expected"), EXPECTED, ids=lambda v: "torch" if callable(v) else str(v)
)
def test_values(
    name: str, fields: dict[str, Any], expected: Callable[[torch.Tensor], torch.Tensor]
) -> None:
    x = 4 * torch.randn(3, *IMAGE)
    torch.testing.assert_close(Layer(Op.registry[name](**fields), IMAGE).eval()(x), expected(x))


def test_a_vector_is_multiplied_over_all_positions() -> None:
    x, gate, column = torch.randn(3, *IMAGE), torch.randn(3, 4), torch.randn(3, 1, 6, 1)
    layer = Layer(Op.registry["mul"](), IMAGE, (4,), (1, 6, 1))
    assert torch.equal(layer(x, gate, column), x * gate[:, :, None, None] * column)


def test_branches_are_joined_in_order() -> None:
    x, y = torch.randn(3, *IMAGE), torch.randn(3, 4, 2, 5)
    layer = Layer(Op.registry["concat"](axis=1), IMAGE, (4, 2, 5))
    assert torch.equal(layer(x, y), torch.cat((x, y), 2))


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_uneven_padding(axes: int, mode: str) -> None:
    """Padding by [3, 1] is padding by 3 and leaving out what the far end adds."""
    pad, shape = 3, (2, 7, 6, 5)[: axes + 1]
    uneven = Layer(
        Op.registry["conv"](kernel=3, channels=4, pad=[[pad, 1]] * axes, pad_mode=mode), shape
    )
    even = Layer(Op.registry["conv"](kernel=3, channels=4, pad=pad, pad_mode=mode), shape)
    even.load_state_dict(uneven.state_dict())
    x = torch.randn(2, *shape)
    kept = (slice(None), slice(None), *(slice(0, -2) for _ in range(axes)))
    torch.testing.assert_close(uneven(x), even(x)[kept])


def test_layernorm_of_channels_is_convnexts() -> None:
    layer = Layer(Op.registry["layernorm"](eps=1e-6, axis=0), IMAGE)
    theirs = LayerNorm2d(4, eps=1e-6)
    theirs.load_state_dict({"weight": torch.randn(4), "bias": torch.randn(4)})
    layer.part.load_state_dict(theirs.state_dict())
    x = torch.randn(3, *IMAGE)
    assert torch.equal(layer(x), theirs(x))


def test_linear_of_channels_is_a_1x1_convolution() -> None:
    layer = Layer(Op.registry["linear"](features=7, axis=0), IMAGE)
    x, part = torch.randn(3, *IMAGE), layer.part
    convolved = F.conv2d(x, part.weight[:, :, None, None], part.bias)
    torch.testing.assert_close(layer(x), convolved)


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_drop_path_is_stochastic_depth(p: float) -> None:
    x = torch.randn(64, *IMAGE)
    torch.manual_seed(1)
    theirs = StochasticDepth(p, "row").train()(x)
    torch.manual_seed(1)
    assert torch.equal(modules.DropPath(p).train()(x), theirs)


def test_attention_is_self_attention() -> None:
    layer = Layer(Op.registry["attention"](heads=2), (5, 6)).eval()
    assert set(layer.part.state_dict()) == set(torch.nn.MultiheadAttention(6, 2).state_dict())
    x = torch.randn(3, 5, 6)
    query, key, value = (
        t.view(3, 5, 2, 3).transpose(1, 2)
        for t in F.linear(x, layer.part.in_proj_weight, layer.part.in_proj_bias).chunk(3, -1)
    )
    weights = (query @ key.transpose(-1, -2) / 3**0.5).softmax(-1)
    gathered = (weights @ value).transpose(1, 2).reshape(3, 5, 6)
    torch.testing.assert_close(layer(x), layer.part.out_proj(gathered))


def test_response_norm_of_channels_is_convnexts() -> None:
    """The formula of Woo et al. 2023, their Algorithm 1, with channels last and first."""
    x, gamma, beta = torch.randn(3, 6, 5, 4), torch.randn(4), torch.randn(4)
    gx = torch.norm(x, p=2, dim=(1, 2), keepdim=True)
    nx = gx / (gx.mean(dim=-1, keepdim=True) + 1e-6)
    expected = gamma * (x * nx) + beta + x
    for axis, order in ((2, (0, 1, 2, 3)), (0, (0, 3, 1, 2))):
        given = x.permute(order)
        layer = Layer(Op.registry["grn"](axis=axis), tuple(given.shape[1:]))
        with torch.no_grad():
            layer.part.gamma.view(-1).copy_(gamma)
            layer.part.beta.view(-1).copy_(beta)
        torch.testing.assert_close(layer(given), expected.permute(order))


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_local_weights_that_are_all_the_same_are_a_convolution(axes: int) -> None:
    shape = (2, 7, 6, 5)[: axes + 1]
    options = {"kernel": 3, "channels": 4, "stride": 2, "pad": [[1, 0]] * axes}
    conv = Layer(Op.registry["conv"](**options), shape)
    local = Layer(Op.registry["locally_connected"](**options), shape)
    weight, bias = local.part.weight, local.part.bias
    assert weight.abs().max() <= (2 * 3**axes) ** -0.5
    with torch.no_grad():
        weight.copy_(conv.part.weight.expand_as(weight))
        bias.copy_(conv.part.bias.view(4, *(1,) * axes).expand_as(bias))
    x = torch.randn(3, *shape)
    torch.testing.assert_close(local(x), conv(x))


@pytest.mark.parametrize(("takes", "axis"), [((4,), 0), ((4, 6, 5), 0), ((6, 5), -1)])
def test_drop_connect_drops_weights(takes: tuple[int, ...], axis: int) -> None:
    fields = {"features": 3, "axis": axis}
    layer = Layer(Op.registry["linear"](**fields, drop_connect=0.5), takes)
    plain = Layer(Op.registry["linear"](**fields), takes)
    assert set(layer.state_dict()) == set(plain.state_dict())
    x = torch.randn(2, *takes)
    plain.load_state_dict(layer.state_dict())
    assert torch.equal(layer.eval()(x), plain(x))
    torch.manual_seed(3)
    with torch.no_grad():
        plain.part.weight.copy_(F.dropout(plain.part.weight, 0.5))
    torch.manual_seed(3)
    assert torch.equal(layer.train()(x), plain(x))


def test_whole_channels_are_dropped() -> None:
    layer = Layer(Op.registry["channel_dropout"](p=0.5), IMAGE).train()
    kept = layer(torch.ones(40, *IMAGE)).flatten(2)
    assert torch.equal(kept.amin(2), kept.amax(2))
    assert set(kept[:, :, 0].unique().tolist()) == {0, 2}


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    torch.manual_seed(0)
    kept = Layer(Op.registry["alpha_dropout"](p=0.3), (9999,)).train()(torch.randn(20, 9999))
    assert abs(kept.mean()) < 0.02
    assert abs(kept.var() - 1) < 0.02


def test_constants_of_normalize_are_not_stored() -> None:
    layer = Layer(Op.registry["normalize"](mean=[1, 2, 3, 4], std=2), IMAGE)
    filled = layer.to("meta").to_empty(device="cpu")
    assert (filled.state_dict(), list(filled.buffers())) == ({}, [])
    expected = torch.tensor([-0.5, -1, -1.5, -2])[None, :, None, None]
    assert torch.equal(filled(torch.zeros(2, *IMAGE)), expected.expand(2, *IMAGE))


def test_a_ratio_that_floats_round_down_is_exact() -> None:
    layer = Layer(Op.registry["upsample"](scale=Fraction(115, 100)), (1, 100))
    assert layer(torch.zeros(1, 1, 100)).shape[2] == 115
    assert torch.nn.Upsample(scale_factor=1.15)(torch.zeros(1, 1, 100)).shape[2] == 114


OURS: list[tuple[str, dict[str, Any]]] = [
    ("conv", {"kernel": 3, "channels": 4, "pad": [[0, 1], [2, 0]]}),
    ("conv", {"kernel": 3, "channels": 4, "pad": [[0, 1], [2, 0]], "pad_mode": "circular"}),
    ("linear", {"features": 7, "axis": 0}),
    ("layernorm", {"axis": 0}),
    ("drop_path", {"p": 0.5}),
    ("parameter", {"shape": [3, 1]}),
    ("channel_shuffle", {"groups": 2}),
    ("global_maxpool", {}),
    ("linear", {"features": 7, "axis": 0, "drop_connect": 0.5}),
    ("locally_connected", {"kernel": 3, "channels": 4, "pad": [[0, 1], [2, 0]]}),
    ("rmsnorm", {"axis": 0}),
    ("grn", {}),
    ("lrn", {"size": 3}),
    ("maxout", {"pieces": 2}),
    ("normalize", {"mean": [1, 2, 3, 4], "std": 2}),
    ("upsample", {"scale": Fraction(23, 20)}),
    ("center_crop", {"size": 3}),
    ("split", {"parts": 2, "index": 1}),
    ("reshape", {"sizes": [8, -1]}),
]


@pytest.mark.parametrize(("name", "fields"), OURS, ids=lambda v: str(v)[:60])
def test_modules_of_our_own_run_anywhere(name: str, fields: dict[str, Any]) -> None:
    layer = Layer(Op.registry[name](**fields), IMAGE).train(name == "drop_path")
    x = torch.randn(3, *IMAGE)
    fast = layer(x.to(memory_format=torch.channels_last))
    if name != "drop_path":
        torch.testing.assert_close(fast, layer(x))
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(x).isfinite().all()
    layer.to("meta")
    assert layer(x.to("meta")).shape == fast.shape
    assert repr(layer)


@pytest.mark.parametrize("module", [
    modules.UnevenConv1d(4, 2, 3, padding=((0, 1),), padding_mode="replicate"),
    modules.UnevenConv2d(4, 2, 3, padding=((0, 1), (2, 0)), stride=2),
    modules.UnevenConv3d(4, 2, 3, padding=((0, 1), (2, 0), (1, 1)), padding_mode="circular"),
    modules.AxisLinear(4, 7, dim=1),
    modules.AxisLayerNorm(4, dim=1),
    modules.DropPath(1.0),
    modules.DropConnectLinear(4, 7, 1.0, dim=1),
    modules.AxisRMSNorm(4, dim=1),
    modules.GlobalResponseNorm(4, dim=1, ndim=4),
    modules.VolumeResponseNorm(3),
    modules.LocallyConnected(4, 2, (3, 2), (3, 4), stride=(2, 1), padding=((1, 0), (0, 0))),
    modules.RatioUpsample([(23, 20), (1, 3)], "bilinear"),
    modules.Normalize((1.0, 2.0, 3.0, 4.0), 2.0),
], ids=lambda m: type(m).__name__)  # fmt: skip
def test_modules_compile_as_one_graph(module: torch.nn.Module) -> None:
    axes = {"UnevenConv1d": 1, "UnevenConv3d": 3, "VolumeResponseNorm": 3}.get(
        type(module).__name__, 2
    )
    x = torch.randn(2, 4, 6, 5, 4)[(..., *(0,) * (3 - axes))]
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x), module(x))


@pytest.mark.parametrize("fields", OURS, ids=lambda v: str(v)[:60])
def test_they_are_exported_for_any_batch(fields: tuple[str, dict[str, Any]]) -> None:
    name, options = fields
    layer = Layer(Op.registry[name](**options), IMAGE).eval()
    batch = {0: torch.export.Dim("batch", min=1)}
    program = torch.export.export(layer, (torch.randn(3, *IMAGE),), dynamic_shapes=((batch,),))
    x = torch.randn(5, *IMAGE)
    torch.testing.assert_close(program.module()(x), layer(x))


WRITTEN_OVER = [n for n, op in Op.registry.items() if "inplace" in op.model_fields]
FIRST = [
    "conv(3x3, 4)", "bn", "sigmoid", "gelu", "maxpool(2x2)", "global_maxpool -> reshape(4, 1)",
    "parameter([4, 1])", "softmax", "attention(2)", "slice(0, 2)", "permute(0, 1)", "layernorm",
    "drop_path(0.5)", "dropout", "channel_shuffle(1)", "lrn(3)", "groupnorm(2)", "instancenorm",
    "rmsnorm", "grn", "prelu", "maxout(2)", "glu", "softplus", "mish", "log_softmax",
    "log_sigmoid", "upsample(2)", "upsample(1.15)", "pad(1)", "crop(1)", "center_crop(3)",
    "locally_connected(3x3, 4)", "normalize(1, 2)", "split(2, 0)", "reshape(4, -1)",
    "alpha_dropout", "channel_dropout", "pixel_shuffle(1)", "mul { identity | sigmoid }",
    "add { relu | identity }",
]  # fmt: skip


@pytest.mark.parametrize("first", FIRST)
@pytest.mark.parametrize("name", WRITTEN_OVER)
def test_nothing_that_is_needed_is_written_over(first: str, name: str) -> None:
    shape = "4, 6" if first in ("attention(2)", "permute(0, 1)") else "4, 6, 6"
    chain = f"{first} -> {name}"
    given = f"model m {{\n input x: [{shape}]\n {chain}"
    module = archlang.loads(f"{given}(inplace=true)\n}}").to_torch()
    other = archlang.loads(f"{given}\n}}").to_torch()
    other.load_state_dict(module.state_dict())
    x = torch.randn(3, *(int(size) for size in shape.split(",")), requires_grad=True)
    results = []
    for network in (module, other):
        torch.manual_seed(1)
        y = network(x)
        results.append((y, *torch.autograd.grad(y.square().sum(), x, allow_unused=True)))
    assert torch.equal(results[0][0], results[1][0])
    assert (results[0][1] is None) or torch.allclose(results[0][1], results[1][1], atol=1e-5)
