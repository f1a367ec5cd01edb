"""What looks at a module's inputs leaves all else of it as it was."""

from __future__ import annotations

import copy
import io
import pickle
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounterWithBackend
from torch.func import functional_call
from torch.nn import functional

import archlang
from archlang.backends.torch import guard
from tests.backends.guarded import SMALL, made, unguarded


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
    for module in (made("stem")[0], unguarded("stem", monkeypatch)):
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


@pytest.mark.parametrize("name", ["stem", "pair"])
def test_compiling_guards_no_size_and_no_module(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only that the two functions which say who runs are what they were."""
    module, given = made(name)
    added = Counter(guards(module, given)) - Counter(guards(unguarded(name, monkeypatch), given))
    assert all(re.search(r"G\['torch'\](,|\.jit|\.compiler)", line) for line in added), added


@pytest.mark.parametrize(
    ("name", "strict"), [*((n, False) for n in SMALL), ("pair", True), ("stem", True)]
)
def test_exports_are_the_same(name: str, strict: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    module, given = made(name)
    plain = unguarded(name, monkeypatch)
    one, other = (torch.export.export(m, tuple(given), strict=strict) for m in (module, plain))
    assert one.graph_module.code == other.graph_module.code
    torch.testing.assert_close(one.module()(*given), module(*given))


def test_dynamic_exports_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    auto = torch.export.Dim.AUTO
    module, (x,) = made("stem")
    open_ = ({0: auto, 2: auto, 3: auto},)
    one, other = (
        torch.export.export(m, (x,), dynamic_shapes=open_)
        for m in (module, unguarded("stem", monkeypatch))
    )
    assert one.graph_module.code == other.graph_module.code
    assert str(one.range_constraints) == str(other.range_constraints)


def test_fake_tensors_with_symbols_pass() -> None:
    from torch.fx.experimental.proxy_tensor import make_fx

    module, (x,) = made("stem")
    traced = make_fx(module, tracing_mode="symbolic", _allow_non_fake_inputs=True)(x)
    torch.testing.assert_close(traced(x), module(x))


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "MOST_SEEN", 3)
    module, _ = made("stem")
    seen: Any = module.__takes__
    for size in range(1, 9):
        module(torch.zeros(1, 3, size, size))
        assert len(seen.seen[0]) <= 3
    module(torch.zeros(1, 3, 8, 8))
    assert len(seen.seen[0]) == 2
