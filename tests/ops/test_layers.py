"""Every line of the table of layers, held against its figures and against PyTorch."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch

import archlang
from archlang.op import QUESTIONS, Fresh, Op, Weightless, Work
from archlang.step import Step, Value
from archlang.types import Tensor
from archlang.window import Window, pointwise
from tests.ops.cases import CASES, REFUSED, Case, Refused, sizes
from tests.ops.pytorch import Layer, multiplications

BATCH = 2
MERGES = {name for name, op in Op.registry.items() if op.merges}
EXAMPLE = re.compile(r"^ {4,}(\S.*) : \[([\d, ]+)\] -> \[([\d, ]+)\]$", re.MULTILINE)


def load(spec: str, takes: str) -> Any:
    shape = ", ".join(str(size) for size in sizes(takes))
    return archlang.loads(f"model m {{\n input x: [{shape}]\n {spec}\n}}")


def layer(spec: str) -> str:
    """The name that a spec starts with."""
    return re.split(r"\W", spec, maxsplit=1)[0]


def new_values(op: Op, takes: str) -> int:
    """Scalars of one sample that a layer by itself puts where there were none."""

    def storage(tensor: torch.Tensor) -> int:
        return tensor.untyped_storage().data_ptr()

    layer = Layer(op, sizes(takes)).eval()
    x = torch.randn(BATCH, *sizes(takes))
    y = layer(x)
    known = {storage(x), *(storage(p) for p in layer.parameters())}
    return 0 if storage(y) in known else y[0].numel()


def holds(case: Case) -> None:
    """Assert that a line of the table is true, of the network and of PyTorch."""
    network = load(case.spec, case.takes)
    totals = network.totals
    (shape,) = network.outputs.values()
    assert tuple(shape) == sizes(case.gives)
    assert (totals.params, totals.macs, totals.buffers, totals.neurons) == (
        case.params,
        case.macs,
        case.buffers,
        case.new,
    )
    module = network.to_torch().eval()
    x = torch.randn(BATCH, *sizes(case.takes))
    y, macs = multiplications(module, x)
    assert tuple(y.shape) == (BATCH, *sizes(case.gives))
    assert sum(p.numel() for p in module.parameters()) == case.params
    assert sum(b.numel() for b in module.buffers()) == case.buffers
    assert macs == case.macs
    if "{" not in case.spec:
        assert case.new == new_values(network.graph.nodes[-1].op, case.takes)


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.spec} : {c.takes}")
def test_case(case: Case) -> None:
    holds(case)


@pytest.mark.parametrize(
    "case", [c for c in CASES if "{" not in c.spec], ids=lambda c: f"{c.spec} : {c.takes}"
)
def test_the_state_dict_is_what_it_says(case: Case) -> None:
    network = load(case.spec, case.takes)
    (node,) = (n for n in network.graph.nodes if n.inputs)
    tensors = node.params | node.buffers
    said = {f"0.{key}" if key else "0": tuple(map(int, size)) for key, size in tensors.items()}
    kept = network.to_torch("meta").state_dict()
    assert {key: tuple(tensor.shape) for key, tensor in kept.items()} == said


@pytest.mark.parametrize("field", ["gives", "params", "macs", "buffers", "neurons"])
@pytest.mark.parametrize("case", [CASES[0], CASES[-1]], ids=lambda c: c.spec)
def test_an_altered_case_fails(case: Case, field: str) -> None:
    other = "1" if field == "gives" else (getattr(case, field) or 0) + 1
    with pytest.raises(AssertionError):
        holds(replace(case, **{field: other}))


@pytest.mark.parametrize("case", REFUSED, ids=lambda c: f"{c.spec} : {c.takes}")
def test_refused(case: Refused) -> None:
    with pytest.raises(archlang.ArchError) as caught:
        load(case.spec, case.takes)
    (finding,) = caught.value.diagnostics
    assert finding.code == case.code
    assert case.says in finding.message


def test_every_layer_has_a_case() -> None:
    assert {layer(case.spec) for case in CASES} == set(Op.registry)


def examples() -> Iterator[tuple[str, str, str, str]]:
    for name, op in Op.registry.items():
        for spec, takes, gives in EXAMPLE.findall(op.__doc__ or ""):
            yield name, spec, takes.replace(", ", "x"), gives.replace(", ", "x")


def test_every_layer_has_an_example() -> None:
    assert {name for name, *_ in examples()} == set(Op.registry)


@pytest.mark.parametrize(("name", "spec", "takes", "gives"), list(examples()))
def test_example(name: str, spec: str, takes: str, gives: str) -> None:
    assert layer(spec) == name
    (shape,) = load(spec, takes).outputs.values()
    assert tuple(shape) == sizes(gives)


@pytest.mark.parametrize(
    "case", [c for c in CASES if "{" not in c.spec], ids=lambda c: f"{c.spec} : {c.takes}"
)
def test_the_printed_form_parses_back(case: Case) -> None:
    op = load(case.spec, case.takes).graph.nodes[-1].op
    assert load(str(op), case.takes).graph.nodes[-1].op == op


def test_merges_print_their_own_names() -> None:
    printed = {str(Op.registry[name]()) for name in MERGES}
    assert printed == MERGES == {"add", "sub", "mul", "concat", "residual", "gate", "dense"}
    assert str(Op.registry["concat"](axis=1)) == "concat(axis=1)"


class _Complete(Weightless, Fresh):
    """Answers every question."""

    def infer(self, *xs: Tensor) -> Tensor:
        return xs[0]

    def work(self, y: Tensor, *xs: Tensor) -> Work:
        return Work()

    def saved(self, step: Step, y: Tensor, *xs: Value) -> Value:
        return xs[0]

    def window(self, y: Tensor, *xs: Tensor) -> tuple[Window, ...]:
        return pointwise(*xs)

    def lower(self, nn: Any, *xs: Tensor) -> Any:
        return None


def test_a_name_is_taken_once() -> None:
    with pytest.raises(TypeError, match="two layers are named `relu`"):

        class Again(_Complete, name="relu"):
            """Another."""


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_layer_answers_every_question(question: str) -> None:
    body = {"__doc__": "Lacks an answer.", question: getattr(Op, question)}
    with pytest.raises(TypeError, match=f"`lacking` does not answer `{question}`"):
        type(Op)("Lacking", (_Complete,), body, name="lacking")
    assert "lacking" not in Op.registry


def test_a_layer_is_documented() -> None:
    with pytest.raises(TypeError, match="`silent` has no documentation"):

        class Silent(_Complete, name="silent"):
            pass

    assert "silent" not in Op.registry
