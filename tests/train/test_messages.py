"""What a user is told about data that cannot be learned from, before anything is learned."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from archlang.cli.app import program as made
from tests.train.data.files import classes, mask, pairs, picture

program = made(["train", "evaluate", "data"])

TWO = "model m { input x: [3, 6, 5]; flatten -> linear(2) }"
GREY = "model m { input x: [1, 6, 5]; flatten -> linear(2) }"
FIVE = "model m { input x: [5, 6, 5]; flatten -> linear(2) }"
BOTH = (
    "model m { input a: [3, 6, 5]; input b: [3, 6, 5]; concat { a | b } -> flatten -> linear(2) }"
)
UNEVEN = (
    "model m { input x: [3, 6, 5]; flatten; kind = linear(2); linear(3); size = identity; "
    "output kind, size }"
)
NOTHING = "model m { input x: [3, 6, 5]; flatten -> slice(0, 2) }"
NORMED = "model m { input x: [3, 6, 5]; flatten -> linear(4) -> bn -> linear(2) }"
PIXELS = "model m { input x: [1, 6, 5]; conv(1x1, 3) }"
DIGITS = "model m { input x: [1, 28, 28]; flatten -> linear(10) }"
FITTING = "model m { input x: [3, 4, 4]; conv(7x7, 4, pad=0) -> flatten -> linear(2) }"


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(program, [*map(str, arguments)])


def cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def good(change: Callable[[Path], object] = lambda _: None, **options: object) -> str:
    """Two classes of ten images each, changed."""
    change(classes(Path("birds"), **options))  # type: ignore[arg-type]
    return "folder:birds"


def masked(change: Callable[[Path], object] = lambda _: None, highest: int = 2) -> str:
    change(pairs(Path("leaves"), 10, highest))
    return "folder:leaves"


def table(*lines: str, head: str = "path,label", rows: bool = True) -> str:
    classes(Path("birds"))
    known = [f"birds/{name}/{i}.png,{name}" for name in ("cat", "dog") for i in range(10)]
    Path("t.csv").write_text("\n".join([head, *(known if rows else []), *lines]) + "\n")
    return "csv:t.csv"


def idx(name: str, values: np.ndarray, keep: int | None = None) -> None:
    head = bytes((0, 0, 8, values.ndim)) + b"".join(struct.pack(">I", n) for n in values.shape)
    content = (head + values.astype(np.uint8).tobytes())[:keep]
    Path("m").mkdir(exist_ok=True)
    (Path("m") / name).write_bytes(gzip.compress(content))


def mnist(keep: int | None = None, leave: str = "", highest: int = 9) -> str:
    for stem, count in (("train", 30), ("t10k", 10)):
        images, labels = np.zeros((count, 28, 28)), np.arange(count) % (highest + 1)
        idx(f"{stem}-images-idx3-ubyte.gz", images, keep if stem == "train" else None)
        idx(f"{stem}-labels-idx1-ubyte.gz", labels)
    if leave:
        (Path("m") / leave).unlink()
    return "mnist:m"


def named(name: bytes) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        os.rename(os.fsencode(root / "cat"), os.fsencode(root) + b"/" + name)

    return change


Case = tuple[str, Callable[[], str], int, str]
IMAGES: dict[str, Case] = {
    "a truncated PNG": (
        *(TWO, lambda: good(lambda r: cut(r / "cat/3.png")), 1),
        "birds/cat/3.png cannot be decoded as an image: it is cut short, or damaged",
    ),
    "a text": (
        *(TWO, lambda: good(lambda r: (r / "cat/3.png").write_text("no picture")), 1),
        "birds/cat/3.png cannot be decoded as an image: it is damaged, or something else",
    ),
    "no bytes": (
        *(TWO, lambda: good(lambda r: (r / "cat/3.png").write_bytes(b"")), 1),
        "birds/cat/3.png cannot be decoded as an image: it is empty",
    ),
    "floating point": (
        TWO,
        lambda: good(lambda r: Image.fromarray(np.ones((6, 5), np.float32)).save(r / "cat/11.tif")),
        *(1, "birds/cat/11.tif has pixels of floating point, and images have 8 or 16 bits"),
    ),
    "another file": (
        *(TWO, lambda: good(lambda r: (r / "cat/notes.txt").write_text("x")), 2),
        "birds/cat/notes.txt is not an image",
    ),
    "three classes": (
        *(TWO, lambda: good(names=("a", "b", "c")), 1),
        "`m` has 2 outputs, but birds has 3 classes",
    ),
    "channels": (FIVE, good, 1, "`m` takes 5 channels, but birds's images have 3"),
    "colour for grey": (GREY, good, 1, "`m` takes 1 channel, but birds's images have 3"),
    "two inputs": (BOTH, good, 1, "`m` takes 2 inputs (a, b), and birds has one image for each"),
    "an output of other classes": (
        *(UNEVEN, good, 1, "`m.size` has 3 outputs, but birds has 2 classes"),
    ),
    "too small": (FITTING, good, 1, "the kernel, 7, is larger than the input, 4"),
    "an empty folder": (TWO, lambda: good(lambda r: shutil.rmtree(r) or r.mkdir()), 2, "is empty"),
    "one class": (TWO, lambda: good(names=("owl",)), 1, "birds has one class, owl"),
    "an empty class": (
        *(TWO, lambda: good(lambda r: (r / "eel").mkdir()), 2, "birds/eel holds no images"),
    ),
    "a class twice": (
        *(TWO, lambda: good(names=("cat", "Cat")), 1),
        "birds has the classes Cat and cat: the same name twice",
    ),
    "no folder": (TWO, lambda: "folder:nowhere", 2, "nowhere does not exist"),
    "nothing to learn": (NOTHING, good, 2, "`m` has no parameters, and so nothing to learn"),
    "no such data": (TWO, lambda: "digts", 2, "there is no data set named `digts`"),
}
TABLES: dict[str, Case] = {
    "no column path": (TWO, lambda: table(head="file,label"), 2, "t.csv has no column path, but"),
    "no column label": (
        *(TWO, lambda: table(head="path,lable"), 2),
        "t.csv has no column label or mask, but path, lable",
    ),
    "semicolons": (TWO, lambda: table(head="path;label"), 2, "t.csv is not separated by commas"),
    "an empty file": (TWO, lambda: table(head="", rows=False), 2, "t.csv is empty"),
    "a head alone": (TWO, lambda: table(rows=False), 2, "t.csv has no rows below its head"),
    "a missing file": (
        *(TWO, lambda: table("birds/cat/99.png,cat"), 2),
        "t.csv, line 22 names birds/cat/99.png, which does not exist",
    ),
    "no label": (TWO, lambda: table("birds/cat/1.png"), 2, "t.csv, line 22 has no label"),
    "no path": (TWO, lambda: table("", ",cat"), 2, "t.csv, line 23 has no path"),
    "a comma": (
        *(TWO, lambda: table("birds/cat/1,2.png,cat"), 2),
        "t.csv, line 22 has more cells than the head has columns",
    ),
    "an image twice": (
        *(TWO, lambda: table("birds/cat/1.png,dog"), 1),
        "t.csv, line 22 names birds/cat/1.png again: it is in line 3",
    ),
    "a label out of range": (
        *(TWO, lambda: table(*(_extra("eel"))), 1, "`m` has 2 outputs, but t has 3 classes"),
    ),
    "not UTF-8": (*(TWO, lambda: _latin(table()), 2, "t.csv, line 22 is not UTF-8"),),
    "no table": (TWO, lambda: "csv:none.csv", 2, "none.csv does not exist"),
    "a folder": (TWO, lambda: good().replace("folder", "csv"), 2, "birds is a folder"),
}
MASKS: dict[str, Case] = {
    "classes": (PIXELS, lambda: masked(highest=5), 1, "`m` yields [3, 6, 5], and leaves's masks"),
    "out of range": (
        *(PIXELS, lambda: masked(lambda r: (r / "classes.txt").write_text("a\nb\n")), 1),
        "leaves/masks/0.png has class 2, but there are 2 classes",
    ),
    "colour": (
        *(PIXELS, lambda: masked(lambda r: picture(r / "masks/3.png")), 1),
        "leaves/masks/3.png is a mask with RGB pixels",
    ),
    "size": (
        *(PIXELS, lambda: masked(lambda r: mask(r / "masks/3.png", [[0, 1]])), 1),
        "leaves/masks/3.png has 1x2 pixels, but its image leaves/images/3.png has 6x5",
    ),
    "a missing one": (
        *(PIXELS, lambda: masked(lambda r: (r / "masks/3.png").unlink()), 1),
        "leaves/images/3.png has no counterpart in leaves/masks",
    ),
    "a truncated one": (
        *(PIXELS, lambda: masked(lambda r: cut(r / "masks/3.png")), 1),
        "leaves/masks/3.png cannot be decoded",
    ),
    "a name twice": (
        *(PIXELS, lambda: masked(lambda r: picture(r / "images/1.bmp")), 1),
        "leaves/images/1.bmp and leaves/images/1.png have the same name",
    ),
    "a classifier": (TWO, masked, 1, "`m` yields [2], and leaves's masks take one number"),
}
FILES: dict[str, Case] = {
    "a truncated MNIST": (
        *(DIGITS, lambda: mnist(keep=500), 2),
        "m/train-images-idx3-ubyte.gz is cut short: 30x28x28 needs 23,520 bytes, 484 are there",
    ),
    "half a gzip": (
        DIGITS,
        lambda: cut(Path(mnist()[6:]) / "t10k-labels-idx1-ubyte.gz") or "mnist:m",
        *(2, "m/t10k-labels-idx1-ubyte.gz is a damaged gzip file"),
    ),
    "a file missing": (
        *(DIGITS, lambda: mnist(leave="t10k-labels-idx1-ubyte.gz"), 2),
        "m has no t10k-labels-idx1-ubyte[.gz]",
    ),
    "a label out of range": (
        *(DIGITS, lambda: mnist(highest=11), 1),
        "mnist has 10 classes, but a training label is 10, that of image 10",
    ),
    "no archive": (TWO, lambda: "cifar10:c.tar.gz", 2, "there is no c.tar.gz"),
    "no such archive": (
        *(TWO, lambda: Path("c.tar.gz").write_bytes(b"bad") and "cifar10:c.tar.gz", 2),
        "c.tar.gz cannot be read as an archive",
    ),
    "an empty folder": (
        *(TWO, lambda: Path("c").mkdir() or "cifar10:c", 2, "c holds none of cifar10's files"),
    ),
}


def _extra(label: str) -> list[str]:
    found = [picture(Path(f"birds/{label}/{i}.png"), seed=i) for i in range(10)]
    return [f"{path},{label}" for path in found]


def _latin(spec: str) -> str:
    with Path("t.csv").open("ab") as file:
        file.write(b"birds/cat/\xe9.png,cat\n")
    return spec


def _cases(**groups: dict[str, Case]) -> list[object]:
    return [
        pytest.param(*case, id=f"{group}: {name}")
        for group, cases in groups.items()
        for name, case in cases.items()
    ]


@pytest.mark.parametrize(
    ("spec", "data", "code", "says"),
    _cases(images=IMAGES, tables=TABLES, masks=MASKS, files=FILES),
)
def test_said_before_anything_is_learned(
    spec: str,
    data: Callable[[], str],
    code: int,
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.arch").write_text(spec + "\n")
    options = ("--epochs", 1, "--out", "run", "--device", "cpu", "-q")
    result = invoke("train", "m.arch", "--data", data(), *options)
    assert says in result.stderr
    assert result.exit_code == code, result.stderr
    assert result.stdout == ""
    assert re.search(r"^(help|  *\|)", result.stderr, re.MULTILINE), "nothing says what to do"
    assert "Traceback" not in result.stderr
    assert not Path("run").exists(), "a run was begun"


@pytest.mark.parametrize(
    "save",
    [
        lambda path: picture(path / "a.gif", mode="L"),
        lambda path: picture(path / "a.jpg", mode="CMYK"),
        lambda path: picture(path / "a.png", mode="RGBA"),
        lambda path: picture(path / "a.png", mode="LA"),
        lambda path: Image.open(picture(path / "a.png")).quantize(4).save(path / "a.png"),
        lambda path: Image.fromarray(np.full((6, 5), 9000, np.uint16)).save(path / "a.png"),
        lambda path: os.rename(path / "3.png", os.fsencode(path) + b"/\xff3.png"),
    ],
    ids=["gif", "cmyk", "rgba", "la", "palette", "16 bits", "a name that is not UTF-8"],
)
def test_what_is_read_all_the_same(
    save: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.arch").write_text(TWO + "\n")
    options = ("--epochs", 1, "--out", "run", "--device", "cpu", "-q")
    result = invoke("train", "m.arch", "--data", good(lambda r: save(r / "cat")), *options)
    assert result.exit_code == 0, result.stderr


def test_a_batch_norm_of_one_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.arch").write_text(NORMED + "\n")
    result = invoke("train", "m.arch", "--data", good(), "--batch-size", 1, "--device", "cpu")
    assert "help: its batch norms need more images at a time" in result.stderr
    assert result.exit_code == 1


def test_names_that_are_not_utf_8(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.arch").write_text(TWO + "\n")
    spec = good(named(b"\xffcat"))
    options = ("--epochs", 1, "--out", "run", "--device", "cpu", "-q")
    for arguments in (("train", "m.arch", "--data", spec, *options), ("data", spec)):
        result = invoke(*arguments)
        assert result.exit_code == 0, result.stderr
    assert r"\xffcat" in result.stdout
    scored = invoke("evaluate", "run", "-f", "json")
    assert scored.exit_code == 0, scored.stderr
    assert r"\\xffcat" in scored.stdout
