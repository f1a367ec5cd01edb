"""The specs against torchvision's own models: counts, keys, outputs, gradients."""

from pathlib import Path

import pytest
import torch
import torchvision

import archlang

SPECS = Path(__file__).parents[2] / "specs"

MODELS = {
    "resnet.arch": [
        "resnet18",
        "resnet34",
        "resnet50",
        "resnet101",
        "resnet152",
        "wide_resnet50_2",
        "wide_resnet101_2",
        "resnext50_32x4d",
        "resnext101_32x8d",
    ],
    "vgg.arch": [f"vgg{n}{norm}" for n in (11, 13, 16, 19) for norm in ("", "_bn")],
}
PAIRS = [(file, model) for file, models in MODELS.items() for model in models]


def load(file: str, model: str) -> archlang.Network:
    return archlang.load(SPECS / file, model)


@pytest.mark.parametrize(("file", "model"), PAIRS)
def test_counts(file, model):
    published = torchvision.models.get_model_weights(model).DEFAULT.meta
    network = load(file, model)
    with torch.device("meta"):
        theirs = getattr(torchvision.models, model)()
    assert network.totals.params == published["num_params"]
    assert round(network.totals.macs / 1e9, 3) == published["_ops"]
    assert network.totals.buffers == sum(b.numel() for b in theirs.buffers())
    keys = {k: v.shape for k, v in network.to_torch("meta").state_dict().items()}
    assert keys == {k: v.shape for k, v in theirs.state_dict().items()}


def test_resnet50_has_53173_buffer_scalars():
    assert load("resnet.arch", "resnet50").totals.buffers == 53_173


def test_vgg16_is_the_slides():
    """15 M neurons, 553 MB of parameters: the account that courses give."""
    totals = load("vgg.arch", "vgg16").totals
    assert totals.params == 138_357_544
    assert round(totals.neurons / 1e6, 1) == 15.1
    assert round(totals.params * 4 / 1e6) == 553
    plain = archlang.loads(
        (SPECS / "vgg.arch").read_text().replace("relu(inplace=true)", "relu"), "vgg16"
    )
    assert round(plain.totals.neurons / 1e6, 1) == 28.7


def randomised(module: torch.nn.Module, seed: int) -> torch.nn.Module:
    """Weights and statistics at which no output over- or underflows."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 1.5, generator=generator)
            elif name.endswith(("running_mean", "bias")):
                tensor.uniform_(-0.1, 0.1, generator=generator)
            elif tensor.ndim == 1:
                tensor.uniform_(0.2, 0.6, generator=generator)
            elif tensor.ndim > 1:
                bound = (6 / tensor[0].numel()) ** 0.5
                tensor.uniform_(-bound, bound, generator=generator)
    return module


@pytest.mark.parametrize(("file", "model"), PAIRS)
def test_outputs_and_gradients(file, model):
    with torch.device("meta"):
        theirs = getattr(torchvision.models, model)()
    theirs = randomised(theirs.to_empty(device="cpu"), seed=0).eval()
    ours = load(file, model).to_torch("meta").to_empty(device="cpu").eval()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    results = []
    for module in (theirs, ours):
        output = module(images)
        output.square().mean().backward()
        results.append((output.detach(), {n: p.grad for n, p in module.named_parameters()}))
    (expected, expected_grads), (output, grads) = results
    assert expected.abs().max() > 1e-3
    torch.testing.assert_close(output, expected, rtol=1e-5, atol=1e-5)
    for name, gradient in expected_grads.items():
        scale = gradient.abs().max().item() + 1e-12
        assert (grads[name] - gradient).abs().max().item() <= 1e-4 * scale, name


def test_a_wrong_weight_is_noticed():
    theirs = torchvision.models.resnet18().eval()
    ours = load("resnet.arch", "resnet18").to_torch().eval()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    with torch.no_grad():
        ours.get_parameter("layer3.1.conv2.weight").add_(0.01)
        images = torch.randn(1, 3, 64, 64)
        assert (ours(images) - theirs(images)).abs().max() > 1e-5
