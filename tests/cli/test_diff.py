import json
from pathlib import Path

import archlang
from archlang.comparison import compare
from tests.cli.conftest import LENET, RESNET, SPECS

VGG = str(SPECS / "vgg.arch")


def test_equal_networks(run):
    done = run("diff", f"{RESNET}:resnet18", ":resnet18")
    assert done.code == 0
    assert "equal: they compute the same" in done.out


def test_models_of_one_file(run):
    done = run("diff", f"{RESNET}:resnet18", ":resnet34")
    assert done.code == 1
    assert "+   2 – 5     basic_block(256) ×4" in done.out
    assert "… 16 equal" in done.out
    assert "+10,108,160  (+86.47 %)" in done.out
    assert "122 of 218 tensors, 11,689,512 of 21,797,672 parameters" in done.out
    assert "    layer1.2.*\n" in done.out
    assert run("diff", f"{RESNET}:resnet18", f"{RESNET}:resnet34").out == done.out


def test_two_settings_of_one(run):
    out = run("diff", f"{RESNET}:resnet18", "--set-a", "classes=100", "--set-b", "classes=10").out
    assert out.startswith("resnet18(classes=100) → resnet18(classes=10)\n")
    assert "~ fc          linear(100 → 10)" in out
    assert "weight [100, 512] → [10, 512]" in out
    assert "with strict=False too, unless" in out
    both = run("diff", f"{RESNET}:resnet18", ":resnet34", "--set", "classes=10").out
    assert "fc" not in both.split("\n\n")[1].replace("2 – fc", "")


def test_two_sizes_of_one(run):
    out = run("diff", f"{RESNET}:resnet18", "--input-b", "3x256x256").out
    assert out.startswith("resnet18 image [3, 224, 224] → resnet18 image [3, 256, 256]\n")
    assert "… 2 equal, 71 resized" in out
    assert "load_state_dict      takes them" in out


def test_the_model_of_another_file_is_the_one_of_the_same_name(run, spec):
    other = spec(Path(VGG).read_text())
    assert run("diff", f"{VGG}:vgg13", other).code == 0


def test_keys_that_moved(run):
    out = run("diff", f"{VGG}:vgg11", ":vgg13").out
    assert "features.3.* → features.5.*" in out
    assert "22 of 26 tensors, 132,863,336 of 133,047,848 parameters" in out
    assert "5 – 20 → 9 – 24   … 10 equal, 6 moved" in out


def test_as_data(run):
    done = run("diff", f"{RESNET}:resnet18", ":resnet34", "-f", "json")
    assert done.code == 1
    data = json.loads(done.out)
    small, large = (archlang.load(RESNET, name) for name in ("resnet18", "resnet34"))
    assert data == json.loads(json.dumps(compare(small, large).to_json(archlang.__version__)))
    for name, value in large.totals.to_json().items():
        before = small.totals.to_json()[name]
        assert data["totals"][name]["difference"] == value - before
    added = [r for r in data["layers"] if r["change"] == "added"]
    assert sum(r["differences"].get("params", 0) for r in added) == 21_797_672 - 11_689_512
    assert all(r["a"] is None and r["b"]["path"].startswith("layer") for r in added)
    assert data["weights"]["strict"] is False
    assert len(data["weights"]["missing"]) == 96


def test_changed_layers_as_data(run):
    data = json.loads(run("diff", f"{RESNET}:resnet18", "--set-b", "classes=10", "-f", "json").out)
    (record,) = (r for r in data["layers"] if r["change"] == "changed")
    assert record["arguments"] == {"features": ["1000", "10"]}
    assert record["tensors"] == {"weight": [[1000, 512], [10, 512]], "bias": [[1000], [10]]}
    assert record["differences"]["params"] == -990 * 513
    assert data["b"]["settings"] == {"classes": "10"}


def test_scopes_stay_closed(run):
    out = run("diff", f"{RESNET}:resnet18", ":resnet34", "--depth", "1").out
    assert "~ layer3" in out
    assert "basic_block" not in out


def test_other_sizes_alone_are_a_difference(run, spec):
    open_ = spec("model m {\n input image: [3, H=8, W=8]\n conv(3x3, 4)\n}\n", "open.arch")
    fixed = spec("model m {\n input image: [3, 8, 8]\n conv(3x3, 4)\n}\n", "fixed.arch")
    done = run("diff", fixed, open_)
    assert done.code == 1
    assert done.out.startswith(f"{fixed}:m → {open_}:m\n")
    assert "as given" in done.out
    assert "differs" in done.out


def test_outputs(run, spec):
    body = "model m {\n input image: [3, 8, 8]\n a = conv(3x3, 4)\n b = relu\n output %s\n}\n"
    done = run("diff", spec(body % "a", "one.arch"), spec(body % "a, b", "two.arch"))
    assert "output b: none → b" in done.out


def test_wrong_use(run, spec):
    assert "nothing to compare A with" in run("diff", f"{RESNET}:resnet18").err
    done = run("diff", RESNET, ":resnet18")
    assert done.code == 2
    assert f"choose one with {RESNET}:MODEL" in done.err
    assert run("diff", f"{RESNET}:resnet18", ":resnet1").code == 2
    assert "did you mean `resnet18`" in run("diff", f"{RESNET}:resnet18", ":resnet1").err
    assert run("diff", f"{LENET}:lenet5", "none.arch").code == 2


def test_what_is_wrong_cannot_be_compared(run, spec):
    wrong = spec("model m {\n input x: [3]\n linaer(4)\n}\n")
    done = run("diff", wrong, f"{RESNET}:resnet18")
    assert done.code == 2
    assert "unknown layer or block `linaer`" in done.err
