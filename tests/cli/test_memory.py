import json
import sys

import pytest

import archlang
from archlang.analyses.memory.account import Setting
from archlang.wording import memory_text
from tests.cli.conftest import LENET, RESNET, SPECS

VGG = str(SPECS / "vgg.arch")


def test_the_account(run):
    out = run("memory", VGG, "-m", "vgg16").out
    assert "parameters          527.8 MiB   527.8 MiB   527.8 MiB" in out
    assert "inference  552.9 MiB, in the forward pass of `features.2`, conv(3x3, 64)" in out
    assert "in the optimizer's update" in out
    plain = "553.4 MB of parameters + 60.4 MB of activations (15.1 M neurons) = 613.9 MB"
    assert plain in out
    assert "reserved" not in out


def test_options_reach_the_account(run):
    command = (
        "memory",
        RESNET,
        "-m",
        "resnet18",
        "-b",
        "4",
        "--optimizer",
        "rmsprop",
        "-f",
        "json",
    )
    for name, dtype in (("bf16", "bfloat16"), ("bfloat16", "bfloat16"), ("fp16", "float16")):
        data = json.loads(run(*command, "--dtype", name, "--device", "cuda", "--ema").out)
        found = archlang.load(RESNET, "resnet18").memory(Setting(4, "rmsprop", dtype, "cuda", True))
        assert data["step"] == json.loads(json.dumps(found.step._asdict()))
        assert data["reserved"] == found.reserved
        assert data["model"] == "resnet18"
        assert data["ema"] == found.ema > 0


def test_channels_innermost(run):
    for command in (("memory", "-b", "4"), ("fit", "--memory", "1GB", "-b", "4")):
        plain = run(*command, RESNET, "-m", "resnet18")
        laid_out = run(*command, RESNET, "-m", "resnet18", "--channels-last")
        assert laid_out.out.splitlines()[0] == f"{plain.out.splitlines()[0]}, channels last"
        done = run(*command, RESNET, "-m", "resnet18", "--channels-last", "--device", "cuda")
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith("error: --channels-last is worked out for the CPU alone\nhelp: ")
    command = ("memory", RESNET, "-m", "resnet18", "-b", "8", "-f", "json")
    data, plain = (json.loads(run(*command, *how).out) for how in (["--channels-last"], []))
    found = archlang.load(RESNET, "resnet18").memory(Setting(8, channels_last=True))
    assert data["step"] == json.loads(json.dumps(found.step._asdict()))
    assert data["step"]["total"] > plain["step"]["total"]  # the images are laid out anew


def test_on_cuda_what_is_left_out_is_named(run):
    out = run("memory", LENET, "-m", "lenet5", "--device", "cuda").out
    assert "(estimate), without the CUDA context, workspaces of cuBLAS and cuDNN" in out


def test_at_another_size(run):
    small, large = (
        json.loads(run("memory", RESNET, "-m", "resnet18", "--input", s, "-f", "json").out)
        for s in ("3x64x64", "3x128x128")
    )
    assert small["parameters"] == large["parameters"]
    assert 3.9 < large["kept"] / small["kept"] < 4.1


def test_a_table_over_sizes(run):
    command = ("memory", VGG, "-m", "vgg11", "-b", "2", "--table", "16:96:40")
    rows = json.loads(run(*command, "-f", "json").out)["table"]
    assert [row["step"] is None for row in rows] == [True, False, False]
    for row in rows[1:]:
        shape = (3, row["size"], row["size"])
        found = archlang.load(VGG, "vgg11", inputs={"image": shape}).memory(Setting(2, "adamw"))
        figures = (found.kept, found.inference.total, found.step.total)
        assert (row["kept"], row["inference"], row["step"]) == figures
    assert "  16   not legal" in run(*command).out


def test_a_table_wants_sizes_with_names(run):
    ended = run("memory", LENET, "-m", "lenet5", "--table", "16:64:16")
    assert (ended.code, ended.out) == (2, "")
    assert "it names none" in ended.err


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_the_timeline_is_drawn(run, tmp_path, ending):
    pytest.importorskip("matplotlib")
    path = tmp_path / f"step.{ending}"
    ended = run("memory", LENET, "-m", "lenet5", "--plot", path)
    assert (ended.code, f"written to {path}" in ended.out) == (0, True)
    assert path.read_bytes()[:5] in (b"<?xml", b"\x89PNG\r")


def test_a_plot_that_cannot_be(run, tmp_path, monkeypatch):
    command = ("memory", LENET, "-m", "lenet5", "--plot")
    ended = run(*command, tmp_path / "step.txt")
    assert ended.code == 2
    assert "help: it can end in .svg, .png, .pdf" in ended.err
    assert "there is no folder" in run(*command, tmp_path / "none" / "step.svg").err
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setattr("archlang.cli.output.find_spec", lambda name: None)
    ended = run(*command, tmp_path / "step.svg")
    assert ended.code == 2
    assert "--plot needs matplotlib" in ended.err
    assert "pip install 'archlang[plot]'" in ended.err


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (3 << 19, "1.5 MiB"),
        (3 << 29, "1.50 GiB"),
    ],
)
def test_sizes_for_people(size, text):
    assert memory_text(size) == text
