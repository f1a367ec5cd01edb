"""`archlang data`."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

torch = pytest.importorskip("torch")

from archlang.cli.app import program  # noqa: E402
from tests.train.data.files import classes, pairs  # noqa: E402

app = program(["data", "ops"])


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["data", *map(str, arguments)])


def pixels(path: Path) -> torch.Tensor:
    import numpy as np
    from PIL import Image

    return torch.from_numpy(np.array(Image.open(path)))


def test_list() -> None:
    result = run()
    assert result.exit_code == 0
    lines = {line.split()[0]: line for line in result.stdout.splitlines()}
    assert lines["digits"].split()[1] == "yes"
    assert "by path" in lines["cifar10:PATH"]
    assert "fashion-mnist[:FOLDER]" in lines


def test_describe(tmp_path: Path) -> None:
    classes(tmp_path / "train", count=4)
    classes(tmp_path / "test", count=3, size=(9, 2))
    result = run(f"folder:{tmp_path}")
    assert result.exit_code == 0, result.stderr
    assert f"{tmp_path.name}: classification with 2 classes" in result.stdout
    assert "8 for training, 6 for test" in result.stdout
    assert "3 channels of 6x2 to 9x5" in result.stdout
    assert result.stdout.splitlines()[-1].split() == ["dog", "4", "3"]


def test_describe_masks(tmp_path: Path) -> None:
    pairs(tmp_path / "train", 3)
    pairs(tmp_path / "test", 2)
    lines = run(f"folder:{tmp_path}").stdout.splitlines()
    assert "segmentation with 3 classes" in lines[0]
    counts = [[int(n) for n in line.split()[1:]] for line in lines[-3:]]
    assert [sum(column) for column in zip(*counts, strict=True)] == [90, 60]


def test_sheet(tmp_path: Path) -> None:
    out = tmp_path / "a.png"
    options = ("--rows", "3", "--columns", "2", "--augment", "shift=0.2")
    result = run("digits", "--sheet", out, *options)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines()[-1] == f"sheet:   {out}, shift"
    first = pixels(out)
    # 72 pixels an image, 9 times as large; the first column is set off.
    assert tuple(first.shape) == (3 * 72 + 4 * 4, 3 * 72 + 4 + 12 + 4 + 4, 3)
    assert len(first[4:76:9, 4:76:9].flatten().unique()) > 2
    run("digits", "--sheet", out, *options)
    assert torch.equal(pixels(out), first)
    run("digits", "--sheet", out, *options, "--seed", "1")
    assert not torch.equal(pixels(out), first)


def test_sheet_without_augmentation_repeats_the_image(tmp_path: Path) -> None:
    out = tmp_path / "a.png"
    assert run("digits", "--sheet", out, "--columns", "1").exit_code == 0
    sheet = pixels(out)
    assert torch.equal(sheet[4:76, 4:76], sheet[4:76, 88:160])


def test_sheet_of_a_recipe(tmp_path: Path) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text("epochs = 3\n[augment]\nrotation = 30\nmixing = {mixup = 0.2}\n")
    out = tmp_path / "a.png"
    pairs(tmp_path / "d")
    options = ("--recipe", recipe, "--augment", "rotation=5", "--augment", "random_erasing.p=1")
    result = run("digits", "--sheet", out, *options)
    assert result.exit_code == 0, result.stderr
    said = result.stdout.splitlines()[-1]
    assert said.endswith("rotation, random_erasing, mixing")
    refused = run(f"folder:{tmp_path / 'd'}", "--sheet", out, "--recipe", recipe)
    assert refused.exit_code == 2
    assert "`mixing` mixes labels, and segmentation has masks" in refused.stderr
    sized = run(f"folder:{tmp_path / 'd'}", "--sheet", out, "--size", "30x80", "--columns", "1")
    assert sized.exit_code == 0, sized.stderr
    assert tuple(pixels(out).shape) == (4 + 4 * 34, 4 + 80 + 12 + 80 + 4, 3)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["digit"], "there is no data set named `digit`"),
        (["digits", "--sheet", "a.jpg"], "cannot tell what to draw from the name a.jpg"),
        (["digits", "--sheet", "/none/a.png"], "there is no folder /none"),
        (["digits", "--augment", "rotation=3"], "--recipe and --augment are for a sheet"),
        (["--sheet", "a.png"], "say which data"),
        (["digits", "--sheet", "a.png", "--augment", "rotation"], "--augment takes NAME=VALUE"),
        (["digits", "--sheet", "a.png", "--augment", "x=3"], "no field `augment.x`"),
        (["digits", "--sheet", "a.png", "--recipe", "no.toml"], "cannot read no.toml: no such"),
        (["digits", "--sheet", "a.png", "--size", "8"], "--size takes a height and a width"),
        (["digits", "--download"], "`digits` cannot be downloaded"),
        (["cifar10"], "no path is given"),
    ],
)
def test_mistakes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.exit_code == 2
    assert says in result.stderr
    assert "Traceback" not in result.stderr
    assert not list(tmp_path.iterdir())


def test_recipes_that_are_none(tmp_path: Path) -> None:
    recipe = tmp_path / "r.toml"
    for text, says in (("[augment", "is not TOML"), ("augment = 3", "`augment` in")):
        recipe.write_text(text)
        result = run("digits", "--sheet", tmp_path / "a.png", "--recipe", recipe)
        assert result.exit_code == 2
        assert says in result.stderr


def test_without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archlang.cli.data.find_spec", lambda name: None)
    result = run()
    assert result.exit_code == 2
    assert result.stderr.endswith("help: pip install 'archlang[torch]'\n")
