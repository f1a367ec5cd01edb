from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from archlang.cli.app import program as made
from archlang.train.data import READERS, Reader
from archlang.train.sweeps import work
from archlang.train.sweeps.folder import SweepFolder
from tests.train.networks import stripes
from tests.train.sweeps.specs import NET

program = made(["sweep"])


@pytest.fixture(autouse=True)
def _stripes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(READERS, "stripes", Reader(lambda asked: stripes()))
    monkeypatch.setattr(SweepFolder, "_draw", lambda *_: None)
    work.loaded.cache_clear()


def invoke(tmp_path: Path, *arguments: str, model: str = "net") -> Result:
    spec = tmp_path / "net.arch"
    spec.write_text(NET)
    fixed = [str(spec), "-m", model, "--data", "stripes", "--out", str(tmp_path / "sweep")]
    return CliRunner().invoke(program, ["sweep", *fixed, "--epochs", "1", *arguments])


def rows(text: str) -> list[list[str]]:
    table = text.split("\n\n")[0].splitlines()
    return [re.split(r"   +", line.strip()) for line in (table[0], *table[2:])]


def test_a_dry_run(tmp_path: Path) -> None:
    result = invoke(
        tmp_path, "--set", "width=2:4", "--set", "optimizer.lr=0.1", "--dry-run",
        "--require", "params <= 700", "--require", "memory <= 1GB", "--seeds", "2",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    found = rows(result.stdout)
    assert found[0] == ["width", "params", "macs", "memory"]
    assert found[1][:2] == ["2", "411"]
    assert found[3][-1] == "left out: params <= 700"
    assert "3 combinations: 1 left out, 2 to train, 2 seeds each: 4 runs" in result.stderr
    assert not (tmp_path / "sweep").exists()


def test_results(tmp_path: Path) -> None:
    result = invoke(tmp_path, "--set", "width=2,3,9", "--require", "params <= 700", "--seeds", "2")
    assert result.exit_code == 0, result.stderr
    head, first, _, third = rows(result.stdout)
    assert head == ["width", "params", "macs", "test accuracy", "seconds"]
    assert "% ± " in first[3]
    assert third[-1] == "left out: params <= 700"
    assert "Pareto front" in result.stdout
    assert f"results: {tmp_path / 'sweep'}" in result.stdout
    assert "[4/4]  width=3, seed 1  " in result.stderr
    again = invoke(tmp_path, "--set", "width=2,3,9", "--require", "params <= 700", "--seeds", "2")
    assert again.stdout == result.stdout
    assert "4 of 4 runs are done already" in again.stderr


def test_json_and_quiet(tmp_path: Path) -> None:
    result = invoke(tmp_path, "--set", "width=2,3", "--format", "json", "-q")
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    data = json.loads(result.stdout)
    assert data["folder"] == str(tmp_path / "sweep")
    assert [c["settings"]["width"] for c in data["combinations"]] == ["2", "3"]
    assert all(0 <= c["mean"] <= 1 and c["left_out"] is None for c in data["combinations"])
    assert any(c["front"] for c in data["combinations"])


def test_findings_are_shown_once(tmp_path: Path) -> None:
    result = invoke(tmp_path, "--set", "width=7:9", "--dry-run", model="picky")
    assert result.exit_code == 0
    assert result.stderr.count("error[A203]") == 2
    assert "residual { conv(3x3, width) }" in result.stderr
    assert "3 combinations: 2 left out, 1 to train" in result.stderr
    many = invoke(tmp_path, "--set", "width=1:7", "--dry-run", model="picky")
    assert many.exit_code == 1
    assert many.stderr.count("error[A20") == 3
    assert "… and 4 more" in many.stderr
    assert "help: what leaves out most, 7 of 7: the spec" in many.stderr


def test_nothing_that_fits(tmp_path: Path) -> None:
    budgets = ["--require", "params <= 500", "--require", "macs >= 1G"]
    result = invoke(tmp_path, "--set", "width=1:4", *budgets)
    assert result.exit_code == 1
    assert "error: no combination is left to train\n" in result.stderr
    assert "help: what leaves out most, 2 of 4: macs >= 1G" in result.stderr
    assert not (tmp_path / "sweep").exists()


def test_networks_for_other_classes(tmp_path: Path) -> None:
    some = invoke(tmp_path, "--set", "classes=3,4")
    assert some.exit_code == 0
    assert "left out: classes=4: `net` has 4 outputs, but stripes has 3 classes" in some.stderr
    none = invoke(tmp_path, "--set", "classes=4,5")
    assert none.exit_code == 1
    assert "error: no combination is left to train" in none.stderr


def test_a_failed_run(tmp_path: Path) -> None:
    rate = ["--set", "optimizer=sgd", "--set", "optimizer.lr=1e38,0.1", "--set", "batch_size=8"]
    result = invoke(tmp_path, *rate)
    assert result.exit_code == 1
    assert "failed: the loss is nan" in result.stdout
    assert "error: 1 run failed: the loss is nan" in result.stderr
    assert "help: the same command tries again" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--set", "width"], 2, "error: --set takes NAME=VALUE, not width"),
        (["--set", "width=2", "--set", "width=3"], 2, "help: write its values together: --set "
         "width=2,3"),
        (["--set", "width=1..4"], 2, "help: a range is --set width=1:4"),
        (["--set", "widht=1,2"], 2, "error: `widht` is no parameter of the network and no field"),
        (["--set", "epochs=0,1"], 2, "error: `epochs` is 0, and should be"),
        (["--require", "parms <= 1M"], 2, "help: did you mean `params`? the figures are params, "),
        (["--require", "params <= 50k"], 2, "help: write 50K: the units are"),
        (["--require", "params <="], 2, "error[A101]"),
        (["--set", "recipe.seed=0,1", "--seeds", "2"], 2, "and --seeds asks for 2 of each"),
        (["--recipe", "resnt"], 2, "error: there is no recipe named `resnt`"),
        (["--set", "width=1:200", "--set", "repeats=1:200"], 2, "help: leave out values, or draw"),
        (["--device", "gpu"], 2, "error: there is no device named `gpu`"),
    ],
)  # fmt: skip
def test_errors(tmp_path: Path, arguments: list[str], code: int, says: str) -> None:
    result = invoke(tmp_path, *arguments)
    assert result.exit_code == code
    assert says in result.stderr
    assert result.stdout == ""
    assert not (tmp_path / "sweep").exists()


