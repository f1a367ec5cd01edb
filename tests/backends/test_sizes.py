"""A compiled network takes every legal size, and refuses all others with a message."""

from __future__ import annotations

import copy
import io
import pickle
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounterWithBackend
from torch.func import functional_call
from torch.nn import functional

import archlang
from archlang.analyses.sizes import Legal, legal
from archlang.backends.torch import plan
from archlang.backends.torch.build import build
from archlang.elaborate import Program
from archlang.elaborate.files import read_source
from archlang.graph import Graph
from tests.analyses.layers import layers
from tests.backends.networks import HEADS, MIXED, SIAMESE, UNET, inputs, tensors
from tests.sizes.networks import Maker
from tests.sizes.witness import points, worked_out
from tests.specs.covered import SPECS

PAIR = "model pair { input a: [3, H=12]; input b: [2, H]; concat { a | b } -> maxpool(2) }"
STEM = "model stem { input x: [3, H=33, W=33]; conv(3x3, 4, stride=2) -> bn -> relu }"
AUX = """
model aux_pool {
    input x: [3, H=32, W=32]
    a = conv(3x3, 4, stride=2)
    side = a -> avgpool(5x5, stride=3) -> conv(1x1, 2)
    aux side
    a -> relu
}
"""
SMALL = {"unet": UNET, "siamese": SIAMESE, "mixed": MIXED, "pair": PAIR, "stem": STEM}


def made(name: str) -> tuple[nn.Module, list[Tensor]]:
    """A module in evaluation mode, and inputs that it takes."""
    torch.manual_seed(0)
    network = archlang.loads(SMALL[name])
    return network.to_torch().eval(), inputs(network)


# Every legal size, and no other


def near(found: Legal, r: random.Random) -> Iterator[dict[str, int]]:
    """The default's sizes and those next to it, the least, and legal ones next to any."""
    for step in (0, 1, -1):
        yield {n: s + step for n, s in found.defaults.items()}
    for name in found.names:
        along = found.along(name)
        for size in (along.least, along.above(found.defaults[name] + 1), r.randint(1, 300)):
            yield found.defaults | {name: size or 1}
    if least := found.square.least:
        yield dict.fromkeys(found.names, least)
        yield dict.fromkeys(found.names, found.square.above(r.randint(1, 200)) or least)
        yield dict.fromkeys(found.names, max(1, least - 1))


def shapes(graph: Graph, sizes: Mapping[str, int]) -> list[tuple[int, ...]]:
    return [tuple(n.output.at(sizes).shape) for n in graph.inputs.values()]


def ask(module: nn.Module, graph: Graph, sizes: Mapping[str, int], device: str) -> bool:
    """Whether a module takes these sizes; what comes out is held against the graph."""
    found = legal(graph, training=module.training and bool(graph.aux))
    given = [torch.zeros(2, *s, device=device) for s in shapes(graph, sizes)]
    if not found.holds(sizes):
        with pytest.raises(ValueError, match=r"but \w+ takes .*: .* (not legal|not hold at)"):
            module(*given)
        return False
    with torch.no_grad():
        result = module(*given)
    ends = dict(graph.outputs)
    if module.training:
        ends |= {n: aux.node for n, aux in graph.aux.items()}
    for node, tensor in zip(ends.values(), tensors(result), strict=True):
        assert tuple(tensor.shape[1:]) == node.output.at(sizes).shape
    return True


@pytest.mark.parametrize("file", sorted(SPECS.glob("*.arch")), ids=lambda f: f.stem)
def test_one_model_of_every_spec(file: Path) -> None:
    """At every legal size it runs as what is worked out there, of the same layers."""
    network = archlang.load(file, Program(read_source(file), str(file)).complete[0])
    graph = network.graph
    module = network.to_torch("meta").eval()
    counts = Counter(
        ask(module, graph, sizes, "meta") for sizes in near(legal(graph), random.Random(0))
    )
    assert counts[True] >= 1
    whole = legal(graph, training=True)  # the spec is worked out with its auxiliary outputs
    taken = [s for s in near(legal(graph), random.Random(1)) if whole.holds(s)]
    for sizes in taken[:3]:
        again = network.at(dict(zip(graph.inputs, shapes(graph, sizes), strict=True)))
        assert layers(again.graph) == layers(graph)
    if graph.aux:
        module.train()
        for sizes in near(legal(graph, training=True), random.Random(0)):
            ask(module, graph, sizes, "meta")


