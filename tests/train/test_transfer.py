from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

import archlang
from archlang.train import Recipe, UsageError, checkpoint
from archlang.train.transfer import (
    freeze,
    layer_scales,
    load_into,
    scaled_groups,
)
from tests.train.trained import run, small


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "small"
    run(out, ema=True)
    return out


def module(**settings: Any) -> nn.Module:
    return small(**settings).to_torch()


def values(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def test_a_new_head(folder: Path) -> None:
    model = module(classes=5)
    before = values(model)
    taken = load_into(model, folder)
    mean = checkpoint.load(folder / "best.pt")["ema"]
    after = values(model)
    for name in taken.loaded:
        assert torch.equal(after[name], mean[name])
    assert set(taken.differing) == {"head.weight", "head.bias"}
    assert taken.differing["head.weight"] == ((3, 16), (5, 16))
    assert torch.equal(after["head.weight"], before["head.weight"])
    assert taken.missing == taken.unused == taken.fresh == ()
    assert len(taken.loaded) + len(taken.differing) == len(after)
    assert taken.lines() == [
        f"7 of 9 tensors are from {folder / 'best.pt'}",
        "of another shape, left fresh: head.weight [3, 16] → [5, 16], head.bias [3] → [5]",
    ]


def test_another_spec(folder: Path) -> None:
    model = archlang.loads(
        "model m { input x: [1, 8, 8]; flatten; hidden = linear(16); norm = bn; relu; "
        "top = linear(4) }"
    ).to_torch()
    taken = load_into(model, folder / "weights.safetensors")
    assert taken.missing == ("top.weight", "top.bias")
    assert taken.unused == ("head.bias", "head.weight")
    assert any(line.startswith("not in the file, left fresh: top") for line in taken.lines())


def test_left_fresh_though_it_fits(folder: Path) -> None:
    model = module()
    before = values(model)
    taken = load_into(model, folder, fresh=["head"])
    assert taken.fresh == ("head.weight", "head.bias")
    assert taken.unused == ()
    after = values(model)
    assert torch.equal(after["head.weight"], before["head.weight"])
    assert not torch.equal(after["hidden.weight"], before["hidden.weight"])


def test_files_of_others(tmp_path: Path) -> None:
    theirs = module()
    state = {f"module.{name}": value for name, value in theirs.state_dict().items()}
    torch.save({"state_dict": state, "epoch": 3}, tmp_path / "theirs.pt")
    save_file(theirs.state_dict(), tmp_path / "theirs.safetensors")
    for name in ("theirs.pt", "theirs.safetensors"):
        model = module()
        assert len(load_into(model, tmp_path / name).loaded) == 9
        assert all(torch.equal(v, values(theirs)[n]) for n, v in values(model).items())


def test_what_cannot_be_taken(folder: Path, tmp_path: Path) -> None:
    def refused(source: Path, **options: Any) -> UsageError:
        with pytest.raises(UsageError) as caught:
            load_into(module(), source, **options)
        return caught.value

    assert refused(tmp_path).message == f"there is no run in {tmp_path}"
    assert refused(tmp_path / "a.pt").message == f"there is no file {tmp_path / 'a.pt'}"
    (tmp_path / "bad.pt").write_bytes(b"bad")
    assert "is damaged" in refused(tmp_path / "bad.pt").message
    error = refused(folder, fresh=["haed"])
    assert error.message == "`haed` names nothing of the network to leave fresh"
    assert error.hint == "did you mean `head`?"
    torch.save({"other": torch.zeros(3)}, tmp_path / "other.pt")
    error = refused(tmp_path / "other.pt")
    assert error.message.startswith(f"no tensor of {tmp_path / 'other.pt'} bears a name")
    assert "it has other, and the network hidden.weight" in error.hint


def step(model: nn.Module, lr: float = 0.1) -> None:
    held = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(held, lr)
    model.train()
    output = model(torch.rand(12, 1, 8, 8))
    assert isinstance(output, Tensor)
    torch.autograd.backward(output.square().mean())
    optimizer.step()


@pytest.mark.parametrize("globs", [["hidden", "norm"], ["h*n", "no*"], ["hidden.*", "norm*"]])
def test_frozen_parts_stay(globs: list[str]) -> None:
    model = module()
    held = freeze(model, globs)
    assert held == ["hidden.weight", "hidden.bias", "norm.weight", "norm.bias"]
    before = values(model)
    for _ in range(2):
        step(model)
    after = values(model)
    moved = {name for name in after if not torch.equal(after[name], before[name])}
    assert moved == {"head.weight", "head.bias"}


def test_a_frozen_norm_normalises_by_what_it_knows() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 2))
    model.load_state_dict({**model.state_dict(), "0.running_mean": torch.full((4,), 3.0)})
    x = torch.randn(6, 4)
    wanted = model.eval()(x)
    freeze(model, ["0"])
    assert torch.equal(model.train()(x), wanted)
    assert torch.equal(model[0].running_mean, torch.full((4,), 3.0))