def test_other_errors(tmp_path: Path) -> None:
    assert "did you mean `net`?" in invoke(tmp_path, model="nett").stderr
    assert "there is no data set named `digit`" in invoke(tmp_path, "--data", "digit").stderr


def test_drawn_at_random(tmp_path: Path) -> None:
    draw = ["--set", "width=1:90", "--set", "repeats=1:90", "--random", "5", "--dry-run"]
    result = invoke(tmp_path, *draw, "--require", "params <= 5K", "--seed", "3")
    assert result.exit_code == 0
    assert " of 8,100: " in result.stderr
    assert ", 5 to train" in result.stderr
    assert invoke(tmp_path, *draw, "--require", "params <= 5K", "--seed", "3").stdout == (
        result.stdout
    )


def test_ray_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archlang.train.sweeps.on_ray.find_spec", lambda name: None)
    result = invoke(tmp_path, "--set", "width=2,3", "--on", "ray")
    assert result.exit_code == 2
    assert "error: Ray is not installed\nhelp: pip install 'archlang[ray]'\n" in result.stderr


def test_digits(tmp_path: Path) -> None:
    spec = tmp_path / "small.arch"
    spec.write_text("""\
model small(width = 4) {
    input image: [1, 8, 8]
    conv(3x3, width) -> relu -> maxpool(2x2) -> flatten -> linear(10)
}
""")
    arguments: list[Any] = [spec, "--set", "width=4,16,64", "--require", "params <= 5K"]
    arguments += ["--epochs", "1", "--out", tmp_path / "out"]
    result = CliRunner().invoke(program, ["sweep", *map(str, arguments)])
    assert result.exit_code == 0, result.stderr
    found = rows(result.stdout)
    assert [row[1] for row in found[1:]] == ["690", "2,730", "10,890"]
    narrow, wide = (float(row[3].rstrip("%")) for row in found[1:3])
    assert 20 < narrow < wide
