"""``archlang weights``: what it writes computes what the source computed; what it says is true."""

from __future__ import annotations

import io
import json
import pickle
import re
from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import load_file, save_file
from torch import Tensor

import archlang
from tests.cli.conftest import RESNET

State = dict[str, Tensor]
MODEL = ("--model", "resnet18")


@pytest.fixture(scope="module")
def theirs() -> torch.nn.Module:
    torch.manual_seed(1)
    module = torchvision.models.resnet18().eval()
    for norm in module.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(norm.running_var, 0.5, 1.5)
            torch.nn.init.normal_(norm.running_mean)
            norm.num_batches_tracked += 3
    return module


@pytest.fixture
def saved(theirs, tmp_path):
    """Save a state dict, changed, as a file."""

    def save(change=dict, name="theirs.pth", wrap=lambda s: s) -> Path:
        path = tmp_path / name
        given = change(dict(theirs.state_dict()))
        if path.suffix == ".safetensors":
            save_file(given, path)
        else:
            torch.save(wrap(given), path)
        return path

    return save


def other_names(given: State) -> State:
    names = {"layer1": "a", "layer2": "b", "layer3": "c", "layer4": "d", "fc": "head"}
    return {re.sub(r"^\w+", lambda m: names.get(m[0], m[0]), k): t for k, t in given.items()}


def without_counters(given: State) -> State:
    return {k: t for k, t in given.items() if not k.endswith("num_batches_tracked")}


def ten_classes(given: State) -> State:
    return {**given, "fc.weight": torch.randn(10, 512), "fc.bias": torch.randn(10)}


def outputs(state: State, images: Tensor) -> Tensor:
    module = archlang.load(RESNET, "resnet18").to_torch().eval()
    module.load_state_dict(state, strict=True)
    with torch.no_grad():
        return module(images)


def load(path: Path) -> State:
    if path.suffix == ".safetensors":
        return load_file(path)
    return torch.load(path, weights_only=True)


@pytest.mark.parametrize(
    ("change", "name", "out", "says"),
    [
        (dict, "theirs.pth", "out.safetensors", "by name: 122\nby structure: 0\n"),
        (dict, "theirs.safetensors", "out.pt", "by name: 122\n"),
        (other_names, "theirs.pth", "out.pth", "  layer1.* <- a.*\n  layer2.* <- b.*\n"),
        (other_names, "theirs.safetensors", "out.pt", "  fc <- head\n"),
        (
            without_counters,
            "theirs.pt",
            "out.pt",
            "set to 0: 20 batch counters that the file lacks",
        ),
        (
            lambda s: {f"module.{k}": t for k, t in s.items()},
            "theirs.pt",
            "out.pt",
            "by name: 122, without its prefix `module.`\n",
        ),
    ],
)
def test_what_is_written_computes_what_the_source_did(
    run, saved, theirs, tmp_path, change, name, out, says
):
    path = tmp_path / out
    done = run("weights", RESNET, *MODEL, "--from", saved(change, name), "-o", path)
    assert (done.code, done.err) == (0, "")
    assert says in done.out
    assert done.out.endswith(f"written to {path}\n")
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(outputs(load(path), images), theirs(images))
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([name, out])


@pytest.mark.parametrize("inside", ["state_dict", "model_state_dict", "model", "weights"])
def test_checkpoints_keep_weights_under_a_name(run, saved, inside):
    path = saved(wrap=lambda s: {"epoch": 3, inside: s, "optimizer": {"lr": 0.1}})
    done = run("weights", RESNET, *MODEL, "--from", path)
    assert done.code == 0
    assert done.out == (
        f"resnet18 has 122 tensors, {path} 122 (in its {inside})\nby name: 122\nby structure: 0\n"
    )


def test_what_lies_beside_tensors_is_said(run, saved):
    done = run("weights", RESNET, *MODEL, "--from", saved(wrap=lambda s: {**s, "epoch": 3}))
    assert (done.code, "no tensors, and passed over: epoch\n" in done.out) == (0, True)


def test_strictly_nothing_is_written_where_something_is_left(run, saved, tmp_path):
    out = tmp_path / "out.pt"
    out.write_bytes(b"precious")
    done = run("weights", RESNET, *MODEL, "--from", saved(ten_classes), "-o", out)
    assert done.code == 1
    assert "fc.weight [1000, 512] in resnet18, [10, 512] in the file\n" in done.out
    assert "2 tensors of resnet18 would have no value: nothing is written" in done.err
    assert out.read_bytes() == b"precious"


def test_what_went_by_order_is_said(run, saved):
    for name, order in (
        ("a.pt", "by their order"),
        ("b.safetensors", "by the order of their names"),
    ):
        done = run("weights", RESNET, *MODEL, "--from", saved(other_names, name))
        assert f"  32 modules of these hold the same as others, and went {order}\n" in done.out


def test_a_safetensors_file_without_tensors(run, saved):
    path = saved(lambda s: {}, "none.safetensors")
    done = run("weights", RESNET, *MODEL, "--from", path)
    assert (done.code, "by name: 0\nby structure: 0\n" in done.out) == (1, True)


def test_partially_the_rest_keeps_its_initial_values(run, saved, tmp_path):
    out = tmp_path / "out.pt"
    given = ("weights", RESNET, *MODEL, "--from", saved(ten_classes), "-o", out, "--partial")
    assert run(*given, "--seed", "5").code == 0
    torch.manual_seed(5)
    initial = archlang.load(RESNET, "resnet18").to_torch().state_dict()
    written = load(out)
    assert torch.equal(written["fc.weight"], initial["fc.weight"])
    assert not torch.equal(written["conv1.weight"], initial["conv1.weight"])


