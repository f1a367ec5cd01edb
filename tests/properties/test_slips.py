"""A number of a random network written wrong: what is offered checks, and PyTorch runs it."""

from __future__ import annotations

import random
import re

import torch

import archlang
from archlang.elaborate import Program
from archlang.inspection import inspect
from archlang.source import Source, edited
from tests.properties.generator import network
from tests.properties.text import spec

SEEDS = range(100)
NUMBER = re.compile(r"(?<![\w.])\d+(?![\w.])")


def broken(text: str, r: random.Random) -> str:
    """A text with one of its numbers one off, and its output stated as it was."""
    at = r.choice(list(NUMBER.finditer(text)))
    now = max(0, int(at.group()) + r.choice((-1, 1)))
    return f"{text[: at.start()]}{now}{text[at.end() :]}"


def stated(net: archlang.Network, text: str) -> str:
    """The text with what it costs required: a wrong number is found wherever it is."""
    end = text.rstrip().rindex("}")
    return f"{text[:end]}    require params == {net.totals.params}\n{text[end:]}"


def test_what_is_offered_checks_and_runs() -> None:
    offered = restored = found = 0
    for seed in SEEDS:
        text = spec(network(seed), seed)
        try:
            right = stated(archlang.loads(text), text)
        except archlang.ArchError:
            continue
        source = Source("m.arch", broken(right, random.Random(seed)))
        program = Program(source)
        if program.diagnostics or len(program.complete) != 1:
            continue
        wrong = inspect(program, program.complete[0])[1]
        fixes = [f for d in wrong for f in d.fixes]
        found += bool(wrong)
        offered += bool(fixes)
        for fix in fixes:
            made = edited(source, fix.edits)
            left = inspect(Program(made), program.complete[0])[1]
            assert {d.code for d in left} <= {d.code for d in wrong}
            assert len(left) < len(wrong)
            restored += made.text == right
            if not left:
                runs(archlang.loads(made.text))
    assert found > 20
    assert offered > 0.6 * found
    assert restored > 0.4 * found


def runs(net: archlang.Network) -> None:
    with torch.no_grad():
        inputs = [torch.empty(2, *shape, device="meta") for shape in net.inputs.values()]
        got = net.to_torch("meta").eval()(*inputs)
    got = got if isinstance(got, dict) else {"output": got}
    for name, shape in net.outputs.items():
        assert tuple(got[name].shape[1:]) == shape
