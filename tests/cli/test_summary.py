import csv
import io
import json
import re

import pytest

import archlang
from archlang.columns import COLUMNS
from archlang.report import rows
from tests.cli.conftest import LENET, RESNET


def test_as_data(run):
    done = run("summary", RESNET, "--model", "resnet50", "--format", "json")
    data = json.loads(done.out)
    assert data["model"] == "resnet50"
    assert data["inputs"] == {"image": [3, 224, 224]}
    assert data["outputs"] == {"output": [1000]}
    totals = data["totals"]
    assert totals["params"] == 25_557_032
    assert totals["buffers"] == 53_173
    assert totals["flops"] == 2 * totals["macs"]
    assert totals["depth"] == 50
    layers = data["layers"]
    assert {"path", "op", "output", "params", "macs"} <= layers[0].keys()
    assert sum(r["params"] for r in layers) == totals["params"]
    assert sum(r["macs"] for r in layers) == totals["macs"]
    assert sum(r["neurons"] for r in layers) == totals["neurons"]
    assert layers[0] | {"path": "conv1", "op": "conv", "output": [64, 112, 112]} == layers[0]
    paths = [r["path"] for r in layers]
    assert "layer3.5.conv2" in paths
    assert len(set(paths)) == len(paths)
    assert data["version"]


def test_copies_are_folded_and_scopes_nested(run):
    out = run("summary", RESNET, "--model", "resnet50").out
    assert re.search(r"layer3 .*7,098,368", out)
    assert re.search(r"1 – 5 +bottleneck\(256\) ×5 .*1,117,184 each", out)
    assert "25,557,032" in out
    assert re.search(r"^ +conv2 +conv\(3x3, 256, stride=2, bias=false\)", out, re.MULTILINE)


def test_depth(run):
    shallow = run("summary", RESNET, "--model", "resnet50", "--depth", "1").out
    assert "conv2" not in shallow
    assert "layer4" in shallow
    everything = run("summary", RESNET, "--model", "resnet50", "--depth", "9", "--no-fold").out
    assert everything.count("conv2 ") == 16
    assert run("summary", RESNET, "--model", "resnet50", "--depth", "0").code == 2


@pytest.mark.parametrize("format_", ["csv", "markdown", "latex"])
def test_tables_for_other_programs(run, format_):
    out = run("summary", LENET, "-m", "lenet5", "--format", format_).out
    assert "conv(5x5, 6, pad=2)" in out
    assert len(out.splitlines()) >= 13


def test_csv_is_exact(run):
    rows = list(csv.DictReader(io.StringIO(run("summary", LENET, "-m", "lenet5", "-f", "csv").out)))
    assert sum(int(r["params"]) for r in rows) == 61_706
    assert rows[0]["path"] == "0"


SIZED = """model m {
    input x: [3, H=32, W=32]
    conv(5x5, 3, stride=2, pad=0)
    maxpool(2x1)
    flatten
}
"""


def test_sizes_are_said_for_every_input(run, spec):
    lines = run("summary", spec(SIZED)).out.splitlines()
    assert lines[0] == "m   x [3, H=32, W=32]"
    assert "   size, W as H   " in lines[2]
    assert "[3, 14, 14]   (H - 3)//2 " in lines[4]
    assert "[3, 7, 14]    (H - 3)//4, (W - 3)//2" in lines[5]
    assert "[294]         3*((H - 3)//4)*((W - 3)//2)" in lines[6]
    assert "output     [3*((H - 3)//4)*((W - 3)//2)], here [294]" in lines
    (row, *_) = csv.DictReader(io.StringIO(run("summary", spec(SIZED), "-f", "csv").out))
    assert (row["output"], row["size"]) == ("[3, 14, 14]", "(H - 3)//2")
    for format_ in ("markdown", "latex"):
        assert "(H - 3)//4, (W - 3)//2" in run("summary", spec(SIZED), "-f", format_).out
    assert "size" not in run("summary", LENET, "-m", "lenet5").out


def test_several_models_are_named(run):
    done = run("summary", LENET)
    assert done.code == 2
    assert done.out == ""
    assert "several models: lenet5, lenet5_valid" in done.err
    assert "--model" in done.err


def test_findings_go_to_standard_error(run, spec):
    done = run("summary", spec("model m { input x: [3]; relu2 }"))
    assert (done.code, done.out) == (1, "")
    assert "A103" in done.err


