"""What layers are called in PyTorch and Keras: the names, the order of arguments, the defaults."""

from __future__ import annotations

import inspect
from collections import Counter

import pytest
import torch

import archlang
from archlang import ops  # noqa: F401 - the layers register themselves
from archlang.diagnostic import Fix
from archlang.elaborate import elsewhere
from archlang.op import Op
from tests.elaborate.checks import error, model

NAMES = [
    ("Conv2d", "conv"), ("Conv1D", "conv"), ("conv2d", "conv"),
    ("ConvTranspose2d", "conv_transpose"),
    ("Conv2DTranspose", "conv_transpose"), ("deconv", "conv_transpose"), ("fc", "linear"),
    ("Dense", "linear"), ("BatchNorm2d", "bn"), ("batch_norm", "bn"), ("BatchNormalization", "bn"),
    ("LayerNorm", "layernorm"), ("GroupNorm", "groupnorm"), ("swish", "silu"), ("SiLU", "silu"),
    ("h_swish", "hardswish"), ("LeakyReLU", "leaky_relu"), ("lrelu", "leaky_relu"),
    ("Dropout", "dropout"), ("Dropout2d", "channel_dropout"),
    ("SpatialDropout2D", "channel_dropout"),
    ("AdaptiveAvgPool2d", "adaptive_avgpool"), ("GlobalAveragePooling2D", "global_avgpool"),
    ("gap", "global_avgpool"), ("MaxPooling2D", "maxpool"), ("cat", "concat"),
    ("MultiheadAttention", "attention"), ("ZeroPad2d", "pad"), ("UpSampling2D", "upsample"),
    ("frobnicate", None), ("lstm", None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "layer"), NAMES)
def test_names(name: str, layer: str | None) -> None:
    found = elsewhere.layer(name)
    assert (found.name if found else None) == layer


def test_no_two_layers_are_called_alike() -> None:
    known = Counter(k for op in Op.registry.values() for k in op.__dict__.get("known_as", ()))
    assert [k for k, often in known.items() if often > 1] == []
    assert {k for k in known if k in Op.registry} == {"dense"}  # Keras's, and DenseNet's merge


MODULES = {
    "conv": "Conv2d", "conv_transpose": "ConvTranspose2d", "linear": "Linear", "bn": "BatchNorm2d",
    "groupnorm": "GroupNorm", "instancenorm": "InstanceNorm2d", "layernorm": "LayerNorm",
    "rmsnorm": "RMSNorm", "maxpool": "MaxPool2d", "avgpool": "AvgPool2d", "softmax": "Softmax",
    "log_softmax": "LogSoftmax", "flatten": "Flatten", "glu": "GLU",
}  # fmt: skip


@pytest.mark.parametrize("name", [n for n, op in Op.registry.items() if op.torch_takes])
def test_arguments_stand_as_pytorch_takes_them(name: str) -> None:
    """Where a default is said it is PyTorch's; where none is said it is the same as ours."""
    op, module = Op.registry[name], getattr(torch.nn, MODULES[name])
    takes = [p.partition("=") for p in op.torch_takes.split()]
    theirs = inspect.signature(module).parameters
    assert list(theirs)[: len(takes)] == [n for n, _, _ in takes]
    own = {p.name: p for p in op.parameters()}
    for theirs_name, _, said in takes:
        default = theirs[theirs_name].default
        mine = own.get(elsewhere.parameter(theirs_name, own) or theirs_name)
        if said:
            assert said == str(default)
        elif mine is not None and not mine.required:
            if theirs_name in elsewhere.AXES and default is not None:
                default = int(elsewhere.axis(str(default)) or 0)
            assert mine.default == default or {mine.default, default} == {None, 0}


