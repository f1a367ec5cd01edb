"""A use of a block that is made from another one is what it would be, were it worked out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import archlang
from archlang import limits
from archlang.cli.check import check_program
from archlang.elaborate import Program
from archlang.elaborate.expressions import Evaluator
from archlang.elaborate.repeats import Use
from archlang.elaborate.scope import Env
from archlang.elaborate.values import Function
from archlang.graph import Graph, Node, Part
from archlang.source import Source
from archlang.types import SymbolicDim, Tensor
from tests.diagnostics.mutations import SPECS


def program(text: str) -> Program:
    return Program(Source("spec.arch", text))


def plain(shape: Any) -> Any:
    return tuple((int(d), d.atom if isinstance(d, SymbolicDim) else None) for d in shape)


def of_node(n: Node) -> Any:
    tensors = {k: plain(s) for k, s in (*n.params.items(), *n.buffers.items())}
    conditions = [(int(a), int(b), relation) for a, b, relation in n.conditions]
    return (n.index, n.op, [x.index for x in n.inputs], plain(n.output.shape), n.path, n.span,
            tensors, n.first, conditions)  # fmt: skip


def of_env(env: Env | None) -> Any:
    if env is None:
        return None
    tensors = {k: x.index if isinstance(x, Node) else x for k, x in env.tensors.items()}
    return list(env.values), tensors, env.file.source.name


def of_part(part: Part) -> Any:
    if isinstance(part, Node):
        return part.index
    result = part.result.index if part.result else None
    parts = [of_part(p) for p in part.parts]
    return (part.kind, part.name, part.path, part.span, part.args, parts, result,
            part.definition, of_env(part.env))  # fmt: skip


def of_graph(graph: Graph) -> Iterator[Any]:
    yield [of_node(n) for n in graph.nodes]
    yield of_part(graph.root)
    yield {name: n.index for name, n in graph.outputs.items()}
    yield [(r.statement, of_env(r.env), r.region.path, r.region.name) for r in graph.requirements]
    yield [(a.claim, a.span, a.why, a.said) for a in graph.assumed]
    yield [(int(s.said), s.node.index, s.axis, s.span, s.code) for s in graph.stated]
    yield [(w.shape, w.source, w.node.index, w.signature) for w in graph.written]


def check_all(source: Source, most: int | None = None) -> None:
    """Every model alone, each block worked out, and after one another, as they are checked."""
    shared = Program(source, source.name)
    for name in shared.complete[:most]:
        alone = Program(source, source.name)
        alone._uses = None
        graph, found = alone.work_out(name)
        again, told = shared.work_out(name)
        assert told == found
        for one, other in zip(of_graph(again), of_graph(graph), strict=True):
            assert one == other


FEW = ("regnet", "siamese", "vit", "preact", "googlenet", "densenet")


@pytest.mark.parametrize("spec", [s for s in SPECS if s.stem in FEW], ids=lambda s: s.stem)
def test_models_are_as_without(spec: Any) -> None:
    check_all(Source(str(spec), spec.read_text(encoding="utf-8")), most=2)


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS, ids=lambda s: s.stem)
def test_all_models_are_as_without(spec: Any) -> None:
    check_all(Source(str(spec), spec.read_text(encoding="utf-8")))


PARTS = """
block part(n, act = relu) : [C, H, W] -> [n, H, W] {
    a = conv(3x3, n); act
    shared twice = conv(1x1, n)
    twice -> twice
}
block plain(n) { residual { x = conv(3x3, n) -> relu | conv(1x1, n) }; require params > 0 }
block outer(n) { plain(n) -> plain(n); end = plain(n=n) }
"""


@pytest.mark.parametrize(
    "body",
    [
        "plain(4) x 3",
        "outer(4) -> outer(4) -> outer(4)",
        "part(4) x 3",
        "part(4, act=tanh) -> part(4, tanh) -> part(4)",
        "shared s = { plain(3) -> plain(3) }; s -> s -> plain(3)",
        "one = plain(3); two = plain(3); concat { one | two } -> plain(6) -> plain(6)",
        "for i in range(3) { step[i] = plain(4) }",
        "conv(3x3, 4, stride=2) -> plain(4) x 2 -> maxpool(2x2) -> plain(4) x 2",
    ],
)
def test_what_a_block_may_hold(body: str) -> None:
    for shape in ("[3, 16, 16]", "[3, H=16, W=16]"):
        text = f"{PARTS}\nmodel m {{ input x: {shape}; {body} }}\nmodel n = m()\n"
        check_all(Source("spec.arch", text))


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of uses that were made from others."""
    made: list[str] = []
    honest = Use.again

    def again(self: Use, *given: Any) -> Node:
        made.append(given[3])
        return honest(self, *given)

    monkeypatch.setattr(Use, "again", again)
    return made


