"""`archlang evaluate` and `archlang predict`."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

import archlang
from archlang.cli.app import program as made
from archlang.train import ensemble, evaluate
from archlang.train.data import READERS, Reader, TensorSamples
from tests.train.networks import stripes
from tests.train.trained import run, small

program = made(["evaluate", "predict"])


@pytest.fixture(autouse=True)
def _stripes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(READERS, "stripes", Reader(lambda asked: stripes()))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Path]:
    home = tmp_path_factory.mktemp("runs")
    for seed in range(2):
        run(home / str(seed), small(), seed=seed)
    return [home / "0", home / "1"]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    samples = stripes().test
    assert isinstance(samples, TensorSamples)
    (tmp_path / "images").mkdir()
    for i, image in enumerate(samples.images[:3]):
        Image.fromarray(image[0].numpy()).save(tmp_path / "images" / f"{i}.png")
    return tmp_path / "images"


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(program, [*map(str, arguments)])


def test_evaluate(runs: Sequence[Path]) -> None:
    result = invoke("evaluate", runs[0], "--device", "cpu")
    assert result.exit_code == 0, result.stderr
    found = evaluate(runs[0], device="cpu")
    lines = result.stdout.splitlines()
    assert lines[0].startswith("small on stripes: test images, weights of epoch ")
    assert lines[1] == f"accuracy   {found.accuracy:.2%} ({found.correct} of 20)"
    assert lines[2] == f"loss       {found.loss:.4f} nats"
    assert lines[4].split() == ["class", "images", "accuracy", "precision"]
    assert lines[6].split()[:2] == ["top", "7"]
    assert lines[-3].split()[1:] == [str(n) if n else "·" for n in found.table[0].tolist()]
    assert result.stderr == ""


def test_evaluate_as_json_with_a_picture(runs: Sequence[Path], tmp_path: Path) -> None:
    plot = tmp_path / "confusion.svg"
    result = invoke("evaluate", runs[0], "--format", "json", "--plot", plot, "--part", "training")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert (found["run"], found["part"], found["count"]) == (str(runs[0]), "training", 49)
    assert sum(map(sum, found["confusion"])) == 49
    assert plot.read_text().startswith("<?xml")
    assert result.stderr == f"confusion matrix: {plot}\n"


def test_evaluate_notes_and_messages(runs: Sequence[Path], tmp_path: Path) -> None:
    digits = invoke("evaluate", runs[0], "--data", "digits")
    assert digits.exit_code == 2
    assert "tells 3 classes apart, but digits has 10" in digits.stderr
    assert "help: it was trained on stripes: top, middle, bottom" in digits.stderr
    nothing = invoke("evaluate", tmp_path)
    assert (nothing.exit_code, nothing.stdout) == (2, "")
    assert f"error: there is no run in {tmp_path}" in nothing.stderr
    assert invoke("evaluate", runs[0], "--plot", "c.txt").exit_code == 2
    assert invoke("evaluate", runs[0], "--device", "tpu9").exit_code == 2


def test_many_classes_show_the_most_frequent_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from archlang.cli.evaluate import _lines
    from archlang.train import Evaluation

    table = torch.zeros(20, 20, dtype=torch.int64)
    table.fill_diagonal_(4)
    names = tuple(f"c{i}" for i in range(20))
    whole = list(_lines(Evaluation("m", "d", "test", "classification", names, 0.5, 0.9, table)))
    assert whole[1] == "top 5      90.00%"
    assert whole[-1] == "nothing is taken for anything else"
    table[3, 7] = 9
    lines = list(_lines(Evaluation("m", "d", "test", "classification", names, 0.5, 0.9, table)))
    assert lines[-1].split() == ["c3", "c7", "9"]
    assert lines[-3].split() == ["is", "taken", "for", "times"]


def test_long_names_are_numbered() -> None:
    import torch

    from archlang.cli.evaluate import _lines
    from archlang.train import Evaluation

    table = torch.tensor([[2, 1], [0, 3]])
    names = ("ankle boot", "bag")
    found = Evaluation("m", "d", "test", "segmentation", names, 0.5, None, table)
    lines = list(_lines(found))
    assert lines[1] == "mean IoU   70.83%"
    assert lines[-4].split() == ["is", "\\", "taken", "for", "0", "1"]
    assert lines[-2].split() == ["0", "ankle", "boot", "2", "1"]


def test_predict(runs: Sequence[Path], images: Path) -> None:
    result = invoke("predict", runs[0], images, "--device", "cpu")
    assert result.exit_code == 0, result.stderr
    head, _, *rows = result.stdout.splitlines()
    assert head.split() == ["image", "class", "probability", "then"]
    best = ensemble([runs[0]], images, device="cpu").top(3)
    for i, (row, top) in enumerate(zip(rows, best, strict=True)):
        name, label, p, *rest = row.split()
        assert (name, label, p) == (str(images / f"{i}.png"), top[0][0], f"{top[0][1]:.2%}")
        assert " ".join(rest) == ", ".join(f"{c} {q:.2%}" for c, q in top[1:])


def test_predict_several_passes(runs: Sequence[Path], images: Path) -> None:
    options = ("--mc-dropout", 6, "--ensemble", runs[1], "--seed", 3)
    found = ensemble(runs, images, 6, seed=3)
    result = invoke("predict", runs[0], images, *options, "-f", "json", "-k", 1)
    said = json.loads(result.stdout)
    assert (said["members"], said["passes"]) == (2, 6)
    for i, row in enumerate(said["images"]):
        ((place,),) = (found.ranks(1)[i].tolist(),)
        assert row["top"] == [
            {
                "class": found.labels[i],
                "probability": found.probabilities[i, place].item(),
                "variance": found.spread.variance[i, place].item(),
            }
        ]
        for name in ("entropy", "mutual_information", "disagreement"):
            assert row[name] == getattr(found.spread, name)[i].item()
    text = invoke("predict", runs[0], images, *options, "-k", 1).stdout.splitlines()
    assert text[0].split()[2:] == [
        *("probability", "variance", "entropy", "mutual", "information", "disagreement"),
    ]
    assert text[2].split()[4] == f"{found.spread.entropy[0].item():.4f}"


def test_predict_as_csv(runs: Sequence[Path], images: Path) -> None:
    result = invoke("predict", runs[0], images / "0.png", images / "2.png", "-f", "csv")
    rows = list(csv.DictReader(StringIO(result.stdout)))
    assert [(Path(r["image"]).name, r["rank"]) for r in rows] == [
        *(("0.png", "1"), ("0.png", "2"), ("0.png", "3")),
        *(("2.png", "1"), ("2.png", "2"), ("2.png", "3")),
    ]
    assert sum(float(r["probability"]) for r in rows[:3]) == pytest.approx(1)


def test_predict_messages(runs: Sequence[Path], images: Path) -> None:
    (images / "2.png").write_bytes(b"no picture")
    broken = invoke("predict", runs[0], images)
    assert (broken.exit_code, broken.stdout) == (1, "")
    assert f"error: {images / '2.png'} cannot be decoded as an image" in broken.stderr
    missing = invoke("predict", runs[0], images / "9.png")
    assert missing.exit_code == 2
    assert "there is no file" in missing.stderr
    assert invoke("predict", images, images / "0.png").exit_code == 2


TWO = """model two { input image: [1, 8, 8]; flatten
    first = linear(3); relu; second = linear(3)
    output first, second }"""


def test_several_outputs(tmp_path: Path, images: Path) -> None:
    run(tmp_path / "two", archlang.loads(TWO))
    found = evaluate(tmp_path / "two", device="cpu")
    score = invoke("evaluate", tmp_path / "two", "--device", "cpu", "--plot", tmp_path / "c.svg")
    assert score.exit_code == 0, score.stderr
    lines = score.stdout.splitlines()
    for scored in found.outputs:
        start = lines.index(f"output `{scored.output}`")
        assert lines[start + 1] == f"accuracy   {scored.accuracy:.2%} ({scored.correct} of 20)"
    assert sorted(p.name for p in tmp_path.glob("*.svg")) == ["c-second.svg", "c.svg"]
    as_json = json.loads(invoke("evaluate", tmp_path / "two", "-f", "json").stdout)
    assert list(as_json["outputs"]) == ["first", "second"]
    for name, other in (("first", "second"), ("second", "first")):
        asked = [] if name == "first" else ["--output", name]
        result = invoke("predict", tmp_path / "two", images, "-f", "json", *asked)
        rows = json.loads(result.stdout)["images"]
        wanted = ensemble([tmp_path / "two"], images, output=name, device="cpu")
        assert tuple(row["top"][0]["class"] for row in rows) == wanted.labels
        assert result.stderr == f"note: this is output `{name}`; --output: {other}\n"
    wrong = invoke("predict", tmp_path / "two", images, "--output", "third")
    assert wrong.exit_code == 2
    assert "`two` has no output `third`" in wrong.stderr
    assert "it has the outputs first, second" in wrong.stderr


def test_explain_has_all_augmentation(tmp_path: Path) -> None:
    from archlang.train.augment import Augment

    spec = tmp_path / "s.arch"
    spec.write_text(TWO)
    given = [f"--set=augment.{name}=true" for name in ("rand_augment", "random_resized_crop")]
    said = CliRunner().invoke(made(["train"]), ["train", str(spec), *given, "--explain"])
    assert said.exit_code == 0, said.stderr
    for name in Augment.model_fields:
        assert f"augment.{name}" in said.stdout
    for name in ("label_smoothing", "preprocess.mode"):
        assert name in said.stdout
