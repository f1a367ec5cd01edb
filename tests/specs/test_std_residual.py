"""std/resnet, stem, head, convnext, transformer and unet: what their blocks compute."""

import pytest
import torch
from torch import nn
from torch.nn import functional
from torchvision.models.segmentation import fcn_resnet50
from torchvision.transforms.functional import center_crop

import archlang
from tests.specs.covered import SPECS, randomised

STD = ("conv", "convnext", "head", "resnet", "stem", "transformer", "unet")


def network(body: str, shape: tuple[int, ...]) -> archlang.Network:
    uses = "".join(f'use "std/{name}"\n' for name in STD)
    return archlang.loads(f"{uses}model m {{ input image: {list(shape)}\n{body} }}")


def compiled(net: archlang.Network, seed: int = 0) -> nn.Module:
    return randomised(net.to_torch("meta"), seed).eval()


def images(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_zero_pad_takes_every_second_position_and_adds_empty_channels() -> None:
    """He et al. 2016, Section 4.1, option A."""
    module = compiled(network("zero_pad(32, stride=2)", (16, 9, 9)))
    x = images(2, 16, 9, 9)
    torch.testing.assert_close(module(x), functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 8, 8)))
    assert not list(module.parameters())


@torch.no_grad()
def test_project_d_takes_means_first() -> None:
    """He et al. 2019, Fig. 2 (c); at an odd side, the mean of what there is."""
    module = compiled(network("project_d(8, stride=2)", (4, 7, 7)))
    x = images(2, 4, 7, 7)
    means = functional.avg_pool2d(x, 2, ceil_mode=True, count_include_pad=False)
    _, conv, norm = (m for m in module.modules() if not list(m.children()))
    torch.testing.assert_close(module(x), norm(conv(means)))


@torch.no_grad()
@pytest.mark.parametrize("block", ["preact_basic", "preact_bottleneck"])
def test_a_preactivated_block_adds_what_arrives_untouched(block: str) -> None:
    """He et al. 2016, "Identity mappings", Fig. 1 (b): with its last weights 0, it is nothing."""
    w = 8 if block == "preact_basic" else 2
    module = compiled(network(f"{block}({w})", (8, 5, 5)))
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            convolution = layer
    convolution.weight.zero_()
    x = images(2, 8, 5, 5)
    assert torch.equal(module(x), x)


@torch.no_grad()
@pytest.mark.parametrize("block", ["preact_basic", "preact_bottleneck"])
def test_a_preactivated_block_projects_its_activation(block: str) -> None:
    module = compiled(network(f"b = {block}(4, stride=2)", (8, 6, 6)))
    state = module.state_dict()
    x = images(2, 8, 6, 6)
    last = "conv2" if block == "preact_basic" else "conv3"
    state[f"b.{last}.weight"].zero_()
    statistics = [state[f"b.norm1.{n}"] for n in ("running_mean", "running_var", "weight", "bias")]
    activated = functional.relu(functional.batch_norm(x, *statistics))
    expected = functional.conv2d(activated, state["b.downsample.conv.weight"], stride=2)
    torch.testing.assert_close(module(x), expected)


def test_the_early_stride_changes_no_weight() -> None:
    """He et al. 2016 have it in the first 1x1, torchvision in the 3x3."""
    late, early = (
        network(f"bottleneck(8, stride=2, early={word})", (16, 8, 8)) for word in ("false", "true")
    )
    assert early.outputs == late.outputs
    assert early.totals.params == late.totals.params
    assert early.totals.macs < late.totals.macs


@torch.no_grad()
def test_dilation_spreads_the_3x3() -> None:
    module = compiled(network("b = bottleneck(4, dilation=2)", (16, 9, 9)))
    convolution = dict(module.named_modules())["b.conv2"]
    assert convolution.dilation == convolution.padding == (2, 2)


def test_stems_and_heads_cost_what_they_are() -> None:
    assert network("resnet_stem", (3, 224, 224)).totals.params == 7 * 7 * 3 * 64 + 2 * 64
    assert network("patchify(16, 768)", (3, 224, 224)).totals.params == 16 * 16 * 3 * 768 + 768
    deep = 9 * (3 * 32 + 32 * 32 + 32 * 64) + 2 * (32 + 32)
    assert network("deep_stem", (3, 224, 224)).totals.params == deep
    assert network("pooled_classifier(10)", (64, 7, 7)).totals.params == 64 * 10 + 10
    fcn = 9 * 64 * 16 + 2 * 16 + 16 * 5 + 5
    assert network("fcn_head(5)", (64, 7, 7)).totals.params == fcn