@pytest.mark.parametrize("first", range(0, 80, 20))
def test_random_networks(first: int) -> None:
    torch.set_num_threads(1)
    counts: Counter[bool] = Counter()
    for seed in range(first, first + 20):
        net = Maker(seed).net()
        graph = worked_out(net.spec)
        module = build(graph, "meta").eval()
        asked = list(points(net, legal(graph), random.Random(seed), dense=False))
        for h, w in random.Random(seed).sample(asked, 20):
            if legal(graph).exact:
                counts[ask(module, graph, {"H": h, "W": w}, "meta")] += 1
    assert min(counts.values()) > sum(counts.values()) / 10


@pytest.mark.parametrize("seed", range(500, 510))
def test_random_networks_with_tensors(seed: int) -> None:
    net = Maker(seed).net()
    graph = worked_out(net.spec)
    module = build(graph).eval()
    small = [(h, w) for h in range(1, 30) for w in range(1, 30)]
    for h, w in [net.shape[1:], *random.Random(seed).sample(small, 10)]:
        if legal(graph).exact:
            ask(module, graph, {"H": h, "W": w}, "cpu")


def test_a_wrong_set_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the guard, sizes that would be stretched pass."""
    graph = worked_out("model m { input x: [3, H=8, W=8]; residual { maxpool(2) -> upsample(2) } }")
    module = build(graph)
    assert ask(module, graph, {"H": 6, "W": 2}, "cpu")
    assert not ask(module, graph, {"H": 7, "W": 2}, "cpu")
    monkeypatch.setattr(Legal, "holds", lambda self, sizes: True)
    with pytest.raises(RuntimeError, match="size of tensor"):
        ask(build(graph), graph, {"H": 5, "W": 2}, "cpu")


# What is refused


def test_what_pytorch_would_stretch_without_a_word() -> None:
    graph = worked_out(
        "model m { input x: [3, H=8, W=8]; add { avgpool(2) | conv(1x1, 3, stride=2) } }"
    )
    module = build(graph)
    with pytest.raises(
        ValueError, match=r"H = 3 is not legal; the nearest that is legal: H = 2 or"
    ):
        module(torch.zeros(1, 3, 3, 8))  # a mean of 1 pixel, and 2 of the convolution
    assert module(torch.zeros(1, 3, 4, 8)).shape == (1, 3, 2, 4)


def test_sizes_that_only_training_refuses() -> None:
    network = archlang.loads(AUX)
    module = network.to_torch()
    small = torch.zeros(2, 3, 8, 32)
    assert module.eval()(small).shape == (2, 4, 4, 16)
    with pytest.raises(ValueError, match=r"H >= 9 and W >= 9 in training: H = 8 is not legal"):
        module.train()(small)
    assert module.eval()(small).shape == (2, 4, 4, 16)
    assert set(module.train()(torch.zeros(2, 3, 9, 9))) == {"output", "side"}


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("stem", [(3, 33, 33)], r"`x` has 3 axes, not 4; a single sample needs a batch of 1"),
        ("stem", [(1, 4, 33, 33)], r"axis 1 of `x` is 4, and 3 is the only size taken$"),
        ("siamese", [(1, 1, 33, 33), (1, 1, 34, 33)], r"axis 2 of `right` is 34, .* as in `H=33`"),
        ("pair", [(1, 3, 12), (1, 2, 14)], r"H is both 12 and 14, and has to be the same"),
        ("pair", [(1, 3, 1), (1, 2, 1)], r"H = 1 is not legal; .* H = 2 \(pad it by 1\)"),
        ("pair", [(1, 3, 9), (4, 2, 9)], r"the batch is 1 in `a` and 4 in `b`"),
        ("unet", [(2, 3, 30, 33)], r"H = 28 or 32 \(pad it by 2\) and W = 32 or 36 \(pad it by 3"),
    ],
)
def test_messages(name: str, given: list[tuple[int, ...]], message: str) -> None:
    module, good = made(name)
    with pytest.raises(ValueError, match=message) as caught:
        module(*map(torch.zeros, given))
    assert all(str(list(shape)) in str(caught.value) for shape in given)
    module(*good)


def test_inputs_by_name() -> None:
    module, (a, b) = made("pair")
    assert torch.equal(module(b=b, a=a), module(a, b))
    with pytest.raises(ValueError, match="H is both"):
        module(a, b=b[..., :-2])


# What it leaves as it was


def unguarded(name: str, monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    """The same module without the test."""
    with monkeypatch.context() as patch:
        patch.setattr(plan, "LOOKS", "False")
        return made(name)[0]


def saved(module: nn.Module) -> nn.Module:
    file = io.BytesIO()
    torch.save(module, file)
    file.seek(0)
    loaded: nn.Module = torch.load(file, weights_only=False)
    return loaded


COPIES: dict[str, Callable[[nn.Module], nn.Module]] = {
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
    "pickle": lambda m: pickle.loads(pickle.dumps(m)),
    "save": saved,
    "replica": lambda m: m._replicate_for_data_parallel(),
    "twice": lambda m: copy.deepcopy(pickle.loads(pickle.dumps(m))),
}


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("way", COPIES)
def test_copies(name: str, way: str) -> None:
    module, given = made(name)
    again = COPIES[way](module)
    if way != "replica":  # whose parameters are plain attributes
        assert list(again.state_dict()) == list(module.state_dict())
        assert [type(m).__name__ for m in again.modules()] == [
            type(m).__name__ for m in module.modules()
        ]
    if way != "replica":
        torch.testing.assert_close(again(*given), module(*given))
    with pytest.raises(ValueError, match=f"but {name} takes"):
        again(*(x[..., :-1, :0] for x in given))


def test_copies_of_what_is_computed_again() -> None:
    text = "block b { conv(3x3, 3) -> relu }\nmodel m { input x: [3, H=8, W=8]; b -> b }"
    module = archlang.loads(text).to_torch(recompute=["b"])
    x = torch.randn(2, 3, 5, 7)
    for way in ("deepcopy", "pickle", "save"):
        again = COPIES[way](module)
        assert str(again) == str(module)
        torch.testing.assert_close(again(x), module(x))


def test_a_class_made_of_it_stays_what_it_is() -> None:
    module, (x,) = made("stem")
    nn.utils.parametrizations.weight_norm(module.get_submodule("0"))
    module.__class__ = type("Mine", (type(module),), {"extra": 1})
    again = copy.deepcopy(module)
    assert again.extra == 1
    torch.testing.assert_close(again(x), module(x))


@pytest.mark.parametrize("name", SMALL)
def test_nothing_is_added(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, plain = made(name)[0], unguarded(name, monkeypatch)
    assert list(module.state_dict()) == list(plain.state_dict())
    assert str(module) == str(plain)
    assert [n for n, _ in module.named_modules()] == [n for n, _ in plain.named_modules()]
    assert not module._forward_pre_hooks


@pytest.mark.parametrize("name", SMALL)
def test_tracers_see_nothing_of_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, given = made(name)
    plain = unguarded(name, monkeypatch)
    assert torch.fx.symbolic_trace(module).code == torch.fx.symbolic_trace(plain).code
    traced, same = (torch.jit.trace(m, tuple(given), check_trace=False) for m in (module, plain))
    one, other = (str(torch._C._jit_pass_canonicalize(t.graph)) for t in (traced, same))
    places = re.compile(r" #.*|___torch_mangle_\d+\.")
    assert places.sub("", one) == places.sub("", other)
    torch.testing.assert_close(traced(*given), module(*given))


@pytest.mark.parametrize("name", ["unet", "siamese", "pair", "stem"])
def test_scripts(name: str) -> None:
    module, given = made(name)
    scripted = torch.jit.script(module)
    torch.testing.assert_close(scripted(*given), module(*given))
    assert "__takes__" not in scripted.code


def test_functions_of_modules() -> None:
    module, (x,) = made("stem")
    state = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    torch.testing.assert_close(functional_call(module, state, (x,)), module(x))
    many = torch.stack([x, x + 1])
    torch.testing.assert_close(torch.vmap(module)(many), torch.stack([module(x), module(x + 1)]))

    def loss(p: dict[str, Tensor], one: Tensor) -> Tensor:
        result: Tensor = functional_call(module, {**state, **p}, (one.unsqueeze(0),)).sum()
        return result

    parameters = dict(module.named_parameters())
    grads = torch.vmap(torch.func.grad(loss), in_dims=(None, 0))(parameters, x)
    assert grads["0.weight"].shape == (2, 4, 3, 3, 3)
    with pytest.raises(ValueError, match="axis 1 of `x`"):
        functional_call(module, state, (x[:, :2],))


def test_hooks_and_mixed_precision() -> None:
    """A hook that pads comes before: what is tested is what ``forward`` gets."""
    module, (x,) = made("unet")
    with torch.autocast("cpu", torch.bfloat16):
        assert module(x).dtype == torch.bfloat16
    small = x[..., :30, :29]
    with pytest.raises(ValueError, match="not legal"):
        module(small)
    module.register_forward_pre_hook(lambda m, args: (functional.pad(args[0], (0, 3, 0, 2)),))
    assert module(small).shape == (2, 2, 32, 32)


def test_inside_another_module() -> None:
    inner, (x,) = made("unet")
    outer = nn.Sequential(inner, nn.ReLU())
    traced = torch.fx.symbolic_trace(outer)
    torch.testing.assert_close(traced(x), outer(x))
    with pytest.raises(ValueError, match="not legal"):
        outer(x[..., :-1])


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_it_is_compiled_no_more_often(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole, for open sizes: as often as without the test, which by itself is once."""
    times = []
    for module in (made("unet")[0], unguarded("unet", monkeypatch)):
        counted = CompileCounterWithBackend(backend)
        torch._dynamo.reset()
        compiled = torch.compile(module, backend=counted, fullgraph=True, dynamic=True)
        with torch.no_grad():
            for shape in ((2, 3, 32, 40), (3, 3, 64, 48), (5, 3, 36, 100)):
                image = torch.randn(shape)
                torch.testing.assert_close(compiled(image), module(image), rtol=1e-4, atol=1e-5)
        times.append(counted.frame_count)
    assert times[0] == times[1]
    assert times[0] == 1 or backend != "eager"


