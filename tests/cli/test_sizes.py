import json
import re
from pathlib import Path

import archlang
from tests.cli.conftest import LENET, RESNET, SPECS

VGG = str(SPECS / "vgg.arch")
HEAD = "model m {\n input image: [1, H=28, W=28]\n conv(5x5, 6) -> maxpool(2x2)\n %s\n}\n"


def test_every_size(run):
    out = run("sizes", RESNET, "--model", "resnet50").out
    assert "legal         every H and W" in out
    assert "any larger size" in out
    assert "9408*ceil(H/2)*ceil(W/2)" in out


def test_near(run):
    out = run("sizes", VGG, "-m", "vgg16", "--near", "20").out
    assert "H = W: none below, 32 above (pad by 12: 6 and 6)" in out
    assert "H = W = 500 is legal" in run("sizes", VGG, "-m", "vgg16", "--near", "500").out


def test_near_by_name(run, spec):
    file = spec(HEAD % "require H % 32 == 28 and W >= 20\n relu")
    out = run("sizes", file, "--near", "10").out
    assert "near 10       H: none below, 28 above (pad by 18: 9 and 9)" in out
    assert "near 10       W: none below, 20 above" in out


def test_a_fixed_head_is_named(run, spec):
    out = run("sizes", spec(HEAD % "flatten -> linear(10)")).out
    assert "(28 <= H <= 29 and 28 <= W <= 29) or" in out
    assert "the weights of `3`, linear(10), are made for one size" in out


def test_training_is_told_apart(run, spec):
    file = spec(HEAD % "top = relu\n side = conv(9x9, 4, pad=0)\n aux side\n top -> relu")
    out = run("sizes", file).out
    assert "legal         H >= 2 and W >= 2" in out
    assert "in training   H >= 18 and W >= 18" in out


def test_a_table_holds_the_network_s_own_figures(run):
    data = json.loads(run("sizes", VGG, "-m", "vgg16", "--table", "16:80:16", "-f", "json").out)
    assert [row["legal"] for row in data["table"]] == [False, True, True, True, True]
    for row in data["table"][1:]:
        side = row["size"]
        totals = archlang.load(VGG, "vgg16", inputs={"image": (3, side, side)}).totals
        assert (row["macs"], row["neurons"]) == (totals.macs, totals.neurons)
    out = run("sizes", VGG, "-m", "vgg16", "--table", "16:80:16").out
    assert re.search(r"^ +16 +not legal$", out, re.MULTILINE)


def test_as_data(run):
    data = json.loads(run("sizes", VGG, "-m", "vgg16", "--near", "20", "-f", "json").out)
    assert data["sizes"]["boxes"][0]["H"]["start"] == 32
    assert data["sizes"]["fully_convolutional"] is True
    assert data["sizes"]["least"] == 32
    assert data["near"] == [
        {"names": ["H", "W"], "size": 20, "legal": False, "below": None, "above": 32, "pad": 12}
    ]
    assert data["outputs"] == {"output": "[1000]"}


def test_fixed_sizes(run):
    done = run("sizes", LENET, "-m", "lenet5")
    assert done.code == 0
    assert "To leave one open, name it" in done.out


def test_wrong_use(run):
    assert "FIRST:LAST:STEP" in run("sizes", VGG, "-m", "vgg16", "--table", "128").err
    assert "at most 200" in run("sizes", VGG, "-m", "vgg16", "--table", "1:512:1").err
    assert run("sizes", VGG, "-m", "vgg16", "--near", "0").code == 2


def test_check_and_summary_say_it(run, spec):
    file = spec(Path(VGG).read_text())
    assert "; H >= 32 and W >= 32\n" in run("check", file, "-m", "vgg11").out
    assert "sizes      H >= 32 and W >= 32" in run("summary", file, "-m", "vgg11").out
    data = json.loads(run("summary", file, "-m", "vgg11", "-f", "json").out)
    assert data["sizes"]["words"] == "H >= 32 and W >= 32"
    assert data["layers"][0]["symbolic"] == "[64, H, W]"
    assert "sizes" not in run("summary", LENET, "-m", "lenet5").out


def test_a_table_wants_a_size_to_vary(run):
    for command in ("sizes", "memory"):
        ended = run(command, LENET, "-m", "lenet5", "--table", "10:20:5")
        assert ended.code == 2
        assert "it names none" in ended.err
