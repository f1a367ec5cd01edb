import json

import pytest

import archlang
from archlang.analyses.memory.account import Setting
from archlang.cli.fit import signed
from tests.cli.conftest import LENET, RESNET, SPECS

VGG = str(SPECS / "vgg.arch")
UNET = str(SPECS / "unet.arch")


def test_what_fits(run):
    ended = run("fit", RESNET, "-m", "resnet18", "--memory", "1GB", "--input", "3x64x64")
    assert ended.code == 0
    assert ended.out.startswith(
        "resnet18   image [3, 64, 64]   953.674 MiB, float32, adamw, on cpu"
    )
    network = archlang.load(RESNET, "resnet18", inputs={"image": (3, 64, 64)})
    found = network.fit(10**9, Setting(optimizer="adamw"))
    lines = [line.split() for line in ended.out.splitlines()]
    row = next(line for line in lines if line[:2] == ["batch,", "training"])
    assert (row[2], row[5]) == (str(found.batch.size), str(found.batch.next))
    row = next(line for line in lines if line[:6] == ["H", "=", "W", "at", "batch", "1,"])
    assert row[7] == str(found.largest_size("step").size)
    assert f"at batch {found.batch.size}, with blocks computed again" in ended.out
    again = next(line for line in lines if line[:1] == ["basic_block"])
    assert int(again[-1]) == found.largest_batch("step", ("basic_block",)).size
    assert any(line[:3] == ["all", "of", "these"] for line in lines) is (len(network.blocks) > 1)


def test_as_json(run):
    command = ("fit", UNET, "-m", "unet_same", "--memory", "1.5 GiB", "-b", "2", "-f", "json")
    data = json.loads(run(*command, "--optimizer", "sgd", "--dtype", "bf16", "--ema").out)
    assert data["memory"] == 3 << 29
    assert (data["setting"]["batch"], data["setting"]["ema"]) == (2, True)
    assert data["sizes"]["names"] == ["H", "W"]
    setting = Setting(data["batch"]["step"]["size"], "sgd", "bfloat16", "cpu", True)
    network = archlang.load(UNET, "unet_same")
    assert data["batch"]["step"]["peak"] == network.memory(setting).step.total
    assert data["batch"]["step"]["peak"] <= 3 << 29 < data["batch"]["step"]["over"]
    side = data["sizes"]["step"]["size"]
    there = network.at({"image": (3, side, side)})
    found = there.memory(Setting(2, "sgd", "bfloat16", "cpu", True)).step.total
    assert data["sizes"]["step"]["peak"] == found
    blocks = data["recompute"]["blocks"]
    assert [row["blocks"] for row in blocks] == [
        [], ["double_conv"], ["down"], ["double_conv", "down"],
    ]  # fmt: skip
    assert data["recompute"]["batch"] == 2
    assert data["model"] == "unet_same"


def test_one_size_of_the_input(run):
    command = ("fit", UNET, "-m", "unet_same", "--memory", "1GB")
    tall = json.loads(run(*command, "--along", "H", "-f", "json").out)["sizes"]
    both = json.loads(run(*command, "-f", "json").out)["sizes"]
    assert tall["names"] == ["H"]
    assert tall["step"]["size"] > both["step"]["size"]
    ended = run(*command, "--along", "D")
    assert (ended.code, ended.out) == (2, "")
    assert "error: the input has no size D\nhelp: it has H, W" in ended.err


def test_what_does_not_fit(run):
    ended = run("fit", VGG, "-m", "vgg16", "--memory", "1GB")
    assert ended.code == 1
    assert "A step with one sample takes 2.83 GiB: 1.90 GiB too much." in ended.out
    assert "parameters 527.8 MiB, optimizer state 1.03 GiB, gradients 527.8 MiB" in ended.out


def test_sizes_that_are_fixed(run):
    ended = run("fit", LENET, "-m", "lenet5", "--memory", "8MB")
    assert (ended.code, "To leave one open, name it" in ended.out) == (0, True)
    ended = run("fit", str(SPECS / "vit.arch"), "-m", "vit_b_32", "--memory", "8GB")
    assert "are made for one size of the input" in ended.out


def test_on_cuda_what_is_left_out_is_named(run):
    out = run("fit", LENET, "-m", "lenet5", "--memory", "1GB", "--device", "cuda").out
    assert "the allocator reserves" in out
    assert "Leave room for\nthe CUDA context" in out


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("lots", "--memory takes a size such as 8GB, not lots"),
        ("-1GB", "--memory takes a size such as 8GB, not -1GB"),
        ("8gigs", "--memory takes a size such as 8GB, not 8gigs"),
        ("1e3", "--memory takes a size such as 8GB, not 1e3"),
        ("", "--memory takes a size such as 8GB, not "),
        ("0", "--memory takes at least one byte, and 0 is none"),
        ("0.1B", "--memory takes at least one byte, and 0.1B is none"),
        ("9" * 40, "--memory takes a size such as 8GB"),
    ],
)
def test_a_memory_that_is_none(run, text, says):
    ended = run("fit", LENET, "-m", "lenet5", f"--memory={text}")
    assert (ended.code, ended.out) == (2, "")
    assert says in ended.err


@pytest.mark.parametrize("text", ["2000000", "2000000B", "2MB", "2 MB", "0.002GB", "2M"])
def test_units(run, text):
    data = json.loads(run("fit", LENET, "-m", "lenet5", "--memory", text, "-f", "json").out)
    assert data["memory"] == 2 * 10**6


def test_memory_wants_to_be_said(run):
    ended = run("fit", LENET, "-m", "lenet5")
    assert ended.code == 2
    assert "--memory" in ended.err


def test_less_than_nothing():
    assert (signed(-2048), signed(2048)) == ("-2.0 KiB", "2.0 KiB")


def test_memory_with_blocks_computed_again(run):
    command = ("memory", RESNET, "-m", "resnet18", "--input", "3x64x64", "-b", "8")
    out = run(*command, "--recompute", "basic_block").out
    assert "on cpu, basic_block computed again" in out
    assert "MACs a sample" in out
    data = json.loads(run(*command, "--recompute", "basic_block", "-f", "json").out)
    network = archlang.load(RESNET, "resnet18", inputs={"image": (3, 64, 64)})
    found = network.memory(Setting(8, "adamw", recompute=("basic_block",)))
    assert (data["kept"], data["step"]["total"]) == (found.kept, found.step.total)
    assert data["recomputed"] == found.recomputed > 0
    ended = run(*command, "--recompute", "basic_blok")
    assert (ended.code, ended.out) == (2, "")
    assert "uses no block `basic_blok`" in ended.err
    assert "help: did you mean `basic_block`?" in ended.err
