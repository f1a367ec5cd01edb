from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import archlang
from archlang.train import TrainError, UsageError, checkpoint
from archlang.train.saved import trained
from tests.train.trained import run, small


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "small"
    run(out, ema=True, epochs=3)
    return out


def test_best_epoch_and_its_mean(folder: Path) -> None:
    one = trained(folder)
    state = checkpoint.load(folder / "best.pt")
    assert one.path == folder / "best.pt"
    assert one.averaged
    assert one.epoch == state["history"][-1]["epoch"]
    held = one.module.state_dict()
    assert all(torch.equal(held[name], value) for name, value in state["ema"].items())
    assert not torch.equal(state["ema"]["head.weight"], state["model"]["head.weight"])
    assert not one.module.training
    assert one.classes == ("top", "middle", "bottom")


def test_files_of_a_run(folder: Path) -> None:
    assert trained(folder / "last.pt").epoch == 3
    held = trained(folder / "best.pt").module.state_dict()
    alone = trained(folder / "weights.safetensors")
    assert alone.epoch == trained(folder).epoch
    assert alone.averaged
    assert all(torch.equal(value, held[name]) for name, value in alone.weights.items())


def test_weights_without_a_mean(tmp_path: Path) -> None:
    run(tmp_path / "run", epochs=1)
    one = trained(tmp_path / "run")
    state = checkpoint.load(tmp_path / "run" / "best.pt")
    assert not one.averaged
    assert torch.equal(one.weights["head.weight"], state["model"]["head.weight"])


def test_opening_draws_nothing(folder: Path) -> None:
    before = torch.get_rng_state()
    trained(folder)
    assert torch.equal(torch.get_rng_state(), before)


def test_settings_used_files_and_another_size(tmp_path: Path) -> None:
    home = tmp_path / "specs" / "deep"
    home.mkdir(parents=True)
    (tmp_path / "specs" / "ours.arch").write_text(
        "block body(w) : [C, H, W] -> [w, H, W] { conv(3x3, w) -> bn -> relu }\n"
    )
    (home / "net.arch").write_text(
        'use "../ours"\nuse "std/resnet"\n'
        "model net(w = 2) { input x: [1, H=16, W=16]\n"
        "body(w) -> global_avgpool -> linear(3) }\n"
    )
    network = archlang.load(home / "net.arch", settings={"w": "3"}, inputs={"x": (1, 8, 8)})
    run(tmp_path / "run", network, epochs=1)
    # The run explains itself: what it was made from may be gone.
    for file in (tmp_path / "specs" / "ours.arch", home / "net.arch"):
        file.unlink()
    one = trained(tmp_path / "run")
    assert one.network.inputs == {"x": (1, 8, 8)}
    assert one.network.totals.params == network.totals.params


def refused(path: Path) -> UsageError:
    with pytest.raises(UsageError) as caught:
        trained(path)
    assert caught.value.exit_code == 2
    return caught.value


def test_no_run(tmp_path: Path, folder: Path) -> None:
    assert refused(tmp_path).message == f"there is no run in {tmp_path}"
    assert refused(folder.parent).hint == "it has the runs small"
    error = refused(folder.parent / "smal")
    assert error.message == f"there is no run {folder.parent / 'smal'}"
    assert error.hint == f"did you mean {folder}?"


def test_damaged(tmp_path: Path, folder: Path) -> None:
    for name in ("best.pt", "last.pt"):
        content = (folder / name).read_bytes()
        (tmp_path / name).write_bytes(content[: len(content) // 2])
    error = refused(tmp_path)
    assert error.message.startswith(f"{tmp_path / 'best.pt'} cannot be read as a checkpoint")
    assert error.hint == f"another one of the run may be whole: {tmp_path / 'last.pt'}"
    (tmp_path / "best.pt").unlink()
    assert refused(tmp_path).hint == "train it anew"


def test_weights_alone(tmp_path: Path, folder: Path) -> None:
    file = tmp_path / "weights.safetensors"
    file.write_bytes((folder / "weights.safetensors").read_bytes())
    assert "holds weights alone, and no run's run.json lies beside it" in refused(file).message
    about = json.loads((folder / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps(about))
    assert trained(file).classes == ("top", "middle", "bottom")
    file.write_bytes(b"none")
    assert refused(file).message == f"{file} cannot be read: it is damaged"


def test_another_spec(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"it has `hidden.weight` as \[16, 64\], not \[8, 64\]"):
        trained(folder, network=small(width=8))
    other = archlang.loads("model m { input x: [1, 8, 8]; flatten; top = linear(3) }")
    with pytest.raises(UsageError, match=r"another network than `m`: it lacks `top.weight`"):
        trained(folder, network=other)


def test_a_spec_no_longer_understood(tmp_path: Path, folder: Path) -> None:
    state = checkpoint.load(folder / "last.pt")
    (name,) = state["identity"]["files"]
    state["identity"]["files"][name] = state["identity"]["files"][name].replace("bn", "bm")
    checkpoint.save(tmp_path / "last.pt", {k: v for k, v in state.items() if k != "format"})
    with pytest.raises(TrainError, match=r"is no longer understood: unknown layer or block `bm`"):
        trained(tmp_path)
