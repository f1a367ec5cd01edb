"""Budgets: what `require` may ask of a network, of a block, and on the command line."""

from __future__ import annotations

import pytest

import archlang
from archlang.analyses.excerpt import excerpt
from archlang.analyses.memory.account import Setting

BLOCK = """\
block stage(c) {{
    {{ conv(3x3, c) -> bn -> relu }} x 2
    {inside}
}}
model m {{
    input image: [3, H=32, W=32]
    conv(3x3, 8, stride=2)
    a = stage(16)
    stage(32) -> global_avgpool -> linear(10)
    {outside}
}}
"""


def notes(inside: str = "", outside: str = "") -> list[str]:
    with pytest.raises(archlang.ArchError) as caught:
        archlang.loads(BLOCK.format(inside=inside, outside=outside))
    assert {d.code for d in caught.value.diagnostics} == {"A205"}
    return [note for d in caught.value.diagnostics for note in d.notes]


@pytest.mark.parametrize("asked", [
    "receptive_field >= 200",  # it pools over everything, so no field is larger
    "receptive_field == 19",  # 3, then four of 3x3 at stride 2: 3 + 4*2*2
    "200 <= receptive_field and receptive_field < 20",
    "memory(batch=8) <= 20MB",
    "memory(8, true, sgd) < memory(8, true, adamw)",
    "memory(batch=8, train=false) < memory(batch=8)",
    "memory(batch=8, dtype=bf16) == memory(batch=8, dtype=bfloat16)",
    "memory(batch=8, device=cuda, ema=true) > memory(batch=8, device=cuda)",
])  # fmt: skip
def test_budgets_that_are_met(asked: str) -> None:
    archlang.loads(BLOCK.format(inside="", outside=f"require {asked}"))


def test_memory_is_that_of_the_account() -> None:
    network = archlang.loads(BLOCK.format(inside="", outside=""))
    step = network.memory(Setting(8, "momentum")).step.total
    asked = "require memory(8, optimizer=momentum)"
    archlang.loads(BLOCK.format(inside="", outside=f"{asked} == {step}"))
    with pytest.raises(archlang.ArchError) as caught:
        archlang.loads(BLOCK.format(inside="", outside=f"{asked} < {step}"))
    (found,) = caught.value.diagnostics
    assert found.notes[0].startswith("memory(8, optimizer=momentum) is ")
    assert "the worst moment is in the " in found.notes[1]


def test_the_figures_of_a_block_are_of_the_block_alone() -> None:
    assert notes(inside="require receptive_field >= 6")[0] == "receptive_field is 5, 1 less than 6"
    said = notes(inside="require memory(batch=1, train=false) <= 1KB")
    assert [n.split(",")[0] for n in said if n.startswith("in stage(")] == [
        "in stage(16)", "in stage(32)",
    ]  # fmt: skip


def test_a_block_alone_is_the_network_of_its_body() -> None:
    graph = archlang.loads(BLOCK.format(inside="", outside="")).graph
    (first, _) = (r for r in graph.root.regions() if r.kind == "block")
    alone = archlang.loads(
        "model stage { input input: [8, 16, 16]; { conv(3x3, 16) -> bn -> relu } x 2 }"
    )
    made = excerpt(graph, first)
    assert [str(n.op) for n in made.nodes[1:]] == [str(n.op) for n in alone.graph.nodes[1:]]
    assert [n.output for n in made.nodes] == [n.output for n in alone.graph.nodes]
    assert [n.index for n in made.nodes] == list(range(len(made.nodes)))
    assert all(i in made.nodes for n in made.nodes for i in n.inputs)
    assert excerpt(graph, graph.root) is graph


@pytest.mark.parametrize(("asked", "code", "says"), [
    ("memory <= 1GB", "A105", "a figure that takes arguments, as in `memory(…)`"),
    ("memory() <= 1GB", "A104", "`memory` needs `batch`"),
    ("memory(batch=0) <= 1GB", "A105", "`batch` is a whole number from 1, not 0"),
    ("memory(batch=true) <= 1GB", "A105", "`batch` is a whole number from 1, not true"),
    ("memory(8, dtype=cuda) <= 1GB", "A105", "`dtype` is one of float32, bfloat16, bf16"),
    ("memory(8, train=3) <= 1GB", "A105", "`train` is one of true, false, not `3`"),
    ("memory(8, optimiser=sgd) <= 1GB", "A104", "write `optimizer`"),
    ("memory(8, optimizer=adagrad) <= 1GB", "A103", "unknown name `adagrad`"),
])  # fmt: skip
def test_memory_that_cannot_be_asked_for(asked: str, code: str, says: str) -> None:
    with pytest.raises(archlang.ArchError) as caught:
        archlang.loads(BLOCK.format(inside="", outside=f"require {asked}"))
    (found,) = caught.value.diagnostics
    assert found.code == code
    assert says in found.render()
