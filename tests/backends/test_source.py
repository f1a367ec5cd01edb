"""Exported source computes what the compiled module computes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import archlang
from tests.backends.exported import FILES, exported, models, same_form, same_state, same_values
from tests.backends.networks import NAMES, inputs, network
from tests.properties.eager import BATCH, steady
from tests.properties.generator import network as random_network
from tests.properties.text import spec

ODD = {
    "keywords": "lambda = conv(3x3, 4); import = { conv(1x1, 4); pass = bn }; global_avgpool",
    "methods": "keys = conv(3x3, 4); items = { conv(1x1, 4) -> bn }; append = { pop = bn; bn }",
    "python": "self = conv(3x3, 4); torch = bn; nn = conv(1x1, 4); x = relu; out = conv(1x1, 4)",
    "dashes": 'for i in range(2) { b["1-", i] = conv(3x3, 4) -> relu }; linear(3, axis=0)',
    "shared": "shared s = { keys = conv(3x3, 4); bn }; s -> s; residual { s }",
    "parameters": "mul { identity | parameter([4, 1, 1], init=1) }\n"
    "scale = mul { identity | parameter([4, 1, 1], init=2) }",
    "identity": "identity; conv(3x3, 4); h = identity; add { h | h } -> identity",
    "nothing": "identity",
    "outputs": "a = conv(3x3, 4); b = a -> relu; c = a -> conv(3x3, 4) -> relu\noutput a, b, c",
    "heads": "a = conv(3x3, 4); h = { bn; conv(1x1, 4) }; g = h -> global_avgpool -> linear(3)\n"
    "aux g weight=0.5; h -> conv(3x3, 4); z = identity; output z",
    "one tensor twice": "conv(3x3, 4) -> relu; h = bn; aux h weight=0.3",
    "one tensor, two names": "a = conv(3x3, 4); b = { a }; output a, b",
    "pieces": "maxout(2) -> conv(3x3, 6) -> maxout(3) -> conv(1x1, 4)",
    "dead": "unused = { conv(3x3, 4) -> bn }; image -> conv(1x1, 4)",
    "parts": "residual { conv(3x3, 4) | skip = conv(1x1, 4) } -> conv(3x3, 4) -> flatten",
    "rank": "global_avgpool -> linear(6) -> relu",
}
"""Bodies with labels and forms that source has to take care with."""

BLOCKS = {
    "cases": (
        "block b(c, s = 1) { let inner = c * 2 + s\n residual { conv(3x3, inner) -> relu ->"
        " conv(3x3, c, stride=s) | if s > 1 { conv(1x1, c, stride=s) } else { conv(1x1, c) } } }",
        "b(4) -> b(4, 2) -> b(8, 2) -> b(8)",
    ),
    "loops": (
        'block b(n) { for i in range(n) { for j in range(2) { u[i, "_", j] = conv(3x3, 4) } } }',
        "b(3) -> b(1) -> b(2)",
    ),
    "lists": ("block b(ws) { for w in ws { conv(3x3, w) -> bn } }", "b([4, 8]) -> b([4]) -> b([])"),
    "branches in a loop": (
        "block b(ws) { for w in ws { residual { conv(3x3, w) -> conv(1x1, 4) | conv(1x1, 4) } } }",
        "b([4, 8]) -> b([4]) -> b([2, 3, 4])",
    ),
    "copies": ("block b(k = 1) { conv(3x3, 4) x k -> relu }", "b x 3 -> b(2) x 2 -> b(4)"),
    "layers": (
        "block b(act) { conv(3x3, 4) -> act }",
        "b(relu) -> b(sigmoid) -> b(bn) -> b(identity)",
    ),
    "blocks": (
        "block b(inner) { residual { inner -> bn } }\nblock c(w) { conv(3x3, w) -> conv(1x1, 4) }",
        "b(b(conv(3x3, 4))) -> b(c(8)) -> b(relu)",
    ),
    "kernels": ("block b(k) { conv(k, 4) }", "b([1, 3]) -> b([3, 1]) -> b(3x3) -> b(5)"),
    "sequences in sequences": (
        "block b(n) { t = { u = bn -> { relu; conv(3x3, 4) } x n -> conv(3x3, 5)\n conv(3x3, 4) }\n"
        "v = bn -> { bn; conv(3x3, 4) } x n -> bn; residual { bn } }",
        "b(2) -> b(3)",
    ),
    "parts": ("block b(n) { a = conv(3x3, n); g = { p = relu; q = conv(3x3, n) }\n"
              "concat { a | g | identity } }", "b(2) -> b(3)"),
    "names": (
        "block conv2d { conv(3x3, 4) }\nblock sequential { conv(3x3, 4) }\n"
        "block ordered_dict { a = conv(3x3, 4) }\nblock tensor(x, self, Torch = 4) {\n"
        "conv(3x3, x) -> conv(1x1, self) -> conv(1x1, Torch) }",
        "conv2d -> sequential -> ordered_dict -> tensor(4, 5) -> tensor(5, 6)",
    ),
    "functions": (
        "let even(v, d = 2) = max(d, floor(v / d) * d)\nblock b(t) : [C, H, W] -> [C, H, W] {\n"
        "let e = even(t*C)\nconv(1x1, e) -> bn -> conv(3x3, C) }",
        "b(1.6) -> b(2.9) -> conv(1x1, 6) -> b(0.7)",
    ),
    "slices": (
        "block b(n) : [C, H, W] -> [C, H, W] { concat { slice(0, n) -> bn | slice(n, C) } }",
        "b(1) -> b(3) -> conv(1x1, 6) -> b(2)",
    ),
}  # fmt: skip
"""Blocks whose uses differ in what source has to find a common form for."""

INPUTS = [
    "model two { input left: [4]\n input self: [4]\n input torch: [4]\n"
    " concat { left | self | torch } -> linear(2) }",
    "model Tensor { input lambda: [4]\n input in_: [4]\n add { lambda | in_ } -> linear(2) }",
    "model module { input x: [4, 8]\n attention(2) -> conv(3, 5) }",
]


def one(body: str, before: str = "") -> archlang.Network:
    return archlang.loads(f"{before}\nmodel m {{\n input image: [4, 12, 12]\n {body}\n}}")


# What it computes


@pytest.mark.parametrize("file", FILES, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_keys_and_shapes_of_every_model(file: Path) -> None:
    for found in models(file):
        same_state(found)


@pytest.mark.parametrize("file", FILES, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_outputs_in_both_modes(file: Path) -> None:
    same_form(models(file)[0])


@pytest.mark.parametrize("name", NAMES)
def test_values(name: str) -> None:
    found = network(name)
    same_values(found, inputs(found))
    same_form(found)


@pytest.mark.parametrize("body", ODD.values(), ids=ODD)
def test_odd_labels_and_forms(body: str) -> None:
    found = one(body)
    same_state(found)
    same_form(found)
    same_values(found, inputs(found))


@pytest.mark.parametrize(
    "body",
    [
        "sub { relu | add { tanh | sigmoid } }",
        "sub { add { relu | tanh } | sub { tanh | sigmoid } }",
        "mul { sub { relu | tanh } | add { relu | sigmoid } }",
        "sub { relu | mul { tanh | sigmoid } } -> absolute",
        "add { tanh | sub { relu | sigmoid } }",
        "mul { relu | s = parameter([4, 1, 1], init=2) }",
        "mul { relu | s = parameter([4], init=2) }",
        "add { s = parameter([4, 12, 12], init=2) | t = parameter([4, 12, 12]) } -> conv(1x1, 2)",
        "add { identity | s = parameter([4, 12, 12], init=2, batch=true) }",
    ],
)
def test_arithmetic_is_done_in_the_order_of_the_spec(body: str) -> None:
    found = one(body)
    same_state(found)
    same_values(found, inputs(found))


@pytest.mark.parametrize(("before", "body"), BLOCKS.values(), ids=BLOCKS)
def test_blocks_whose_uses_differ(before: str, body: str) -> None:
    found = one(body, before)
    same_state(found)
    same_form(found)
    same_values(found, inputs(found))


@pytest.mark.parametrize("text", INPUTS)
def test_inputs_and_models_of_any_name(text: str) -> None:
    found = archlang.loads(text)
    same_state(found)
    same_values(found, inputs(found))


@pytest.mark.parametrize("seed", range(60))
def test_random_networks(seed: int) -> None:
    text = spec(random_network(seed), seed)
    try:
        found = archlang.loads(text)
    except archlang.ArchError:
        return  # a network made to be refused: others are not
    torch.manual_seed(seed)
    same_state(found)
    with steady():
        same_values(found, [torch.randn(BATCH, *s) for s in found.inputs.values()])


def test_gradients() -> None:
    found = network("mixed")
    other = found.to_torch().eval()
    own = exported(found.to_source()).eval()
    own.load_state_dict(other.state_dict())
    for module in (own, other):
        module(*inputs(found)).square().sum().backward()
    for (name, a), b in zip(own.named_parameters(), other.parameters(), strict=True):
        assert a.grad is not None
        assert torch.equal(a.grad, b.grad), name


def test_a_difference_would_be_found() -> None:
    found = network("unet")
    text = found.to_source()
    assert "nn.ReLU()" in text

    class Other(archlang.Network):
        def __init__(self, source: str) -> None:
            self.__dict__ |= vars(found)
            self.text = source

        def to_source(self) -> str:
            return self.text

    with pytest.raises(AssertionError):
        same_values(Other(text.replace("nn.ReLU()", "nn.GELU()")), inputs(found))
    with pytest.raises(AssertionError):
        same_state(Other(text.replace("d1", "d3")))


# What it may be given


def test_parameters_of_a_model_that_stand_alone_are_arguments() -> None:
    resnet = archlang.load(FILES[0].parents[1] / "specs/resnet.arch", "resnet18")
    with torch.device("meta"):
        module = exported(resnet.to_source(), classes=7)
        assert module(torch.zeros(2, 3, 64, 64)).shape == (2, 7)


@pytest.mark.parametrize(
    "body",
    [
        "conv(3x3, width) -> relu -> conv(1x1, 3)",  # the next layer's size follows from it
        "conv(3x3, width) -> conv(1x1, 2*width)",
        "conv(3x3, 8) -> relu x width",
        "if width > 4 { conv(3x3, 8) }; conv(3x3, width)",
    ],
)
def test_other_parameters_are_not(body: str) -> None:
    text = f"model m(width = 8) {{\n input image: [4, 12, 12]\n {body}\n}}"
    assert "width" not in archlang.loads(text).to_source()


# On its own


def test_it_runs_where_archlang_is_not(tmp_path: Path) -> None:
    (tmp_path / "exported.py").write_text(network("mixed").to_source())
    code = (
        "import sys; sys.path.pop(0) if sys.path[0] == '' else None\n"
        f"sys.path.insert(0, {str(tmp_path)!r}); sys.modules['archlang'] = None\n"
        "import torch, exported; print(tuple(exported.Mixed()(torch.zeros(2, 4, 16, 16)).shape))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "(2, 3)", done.stderr


def test_random_numbers_are_drawn_alike() -> None:
    found = network("mixed")
    other, own = found.to_torch(), exported(found.to_source())
    own.load_state_dict(other.state_dict())
    results = []
    for module in (own, other):
        torch.manual_seed(4)
        results.append(module(*inputs(found)))
    assert torch.equal(*results)


def test_it_compiles() -> None:
    torch._dynamo.reset()
    module: nn.Module = exported(network("unet").to_source()).eval()
    xs = inputs(network("unet"))
    compiled = torch.compile(module, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(*xs), module(*xs))