def guards(module: nn.Module, given: list[Tensor]) -> list[str]:
    """What dynamo tests before it runs a compiled ``forward``, as text without places."""
    torch._dynamo.reset()
    torch.compile(module, backend="eager", fullgraph=True, dynamic=True)(*given)
    code: Any = type(module).forward.__code__
    (entry,) = torch._dynamo.eval_frame._debug_get_cache_entry_list(code)
    lines = (line.partition("  #")[0] for line in str(entry.guard_manager).splitlines())
    return [re.sub(r"\d{6,}|0x[0-9a-f]+|builtins_dict___\d+", "N", line) for line in lines]


@pytest.mark.parametrize("name", ["unet", "pair"])
def test_compiling_guards_no_size_and_no_module(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only that the two functions which say who runs are what they were."""
    module, given = made(name)
    added = Counter(guards(module, given)) - Counter(guards(unguarded(name, monkeypatch), given))
    assert all(re.search(r"torch'\]\.(jit|compiler)\b", line) for line in added), added


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("name", SMALL)
def test_exports_are_the_same(name: str, strict: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    module, given = made(name)
    plain = unguarded(name, monkeypatch)
    one, other = (torch.export.export(m, tuple(given), strict=strict) for m in (module, plain))
    assert one.graph_module.code == other.graph_module.code
    torch.testing.assert_close(one.module()(*given), module(*given))


def test_dynamic_exports_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    auto = torch.export.Dim.AUTO
    module, (x,) = made("unet")
    open_ = ({0: auto, 2: auto, 3: auto},)
    one, other = (
        torch.export.export(m, (x,), dynamic_shapes=open_)
        for m in (module, unguarded("unet", monkeypatch))
    )
    assert one.graph_module.code == other.graph_module.code
    assert str(one.range_constraints) == str(other.range_constraints)


def test_fake_tensors_with_symbols_pass() -> None:
    from torch.fx.experimental.proxy_tensor import make_fx

    module, (x,) = made("stem")
    traced = make_fx(module, tracing_mode="symbolic", _allow_non_fake_inputs=True)(x)
    torch.testing.assert_close(traced(x), module(x))


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    from archlang.backends.torch import guard

    monkeypatch.setattr(guard, "MOST_SEEN", 3)
    module, _ = made("stem")
    seen: Any = module.__takes__
    for size in range(1, 9):
        module(torch.zeros(1, 3, size, size))
        assert len(seen.seen[0]) <= 3
    module(torch.zeros(1, 3, 8, 8))
    assert len(seen.seen[0]) == 2


def test_heads_in_both_modes() -> None:
    module = archlang.loads(HEADS).to_torch()
    x = torch.zeros(2, 3, 16, 16)
    assert set(module.eval()(x)) < set(module.train()(x))
    for training in (True, False):
        with pytest.raises(ValueError, match="axis 3 of `image` is 15"):
            module.train(training)(x[..., 1:])