@torch.no_grad()
def test_stochastic_depth_ends_every_block_that_has_it() -> None:
    for body in ("convnext_block(0.5)", "convnext_v2_block(0.5)", "se_bottleneck(4, drop=0.5)"):
        module = compiled(network(body, (16, 8, 8))).train()
        for layer in module.modules():
            if "DropPath" in type(layer).__name__:
                layer.p = 1.0
        x = images(2, 16, 8, 8).abs()
        assert torch.equal(module(x), x), body


@torch.no_grad()
def test_convnexts_layer_scale_starts_small() -> None:
    module = network("b = convnext_block", (16, 8, 8)).to_torch()
    scale = module.state_dict()["b.layer_scale"]
    assert scale.shape == (16, 1, 1)
    torch.testing.assert_close(scale, torch.full_like(scale, 1e-6))


@torch.no_grad()
def test_u_nets_parts_hold_for_any_number_of_axes() -> None:
    for axes in (1, 2, 3):
        net = network("down(8, norm=bn, bias=false)", (4, *(16,) * axes))
        assert net.outputs == {"output": (8, *(8,) * axes)}
        assert compiled(net)(images(1, 4, *(16,) * axes)).shape == (1, 8, *(8,) * axes)
        assert net.totals.params == 3**axes * (4 * 8 + 8 * 8) + 4 * 8


def u_net(state: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """Ronneberger et al. 2015, Fig. 1, in plain PyTorch."""

    def pair(x: torch.Tensor, path: str) -> torch.Tensor:
        for i in (0, 3):
            path_i = f"{path}.double_conv.{i}"
            x = functional.relu(
                functional.conv2d(x, state[f"{path_i}.weight"], state[f"{path_i}.bias"])
            )
        return x

    skips = [pair(x, "inc")]
    for i in range(1, 5):
        skips.append(pair(functional.max_pool2d(skips[-1], 2), f"down{i}.maxpool_conv.1"))
    x = skips.pop()
    for i in range(1, 5):
        x = functional.conv_transpose2d(
            x, state[f"up{i}.up.weight"], state[f"up{i}.up.bias"], stride=2
        )
        skip = center_crop(skips.pop(), list(x.shape[2:]))
        x = pair(torch.cat([skip, x], dim=1), f"up{i}.conv")
    return functional.conv2d(x, state["outc.conv.weight"], state["outc.conv.bias"])


@torch.no_grad()
def test_u_net_joins_the_middle_of_what_went_down() -> None:
    net = archlang.load(SPECS / "unet.arch", "unet", inputs={"image": (1, 188, 188)})
    module = compiled(net)
    x = images(1, 1, 188, 188)
    expected = u_net(module.state_dict(), x)
    assert expected.shape == (1, 2, 4, 4)
    assert expected.std() > 0.01
    torch.testing.assert_close(module(x), expected, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_a_siamese_pair_weighs_the_distances_of_its_codes() -> None:
    """Koch et al. 2015, Section 3.1."""
    pair = archlang.load(SPECS / "siamese.arch", "siamese").to_torch()
    codes = archlang.load(SPECS / "siamese.arch", "siamese_codes").to_torch("meta")
    state = pair.state_dict()
    shared = {key: state.pop(key) for key in codes.state_dict()}
    codes.load_state_dict(shared, strict=True, assign=True)
    left, right = images(2, 1, 105, 105), images(3, 1, 105, 105)[1:]
    found = codes(left, right)
    weight, bias = state.values()
    expected = torch.sigmoid(functional.linear((found["a"] - found["b"]).abs(), weight, bias))
    assert expected.std() > 1e-4
    torch.testing.assert_close(pair(left, right), expected)
    torch.testing.assert_close(pair(right, left), expected)


def test_fcn_resnet50_computes_what_torchvisions_does() -> None:
    with torch.device("meta"):
        theirs = fcn_resnet50(weights=None, weights_backbone=None, aux_loss=True)
    theirs = randomised(theirs, seed=0)
    net = archlang.load(SPECS / "fcn.arch", "fcn_resnet50", inputs={"image": (3, 65, 72)})
    ours = net.to_torch("meta").to_empty(device="cpu")
    ours.load_state_dict(theirs.state_dict(), strict=True)
    for module in (*theirs.modules(), *ours.modules()):
        if isinstance(module, nn.Dropout):
            module.p = 0
    x = images(2, 3, 65, 72)
    with torch.no_grad():
        expected, found = theirs.train()(x), ours.train()(x)
        torch.testing.assert_close(found["out"], expected["out"], rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(found["side"], expected["aux"], rtol=1e-5, atol=1e-5)
        expected, found = theirs.eval()(x), ours.eval()(x)
        torch.testing.assert_close(found, expected["out"], rtol=1e-5, atol=1e-5)
