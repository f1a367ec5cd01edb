"""Bytes kept for the backward pass: worked out by hand, published, and as PyTorch has them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import archlang
from archlang.analyses.kept import forward
from archlang.step import Low
from tests.analyses import kept_run
from tests.analyses.saved_tensors import MODES, mismatch
from tests.analyses.small import models, smallest

SPECS = Path(__file__).parents[2] / "specs"
PLAIN: tuple[tuple[Low | None, bool], ...] = ((None, False), ("bfloat16", False))
FAMILIES = {
    "alexnet", "convnext_tiny", "convnextv2_atto", "densenet40_k12", "densenet_bc100_k12",
    "efficientnet_b0", "efficientnet_v2_s", "fcn_resnet50", "googlenet", "googlenet_2014",
    "module_naive", "inception_v3", "bn_inception", "lenet5", "lenet5_valid", "mnasnet0_5",
    "mnasnet_a1", "mobilenet_v1_025_224", "mobilenet_v2", "mobilenet_v3_small",
    "preact_resnet50", "preact_resnet110", "regnet_x_400mf", "regnet_y_400mf", "resnet18",
    "resnext50_32x4d", "resnet20", "resnet50d", "resnet_rs50", "se_resnet50",
    "se_bn_inception", "shufflenet_v2_x0_5", "squeezenet1_1", "vit_b_16", "xception", "vgg11",
}  # fmt: skip
"""The smallest of each family; beside them, all models of the files that have few."""


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def network(body: str, shape: str = "3, 8, 8") -> archlang.Network:
    return archlang.loads(f"model m {{\n input image: [{shape}]\n {body}\n}}")


# Worked out by hand: bytes for a batch of 2, float32, the image without a gradient

BY_HAND = [
    # the convolution keeps the image, which is the caller's, and its weight
    ("conv(3x3, 4)", 0),
    # batch norm keeps what the convolution made, 2*4*64 values, and 2*4 statistics; relu as many
    ("conv(3x3, 4) -> bn -> relu", 4 * (512 + 8 + 512)),
    # written over, it is the same memory that relu keeps
    ("conv(3x3, 4) -> bn -> relu(inplace=true)", 4 * (512 + 8 + 512)),
    # an activation of the image has nothing to learn from
    ("relu", 0),
    ("maxpool(2x2) -> conv(1x1, 2)", 4 * 2 * 3 * 16),
    # what a pool takes, and an int64 for each value it gives
    ("conv(1x1, 4) -> maxpool(2x2)", 4 * 512 + 8 * 2 * 4 * 16),
    # both branches keep their input: once
    ("conv(1x1, 4) -> add { conv(1x1, 4) | conv(3x3, 4) }", 4 * 512),
    # both operands of a product: 2*4*64 and 2*4 values; the linear keeps its 2*4
    ("conv(1x1, 4) -> gate { global_avgpool -> linear(4) }", 4 * (512 + 8 + 8)),
    # a mask of as many values as it scales
    ("conv(1x1, 4) -> dropout(0.5)", 4 * 512),
    ("conv(1x1, 4) -> dropout(0)", 0),
    # what has been cut out of 8 x 8 still holds all of it
    ("conv(1x1, 4) -> crop(2) -> gelu", 4 * 512),
    # channels put last cannot be laid out as one axis without a copy, which the linear keeps
    ("conv(1x1, 4) -> permute(1, 2, 0) -> flatten -> linear(2)", 4 * 512),
    # two uses of one module: what each made is kept
    ("shared s = conv(1x1, 3)\n s -> s -> tanh", 4 * 2 * (2 * 3 * 64)),
]


@pytest.mark.parametrize(("body", "kept"), BY_HAND, ids=[b for b, _ in BY_HAND])
def test_by_hand(body: str, kept: int) -> None:
    built = network(body)
    assert forward(built.graph, batch=2).kept == kept
    assert mismatch(built) == ""


def test_under_autocast_by_hand() -> None:
    # copies of the image, 2*3*64 values, and of the weight, 4*3; then what relu gives, in two bytes
    built = network("conv(1x1, 4) -> relu")
    assert forward(built.graph, 2, "bfloat16").kept == 2 * (384 + 12 + 512)
    # a weight's copy is made once for all uses of it
    built = network("shared s = conv(1x1, 3)\n s -> s")
    assert forward(built.graph, 2, "bfloat16").kept == 2 * (384 + 9 + 384)


@pytest.mark.parametrize("autocast", [None, "bfloat16"])
def test_evaluation_keeps_nothing(autocast: Low | None) -> None:
    built = archlang.load(SPECS / "googlenet.arch", "googlenet")
    assert forward(built.graph, 2, autocast, training=False).kept == 0
    assert forward(built.graph, 2, autocast, training=False).of_loss == 0


def test_each_use_has_its_share() -> None:
    built = archlang.load(SPECS / "densenet.arch", "densenet121")
    found = forward(built.graph, 2)
    assert sum(found.by_run()) == found.kept
    assert min(found.by_run()) == 0


# Published: whole networks, a batch of 32 of 224 x 224, float32, with the loss's own

PUBLISHED = {
    "resnet50": 2730.2,
    "vgg16": 2328.2,
    "densenet121": 4152.8,
    "mobilenet_v2": 2483.7,
    "convnext_tiny": 3473.8,
}


@pytest.mark.parametrize(("model", "megabytes"), PUBLISHED.items())
def test_published(model: str, megabytes: float) -> None:
    (path,) = (p for p, name in models() if name == model and "resnet_d" not in p.stem)
    built = archlang.load(path, model)
    (shape,) = built.inputs.values()
    assert shape == (3, 224, 224)
    found = forward(built.graph, batch=32)
    assert round((found.kept + found.of_loss) / 1e6, 1) == megabytes


@pytest.mark.parametrize(
    ("body", "shape"), [("linear(5)", "4"), ("conv(1x1, 5)", "3, 2, 6")], ids=["classes", "pixels"]
)
@pytest.mark.parametrize("autocast", [None, "bfloat16"])
def test_the_loss(body: str, shape: str, autocast: Low | None) -> None:
    from tests.analyses.saved_tensors import casting, distinct, saving

    built = network(body, shape)
    module = built.to_torch().train()
    x = torch.randn(2, *next(iter(built.inputs.values())))
    labels = torch.zeros(2, *next(iter(built.outputs.values()))[1:], dtype=torch.int64)
    with casting(autocast), saving() as noted:
        loss = torch.nn.functional.cross_entropy(module(x), labels)
    kept = sum(distinct(noted, [x, *module.parameters()]).values())
    found = forward(built.graph, 2, autocast)
    assert loss.requires_grad
    assert found.kept + found.of_loss == kept


# The networks of the literature, and random ones


def few(path: Path) -> bool:
    return path.stem in {"siamese", "signal", "unet", "volume", "zfnet", "fcn"}


SMALL = [(p, n) for p, n in models() if n in FAMILIES or few(p)]
REST = [pair for pair in models() if pair not in SMALL]


def test_every_spec_is_among_them() -> None:
    assert {p for p, _ in SMALL} == {p for p, _ in models()} == set(SPECS.glob("*.arch"))


@pytest.mark.parametrize(("path", "model"), SMALL, ids=[n for _, n in SMALL])
def test_spec(path: Path, model: str) -> None:
    assert mismatch(smallest(path, model), modes=PLAIN) == ""


@pytest.mark.slow
@pytest.mark.parametrize(("path", "model"), REST, ids=[n for _, n in REST])
def test_every_other_model(path: Path, model: str) -> None:
    assert mismatch(smallest(path, model), modes=PLAIN) == ""


@pytest.mark.parametrize("chunk", range(3))
def test_random_networks(chunk: int) -> None:
    first = chunk * 10_000
    for seed, text, built in kept_run.accepted(100, first):
        assert not kept_run.wrong(built), f"seed {seed}:\n{kept_run.wrong(built)}\n{text}"


def test_the_long_run_reports(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kept_run.main(3) == 0
    assert f"compared in {len(MODES)} modes" in capsys.readouterr().out
    monkeypatch.setattr(kept_run, "mismatch", lambda built: "off")
    assert kept_run.main(2) == 2
    assert "seed" in capsys.readouterr().out


@pytest.mark.skipif(torch.cuda.is_available(), reason="a real device needs no fake one")
def test_cuda_as_far_as_fake_tensors_tell() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.analyses.on_cuda"],
        capture_output=True, text=True, check=False, cwd=SPECS.parent, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
