"""What a user is told about runs that are broken, or that break: nothing is lost by it."""

from __future__ import annotations

import errno
import os
import pickle
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from typer.testing import CliRunner, Result

import archlang
from archlang.cli.app import program as made
from tests.train.data.files import classes, pairs

program = made(["train", "evaluate", "predict"])
SPEC = "model m { input x: [3, 6, 5]; flatten; linear(8) -> relu; head = linear(2) }\n"
PIXELS = "model p { input x: [1, 6, 5]; conv(1x1, 3) }\n"
OPTIONS = ("--device", "cpu", "-q")


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(program, [*map(str, arguments)])


def failed(result: Result, code: int, *says: str) -> None:
    """The command ended with these words, and with advice."""
    for words in (*says, "help: "):
        assert words in result.stderr, result.stderr
    assert result.exit_code == code
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a classifier and one of a segmentation, with their data."""
    home = tmp_path_factory.mktemp("home")
    classes(home / "birds")
    pairs(home / "leaves", 10)
    for name, text, data in (("m", SPEC, "birds"), ("p", PIXELS, "leaves")):
        spec = home / f"{name}.arch"
        spec.write_text(text)
        options = ("--epochs", 1, "--out", home / f"{name}-run", *OPTIONS)
        result = invoke("train", spec, "--data", f"folder:{home / data}", *options)
        assert result.exit_code == 0, result.stderr
    return home


@pytest.fixture
def there(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of them, to be broken."""
    shutil.copytree(home, tmp_path / "h")
    monkeypatch.chdir(tmp_path / "h")
    return tmp_path / "h"


