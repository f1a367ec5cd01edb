"""The specs against torchvision's own models: counts, keys, outputs, gradients.

A model of a spec is held against torchvision's as soon as it bears its name. Counts and keys
are compared for all; outputs and gradients for the smallest of each family, and for the others
where the slow tests are asked for.
"""

from __future__ import annotations

from itertools import groupby

import pytest
import torch
import torchvision

import archlang
from archlang.report import training_only
from tests.specs.covered import (
    MODELS,
    SPECS,
    Covered,
    ours,
    published,
    randomised,
    torchvisions,
)

WITHOUT_HEADS = {"googlenet": "its published weights were counted with the side heads taken off"}
"""Models whose published `num_params` leaves out what runs in training only, and why."""


def family(of: Covered) -> str:
    return of.file


SMALLEST = [
    min(models, key=lambda of: published(of.model)["num_params"])
    for _, models in groupby(MODELS, key=family)
]
LARGER = [of for of in MODELS if of not in SMALLEST]


def trial_size(model: str) -> int:
    """The side of an image that is quick, and not too small for the model."""
    if model.startswith("vit_"):
        return 2 * int(model.rpartition("_")[2])
    if model == "inception_v3":
        return 299  # its side head, which `min_size` leaves out, takes nothing smaller
    return int(max(64, published(model)["min_size"][0]))


@pytest.mark.parametrize("of", MODELS, ids=str)
def test_counts(of: Covered) -> None:
    figures = published(of.model)
    network = ours(of, figures["crop"])
    theirs = torchvisions(of.model, figures["crop"])
    side = training_only(network.graph) if of.model in WITHOUT_HEADS else 0
    assert network.totals.params - side == figures["num_params"]
    assert round(network.totals.macs / 1e9, 3) == figures["_ops"]
    assert network.totals.params == sum(p.numel() for p in theirs.parameters())
    assert network.totals.buffers == sum(b.numel() for b in theirs.buffers())
    keys = {k: v.shape for k, v in network.to_torch("meta").state_dict().items()}
    assert keys == {k: v.shape for k, v in theirs.state_dict().items()}


def compare(of: Covered) -> None:
    """Run both with the same weights and hold outputs and gradients against each other."""
    size = trial_size(of.model)
    theirs = randomised(torchvisions(of.model, size), seed=0).eval()
    mine = ours(of, size).to_torch("meta").to_empty(device="cpu").eval()
    mine.load_state_dict(theirs.state_dict(), strict=True)
    images = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1))
    results = []
    for module in (theirs, mine):
        output = module(images)
        output.square().mean().backward()
        grads = {n: p.grad for n, p in module.named_parameters() if p.grad is not None}
        results.append((output.detach(), grads))
    (expected, expected_grads), (output, grads) = results
    assert expected.abs().max() > 1e-3
    torch.testing.assert_close(output, expected, rtol=1e-5, atol=1e-5)
    assert grads.keys() == expected_grads.keys()
    for name, gradient in expected_grads.items():
        scale = gradient.abs().max().item() + 1e-12
        assert (grads[name] - gradient).abs().max().item() <= 1e-4 * scale, name


@pytest.mark.parametrize("of", SMALLEST, ids=str)
def test_outputs_and_gradients(of: Covered) -> None:
    compare(of)


@pytest.mark.slow
@pytest.mark.parametrize("of", LARGER, ids=str)
def test_outputs_and_gradients_of_the_larger(of: Covered) -> None:
    compare(of)


def test_the_course_is_covered() -> None:
    """What torchvision has and no spec: networks of shifted windows, and MaxViT."""
    theirs = set(torchvision.models.list_models(module=torchvision.models))
    missing = theirs - {of.model for of in MODELS}
    assert {name.partition("_")[0] for name in missing} == {"swin", "maxvit"}


def load(file: str, model: str) -> archlang.Network:
    return archlang.load(SPECS / file, model)


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


def test_a_wrong_weight_is_noticed():
    theirs = torchvision.models.resnet18().eval()
    ours = load("resnet.arch", "resnet18").to_torch().eval()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    with torch.no_grad():
        ours.get_parameter("layer3.1.conv2.weight").add_(0.01)
        images = torch.randn(1, 3, 64, 64)
        assert (ours(images) - theirs(images)).abs().max() > 1e-5
