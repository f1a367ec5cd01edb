"""``archlang convolutionize``: what it prints, what it writes, what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import archlang
from tests.cli.conftest import LENET, SPECS

MODEL = ("--model", "lenet5")


def test_the_report(run):
    ended = run("convolutionize", LENET, *MODEL)
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0] == "lenet5   image [1, 28, 28] -> [10]"
    assert "7      linear(120)   conv(5x5, 120, pad=0)" in lines
    assert "7.weight    [120, 400]   [120, 16, 5, 5]" in lines
    assert "legal before     those that the spec gives" in lines
    assert "legal after      H >= 28 and W >= 28" in lines
    assert "twice as large   image [1, 56, 56] -> [10, 8, 8]" in lines
    assert "parameters       61,706 as before, 7 of 10 tensors in their shapes" in lines


def test_what_is_written_is_right(run, tmp_path):
    out = tmp_path / "fcn.arch"
    ended = run("convolutionize", LENET, *MODEL, "--set", "classes=26", "-o", out)
    assert ended.code == 0
    assert ended.out.endswith(f"written to {out}\n")
    checked = run("check", str(out), "--input", "1x60x76", *MODEL)
    assert (checked.code, checked.out.count(" ok: ")) == (0, 1)
    assert "[1, 60, 76] -> [10, 9, 13]" in checked.out
    assert run("check", str(out)).out.count(" ok: ") == 2


def test_nothing_is_written_over(run, tmp_path):
    out = tmp_path / "fcn.arch"
    out.write_text("mine")
    refused = run("convolutionize", LENET, *MODEL, "-o", out)
    assert (refused.code, out.read_text()) == (2, "mine")
    assert "is there already" in refused.err
    assert "--force" in refused.err
    assert run("convolutionize", LENET, *MODEL, "-o", out, "--force").code == 0
    assert archlang.load(out, "lenet5").outputs == {"output": (10, 1, 1)}


@pytest.mark.parametrize("ending", [".pt", ".safetensors"])
def test_weights(run, tmp_path, ending):
    network = archlang.load(LENET, "lenet5")
    module = network.to_torch().eval()
    given, spec, to = tmp_path / "a.pt", tmp_path / "fcn.arch", tmp_path / f"b{ending}"
    torch.save({"state_dict": module.state_dict()}, given)
    ended = run("convolutionize", LENET, *MODEL, "-o", spec, "--weights", given, "--to", to)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.endswith(f"written to {spec}\nwritten to {to}\n")
    state = torch.load(to, weights_only=True) if ending == ".pt" else load_file(to)
    slider = archlang.load(spec, "lenet5").to_torch().eval()
    slider.load_state_dict(state)
    image = torch.randn(3, 1, 28, 28)
    with torch.no_grad():
        torch.testing.assert_close(slider(image).flatten(1), module(image))


def test_weights_of_another_network(run, tmp_path):
    given, spec, to = tmp_path / "a.pt", tmp_path / "fcn.arch", tmp_path / "b.pt"
    torch.save({"7.weight": torch.zeros(120, 400)}, given)
    ended = run("convolutionize", LENET, *MODEL, "-o", spec, "--weights", given, "--to", to)
    assert ended.code == 1
    assert "has no `0.weight` of [6, 1, 5, 5] and 8 more: nothing is written" in ended.err
    assert "archlang weights" in ended.err
    assert not spec.exists()
    assert not to.exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-o", "fcn.pt"], "a spec's name ends in .arch"),
        (["-o", "no/fcn.arch"], "there is no folder no"),
        (["--weights", "a.pt"], "--weights needs --to"),
        (["--to", "a.pt"], "--to needs --weights"),
        (["--weights", "a.pt", "--to", "b.arch"], "cannot tell what to write"),
        (["--weights", "no.pt", "--to", "b.pt"], "there is no file no.pt"),
    ],
)
def test_wrong_usage(run, tmp_path, monkeypatch, arguments, says):
    monkeypatch.chdir(tmp_path)
    ended = run("convolutionize", LENET, *MODEL, *arguments)
    assert ended.code == 2
    assert says in ended.err
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_converted_is_a_finding(run, tmp_path):
    out = tmp_path / "fcn.arch"
    ended = run("convolutionize", str(SPECS / "unet.arch"), "--model", "unet", "-o", out)
    assert (ended.code, ended.out) == (1, "")
    assert "error[A401]: unet has no head" in ended.err
    assert not out.exists()


def test_what_stays_and_what_goes_is_said(run):
    ended = run("convolutionize", str(SPECS / "googlenet.arch"), "--model", "googlenet")
    assert "\nin training" not in ended.out
    assert "adaptive_avgpool(4x4)` over [512, 14, 14] are not all alike" in ended.out
    assert ended.out.count("left as it was") == 1
    ended = run("convolutionize", str(SPECS / "mobilenet.arch"), "-m", "mobilenet_v1")
    assert "left out         model mobilenet_v1_100_192, which would become another" in ended.out


def test_as_data(run, tmp_path):
    out = tmp_path / "fcn.arch"
    ended = run("convolutionize", LENET, *MODEL, "--format", "json", "-o", out)
    data = json.loads(ended.out)
    assert data["spec"] == out.read_text()
    assert data["written"] == [str(out)]
    assert data["sizes"]["after"]["fully_convolutional"]
    assert data["larger"] == {"inputs": {"image": [1, 56, 56]}, "outputs": {"output": [10, 8, 8]}}
    moved = [w for w in data["weights"] if w["before"] != w["after"]]
    assert moved[0] == {"key": "7.weight", "before": [120, 400], "after": [120, 16, 5, 5]}
    assert data["layers"][0]["after"] == "identity"


def test_standard_input(run, monkeypatch, tmp_path):
    import io

    text = Path(LENET).read_bytes()
    monkeypatch.setattr("sys.stdin", type("In", (), {"buffer": io.BytesIO(text)}))
    assert run("convolutionize", "-", *MODEL).code == 0