class Program:
    """What a pickle would run."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("ran",)


def zipped(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("hello.txt", "hello")


def half(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "three bytes": (lambda p: p.write_bytes(b"bad"), "cannot be read as a checkpoint"),
    "no bytes": (lambda p: p.write_bytes(b""), "cannot be read as a checkpoint"),
    "half of it": (half, "cannot be read as a checkpoint"),
    "a zip of something else": (zipped, "cannot be read as a checkpoint"),
    "a pickled program": (
        lambda p: p.write_bytes(pickle.dumps(Program())),
        "cannot be read as a checkpoint",
    ),
    "a program saved by PyTorch": (
        lambda p: torch.save({"format": 2, "model": Program()}, p),
        "cannot be read as a checkpoint",
    ),
    "another's weights": (lambda p: torch.save({"w": torch.zeros(2)}, p), "was not written by"),
    "a tensor": (lambda p: torch.save(torch.zeros(2), p), "was not written by"),
    "next to nothing": (lambda p: torch.save({"format": 2}, p), "is no checkpoint of a run"),
}


@pytest.mark.parametrize(("breaks", "says"), BROKEN.values(), ids=BROKEN)
def test_no_checkpoint(there: Path, breaks: Callable[[Path], object], says: str) -> None:
    for name in ("last.pt", "best.pt"):
        breaks(there / "m-run" / name)
    before = {p.name: p.read_bytes() for p in (there / "m-run").iterdir()}
    failed(invoke("evaluate", "m-run"), 2, "m-run/best.pt ", says)
    failed(invoke("predict", "m-run", "birds/cat/1.png"), 2, "m-run/best.pt ", says)
    data = ("--data", "folder:birds", "--epochs", 1, "--out", "m-run")
    failed(invoke("train", "m.arch", *data, *OPTIONS), 2, "m-run/last.pt ", says, "--force")
    assert {p.name: p.read_bytes() for p in (there / "m-run").iterdir()} == before
    assert not (there / "ran").exists(), "a program in a checkpoint was run"


def test_the_other_checkpoint_is_named(there: Path) -> None:
    half(there / "m-run/best.pt")
    failed(invoke("evaluate", "m-run"), 2, "another one of the run may be whole: m-run/last.pt")
    assert invoke("evaluate", "m-run/last.pt").exit_code == 0


def test_missing(there: Path) -> None:
    failed(invoke("evaluate", "none"), 2, "there is no run none")
    failed(invoke("evaluate", "m-run/bset.pt"), 2, "did you mean m-run/best.pt?")
    failed(invoke("evaluate", "m.arch"), 2, "m.arch is a spec, and a trained network is wanted")
    failed(invoke("predict", "m-run", "birds/cat/1.pgn"), 2, "did you mean birds/cat/1.png?")
    (there / "empty").mkdir()
    failed(invoke("predict", "m-run", "empty"), 2, "empty holds no images")


def test_another_spec(there: Path) -> None:
    (there / "m.arch").write_text(SPEC.replace("linear(8)", "linear(9)"))
    before = (there / "m-run/last.pt").read_bytes()
    data = ("--data", "folder:birds", "--epochs", 1, "--out", "m-run")
    failed(invoke("train", "m.arch", *data, *OPTIONS), 1, "m-run holds a run that differs")
    assert (there / "m-run/last.pt").read_bytes() == before
    assert invoke("evaluate", "m-run").exit_code == 0, "the run keeps its own spec"


def test_a_moved_folder(there: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = ("--data", "folder:birds", "--epochs", 1, "--out", "run", *OPTIONS)
    assert invoke("train", "m.arch", *options).exit_code == 0
    monkeypatch.chdir(tmp_path)
    score = invoke("evaluate", "h/run")
    place = there.resolve() / "birds"
    assert score.stdout.startswith(f"m on birds (folder:{place}): test images, ")
    weights = invoke("evaluate", "h/run/weights.safetensors")
    assert weights.stdout == score.stdout
    (there / "birds").rename(there / "moved")
    said = f"h/run/best.pt was trained on folder:birds, and {place} is no longer there"
    failed(invoke("evaluate", "h/run"), 2, said, "say where it is now: --data folder:PATH")
    again = invoke("evaluate", "h/run", "--data", "folder:h/moved")
    assert again.stdout.splitlines()[1:] == score.stdout.splitlines()[1:]
    # A whole project that moved has its data where the same words find it.
    (there / "moved").rename(tmp_path / "birds")
    assert invoke("evaluate", "h/run").stdout.startswith("m on birds (folder:birds): test images")


def test_a_loss_that_is_no_number(there: Path) -> None:
    data = ("--data", "folder:birds", "--out", "nan", "--epochs", 9, "--batch-size", 4)
    steep = ("--optimizer", "sgd", "--lr", "1e30")
    result = invoke("train", "m.arch", *data, *steep, *OPTIONS)
    failed(result, 1, "the loss is", "at step", "lower the learning rate: --lr 1e+29 --force")
    assert re.search(r"(first in|of) `(linear\(\d\)|relu)` at m.arch:1", result.stderr)


def exhausting(*_: object) -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


def test_out_of_memory(there: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (there / "m-run/last.pt").read_bytes()
    monkeypatch.setattr(nn.Linear, "forward", exhausting)
    monkeypatch.setattr(nn.Conv2d, "forward", exhausting)
    data = ("--data", "folder:birds", "--out", "none", "--epochs", 9)
    result = invoke("train", "m.arch", *data, "--batch-size", 8, *OPTIONS)
    failed(result, 1, "out of memory with a batch of 8", "--batch-size 4", "accumulate=2")
    more = ("--batch-size", 6, "--device", "cpu")
    words = ("out of memory with 6 images at once", "try --batch-size 3")
    failed(invoke("evaluate", "m-run", *more), 1, *words)
    failed(invoke("predict", "m-run", "birds", *more), 1, *words)
    failed(invoke("predict", "p-run", "leaves/images", "--masks", "out", *more), 1, *words)
    last = ("--batch-size", 1, "--device", "cpu")
    failed(invoke("evaluate", "m-run", *last), 1, "with 1 image at once", "use smaller images")
    assert (there / "m-run/last.pt").read_bytes() == before


def test_another_error_is_no_lack_of_memory(there: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(nn.Linear, "forward", broken)
    one = archlang.train.trained(there / "m-run", device="cpu")
    with pytest.raises(RuntimeError, match="a bug"):
        archlang.train.evaluate(one)


def test_a_full_disk(there: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    result = invoke("predict", "p-run", "leaves/images/1.png", "--masks", "out")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "error: cannot write out/1.png: no space left on device" in result.stderr
    monkeypatch.setattr("archlang.plots.confusion.draw", full)
    plot = invoke("evaluate", "m-run", "--plot", "c.svg")
    assert plot.exit_code == 2
    assert "cannot write c.svg: no space left on device" in plot.stderr
    assert "accuracy" in plot.stdout, "what was found is said all the same"
    assert sorted(p.name for p in (there / "out").iterdir()) == []