def test_shared_weights_are_counted_once(run, spec):
    file = spec(
        "model m {\n input a: [4]\n input b: [4]\n shared f = linear(5)\n"
        " u = a -> f\n v = b -> f\n add { u | v }\n}"
    )
    data = json.loads(run("summary", file, "--format", "json").out)
    assert data["totals"]["params"] == 25
    assert data["totals"]["macs"] == 40
    assert [r["shared"] for r in data["layers"]] == [False, True, False]
    assert "(shared)" in run("summary", file).out


def test_auxiliary_heads_are_told_apart(run, spec):
    file = spec(
        "model m {\n input a: [4]\n h = linear(5)\n side = h -> linear(2)\n"
        " aux side weight=0.3\n h -> linear(3)\n}"
    )
    data = json.loads(run("summary", file, "--format", "json").out)
    assert data["aux"] == {"side": 0.3}
    assert data["totals"]["params"] == 25 + 12 + 18
    assert data["totals"]["macs"] == 20 + 15
    assert "43 without what runs in training only" in run("summary", file).out


def test_a_scope_shows_what_it_comes_to(run, spec):
    file = spec(
        "block b { a = linear(7); c = linear(9); a }\nmodel m { input x: [4]; t = b; linear(2) }"
    )
    out = run("summary", file).out
    assert re.search(r"^ ?t +b +\[7\]", out, re.MULTILINE)


def test_columns(run):
    out = run("summary", RESNET, "-m", "resnet18", "-d", "1", "--columns", "norm,pool").out
    head = out.splitlines()[2]
    assert head.split()[-2:] == ["norms", "pools"]
    assert "norms      4,967,424" in out
    csv = run("summary", LENET, "-m", "lenet5", "-f", "csv", "--columns", "macs, bias").out
    assert csv.splitlines()[:2] == [
        "path,layer,output,size,macs,bias",
        '0,"conv(5x5, 6, pad=2)","[6, 28, 28]",,117600,4704',
    ]
    markdown = run("summary", LENET, "-m", "lenet5", "-f", "markdown", "--columns", "bias").out
    assert markdown.splitlines()[-1] == "| **total** | | | | **6,518** |"
    latex = run("summary", LENET, "-m", "lenet5", "-f", "latex", "--columns", "macs").out
    assert latex.startswith(r"\begin{tabular}{llllr}")


def test_every_column_sums_to_the_network_s_total(run):
    """Scopes and copies add up to what all layers have."""
    graph = archlang.load(RESNET, "resnet50").graph
    found = rows(graph, columns=list(COLUMNS))
    summed = {name: column for name, column in COLUMNS.items() if column.sums}
    for name, column in summed.items():
        assert sum(row.values[name] * row.copies for row in found) == sum(column.of(graph)), name
    totals = archlang.load(RESNET, "resnet50").totals.to_json()
    for name in totals.keys() & summed.keys():
        assert sum(COLUMNS[name].of(graph)) == totals[name]


def test_a_scope_sees_what_its_result_sees(run):
    network = archlang.load(RESNET, "resnet18")
    found = {row.name: row.values for row in rows(network.graph, columns=["receptive_field"])}
    fields = {name: row["receptive_field"] for name, row in found.items()}
    assert fields["conv1"] == "7"
    assert fields["layer4"] == "435"
    assert fields["fc"] == "all"
    out = run("summary", RESNET, "-m", "resnet18", "--columns", "receptive_field,saved_bytes").out
    assert f"saved bytes {network.memory().kept:,}" in out
    assert "field      435" in out


def test_columns_fold_by_what_they_show(run, spec):
    body = "model m {\n input x: [4, 8, 8]\n relu -> tanh -> tanh\n}\n"
    out = run("summary", spec(body), "--columns", "activation").out
    assert re.search(r"1 – 2 +tanh ×2 +\[4, 8, 8\] +256 each", out)


def test_unknown_columns_and_tools(run):
    done = run("summary", LENET, "-m", "lenet5", "--columns", "mac")
    assert (done.code, done.err) == (2, "error: --columns has no mac\nhelp: did you mean macs?\n")
    done = run("summary", LENET, "-m", "lenet5", "--compat", "calculator")
    assert done.code == 2
    assert "torchinfo, fvcore, ptflops, thop" in done.err


def test_compat(run):
    out = run("summary", RESNET, "-m", "resnet18", "--compat", "fvcore", "--compat", "thop").out
    assert "fvcore                         1,819,065,856  flops" in out
    assert "  batch norms                      4,967,424" in out
    assert "+9,960,448 by thop" in out
    done = run("summary", RESNET, "-m", "resnet18", "--compat", "fvcore", "-f", "json")
    data = json.loads(done.out)
    assert sum(data["compat"]["fvcore"].values()) == 1_819_065_856
    assert data["work"]["norm"] == 4_967_424
