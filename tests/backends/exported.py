"""Exported source, run on its own, beside the module that a network compiles to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

import archlang
from archlang.elaborate import Program
from archlang.elaborate.files import read_source
from archlang.network import from_program

ROOT = Path(__file__).parents[2]
FILES = sorted([*(ROOT / "specs").glob("*.arch"), *(ROOT / "tests/sketches").glob("*.arch")])


def models(file: Path) -> list[archlang.Network]:
    """All networks of a spec."""
    program = Program(read_source(file), str(file))
    return [from_program(program, name) for name in program.complete]


def exported(text: str, *args: Any, **options: Any) -> nn.Module:
    """An instance of the last class of a source, which sees nothing but what it imports."""
    names: dict[str, Any] = {"__name__": "exported"}
    exec(compile(text, "exported.py", "exec"), names)
    own = [v for v in names.values() if isinstance(v, type) and v.__module__ == "exported"]
    module = own[-1](*args, **options)
    assert isinstance(module, nn.Module)
    return module


def state(module: nn.Module) -> list[tuple[str, tuple[int, ...]]]:
    """The keys of a module's state, in order, with their shapes."""
    return [(k, tuple(v.shape)) for k, v in module.state_dict().items()]


def same_state(network: archlang.Network) -> None:
    """Hold the state of the exported source against the compiled module's."""
    with torch.device("meta"):
        one = exported(network.to_source())
    other = network.to_torch("meta")
    assert state(one) == state(other)
    assert [n for n, _ in one.named_parameters()] == [n for n, _ in other.named_parameters()]


def by_name(output: torch.Tensor | dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return output if isinstance(output, dict) else {"": output}


def same_form(network: archlang.Network) -> None:
    """Hold the outputs' names and shapes against the compiled module's, in both modes."""
    with torch.device("meta"):
        one = exported(network.to_source())
        xs = [torch.zeros(2, *shape) for shape in network.inputs.values()]
    other = network.to_torch("meta")
    for mode in (False, True):
        found, expected = (by_name(m.train(mode)(*xs)) for m in (one, other))
        assert {n: t.shape for n, t in found.items()} == {n: t.shape for n, t in expected.items()}


def same_values(network: archlang.Network, xs: list[torch.Tensor]) -> None:
    """Hold the outputs against the compiled module's, bit by bit, with its weights."""
    torch.manual_seed(0)
    other = network.to_torch().eval()
    one = exported(network.to_source()).eval()
    one.load_state_dict(other.state_dict(), strict=True)
    with torch.no_grad():
        found, expected = (by_name(m(*(x.clone() for x in xs))) for m in (one, other))
    assert list(found) == list(expected)
    for name, tensor in found.items():
        assert torch.equal(tensor.nan_to_num(), expected[name].nan_to_num()), name