def test_one_parameter_frozen_alone() -> None:
    model = module()
    assert freeze(model, ["hidden.weight"]) == ["hidden.weight"]
    before = values(model)
    step(model)
    after = values(model)
    assert not torch.equal(after["norm.running_mean"], before["norm.running_mean"])
    assert not torch.equal(after["hidden.bias"], before["hidden.bias"])


def test_what_cannot_be_frozen() -> None:
    with pytest.raises(UsageError, match="everything is frozen"):
        freeze(module(), ["*"])
    with pytest.raises(UsageError) as caught:
        freeze(module(), ["layer9"])
    assert caught.value.message == "`layer9` names nothing of the network to freeze"
    assert caught.value.hint == "it has hidden, norm, head"


def test_scales_by_hand() -> None:
    assert layer_scales(module(), 0.5) == {
        **dict.fromkeys(("hidden.weight", "hidden.bias"), 0.5),
        **dict.fromkeys(("norm.weight", "norm.bias"), 0.5),
        **dict.fromkeys(("head.weight", "head.bias"), 1.0),
    }
    model = nn.Sequential(nn.LayerNorm(4), nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2))
    scales = layer_scales(model, 0.1)
    assert scales["0.weight"] == scales["1.weight"] == pytest.approx(0.01)
    assert scales["2.weight"] == pytest.approx(0.1)
    assert scales["3.bias"] == 1


def test_resnet18_has_21_layers() -> None:
    spec = Path(__file__).parents[2] / "specs" / "resnet.arch"
    model = archlang.load(spec, "resnet18").to_torch("meta")
    scales = layer_scales(model, 0.9)
    assert scales["conv1.weight"] == pytest.approx(0.9**20)
    assert scales["bn1.bias"] == scales["conv1.weight"]
    assert scales["fc.bias"] == 1
    assert len(set(scales.values())) == 21


def test_groups() -> None:
    recipe = Recipe.of({"optimizer": {"name": "sgd", "lr": 1, "momentum": 0, "nesterov": False}})
    model = module()
    optimizer = recipe.build_optimizer(model.parameters())
    groups = scaled_groups(model, optimizer.param_groups, 0.5)
    assert [(len(g["params"]), g["weight_decay"], g["lr_scale"]) for g in groups] == [
        *((1, 5e-4, 0.5), (1, 5e-4, 1.0), (3, 0.0, 0.5), (1, 0.0, 1.0)),
    ]
    # What an optimizer makes of them: each moves by its own rate.
    own = torch.optim.SGD([{"params": g["params"], "lr": g["lr_scale"]} for g in groups])
    before = values(model)
    torch.autograd.backward(torch.stack([p.sum() for p in model.parameters()]).sum())
    own.step()
    for name, parameter in model.named_parameters():
        moved = before[name] - parameter.detach()
        assert moved.mean().item() == pytest.approx(layer_scales(model, 0.5)[name], rel=1e-5)


def test_what_is_frozen_is_in_no_group() -> None:
    model = module()
    freeze(model, ["hidden"])
    optimizer = Recipe().build_optimizer(model.parameters())
    groups = scaled_groups(model, optimizer.param_groups, 0.5)
    assert sum(len(g["params"]) for g in groups) == 4
