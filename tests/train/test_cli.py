from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from archlang.cli.app import program as made
from archlang.train.checkpoint import load
from archlang.train.data import READERS, Reader
from tests.train.networks import stripes

program = made()
SMALL = """\
model small(width = 16, classes = 3, seed = 1) {
    input image: [1, 8, 8]
    flatten -> linear(width) -> bn -> dropout(0.5) -> linear(classes)
}
model other { input image: [1, 8, 8]; flatten -> linear(3) }
"""


@pytest.fixture(autouse=True)
def _stripes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(READERS, "stripes", Reader(lambda asked: stripes()))


def invoke(tmp_path: Path, *arguments: str) -> Result:
    spec = tmp_path / "small.arch"
    spec.write_text(SMALL)
    fixed = [str(spec), "-m", "small", "--data", "stripes", "--out", str(tmp_path / "run")]
    return CliRunner().invoke(program, ["train", *fixed, *arguments])


def test_results_on_stdout(tmp_path: Path) -> None:
    result = invoke(tmp_path, "--epochs", "2", "--set", "width=8", "--batch-size", "16")
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        *("test accuracy", "best epoch", "checkpoint", "weights"),
    ]
    assert "of 20) after epoch 2," in lines[0]
    assert "device: cpu" in result.stderr
    assert "network: small, 563 parameters" in result.stderr
    assert "memory: a step took" in result.stderr


def test_validation_images_choose(tmp_path: Path) -> None:
    result = invoke(tmp_path, "--epochs", "2", "--set", "split.valid=0.2")
    assert result.exit_code == 0, result.stderr
    assert "40 images to learn from, 9 to choose the best epoch by, 20 to test" in result.stderr
    assert "on the validation images; " in result.stdout.splitlines()[1]
    results = json.loads((tmp_path / "run" / "run.json").read_text())["results"]
    again = invoke(tmp_path, "--epochs", "2", "--set", "split.valid=0.2")
    assert f"{results['test_accuracy']:.2%} on the test images" in again.stdout


