import json
import subprocess
import sys

import pytest

from archlang.op import Op
from archlang.reference import block_groups, find, layer_groups, signature
from tests.architecture.test_imports import ABSENT, run_without


def test_everything_is_listed(run):
    done = run("ops")
    assert (done.code, done.err) == (0, "")
    for op in Op.registry.values():
        assert signature(op) in " ".join(done.out.split())
    for group in block_groups():
        assert f"\n{group.title}\n" in done.out
        assert all(f"\n  {page.name}" in done.out for page in group.pages)


def test_a_layer_has_a_page(run):
    done = run("ops", "conv")
    assert done.code == 0
    for said in (
        "conv(kernel, channels, stride=1, pad=same",
        "Slide `channels` learned filters over the input",
        "shape [C, *S] -> [channels,",
        "paper LeCun et al. 1989",
        "pad_mode=zeros `zeros`, `reflect`, `replicate` or `circular`: what the padding holds",
        "conv(3x3, 64, stride=2) : [3, 32, 32] -> [64, 16, 16]",
        "1,792 parameters, 442,368 MACs",
        "in PyTorch: Conv2d(3, 64, 3, stride=2, padding=1)",
    ):
        assert said in " ".join(done.out.split())
    assert max(map(len, done.out.splitlines())) <= 100


def test_a_block_has_a_page(run):
    done = run("ops", "basic_block")
    assert done.out.startswith("basic_block(w, stride=1")
    assert 'use     "std/resnet"' in done.out
    assert "  block basic_block(w, stride = 1" in done.out


def test_a_file_and_a_family_have_lists(run):
    done = run("ops", "std/resnet")
    assert done.out.startswith("std/resnet\n")
    assert "\n  basic_block(w, stride=1" in done.out
    assert "conv_transpose" not in done.out
    assert run("ops", "std/resnet.arch").out == run("ops", "resnet").out == done.out
    done = run("ops", "pool")
    assert "  maxpool(kernel, stride=…" in done.out
    assert "relu" not in done.out


def test_a_list_as_data(run):
    data = json.loads(run("ops", "--format", "json").out)
    assert data["version"]
    assert [g["home"] for g in data["groups"]] == [
        g.home for g in (*layer_groups(), *block_groups())
    ]
    entries = {e["name"]: e for g in data["groups"] for e in g["entries"] if e["kind"] == "layer"}
    assert set(entries) == set(Op.registry)
    assert entries["layernorm"]["signature"] == "layernorm(eps=1e-05, axis=-1, affine=true)"


def test_a_page_as_data(run):
    data = json.loads(run("ops", "linear", "-f", "json").out)
    (page,) = data["pages"]
    assert page["settings"][0]["name"] == "features"
    (example,) = page["examples"]
    assert (example["module"], example["params"]) == ("Linear(400, 10)", 4010)


def test_markdown(run):
    assert run("ops", "linear", "-f", "markdown").out.startswith("## linear\n\n`linear(features,")
    listed = run("ops", "std/resnet", "-f", "markdown").out
    assert "| signature | what it does |\n|---|---|\n| `project(" in listed


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("convv", "there is no layer or block `convv`", "did you mean `conv`?"),
        ("Basic_Block", "there is no layer or block `Basic_Block`", "did you mean `basic_block`?"),
        ("zzz", "there is no layer or block `zzz`", "`archlang ops` lists all"),
        ("resnt", "there is no layer or block `resnt`", "did you mean `resnet`?"),
        ("std/resnt", "the standard library has no `std/resnt`", "did you mean `std/resnet`?"),
        ("std/zzz", "the standard library has no `std/zzz`", "it has std/"),
        ("", "there is no layer or block ``", "`archlang ops` lists all"),
        ("((", "there is no layer or block `((`", "`archlang ops` lists all"),
    ],
)
def test_an_unknown_name(run, name, message, hint):
    done = run("ops", name)
    assert (done.code, done.out) == (2, "")
    assert f"error: {message}\n" in done.err
    assert f"help: {hint}" in done.err


def test_a_name_that_a_layer_and_a_block_bear_shows_both(run, monkeypatch):
    from archlang.reference import pages
    from archlang.source import Source

    text = "# Ours.\nblock relu(c) { tanh }\n\n# Another, 2*c.\nlet relux(c) = 2*c\n"
    monkeypatch.setattr(pages, "standard_library", lambda: ["own"])
    monkeypatch.setattr(pages, "library_source", lambda name: Source(f"std/{name}.arch", text))
    assert [(p.kind, p.home) for p in find("relu")] == [
        ("layer", "activation"),
        ("block", "std/own"),
    ]
    (function,) = find("relux")
    assert (function.kind, function.signature) == ("function", "relux(c)")
    done = run("ops", "relu")
    assert done.out.startswith("relu(inplace=false)\n")
    assert "\n\n\nrelu(c)\n" in done.out
    assert '  use     "std/own"' in done.out


def test_it_works_without_torch():
    done = run_without(ABSENT, "ops", "conv")
    assert done.returncode == 0, done.stderr
    assert "1,792 parameters" in done.stdout


def test_other_commands_do_not_load_it():
    code = "import sys, archlang.cli; sys.exit('archlang.reference' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_nothing_is_coloured_but_a_terminal(run, monkeypatch):
    assert "\033" not in run("ops", "conv").out
    from archlang.cli import ops

    monkeypatch.setattr(ops, "use_color", lambda stream: True)
    assert run("ops", "conv").out.startswith("\033[1mconv(kernel")