def test_by_name_only(run, saved):
    done = run("weights", RESNET, *MODEL, "--from", saved(other_names), "--only", "name")
    assert done.code == 1
    assert "by structure" not in done.out
    assert "resnet18 has, the file lacks: 116\n" in done.out
    assert "and 104 more (--format json has all)" in done.out


def test_a_different_network_is_not_taken(run, tmp_path):
    path = tmp_path / "vgg.pth"
    with torch.device("meta"):
        given = torchvision.models.vgg11().state_dict()
    torch.save({k: torch.empty(t.shape) for k, t in given.items() if "classifier" not in k}, path)
    done = run("weights", RESNET, *MODEL, "--from", path)
    assert done.code == 1
    assert "by name: 0\nby structure: 0\n" in done.out
    assert "the file has, resnet18 does not take: 16\n" in done.out


def test_as_data(run, saved):
    path = saved(lambda s: other_names(without_counters(ten_classes(s))))
    done = run("weights", RESNET, *MODEL, "--from", path, "--format", "json")
    found = json.loads(done.out)
    assert done.code == 1
    assert found["by_structure"]["layer1.0.conv1.weight"] == "a.0.conv1.weight"
    assert (found["missing"], found["unused"]) == (
        ["fc.weight", "fc.bias"], ["head.weight", "head.bias"],
    )  # fmt: skip
    assert (len(found["counters"]), found["written"]) == (20, None)


def test_halves_are_converted_and_that_is_said(run, saved):
    half = saved(lambda s: {k: t.half() if t.is_floating_point() else t for k, t in s.items()})
    done = run("weights", RESNET, *MODEL, "--from", half)
    assert "converted from float16 to float32: 102\n" in done.out


def test_a_map_of_names(run, saved, tmp_path):
    rules = tmp_path / "map.json"
    rules.write_text('{"a": "layer1", "b": "layer2", "c": "layer3", "d": "layer4", "head": "fc"}')
    given = ("weights", RESNET, *MODEL, "--from", saved(other_names), "--map", rules)
    done = run(*given, "--only", "name")
    assert (done.code, "by name: 122\n" in done.out) == (0, True)
    for text, message in (
        (
            '{"x": "y"}',
            f"{rules} does not fit {given[5]}: `x` is no key, and no key begins with it",
        ),
        ("[1]", f"{rules} does not map paths to paths"),
        ("{", f"{rules} is not JSON"),
    ):
        rules.write_text(text)
        done = run(*given)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith(f"error: {message}\n")


def test_what_it_needs_is_said(run, saved, monkeypatch):
    import archlang.cli.weights as command

    monkeypatch.setattr(command, "find_spec", lambda name: None)
    done = run("weights", RESNET, *MODEL, "--from", saved())
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "error: weights need PyTorch, which is not installed\nhelp: pip install 'archlang[torch]'\n"
    )


def broken(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def pickled(value: object) -> bytes:
    file = io.BytesIO()
    torch.save(value, file)
    return file.getvalue()


class Trap:
    """What runs when it is unpickled."""

    ran = False

    def __reduce__(self):
        return _spring, ()


def _spring() -> None:
    Trap.ran = True


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.pt", b"", "is empty"),
        ("a.safetensors", b"", "is empty"),
        ("a.pt", b"no weights at all", "is damaged, or no file that PyTorch saved"),
        ("a.pt", pickled({"w": torch.ones(999)})[:2000], "is damaged"),
        ("a.safetensors", b"no weights at all", "is damaged, or no safetensors file"),
        ("a.pt", pickled({"w": Trap()}), "holds objects beside tensors"),
        ("a.pt", pickle.dumps(Trap()), "is damaged, or no file that PyTorch saved"),
        ("a.pt", pickled({"epoch": 3}), "has no tensors where weights are kept; it has `epoch`"),
        ("a.pt", pickled([torch.ones(2)]), "holds a list, not tensors by name"),
        ("a.pt", pickled({}), "has no tensors where weights are kept; it has nothing"),
    ],
    ids=range(10),
)
def test_files_that_hold_no_weights(run, tmp_path, name, content, message):
    path = broken(tmp_path / name, content)
    done = run("weights", RESNET, *MODEL, "--from", path, "-o", tmp_path / "out.pt")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"error: {path} {message}")
    assert not Trap.ran
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_files_that_are_not_there(run, tmp_path, saved):
    done = run("weights", RESNET, *MODEL, "--from", tmp_path / "none.pth")
    assert (done.code, done.err) == (2, f"error: there is no file {tmp_path / 'none.pth'}\n")
    done = run("weights", RESNET, *MODEL, "--from", tmp_path)
    assert (done.code, done.err) == (2, f"error: {tmp_path} is a folder\n")
    out = tmp_path / "no" / "out.pt"
    done = run("weights", RESNET, *MODEL, "--from", saved(), "-o", out)
    assert (done.code, f"there is no folder {out.parent}" in done.err) == (2, True)
    done = run("weights", RESNET, *MODEL, "--from", saved(), "-o", tmp_path / "out.h5")
    assert (done.code, "it can end in .safetensors, .pt, .pth" in done.err) == (2, True)
