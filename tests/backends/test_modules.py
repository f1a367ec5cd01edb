"""Compiled modules are PyTorch modules like others: compiled, copied, moved, saved."""

from __future__ import annotations

import copy
import gc
import io
import weakref
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import archlang
from tests.backends.networks import NAMES, inputs, network, tensors

LONG = ("densenet121", "regnet_y_400mf")
"""Networks whose compilation takes longest, and shows nothing that the others do not."""
MODES = [(name, "eval") for name in NAMES if name not in LONG]
MODES += [(name, "train") for name in ("heads", "mixed", "googlenet")]


def built(name: str, device: str | None = None) -> torch.nn.Module:
    torch.manual_seed(0)
    return network(name).to_torch(device)


# Compilation


@pytest.mark.parametrize(("name", "mode"), MODES)
def test_no_graph_break(name: str, mode: str) -> None:
    torch._dynamo.reset()
    module = getattr(built(name), mode)()
    xs = inputs(network(name))
    compiled = torch.compile(module, fullgraph=True, backend="eager")
    torch.manual_seed(1)
    found = compiled(*xs)
    torch.manual_seed(1)
    expected = module(*xs)
    for one, other in zip(tensors(found), tensors(expected), strict=True):
        assert one.shape == other.shape
        if mode == "eval":
            torch.testing.assert_close(one, other)


