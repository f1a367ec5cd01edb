import json
import re
import sys
from xml.etree import ElementTree

import pytest

from archlang.wording import memory_text
from tests.architecture.test_imports import ABSENT, run_without
from tests.cli.conftest import LENET, RESNET, SPECS


def test_to_standard_output(run):
    ended = run("render", LENET, "-m", "lenet5")
    assert ended.code == 0
    assert ElementTree.fromstring(ended.out).get("role") == "img"


def test_to_a_file(run, tmp_path):
    out = tmp_path / "net.svg"
    ended = run("render", RESNET, out, "-m", "resnet50", "--level", "stage", "--theme", "dark")
    assert ended.out == f"written to {out}\n"
    text = out.read_text()
    assert "bottleneck ×2" in text
    assert "#11161d" in text


def test_parts_are_opened(run, tmp_path):
    closed = run("render", RESNET, "-m", "resnet50").out
    opened = run("render", RESNET, "-m", "resnet50", "--expand", "layer1").out
    assert "1×1 conv, 256" not in closed
    assert "1×1 conv, 256" in opened
    assert "1×1 conv, 512" not in opened
    inner = run("render", RESNET, "-m", "resnet50", "--expand", "layer2.0").out
    assert "1×1 conv, 512 /2" in inner
    assert inner.count("3×3 conv") == 1


def test_a_folded_copy_is_opened_by_its_own_path(run):
    one = run("render", RESNET, "-m", "resnet50", "--expand", "layer1.1").out
    assert one == run("render", RESNET, "-m", "resnet50", "--expand", "layer1.2").out
    assert "3×3 conv" in one


def test_a_part_that_is_not_there(run):
    ended = run("render", RESNET, "-m", "resnet50", "--expand", "layer9")
    assert ended.code == 2
    assert "no part of the network has a path like `layer9`" in ended.err
    assert "archlang summary" in ended.err


def test_directions_differ(run):
    down = ElementTree.fromstring(run("render", LENET, "-m", "lenet5").out)
    across = ElementTree.fromstring(run("render", LENET, "-m", "lenet5", "--direction", "LR").out)
    assert float(down.get("height")) > float(down.get("width"))
    assert float(across.get("height")) < float(across.get("width"))


@pytest.mark.parametrize(
    ("name", "said"), [("x.gif", "it can end in"), ("none/x.svg", "no folder")]
)
def test_names_that_cannot_be(run, tmp_path, name, said):
    ended = run("render", LENET, tmp_path / name, "-m", "lenet5")
    assert ended.code == 2
    assert said in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(("kind", "library"), [("png", "resvg_py"), ("pdf", "typst")])
def test_without_the_library(run, tmp_path, monkeypatch, kind, library):
    monkeypatch.setitem(sys.modules, library, None)
    out = tmp_path / f"net.{kind}"
    ended = run("render", LENET, out, "-m", "lenet5")
    assert ended.code == 2
    assert f"a {kind} needs {library.replace('_', '-')}" in ended.err
    assert "archlang[draw]" in ended.err
    assert not out.exists()


def test_an_svg_needs_no_library():
    absent = {*ABSENT, "matplotlib", "networkx", "resvg_py", "typst", "fontTools"}
    done = run_without(absent, "render", LENET, "-m", "lenet5")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("<svg")


@pytest.mark.parametrize(
    ("color", "said"),
    [
        ("params", "15.0 M · 58.6 %"),
        ("macs", "809 M MACs"),
        ("memory", "4.5 MiB kept"),
        ("receptive", "receptive field 427×427"),
    ],
)
def test_boxes_are_coloured(run, color, said):
    ended = run("render", RESNET, "-m", "resnet50", "--color", color)
    assert ended.code == 0
    assert f">{said}</text>" in ended.out
    assert said not in run("render", RESNET, "-m", "resnet50").out


def test_memory_is_of_a_batch_in_a_precision(run):
    whole = run("memory", LENET, "-m", "lenet5", "-b", "8", "--dtype", "bf16", "-f", "json").out
    kept = {x["path"]: x["kept"] for x in json.loads(whole)["layers"]}
    text = run(
        "render", LENET, "-m", "lenet5", "-l", "layer", "--color", "memory",
        "-b", "8", "--dtype", "bf16",
    ).out  # fmt: skip
    assert "batch 8, bfloat16" in text
    labels = {x.split(";")[0]: x for x in re.findall('aria-label="([^"]*)', text)}
    assert labels["11"].endswith(f"; {memory_text(kept['11'])} kept")
    assert labels["9"].endswith(f"; {memory_text(kept['9'] + kept['10'])} kept")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--batch", "3"), "--batch is for --color memory"),
        (("--color", "macs", "--dtype", "bf16"), "--dtype is for --color memory"),
        (("--color", "macs", "--diff", ":resnet18"), "cannot be drawn in one picture"),
        (("--diff", ":resnet17"), "no model `resnet17`"),
        (("--diff", "none.arch"), "there is no file none.arch"),
        (("--diff", ":resnet18", "--expand", "layer9"), "a path like `layer9`"),
    ],
)
def test_options_that_cannot_be(run, options, said):
    ended = run("render", RESNET, "-m", "resnet50", *options)
    assert ended.code == 2
    assert said in ended.err
    assert not ended.out


