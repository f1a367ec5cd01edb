"""The examples do what their headers say."""

from __future__ import annotations

import importlib.util
import re
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from shlex import split
from types import ModuleType

import pytest
from typer.testing import CliRunner

import archlang
from archlang.cli.app import program
from tests.docs.blocks import ROOT, blocks_of
from tests.docs.conftest import Shell

EXAMPLES = ROOT / "examples"


def example(name: str) -> ModuleType:
    """An example as a module."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_example_is_known_here() -> None:
    assert {p.name for p in EXAMPLES.iterdir() if p.is_file()} == {
        "new_block.arch",
        "count.py",
        "train_digits.py",
        "convolution_as_matrix.py",
        "transposed_convolution.py",
        "find_pattern.py",
        "linear_as_convolution.arch",
        "linear_as_convolution.py",
        "weights.arch",
        "weights.py",
    }


def test_readme_lists_the_scripts() -> None:
    listed = set(re.findall(r"\(examples/(\S+\.\w+)\)", (ROOT / "README.md").read_text("utf-8")))
    assert {p.name for p in EXAMPLES.glob("*.py")} <= listed
    assert all((EXAMPLES / name).is_file() for name in listed)


def test_count() -> None:
    network = archlang.load(ROOT / "specs" / "resnet.arch", "resnet50")
    counts = example("count").parameters_by_part(network)
    # He et al. 2016, Table 1: 2048 * 1000 + 1000 in the classifier, 7 * 7 * 3 * 64 in front
    assert (counts["fc"], counts["conv1"]) == (2_049_000, 9_408)
    assert sum(counts.values()) == network.totals.params


def test_count_from_the_command_line(shell: Shell) -> None:
    lines = shell("python examples/count.py specs/lenet5.arch lenet5").splitlines()
    assert lines[-1].split() == ["lenet5", "61,706"]
    assert shell("python examples/count.py specs/lenet5.arch; echo $?").endswith("\n2\n")
    assert "count.py SPEC [MODEL]" in shell("python examples/count.py")


def test_the_budget_of_new_block_binds(tmp_path: Path) -> None:
    spec = EXAMPLES / "new_block.arch"
    plain, gated = (archlang.load(spec, name) for name in ("plain", "gated"))
    assert plain.totals.params < gated.totals.params <= 710_000
    with pytest.raises(archlang.ArchError) as caught:
        archlang.load(spec, "gated", settings={"widths": [48, 96, 192]})
    assert [d.code for d in caught.value.diagnostics] == ["A205"]


def test_the_page_of_resnet_rs() -> None:
    """Its table says what the recipes do, and its commands are understood."""
    from archlang.train.recipe import model_settings, read_recipe, resolve

    folder = EXAMPLES / "resnet_rs"
    page = (folder / "README.md").read_text("utf-8")
    rows = [line for line in page.splitlines() if ".toml) |" in line]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    before, scores = dict[str, str](), list[Decimal]()
    for (link, _, field, score, *_, parameters), file in zip(
        cells, sorted(folder.glob("*.toml")), strict=True
    ):
        assert f"]({file.name})" in link
        layers = read_recipe(str(file))
        assert f": {score} %" in file.read_text("utf-8")
        now = {path: value for path, value, _ in resolve(layers).rows()}
        name = field.strip("` ")
        changed = {path for path in now if now[path] != before.get(path, now[path])}
        new = {path for path in {*now} - {*before} if before}
        assert not before or any(p == name or p.startswith(f"{name}.") for p in changed | new)
        network = archlang.load(folder / "resnet200.arch", settings=model_settings(layers))
        assert f"{network.totals.params:,}" == parameters
        before = now
        scores.append(Decimal(score))
    gains = [b - a for a, b in pairwise(scores)]
    assert [row[4] for row in cells[1:]] == [f"{gain:+}" for gain in gains]
    assert f"ends {sum(gains)} points higher" in page


@pytest.mark.parametrize("number", [0, 1])
def test_the_commands_of_resnet_rs(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    text = [b.text for b in blocks_of(EXAMPLES / "resnet_rs" / "README.md") if b.info == "sh"]
    words = split(text[number].replace("folder:/data/imagenet", "digits").replace("\\\n", ""))
    done = CliRunner().invoke(program(["train"]), [*words[1:], "--explain"])
    assert done.exit_code == 0, done.stderr
    assert re.search(r"^model.d +true +examples/resnet_rs/11-resnet-d.toml$", done.stdout, re.M)


def test_train_digits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # so small a network gains nothing from more
    try:
        result = example("train_digits").main(epochs=1, out=tmp_path / "run")
    finally:
        torch.set_num_threads(threads)
    assert result.accuracy > 0.6
    assert "61,706 parameters" in capsys.readouterr().out


def test_the_recipes_of_resnet_rs_add_one_change_each() -> None:
    from archlang.train.recipe import model_settings, read_recipe, resolve

    folder = EXAMPLES / "resnet_rs"
    files = sorted(folder.glob("*.toml"))
    assert [f.name[:2] for f in files] == [f"{i:02d}" for i in range(1, 12)]
    rows = [dict(row[:2] for row in resolve(read_recipe(str(f))).rows()) for f in files]
    changed = [
        {k for k in {*a, *b} if k.startswith("schedule.") or a.get(k) != b.get(k)}
        if a.get("schedule.name") != b.get("schedule.name")
        else {k for k in {*a, *b} if a.get(k) != b.get(k)}
        for a, b in pairwise(rows)
    ]
    assert changed[0] <= {k for row in rows for k in row if k.startswith("schedule.")}
    assert [min(c, key=len) for c in changed[1:]] == [
        *("epochs", "ema", "label_smoothing", "model", "augment.rand_augment", "model.drop"),
        *("optimizer.weight_decay", "model.se", "model.d"),
    ]
    settings = model_settings(read_recipe(str(files[-1])))
    assert settings == {"skip": "0.2", "drop": "0.25", "se": "true", "d": "true"}
    assert archlang.load(folder / "resnet200.arch", settings=settings).totals.params == 93_209_992
    assert archlang.load(folder / "resnet200.arch").totals.params == 64_673_832
