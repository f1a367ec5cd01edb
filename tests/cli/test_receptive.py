import json

import pytest

from archlang.cli import receptive
from tests.cli.conftest import RESNET, SPECS

UNET = str(SPECS / "unet.arch")
BODY = "model m {\n input image: [1, H=64, W=64]\n %s\n}\n"


def test_a_table(run):
    out = run("receptive", RESNET, "-m", "resnet50", "-d", "1").out
    lines = {line.split()[0]: line.split() for line in out.splitlines() if line.strip()}
    assert lines["layer3"][-4:] == ["267", "16", "0", "133"]
    assert "bn1" not in lines
    assert "field       427 at layer4.2.2 [2048, 7, 7], the last map" in out
    assert "paths       from 11 to 427, all of one centre" in out
    assert "sees all    yes" in out


def test_equal_neighbours_are_folded(run):
    out = run("receptive", RESNET, "-m", "resnet50").out
    assert "bottleneck(64) ×2" in out
    assert "27 – 35" in out


def test_axes_that_differ(run, spec):
    body = "conv(3x5, 2)\n concat { relu | maxpool(1x3, stride=1, pad=0x1) }"
    out = run("receptive", spec(BODY % body)).out
    assert "3x5" in out
    assert "paths       from 5 to 7, all of one centre (W)" in out


def test_phases_and_paths(run):
    out = run("receptive", UNET, "-m", "unet", "-d", "1").out
    assert "phases      16: from 188 to 204" in out
    assert "sees all    no: an output depends on a part of the input" in out


def test_what_is_unseen(run, spec):
    out = run("receptive", spec(BODY % "conv(1x1, 4, stride=16) -> maxpool(3x3)")).out
    assert "sees all    no: no output depends on what is unseen" in out
    assert "unseen      H: 1 to 15, 17 to 31, 33 to 63 of 64" in out


def test_holes(run, spec):
    out = run("receptive", spec(BODY % "x1 = conv(3x3, 4, dilation=3)"), "--at", "x1").out
    assert "H           29, 32, 35 of 64" in out
    out = run("receptive", spec(BODY % "x1 = conv(11x11, 4, dilation=2)"), "--at", "x1").out
    assert "H           22, 24, 26, 28, 30, 32 and 5 more of 64" in out


def test_one_tensor(run):
    out = run("receptive", RESNET, "-m", "resnet50", "--at", "layer3", "--position", "0x3").out
    assert out.startswith("layer3.5.2   [1024, 14, 14]\n")
    assert "place       0x3, which sees\n" in out
    assert "H           0 to 133 of 224" in out
    assert "W           0 to 181 of 224" in out
    assert (
        "H           0 to 223 of 224"
        in run("receptive", RESNET, "-m", "resnet50", "--at", "fc").out
    )


def test_as_data(run):
    data = json.loads(run("receptive", RESNET, "-m", "resnet50", "-f", "json").out)
    assert data["receptive_field"] == [427, 427]
    assert data["sees_all"] is True
    assert data["unseen"] == {"image": [[], [], []]}
    axis = data["map"]["axes"][1]
    assert axis == {
        "input": "image",
        "axis": 2,
        "extent": 224,
        "size": 427,
        "stride": 32,
        "centre": 0,
        "padding": 213,
        "narrowest_path": 11,
        "widest_path": 427,
        "aligned": True,
        "phases": [],
        "whole": False,
    }
    assert data["outputs"]["output"]["axes"][0]["whole"] is True
    assert next(x for x in data["layers"] if x["path"] == "conv1")["axes"][0]["size"] == 7


def test_a_position_as_data(run, spec):
    file = spec(BODY % "up = upsample(2) -> conv(3x3, 1)")
    asked = ("receptive", file, "--at", "up", "--position", "0x5", "-f", "json")
    at = json.loads(run(*asked).out)["at"]
    assert at["position"] == [0, 5]
    assert at["places"] == {"image": [[[0, 0]], [[0, 0]], [[2, 3]]]}
    assert at["axes"][0]["stride"] == 0.5
    assert at["axes"][0]["phases"] == [{"first": -1, "size": 2}, {"first": 0, "size": 2}]


def test_summary_says_it(run):
    data = json.loads(run("summary", RESNET, "-m", "resnet50", "-f", "json").out)["totals"]
    assert (data["receptive_field"], data["sees_all"]) == ([427, 427], True)
    vit = json.loads(run("summary", str(SPECS / "vit.arch"), "-m", "vit_b_32", "-f", "json").out)
    vit = vit["totals"]
    assert (vit["receptive_field"], vit["sees_all"]) == ([32, 32], True)


@pytest.mark.parametrize("name", ["field.png", "field.svg"])
def test_a_picture(run, spec, tmp_path, name):
    file = spec(BODY % "conv(7x7, 4, stride=2) -> relu -> conv(3x3, 4, dilation=2)")
    out = run("receptive", file, "--plot", tmp_path / name).out
    assert out.endswith(f"written to {tmp_path / name}\n")
    assert (tmp_path / name).stat().st_size > 5000


def test_a_picture_of_a_signal(run, spec, tmp_path):
    file = spec("model m {\n input x: [2, 90]\n conv(9, 4) -> maxpool(3)\n}\n")
    assert run("receptive", file, "--plot", tmp_path / "x.png").code == 0
    assert (tmp_path / "x.png").exists()


def test_a_picture_without_torch(run, spec, tmp_path, monkeypatch):
    from archlang.plots import receptive as picture

    monkeypatch.setattr(picture, "find_spec", lambda name: None)
    file = spec(BODY % "conv(7x7, 4, dilation=3)")
    assert run("receptive", file, "--plot", tmp_path / "x.png").code == 0
    assert (tmp_path / "x.png").exists()


def test_wrong_use(run, spec, tmp_path, monkeypatch):
    file = spec(BODY % "conv1 = conv(3x3, 4)\n global_avgpool -> linear(2)")
    done = run("receptive", file, "--at", "Conv1")
    assert (done.code, "did you mean `conv1`?" in done.err) == (2, True)
    assert "such as 3x3, not a" in run("receptive", file, "--at", "conv1", "--position", "a").err
    assert "2 indices" in run("receptive", file, "--at", "conv1", "--position", "1").err
    assert "no place 64" in run("receptive", file, "--at", "conv1", "--position", "1x64").err
    assert "no folder" in run("receptive", file, "--plot", tmp_path / "a" / "x.png").err
    assert "cannot tell what to draw" in run("receptive", file, "--plot", tmp_path / "x.doc").err
    flat = spec("model m {\n input x: [8]\n linear(2)\n}\n", "flat.arch")
    assert "no tensor is a map" in run("receptive", flat).out
    assert "--at" in run("receptive", flat, "--plot", tmp_path / "x.png").err
    monkeypatch.setattr("archlang.cli.output.find_spec", lambda name: None)
    done = run("receptive", file, "--plot", tmp_path / "x.png")
    assert "pip install 'archlang[plot]'" in done.err
    assert receptive.number(2) == "2"
