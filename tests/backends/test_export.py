"""Exported programs and ONNX give what the module gives, also at sizes that nobody tried."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import pytest
import torch

import archlang
from archlang.analyses.varying import Axis
from archlang.backends.torch import export as backend
from archlang.backends.torch.export import ExportError, agree, export, onnxruntime, write_onnx
from tests.backends.networks import HEADS, MIXED, SIAMESE, UNET, tensors
from tests.syntax.sketches import SKETCHES

PAIR = """
model pair {
    input left: [2, H=12, W=8]
    input right: [2, H, V=10]
    concat(axis=2) { left | right }
    conv(3x3, 4) -> drop_path(0.5) -> bn -> relu
}
"""
SMALL = {"unet": UNET, "siamese": SIAMESE, "heads": HEADS, "mixed": MIXED, "pair": PAIR}
SKETCHED = {
    "convnext": ("convnext_tiny", 64),
    "densenet": ("densenet121", 64),
    "efficientnet": ("efficientnet_b0", 64),
    "googlenet": ("googlenet", 64),
    "inception": ("inception_v3", 96),
    "mnasnet": ("mnasnet1_0", 64),
    "mobilenet": ("mobilenet_v3_small", 64),
    "regnet": ("regnet_y_400mf", 64),
    "resnet": ("resnet50", 64),
    "resnet_d": ("resnet50d", 64),
    "senet": ("se_resnet50", 64),
    "shufflenet": ("shufflenet_v2_x1_0", 64),
    "squeezenet": ("squeezenet1_0", 64),
    "vit": ("vit_b_16", 32),
    "xception": ("xception", 96),
}
"""Of each sketch one model, and a size at which it is quick."""
QUICK = ("squeezenet",)
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in SKETCHED if name not in QUICK]


def made(name: str) -> archlang.Network:
    if name in SMALL:
        return archlang.loads(SMALL[name])
    model, size = SKETCHED[name]
    return archlang.load(SKETCHES[name], model, inputs={"image": (3, size, size)})


def test_every_sketch_is_here() -> None:
    assert set(SKETCHED) == set(SKETCHES)


@pytest.mark.parametrize("name", [*SMALL, *QUICK, *SLOW])
def test_outputs_are_the_modules(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = made(name)
    module = network.to_torch().eval()
    varying = network.varying()
    exported = export(module, network.inputs, varying)
    assert set(exported.free) == {axis for axis in varying if axis.step}
    assert not exported.fixed
    file = tmp_path / "net.onnx"
    assert write_onnx(exported, list(network.inputs), list(network.outputs), file) == [file]
    run = onnxruntime(file, list(network.inputs))
    assert run is not None
    agree(exported, module, run)
    program = exported.program.module()
    given = elsewhere(network, varying)
    with torch.no_grad():
        expected = tensors(module(*given))
    for found in (run(given), tensors(program(*given))):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def elsewhere(network: archlang.Network, varying: list[Axis]) -> list[torch.Tensor]:
    """Inputs of a batch and of sizes that an export is not tried with."""
    sizes = {(a.input, a.axis): a.size + (3 + a.axis) * a.step for a in varying}
    named = {a.name: (a.input, a.axis) for a in reversed(varying) if a.name}
    shapes = [
        [sizes[named.get(a.name, (a.input, a.axis))] for a in varying if a.input == name]
        for name in network.inputs
    ]
    return [torch.randn(5, *shape) for shape in shapes]


def test_onnx_bears_the_specs_names_and_no_places(tmp_path: Path) -> None:
    network = made("pair")
    exported = export(network.to_torch().eval(), network.inputs, network.varying())
    file = tmp_path / "pair.onnx"
    write_onnx(exported, list(network.inputs), ["joined"], file)
    graph = onnx.load(file).graph

    def sizes(value: onnx.ValueInfoProto) -> list[str | int]:
        return [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]

    assert {v.name: sizes(v) for v in graph.input} == {
        "left": ["batch", 2, "H", "W"],
        "right": ["batch", 2, "H", "V"],
    }
    (joined,) = graph.output
    assert (joined.name, sizes(joined)[:3]) == ("joined", ["batch", 4, "H"])
    assert str(Path(torch.__file__).parent).encode() not in file.read_bytes()


def test_a_size_of_one_where_traced_is_no_constant() -> None:
    """Below 33 pixels, five strides leave one."""
    network = archlang.loads(
        "model m { input x: [3, H=16, W=16]; { conv(3x3, 4, stride=2) -> bn -> relu } x 5;"
        " global_avgpool -> linear(2) }"
    )
    exported = export(network.to_torch().eval(), network.inputs, network.varying())
    assert [axis.name for axis in exported.free] == ["H", "W"]
    assert set(exported.free.values()) == {1}


def test_sizes_that_the_exporter_bounds_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "_bounds", lambda p, i, a: (2, 48 if a.name == "H" else None))
    network = made("unet")
    exported = export(network.to_torch().eval(), network.inputs, network.varying())
    assert [axis.name for axis in exported.free] == ["W"]
    ((axis, reason),) = exported.fixed.items()
    assert axis.name == "H"
    assert "takes sizes up to 48 only" in reason
    program = exported.program.module()
    assert program(torch.zeros(1, 3, 32, 40)).shape == (1, 2, 32, 40)


def test_sizes_that_the_exporter_refuses_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    real = torch.export.export

    def no_height(*args: Any, dynamic_shapes: Any, **options: Any) -> Any:
        if 2 in dynamic_shapes[0]:
            raise NotImplementedError("an inequality that cannot be solved")
        return real(*args, dynamic_shapes=dynamic_shapes, **options)

    monkeypatch.setattr(torch.export, "export", no_height)
    network = made("unet")
    exported = export(network.to_torch().eval(), network.inputs, network.varying())
    assert {a.name: why for a, why in exported.fixed.items()} == {"H": backend.NO_OTHER}
    assert [axis.name for axis in exported.free] == ["W"]


def test_what_the_exporter_changes_is_no_export(monkeypatch: pytest.MonkeyPatch) -> None:
    network = made("heads")
    module = network.to_torch().eval()
    real = torch.export.export

    def changed(module: torch.nn.Module, *args: Any, **options: Any) -> Any:
        other = network.to_torch().eval()
        return real(other, *args, **options)

    monkeypatch.setattr(torch.export, "export", changed)
    with pytest.raises(ExportError, match="does not keep what it computes"):
        export(module, network.inputs, network.varying())


def test_what_runs_otherwise_is_noticed() -> None:
    network = made("siamese")
    module = network.to_torch().eval()
    exported = export(module, network.inputs, network.varying())
    agree(exported, module, lambda xs: tensors(module(*xs)))
    with pytest.raises(ExportError, match=r"other outputs than the module at \[2, 1, 33, 33\]"):
        agree(exported, module, lambda xs: [t + 1e-3 for t in tensors(module(*xs))])


def test_what_differs_at_smaller_sizes_alone_is_open_from_the_specs_on() -> None:
    network = made("pair")
    module = network.to_torch().eval()
    exported = export(module, network.inputs, network.varying())
    usual = {axis: axis.size for axis in exported.free}
    assert exported.free != usual

    def run(given: list[torch.Tensor]) -> list[torch.Tensor]:
        return [t + (given[0].shape[3] < 8) for t in tensors(module(*given))]

    agree(exported, module, run)
    assert exported.free == usual
    assert [shapes[0] for shapes in exported.tried] == [(2, 2, 12, 8), (1, 2, 13, 9)]


def test_nothing_is_left_changed(capfd: pytest.CaptureFixture[str]) -> None:
    import logging

    network = made("squeezenet")
    export(network.to_torch().eval(), network.inputs, network.varying())
    assert capfd.readouterr() == ("", "")
    assert logging.root.manager.disable == logging.NOTSET