def test_a_graph_break_would_be_found() -> None:
    class Breaks(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            torch._dynamo.graph_break()
            return x

    with pytest.raises(Exception, match="graph_break"):
        torch.compile(Breaks(), fullgraph=True, backend="eager")(torch.zeros(2))


@pytest.mark.parametrize("name", ["unet", "siamese", "mixed"])
def test_gradients_through_a_compiled_module(name: str) -> None:
    torch._dynamo.reset()
    module = built(name).eval()
    other = copy.deepcopy(module)
    compiled = torch.compile(other, fullgraph=True, backend="aot_eager")
    for run in (module, compiled):
        run(*inputs(network(name))).square().sum().backward()
    for (key, one), two in zip(module.named_parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(one.grad, two.grad, msg=key, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", ["unet", "heads", "squeezenet1_0"])
def test_export(name: str) -> None:
    module = built(name).eval()
    xs = tuple(inputs(network(name)))
    exported = torch.export.export(module, xs).module()
    for one, other in zip(tensors(exported(*xs)), tensors(module(*xs)), strict=True):
        torch.testing.assert_close(one, other)


# Devices, formats, copies


@pytest.mark.parametrize("name", NAMES)
def test_on_the_meta_device_nothing_is_stored(name: str) -> None:
    found = network(name)
    module = found.to_torch("meta").eval()
    state = module.state_dict()
    assert all(tensor.is_meta for tensor in state.values())
    out = module(*(x.to("meta") for x in inputs(found)))
    shapes = [tuple(t.shape[1:]) for t in tensors(out)]
    assert shapes == list(found.outputs.values())
    totals = found.totals
    assert sum(p.numel() for p in module.parameters()) == totals.params
    assert sum(b.numel() for b in module.buffers()) == totals.buffers


@pytest.mark.parametrize("name", ["unet", "mixed", "resnet50", "densenet121", "convnext_tiny"])
def test_channels_last(name: str) -> None:
    module = built(name).eval()
    xs = inputs(network(name))
    with torch.no_grad():
        expected = module(*xs)
        fast = copy.deepcopy(module).to(memory_format=torch.channels_last)
        found = fast(*(x.to(memory_format=torch.channels_last) for x in xs))
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["unet", "siamese", "heads", "mixed"])
def test_copies_are_independent_and_equal(name: str) -> None:
    module = built(name).eval()
    xs = inputs(network(name))
    twin = copy.deepcopy(module)
    assert {id(p) for p in twin.parameters()}.isdisjoint(map(id, module.parameters()))
    for one, other in zip(tensors(twin(*xs)), tensors(module(*xs)), strict=True):
        assert torch.equal(one, other)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.add_(1)
    assert any(
        not torch.equal(one, other)
        for one, other in zip(tensors(twin(*xs)), tensors(module(*xs)), strict=True)
    )


@pytest.mark.parametrize("name", ["unet", "siamese", "heads", "mixed"])
def test_weights_are_saved_and_loaded(name: str) -> None:
    module, other = built(name).eval(), network(name).to_torch().eval()
    file = io.BytesIO()
    torch.save(module.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True), strict=True)
    xs = inputs(network(name))
    for one, two in zip(tensors(module(*xs)), tensors(other(*xs)), strict=True):
        assert torch.equal(one, two)


def test_two_networks_of_one_spec_share_nothing() -> None:
    found = network("unet")
    one, other = found.to_torch(), found.to_torch()
    assert {id(p) for p in one.parameters()}.isdisjoint(map(id, other.parameters()))


@pytest.mark.parametrize("batch", [1, 3, 7])
@pytest.mark.parametrize("name", ["unet", "siamese", "mixed"])
def test_any_batch(name: str, batch: int) -> None:
    found = network(name)
    (out,) = tensors(built(name).eval()(*inputs(found, batch)))
    assert out.shape == (batch, *next(iter(found.outputs.values())))


def test_samples_do_not_mix() -> None:
    for name in ("unet", "siamese", "mixed", "vit_b_16"):
        module, xs = built(name).eval(), inputs(network(name), 3)
        with torch.no_grad():
            whole = module(*xs)
            alone = torch.cat([module(*(x[i : i + 1] for x in xs)) for i in range(3)])
        torch.testing.assert_close(whole, alone, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["unet", "mixed"])
def test_half_precision(name: str) -> None:
    module = built(name).eval().to(torch.bfloat16)
    out = module(*(x.to(torch.bfloat16) for x in inputs(network(name))))
    assert out.dtype == torch.bfloat16
    assert out.isfinite().all()


# Memory


class Alive(TorchDispatchMode):
    """Counts the results of calls that are alive, and keeps the most there were at a time."""

    def __init__(self, least: int) -> None:
        super().__init__()
        self.least, self.most = least, 0
        self.made: list[weakref.ref[torch.Tensor]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        first = result[0] if isinstance(result, (tuple, list)) else result
        if isinstance(first, torch.Tensor) and first.numel() >= self.least:
            self.made.append(weakref.ref(first))
        storages = {t.untyped_storage().data_ptr() for ref in self.made if (t := ref()) is not None}
        self.most = max(self.most, len(storages))
        return result


def most_alive(body: str, before: str = "") -> int:
    """The most large tensors alive at a time, the input not counted."""
    text = f"{before}\nmodel m {{\n input image: [4, 16, 16]\n {body}\n}}"
    module = archlang.loads(text).to_torch().eval()
    x = torch.randn(2, 4, 16, 16)
    gc.disable()
    try:
        with torch.no_grad(), Alive(least=256) as alive:
            module(x)
    finally:
        gc.enable()
    return alive.most


CHAINS = [
    ("tanh; sigmoid; tanh; sigmoid; tanh; sigmoid", 2),
    ("conv(1, 4, bias=false) -> tanh -> conv(1, 4, bias=false) -> tanh x 6", 2),
    # a module's caller holds what it gave until the call is over
    ("{ a = tanh -> sigmoid } -> { b = tanh -> sigmoid } -> tanh x 5", 3),
    ("b x 6", 3),
    ("c = tanh -> b x 6", 3),
    ("residual { tanh -> sigmoid } x 6", 4),
    ("a = tanh; sigmoid x 6; add { identity | a }; tanh x 6", 3),
    ("a = tanh; b = sigmoid; c = tanh; d = sigmoid; e = tanh; tanh x 3", 2),
]


@pytest.mark.parametrize(("body", "most"), CHAINS)
def test_what_is_no_longer_needed_is_let_go(body: str, most: int) -> None:
    assert most_alive(body, "block b { tanh; sigmoid }") <= most


def test_what_is_needed_later_is_kept_and_counted() -> None:
    body = "a = tanh; b = sigmoid; c = tanh; d = sigmoid; concat { a | b | c | d }"
    assert most_alive(body) >= 4