def test_a_second_network_is_beside(run):
    ended = run("render", RESNET, "-m", "resnet18", "--diff", ":resnet34", "--level", "stage")
    assert ended.code == 0
    assert ">resnet18 → resnet34</text>" in ended.out
    assert ">+ basic_block ×4</text>" in ended.out


def test_networks_are_named_as_in_diff(run):
    senet = str(SPECS / "senet.arch")
    named = run("render", RESNET, "-m", "resnet50", "--diff", f"{senet}:se_resnet50")
    assert ">resnet50 → se_resnet50</text>" in named.out
    one = run("render", f"{RESNET}", "-m", "resnet50", "--diff", RESNET)
    assert ">resnet50 → resnet50</text>" in one.out, "the model is the first's, as in diff"
    assert "as before" in one.out


def test_colours_need_no_library():
    absent = {*ABSENT, "matplotlib", "networkx", "resvg_py", "typst", "fontTools"}
    for options in (["--color", "memory"], ["--color", "receptive"], ["--diff", ":lenet5_valid"]):
        done = run_without(absent, "render", LENET, "-m", "lenet5", *options)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("<svg")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("x.dot", 'digraph "lenet5"'),
        ("x.gv", 'digraph "lenet5"'),
        ("x.mmd", "flowchart TB"),
        ("x.mermaid", "flowchart TB"),
        ("x.txt", "●  5×5 conv, 6 · tanh"),
    ],
)
def test_texts(run, tmp_path, name, said):
    out = tmp_path / name
    assert run("render", LENET, out, "-m", "lenet5").code == 0
    assert said in out.read_text(encoding="utf-8")


def test_a_format_that_is_said(run):
    assert run("render", LENET, "-m", "lenet5", "--format", "txt").out.startswith("lenet5   61.7 K")


def test_volumes(run):
    ended = run("render", LENET, "-m", "lenet5", "--style", "volume", "--theme", "auto")
    root = ElementTree.fromstring(ended.out)
    assert "16×10×10" in ended.out
    assert "prefers-color-scheme" in ended.out
    assert float(root.get("width")) > float(root.get("height"))


def test_what_cannot_be_shown(run):
    ended = run("render", LENET, "-m", "lenet5", "--style", "volume", "--format", "dot")
    assert ended.code == 2
    assert "--style volume cannot be shown as dot" in ended.err
    assert "svg, png or pdf" in ended.err


def test_graphviz_is_not_there(run, monkeypatch):
    monkeypatch.setenv("PATH", "")
    ended = run("render", LENET, "-m", "lenet5", "--layout", "dot")
    assert ended.code == 2
    assert "Graphviz" in ended.err or "graphviz" in ended.err
    assert "Traceback" not in ended.err


BROKEN = """model net {
    input image: [3, 32, 32]
    conv(3x3, 16)
    add { conv(3x3, 32, stride=2) | conv(1x1, 8) }
    relu
}
"""


def test_a_shape_error_is_drawn_and_told_as_check_tells_it(run, spec, tmp_path):
    file, out = spec(BROKEN), tmp_path / "net.svg"
    ended = run("render", file, out)
    assert ended.code == 1
    assert ended.out == f"written to {out}\n"
    assert ended.err == run("check", file).out
    drawn = ElementTree.fromstring(out.read_text())
    assert "not reached" in "".join(drawn.itertext())
    assert "branches of add are" in "".join(drawn.itertext())


def test_every_error_that_is_found_is_told(run, spec):
    ended = run("render", spec(BROKEN.replace("(3x3, 16)", "(3x3, 16) : [16, 5, 5]")))
    assert ended.code == 1
    assert "A201" in ended.err
    assert "A203" in ended.err
    assert ended.out.startswith("<svg")


@pytest.mark.parametrize("kind", ["png", "txt", "dot", "mermaid"])
def test_a_shape_error_in_other_formats(run, spec, tmp_path, kind):
    out = tmp_path / "net"
    assert run("render", spec(BROKEN), out, "--format", kind).code == 1
    assert out.stat().st_size


def test_a_part_that_is_not_reached_may_be_asked_for(run, spec):
    assert run("render", spec(BROKEN), "--expand", "head").code == 1


@pytest.mark.parametrize(
    "text", [BROKEN + "}", "use 'none'\n" + BROKEN, "model net {\n    relu\n}"]
)
def test_where_nothing_can_be_drawn_the_file_stays(run, spec, tmp_path, text):
    out = tmp_path / "net.svg"
    out.write_text("before")
    ended = run("render", spec(text), out)
    assert ended.code == 1
    assert ended.out == ""
    assert "error[A1" in ended.err
    assert out.read_text() == "before"
