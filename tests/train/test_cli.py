from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from archlang.cli.app import program as made
from archlang.cli.train import train
from archlang.train.checkpoint import load
from archlang.train.data import READERS, Reader
from tests.train.networks import FakeNetwork, small, stripes

program = made()
app = typer.Typer()
app.command()(train)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the command asked for, its network and data being ours."""
    seen: dict[str, Any] = {"network": small()}

    def load_network(
        file: str, model: str | None, settings: list[str] | None, inputs: list[str] | None
    ) -> FakeNetwork:
        seen.update(file=file, model=model, settings=settings, inputs=inputs)
        network: FakeNetwork = seen["network"]
        return network

    monkeypatch.setattr("archlang.cli.train.load_network", load_network)
    monkeypatch.setitem(READERS, "stripes", Reader(lambda asked: stripes()))
    return seen


def invoke(tmp_path: Path, *arguments: str) -> Result:
    fixed = ["a.arch", "--data", "stripes", "--out", str(tmp_path / "run")]
    return CliRunner().invoke(app, [*fixed, *arguments])


def test_results_on_stdout(asked: dict[str, Any], tmp_path: Path) -> None:
    result = invoke(tmp_path, "-m", "small", "--epochs", "2", "--set", "a=1", "--set", "b=2")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        *("test accuracy", "best epoch", "checkpoint", "weights"),
    ]
    assert "of 20) after epoch 2," in lines[0]
    assert (asked["model"], asked["settings"]) == ("small", ["a=1", "b=2"])
    assert "device: cpu" in result.stderr


def test_quiet(asked: dict[str, Any], tmp_path: Path) -> None:
    assert invoke(tmp_path, "--epochs", "1", "--quiet").stderr == ""


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--data", "digit"], 2, "error: there is no data set named `digit`\nhelp: did you mean"),
        (["--lr", "-1"], 2, "error: `optimizer.lr` is -1.0, and should be greater than 0\n"),
        (["--optimizer", "adam"], 2, "error: `optimizer` is 'adam', and should be one of"),
        (["--epochs", "0"], 2, "error: `epochs` is 0, and should be"),
        (["--device", "gpu"], 2, "error: there is no device named `gpu`\nhelp: available here"),
        (["--data", "digits"], 1, "error: `small` has 3 outputs, but digits has 10 classes\n"),
    ],
)
def test_errors(
    asked: dict[str, Any], tmp_path: Path, arguments: list[str], code: int, says: str
) -> None:
    result = invoke(tmp_path, *arguments)
    assert result.exit_code == code
    assert says in result.stderr
    assert result.stdout == ""


def test_refusal_and_force(asked: dict[str, Any], tmp_path: Path) -> None:
    assert invoke(tmp_path, "--epochs", "1").exit_code == 0
    refused = invoke(tmp_path, "--epochs", "2")
    assert refused.exit_code == 1
    assert "recipe.epochs was 1 and is 2" in refused.stderr
    assert invoke(tmp_path, "--epochs", "2", "--force").exit_code == 0


def test_without_torch(
    asked: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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
