"""What lints say is so: of random networks, and of those that are odd, PyTorch is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import archlang
from archlang.diagnostic import Diagnostic
from archlang.elaborate import Program
from archlang.graph import Node
from archlang.inspection import inspect
from archlang.lints.layers import LINTS, Subject
from archlang.lints.names import lone, unused
from archlang.network import from_program
from archlang.source import Edit, Source, edited
from tests.lints.test_layers import ODD
from tests.properties.generator import network
from tests.properties.text import spec

SEEDS = range(110)
HEAD = "model m {{ input x: [3, 33, 33]; {} }}"
TRIES = 4
MORE = [
    "conv(3x3, 8) -> bn -> relu -> conv(3x3, 8, stride=2, dilation=2, pad=0)",
    "conv(5x5, 4, stride=4, dilation=3, pad=0) -> conv(1x1, 4)",
    "add { conv(3x3, 4, stride=2, dilation=2) | conv(3x3, 4, dilation=4, stride=2) }",
    "dropout(0.3) -> tanh -> conv(1x1, 3) -> dropout -> relu -> bn",
]


@cache
def right() -> tuple[Program, ...]:
    """Specs that PyTorch runs."""
    texts = [spec(network(seed), seed) for seed in SEEDS]
    odd = [HEAD.format(body) for bodies in ODD.values() for body in bodies]
    programs = [
        Program(Source("m.arch", t)) for t in [*texts, *odd, *(HEAD.format(m) for m in MORE)]
    ]
    return tuple(
        p
        for p in programs
        if not p.diagnostics and not any(inspect(p, name)[1] for name in p.complete)
    )


def findings(code: str) -> Iterator[tuple[archlang.Network, Node, Diagnostic]]:
    for program in right():
        for name in program.complete:
            made = from_program(program, name)
            for node, finding in LINTS[code].find(Subject(made.graph)):
                yield made, node, finding


def inputs(made: archlang.Network, seed: int, batch: int = 3) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    return {n: torch.randn(batch, *shape, dtype=torch.float64) for n, shape in made.inputs.items()}


def outputs(module: nn.Module, given: dict[str, Tensor], seed: int = 0) -> list[Tensor]:
    torch.manual_seed(seed)
    out = module(*given.values())
    return _flat(out)


def _flat(out: Any) -> list[Tensor]:
    if isinstance(out, Tensor):
        return [out]
    return [t for one in (out.values() if isinstance(out, dict) else out) for t in _flat(one)]


def module_of(made: archlang.Network, training: bool) -> nn.Module:
    torch.manual_seed(0)
    return made.to_torch().double().train(training)


def bias_changes_nothing(made: archlang.Network, node: Node, _: Diagnostic) -> None:
    module = module_of(made, training=True)
    given = inputs(made, 1)
    before = outputs(module, given)
    bias = module.get_submodule(node.path).bias
    with torch.no_grad():
        bias.add_(torch.randn_like(bias))
    for a, b in zip(before, outputs(module, given), strict=True):
        assert torch.allclose(a, b, rtol=1e-6, atol=1e-6)


def variance_is_another(made: archlang.Network, node: Node, finding: Diagnostic) -> None:
    """What arrives at the norm varies otherwise in training than in evaluation."""
    norm = next(n for n in made.graph.nodes if n.span == finding.related[0].span)
    seen: list[Tensor] = []
    module = module_of(made, training=True)
    module.get_submodule(norm.path).register_forward_pre_hook(lambda _, a: seen.append(a[0]))
    given = inputs(made, 1, batch=64)
    outputs(module, given)
    outputs(module.eval(), given)
    assert not torch.allclose(seen[0].var(), seen[1].var(), rtol=1e-3)


def gives_probabilities(made: archlang.Network, node: Node, _: Diagnostic) -> None:
    module = module_of(made, training=False)
    sums = [
        total
        for out in outputs(module, inputs(made, 1))
        for total in (out.sum(1), out.exp().sum(1))
    ]
    assert any(torch.allclose(s, torch.ones_like(s)) for s in sums)


def seen(of: Callable[[], tuple[Tensor, list[Tensor]]]) -> Tensor:
    """How often each value of one sample has a gradient, over several tries."""
    total: Tensor | None = None
    for _ in range(TRIES):
        taken, out = of()
        weighed = [(o * torch.rand_like(o)).sum() for o in out if o.requires_grad]
        whole: Tensor = sum(weighed)  # type: ignore[assignment]
        (found,) = torch.autograd.grad(whole, taken, allow_unused=True)
        if found is None:
            pytest.skip("no output depends on it")
        count = found.ne(0).sum(0)
        total = count if total is None else total + count
    assert total is not None
    return total


def values_are_left_out(made: archlang.Network, node: Node, _: Diagnostic) -> None:
    """Along some axis, places of what it takes have no gradient, whatever the input."""
    calls = sum(n.path == node.path for n in made.graph.nodes)
    if calls > 1 or not made.to_torch().get_submodule(node.path):
        pytest.skip("it is run more than once")
    module, count = module_of(made, training=False), iter(range(99))

    def once() -> tuple[Tensor, list[Tensor]]:
        kept: list[Tensor] = []

        def keep(_: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            kept.append(args[0].detach().requires_grad_() if not args[0].requires_grad else args[0])
            return (kept[0], *args[1:])

        handle = module.get_submodule(node.path).register_forward_pre_hook(keep)
        out = outputs(module, inputs(made, next(count)))
        handle.remove()
        return kept[0], out

    found = seen(once)
    along = [found.sum([a for a in range(found.dim()) if a != axis]) for axis in range(found.dim())]
    assert any((places == 0).any() for places in along)


def places_are_unseen(made: archlang.Network, node: Node, _: Diagnostic) -> None:
    from archlang.analyses.receptive import sight

    module, count = module_of(made, training=False), iter(range(99))

    def once() -> tuple[Tensor, list[Tensor]]:
        given = inputs(made, next(count))
        given[node.path].requires_grad_()
        return given[node.path], outputs(module, given)

    found = seen(once)
    for axis, runs in enumerate(sight(made.graph).unseen[node.path]):
        places = found.sum([a for a in range(found.dim()) if a != axis])
        told = {place for first, last in runs for place in range(first, last + 1)}
        assert told == set(torch.nonzero(places == 0).flatten().tolist())


def cannot_be_in_place(made: archlang.Network, node: Node, _: Diagnostic) -> None:
    """It is not done; where PyTorch is made to do it, it refuses, or something else comes out.

    Some that PyTorch could do are left alone, such as one behind an activation that keeps no more
    than its input: what is said is that it is not done.
    """
    assert module_of(made, training=True).get_submodule(node.path).inplace is False

    def run(forced: bool) -> tuple[list[Tensor], list[Tensor], list[Tensor]] | None:
        module = module_of(made, training=True)
        layer = module.get_submodule(node.path)
        if forced:
            layer.inplace = True  # type: ignore[assignment]
            x = torch.ones(1, 2, 2, 2, dtype=torch.float64)
            if layer(x).data_ptr() != x.data_ptr():
                pytest.skip("PyTorch itself does not do this one in place")
        made_here: list[Tensor] = []
        layer.register_forward_hook(lambda _m, _a, out: made_here.append(out))
        given = {n: x.requires_grad_() for n, x in inputs(made, 1).items()}
        fed = {n: x.clone() for n, x in given.items()}
        try:
            out = outputs(module, fed)
            sum(o.sum() for o in out).backward(retain_graph=True)  # type: ignore[union-attr]
        except RuntimeError:
            return None
        if not forced and not any(x.requires_grad and _reached(x, out) for x in made_here):
            pytest.skip("no output depends on it")
        return out, list(fed.values()), [p.grad for p in given.values() if p.grad is not None]

    plain, other = run(False), run(True)
    assert plain is not None
    if other is not None and all(
        torch.equal(a, b)
        for part, forced in zip(plain, other, strict=True)
        for a, b in zip(part, forced, strict=True)
    ):
        pytest.skip("PyTorch could do it")


def _reached(x: Tensor, out: list[Tensor]) -> bool:
    whole: Tensor = sum(o.sum() for o in out)  # type: ignore[assignment]
    return torch.autograd.grad(whole, x, allow_unused=True, retain_graph=True)[0] is not None


HOLDS: dict[str, Callable[[archlang.Network, Node, Diagnostic], None]] = {
    "A301": bias_changes_nothing,
    "A303": variance_is_another,
    "A304": gives_probabilities,
    "A305": values_are_left_out,
    "A306": places_are_unseen,
    "A307": cannot_be_in_place,
}


def test_every_lint_of_layers_is_held() -> None:
    assert {*HOLDS, "A310"} == set(LINTS)


def test_a_large_eps_leaves_little_of_the_values() -> None:
    """What was brought to a deviation of 1 comes to 1 / sqrt(1 + eps)."""
    text = "model m { input x: [4, 9, 9]; bn; bn(24) }"
    given = {"x": torch.randn(8, 4, 9, 9, dtype=torch.float64)}
    (out,) = outputs(module_of(archlang.loads(text), True), given)
    assert abs(float(out.std()) - 1 / 5) < 1e-2


@pytest.mark.parametrize("code", HOLDS)
def test_what_is_said_is_so(code: str) -> None:
    said = 0
    for made, node, finding in findings(code):
        try:
            HOLDS[code](made, node, finding)
        except AssertionError:
            raise AssertionError(f"{finding.render()}\n{finding.span.source.text}") from None
        except pytest.skip.Exception:
            continue
        said += 1
    assert said >= 3


def layers(program: Program) -> list[list[tuple[str, str]]]:
    """What a program comes to: the layers of its models, each by its path."""
    assert not program.diagnostics
    graphs = [inspect(program, name) for name in program.complete]
    assert not any(errors for _, errors in graphs)
    return [[(n.path, str(n.op)) for n in g.nodes] for g, _ in graphs if g is not None]


def test_what_nothing_uses_can_bear_any_name() -> None:
    """Under another name nothing changes; what is not told is missed under another name."""
    said: Counter[str] = Counter()
    for program in right():
        assert program.module is not None
        for finding in [*unused(program.module)]:
            if finding.fixes and not finding.span.text.isidentifier():
                continue
            source = edited(finding.span.source, [Edit(finding.span, "renamed_")])
            assert layers(Program(source)) == layers(program), finding.render()
            said[finding.message.split("`")[0]] += 1
    assert said.total() >= 20


def test_a_merge_of_one_branch_is_that_branch() -> None:
    said = 0
    for program in right():
        assert program.module is not None
        for finding in lone(program.module):
            braces = finding.fixes[-1]
            made = Program(edited(finding.span.source, braces.edits))
            assert layers(made) == layers(program), finding.render()
            said += 1
    assert said >= 10