@pytest.mark.parametrize(("call", "written"), [
    ("Conv2d(3, 64, 3)", "conv(3, 64, pad=0)"),
    ("Conv2d(3, 64, kernel_size=3, padding=1, stride=2)", "conv(3, 64, stride=2, pad=1)"),
    ("Conv2d(in_channels=3, out_channels=8, kernel_size=1, bias=False)",
     "conv(1, 8, pad=0, bias=false)"),
    ("Conv2D(8, 3, activation=\"relu\")", "conv(3, 8, pad=valid) -> relu"),
    ("Conv2D(filters=8, kernel_size=3, padding=\"same\")", "conv(3, 8, pad=same)"),
    ("BatchNorm2d(3)", "bn"), ("MaxPool2d(2, 2)", "maxpool(2, stride=2)"),
    ("GroupNorm(3, 3)", "groupnorm(3)"), ("LocalResponseNorm(5)", "lrn(5)"),
    ("conv(3, 8, kernel_size=3, padding=1)", "conv(3, 8, pad=1)"),
    ("conv(filters=8, kernel_size=3)", "conv(3, 8)"),
    ("conv(8, 3x3)", "conv(3x3, 8)"),
    ("flatten -> linear(192, 10)", "linear(10)"),
    ("conv(3x3, 8, relu)", "conv(3x3, 8) -> relu"),
    ("conv(3x3, 8, activation=relu)", "conv(3x3, 8) -> relu"),
    ("flatten -> Linear(192, 10)", "linear(10)"),
    ("flatten -> dense(10)", "linear"),
    ("softmax(dim=1)", "softmax(axis=0)"), ("softmax(dim=-1)", "softmax(axis=-1)"),
    ("log_softmax(dim=3)", "log_softmax(axis=2)"), ("Softmax(2)", "softmax(axis=1)"),
    ("flatten(start_dim=1)", "flatten(start=0)"), ("Flatten(2)", "flatten(start=1)"),
    ("Flatten(start_dim=1, end_dim=-1)", "flatten(start=0, end=-1)"),
    ("conv(1x1, 4) -> GLU()", "glu(axis=-1)"), ("conv(1x1, 4) -> GLU(1)", "glu(axis=0)"),
])  # fmt: skip
def test_a_use_of_theirs_is_written_as_ours(call: str, written: str) -> None:
    """And holds so, with the network that PyTorch would build."""
    text = model(call, shape="[3, 8, 8]")
    (fix,) = (f for f in error(text).fixes if f.text == f"write `{written}`")
    assert archlang.loads(_made(text, fix))


@pytest.mark.parametrize("body", [
    "softmax(dim=0)", "softmax(dim=one)", "flatten(start_dim=0)", "Softmax(dim=0)",
])  # fmt: skip
def test_the_batch_is_no_axis(body: str) -> None:
    """And no fix makes another axis of it."""
    found = error(model(f"let one = 1\n    {body}"))
    assert not [f for f in found.fixes if "axis" in f.text or "start" in f.text]


@pytest.mark.parametrize(("call", "theirs"), [
    ("softmax(dim=2)", torch.nn.Softmax(dim=2)), ("flatten(start_dim=2)", torch.nn.Flatten(2)),
    ("glu(dim=-1)", torch.nn.GLU(dim=-1)), ("Softmax(dim=3)", torch.nn.Softmax(3)),
])  # fmt: skip
def test_an_axis_of_theirs_is_the_same_axis(call: str, theirs: torch.nn.Module) -> None:
    text = model(call, shape="[3, 8, 8]")
    ours = archlang.loads(_made(text, error(text).fixes[0])).to_torch()
    x = torch.randn(2, 3, 8, 8)
    assert torch.equal(ours(x), theirs(x))


def _made(text: str, fix: Fix) -> str:
    for edit in sorted(fix.edits, key=lambda e: -e.span.start):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text


@pytest.mark.parametrize(("body", "written"), [
    ("a = conv(3x3, 3); relu(a)", "a -> relu"),
    ("a = conv(3x3, 3); maxpool(a, 2x2)", "a -> maxpool(2x2)"),
    ("a = conv(3x3, 3); b = relu; add(a, b)", "add { a | b }"),
    ("a = conv(3x3, 3); b = relu; concat([a, b])", "concat { a | b }"),
    ("residual(conv(3x3, 3))", "residual { conv(3x3, 3) }"),
    ("concat(conv(3x3, 3), conv(1x1, 4))", "concat { conv(3x3, 3) | conv(1x1, 4) }"),
    ("concat([relu, conv(1x1, 4)])", "concat { relu | conv(1x1, 4) }"),
    ("a = conv(3x3, 3); add(a, conv(1x1, 3))", "add { a | conv(1x1, 3) }"),
    ("add(conv(1x1, 3))", "add { identity | conv(1x1, 3) }"),
])  # fmt: skip
def test_tensors_as_arguments(body: str, written: str) -> None:
    text = model(body)
    (fix,) = error(text).fixes
    assert fix.text == f"write `{written}`"
    assert archlang.loads(_made(text, fix))


def test_a_name_used_several_times_is_mended_at_all_its_places() -> None:
    text = model("flatten; fc(20) -> relu -> fc(10)")
    (fix,) = error(text).fixes
    assert "linear(20) -> relu -> linear(10)" in _made(text, fix)


def test_a_short_name_is_no_slip_of_another() -> None:
    assert error(model("relu x a")).span.text == "a"


@pytest.mark.parametrize(("body", "said"), [
    ("require accuracy >= 0.9", "figures of a network are params, buffers, macs"),
    ("relu : [N, 3, 8, 8]", "shapes leave the batch out"),
    ("relu : [None, 3, 8, 8]", "shapes leave the batch out"),
    ("relu : [-1, 3, 8, 8]", "shapes leave the batch out"),
    ("lstm(3)", "`archlang ops` lists the layers"),
])  # fmt: skip
def test_what_is_said_instead(body: str, said: str) -> None:
    found = error(model(body))
    assert said in f"{found.help} {' '.join(found.notes)}"


def test_a_batch_in_an_input() -> None:
    assert error(model("relu", shape="[N, 3, 8, 8]")).notes == ("shapes leave the batch out",)
