"""archlang held against PyTorch, a network at a time."""

from __future__ import annotations

import re
import traceback
from dataclasses import dataclass

import torch

import archlang
from archlang.analyses.proofs import prove
from archlang.analyses.requirements import check_requirements
from archlang.elaborate import Program
from archlang.network import choose
from archlang.source import Source
from tests.properties.eager import BATCH, Verdict, judge, steady
from tests.properties.generator import network
from tests.properties.text import spec
from tests.properties.tree import Layer, Net

CODES: dict[str, set[str]] = {
    "broadcast": {"A203", "A204"},
    "linear": {"A206"},
    "even": {"A207"},
    "size": {"A208", "A105"},
    "assertion": {"A201"},
    "signature": {"A209"},
    "shared": {"A210"},
    "pytorch": {"A105", "A202", "A203", "A204", "A206", "A207", "A208"},
}
"""The codes that may stand for each reason to refuse."""


@dataclass
class Result:
    """One network compared. ``mismatch`` is empty where both say the same."""

    seed: int
    text: str
    refusal: str
    mismatch: str


def compare(seed: int) -> Result:
    """Make the network of a seed, and ask both."""
    net = network(seed)
    text = spec(net, seed)
    torch.manual_seed(seed)
    with steady():
        inputs = {name: torch.randn(BATCH, *shape) for name, shape in net.inputs.items()}
        verdict = judge(net, inputs)
        try:
            mismatch = difference(net, text, verdict, inputs)
        except Exception:
            mismatch = traceback.format_exc(limit=-4)
    if mismatch and verdict.why:
        mismatch += f"\nPyTorch: {verdict.why}"
    return Result(seed, text, verdict.refusal, mismatch)


def difference(net: Net, text: str, verdict: Verdict, inputs: dict[str, torch.Tensor]) -> str:
    """What archlang says that PyTorch does not; empty where they agree."""
    try:
        network = at_its_size(text)
    except archlang.ArchError as error:
        codes = {d.code for d in error.diagnostics}
        if verdict.uneven and "A210" in codes:
            return ""
        if not verdict.refusal:
            return f"PyTorch runs it, but it is refused:\n{error}"
        if not codes & CODES[verdict.refusal]:
            return f"refused for `{verdict.refusal}`, but the codes are {codes}:\n{error}"
        if straight(net) and len(error.diagnostics) > 1:
            return f"one mistake is reported {len(error.diagnostics)} times:\n{error}"
        return ""
    if verdict.refusal:
        return f"accepted, though refused for `{verdict.refusal}`"
    return figures(network, verdict) or values(network, net, verdict, inputs)


def at_its_size(text: str) -> archlang.Network:
    """The network, also where what it says does not hold for every size of its input.

    PyTorch runs it at one size, so it has no word in that.
    """
    try:
        return archlang.loads(text)
    except archlang.ArchError as error:
        program = Program(Source("<text>", text))
        graph = None if program.diagnostics else program.elaborate(choose(program, None))[0]
        if graph is None or not prove(graph) or check_requirements(graph):
            raise error
        return archlang.Network(program, graph, {})


def straight(net: Net) -> bool:
    """Whether a network is one chain of layers with one flaw."""
    return len(net.flaws) == 1 and all(
        isinstance(part, Layer) for line in net.body for part in line.parts
    )


def figures(network: archlang.Network, verdict: Verdict) -> str:
    """Where shapes or counts differ."""
    totals = network.totals
    said = {
        "outputs": network.outputs,
        "params": totals.params,
        "buffers": totals.buffers,
        "macs": totals.macs,
        "flops": totals.flops,
    }
    expected = {
        "outputs": {n: tuple(t.shape[1:]) for n, t in verdict.outputs.items()},
        "params": verdict.params,
        "buffers": verdict.buffers,
        "macs": verdict.macs,
        "flops": 2 * verdict.macs,
    }
    wrong = [f"{k}: {said[k]}, PyTorch {expected[k]}" for k in said if said[k] != expected[k]]
    return "\n".join(wrong)


def values(
    network: archlang.Network, net: Net, verdict: Verdict, inputs: dict[str, torch.Tensor]
) -> str:
    """Where the compiled module differs: its weights' names and sizes, and what it gives."""
    module = network.to_torch().eval()
    state = {k: tuple(v.shape) for k, v in module.state_dict().items()}
    expected = {k: tuple(v.shape) for k, v in verdict.state.items()}
    if state != expected:
        odd = sorted(state.items() ^ expected.items())
        return f"the state dict differs in {odd}"
    counts = (
        sum(p.numel() for p in module.parameters()),
        sum(b.numel() for b in module.buffers()),
    )
    if counts != (verdict.params, verdict.buffers):
        return f"the module has {counts} parameters and buffers"
    module.load_state_dict(verdict.state)
    given = {name: x.clone() for name, x in inputs.items()}
    with torch.no_grad():
        out = module(*given.values())
    if any(not torch.equal(x, inputs[name]) for name, x in given.items()):
        return "an input is written over"
    outputs = dict(zip(network.outputs, (out,), strict=True)) if torch.is_tensor(out) else out
    if list(outputs) != list(verdict.outputs):
        return f"it gives {list(outputs)}, PyTorch {list(verdict.outputs)}"
    for name, value in verdict.outputs.items():
        if value.shape != outputs[name].shape:
            return f"`{name}` is {tuple(outputs[name].shape)}, PyTorch {tuple(value.shape)}"
        if not torch.allclose(value, outputs[name], rtol=1e-6, atol=1e-8, equal_nan=True):
            return f"`{name}` has other values than PyTorch's"
    return in_training(network, module, net, given)


def in_training(
    network: archlang.Network, module: torch.nn.Module, net: Net, given: dict[str, torch.Tensor]
) -> str:
    """Where the auxiliary outputs do not come in training."""
    if not net.aux:
        return ""
    try:
        out = module.train()(*given.values())
    except ValueError as error:
        alone = re.match("Expected more than 1 (value per channel|spatial element)", str(error))
        return "" if alone else str(error)
    wanted = {*network.outputs, *net.aux}
    return "" if set(out) == wanted else f"in training it gives {set(out)}, not {wanted}"