def test_what_is_alike_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = counted(monkeypatch)
    body = "input x: [4, H=16, W=16]; plain(4) x 5"
    spec = program(f"{PARTS}\nmodel m {{ {body} }}\nmodel n {{ {body} }}\n")
    assert spec.work_out("m")[0].whole
    assert made == ["1", "2", "3", "4"]
    assert spec.work_out("n")[0].whole
    assert len(made) == 9


def test_what_is_wrong_is_worked_out_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    made = counted(monkeypatch)
    spec = program("block b { conv(3x3, 4, groups=3) }\nmodel m { input x: [4, 8, 8]; b; b }\n")
    found = spec.work_out("m")[1]
    assert [d.code for d in found] == ["A202"]
    assert not made


@pytest.mark.parametrize("limit", [{"layers": 40}, {"steps": 100}, {"depth": 5}])
def test_limits_hold_all_the_same(limit: dict[str, int]) -> None:
    deep = "block deep { { { outer(4) } } }\n"
    text = f"{PARTS}{deep}model m {{ input x: [4, 8, 8]; outer(4) x 20; {{ deep }} }}\n"
    with limits.using(**limit):
        found = program(text).work_out("m")[1]
        alone = program(text)
        alone._uses = None
        assert found == alone.work_out("m")[1]
        assert [d.code for d in found] == ["A001"]


def test_a_block_inside_itself_is_found_all_the_same() -> None:
    text = """block x(n) { if n == 1 { y } else { conv(3x3, 4) } }
        block y { x(0) }
        model m { input i: [4, 8, 8]; y; x(1) }"""
    found = program(text).work_out("m")[1]
    assert [d.code for d in found] == ["A109"]


def test_equal_sizes_of_other_origin_are_not_alike() -> None:
    text = """block half { add { maxpool(2x2) | conv(2x2, 3, stride=2, pad=0) } }
        block both { add { identity | conv(3x3, 3) } }
        model m { input a: [3, H=16, W=16]; both; both
            b = maxpool(1x1, stride=1, pad=0) -> both
            half }"""
    network = archlang.loads(text)
    assert network.graph.nodes[-1].output == Tensor((3, 8, 8))


def test_a_function_of_the_same_values_is_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    worked: list[str] = []
    honest = Evaluator.result

    def result(self: Evaluator, function: Function, given: Any, span: Any) -> Any:
        worked.append(f"{function.node.name}({', '.join(str(g.value) for g in given)})")
        return honest(self, function, given, span)

    monkeypatch.setattr(Evaluator, "result", result)
    text = """let half(n) = n // 2
        let quarter(n) = half(half(n))
        model m { input x: [4, H=16, 16]; conv(3x3, quarter(32)); conv(3x3, half(16) + half(n=16))
            conv(3x3, half(H)); conv(3x3, half(H)) }"""
    assert program(text).work_out("m")[0].whole
    assert worked == ["quarter(32)", "half(32)", "half(16)", "half(16)", "half(16)", "half(16)"]


def test_a_function_known_from_within_another_limit_is_worked_out_again() -> None:
    spec = program(
        """let long(n) = len(range(n))
        let big(n) = 2**n // 2**(n - 1)
        model m { input x: [4, 8, 8]; conv(3x3, long(30) + big(40)) }"""
    )
    assert spec.work_out("m")[0].whole
    for limit in ({"list": 20}, {"bits": 30}, {"steps": 3}):
        with limits.using(**limit):
            assert [d.code for d in spec.work_out("m")[1]] == ["A001"]
    assert spec.work_out("m")[0].whole


@pytest.mark.parametrize("first", [2, 3])
def test_calls_are_as_deep_as_they_were(first: int) -> None:
    """Whatever is known of a function, what calls it calls as deep as without."""
    functions = "let f0(n) = n\n" + "".join(f"let f{i + 1}(n) = f{i}(n)\n" for i in range(5))
    text = f"{functions}model m {{ input x: [4, 8, 8]; conv(3x3, f{first}(8)); conv(3x3, f5(8)) }}"
    with limits.using(calls=6):
        assert program(text).work_out("m")[0].whole
    with limits.using(calls=5):
        (found,) = program(text).work_out("m")[1]
        assert found.code == "A001"
        assert found.place.text == "f0(n)"


def test_a_number_within_a_function_may_be_a_slip() -> None:
    """It is tried in a function that is known already, which is another one then."""
    text = """let wide(n) = n*3
let table = [wide(8), wide(16)]
model m { input x: [3, 8, 8]; conv(3x3, table[0]) : [16, 8, 8]; conv(3x3, table[1]) : [32, 8, 8] }
"""
    found = check_program("spec.arch", program(text)).found
    assert any(f.edits[0].text == "2" for d in found for f in d.fixes), found