def test_recipe_file_preset_and_fields(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text('extends = "resnet"\nepochs = 2\n[model]\nwidth = 8\n')
    result = invoke(tmp_path, "--recipe", str(recipe), "--set", "optimizer.lr=0.2")
    assert result.exit_code == 0, result.stderr
    assert "network: small, 563 parameters" in result.stderr
    assert "recipe: sgd, lr 0.2, plateau, 2 epochs, batch 256" in result.stderr


def test_explain(tmp_path: Path) -> None:
    result = invoke(tmp_path, "-r", "lenet", "--lr", "0.2", "--set", "width=8", "--explain")
    assert result.exit_code == 0, result.stderr
    rows = [re.split(r"   +", line) for line in result.stdout.splitlines()]
    assert rows[0] == ["field", "value", "from"]
    for row in (
        ["optimizer.name", '"sgd"', "preset lenet"],
        ["optimizer.lr", "0.2", "command line"],
        ["model.width", '"8"', "command line"],
        ["seed", "0", "default"],
    ):
        assert row in rows
    assert not (tmp_path / "run").exists()


def test_a_name_that_both_have(tmp_path: Path) -> None:
    result = invoke(tmp_path, "--set", "seed=3")
    assert result.exit_code == 2
    assert result.stderr == (
        "error: `seed` is a field of the recipe and a parameter of the network\n"
        "help: write --set recipe.seed=3 or --set model.seed=3\n"
    )
    assert invoke(tmp_path, "--set", "recipe.seed=3", "--epochs", "1").exit_code == 0


def test_schema() -> None:
    result = CliRunner().invoke(program, ["train", "--schema"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["title"] == "Recipe"


def test_quiet(tmp_path: Path) -> None:
    assert invoke(tmp_path, "--epochs", "1", "--quiet").stderr == ""


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--data", "digit"], 2, "error: there is no data set named `digit`\nhelp: did you mean"),
        (["--lr", "-1"], 2, "error: `optimizer.lr` is -1.0, and should be greater than 0\n"),
        (["--optimizer", "adm"], 2, "error: `optimizer` is 'adm', and should be one of"),
        (["--recipe", "resnt"], 2, "error: there is no recipe named `resnt`\nhelp: did you mean"),
        (["--set", "optimiser.lr=1"], 2, "error: the recipe has no field `optimiser`\nhelp: did"),
        (["--set", "widht=1"], 2, "error: `widht` is no parameter of the network and no field"),
        (["--set", "width=x"], 1, "error[A"),
        (["--epochs", "0"], 2, "error: `epochs` is 0, and should be"),
        (["--device", "gpu"], 2, "error: there is no device named `gpu`\nhelp: available here"),
        (["--data", "digits"], 1, "error: `small` has 3 outputs, but digits has 10 classes\n"),
    ],
)
def test_errors(tmp_path: Path, arguments: list[str], code: int, says: str) -> None:
    result = invoke(tmp_path, *arguments)
    assert result.exit_code == code
    assert says in result.stderr
    assert result.stdout == ""


def test_refusal_and_force(tmp_path: Path) -> None:
    assert invoke(tmp_path, "--epochs", "1").exit_code == 0
    refused = invoke(tmp_path, "--epochs", "2")
    assert refused.exit_code == 1
    assert "recipe.epochs was 1 and is 2" in refused.stderr
    assert invoke(tmp_path, "--epochs", "2", "--force").exit_code == 0


def test_without_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archlang.cli.train.find_spec", lambda name: None)
    result = invoke(tmp_path)
    assert result.exit_code == 2
    assert result.stderr == ("error: training needs PyTorch\nhelp: pip install 'archlang[torch]'\n")


def test_a_spec_trains(tmp_path: Path) -> None:
    spec = Path(__file__).parents[2] / "specs" / "lenet5.arch"
    arguments = ["train", str(spec), "--model", "lenet5", "--out", str(tmp_path), "--epochs", "2"]
    result = CliRunner().invoke(program, [*arguments, "--shift", "0"])
    assert result.exit_code == 0, result.stderr
    assert "network: lenet5, 61,706 parameters" in result.stderr
    assert float(result.stdout.split()[2].rstrip("%")) > 80
    saved = load(tmp_path / "last.pt")["model"]
    assert sum(value.numel() for value in saved.values()) == 61_706


def test_a_spec_with_other_classes_says_what_to_set(tmp_path: Path) -> None:
    spec = tmp_path / "wide.arch"
    spec.write_text(
        "model wide(classes = 7) {\n    input image: [1, 8, 8]\n    flatten -> linear(classes)\n}\n"
    )
    arguments = ["train", str(spec), "--out", str(tmp_path / "run"), "--epochs", "1"]
    result = CliRunner().invoke(program, arguments)
    assert result.exit_code == 1
    assert "`wide` has 7 outputs, but digits has 10 classes" in result.stderr
    assert "--set classes=10" in result.stderr
    assert CliRunner().invoke(program, [*arguments, "--set", "classes=10"]).exit_code == 0


def test_recompute_wants_a_block_of_the_network(tmp_path: Path) -> None:
    spec = tmp_path / "units.arch"
    spec.write_text(
        "block unit : [C] -> [C] { linear(C) -> relu }\n"
        "model units { input image: [1, 8, 8]; flatten -> unit -> unit -> linear(10) }\n"
    )
    arguments = ["train", str(spec), "--out", str(tmp_path / "run"), "--epochs", "1"]
    refused = CliRunner().invoke(program, [*arguments, "--recompute", "unite"])
    assert refused.exit_code == 2
    assert "units uses no block `unite`; did you mean `unit`?" in refused.stderr
    assert CliRunner().invoke(program, [*arguments, "--recompute", "unit"]).exit_code == 0
