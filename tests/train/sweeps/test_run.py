from __future__ import annotations

import csv
import json
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import pytest

import archlang
from archlang.train import InterruptedRunError, Sweep, TrainError, sweep, train
from archlang.train.data import READERS, Data, Reader
from archlang.train.loop import Trainer
from archlang.train.sweeps import work as working
from archlang.train.sweeps.folder import SweepFolder
from tests.train.networks import stripes, unexplained
from tests.train.sweeps.specs import NET

Sweeping = Callable[..., Sweep]


@pytest.fixture(autouse=True)
def _stripes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(READERS, "stripes", Reader(lambda asked: stripes()))
    working.loaded.cache_clear()
    yield
    working.loaded.cache_clear()


@pytest.fixture
def pictures() -> None:
    """Pictures are drawn."""


@pytest.fixture(autouse=True)
def _no_pictures(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Drawing takes longer than training does here."""
    if "pictures" not in request.fixturenames:
        monkeypatch.setattr(SweepFolder, "_draw", lambda *_: None)


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "net.arch"
    path.write_text(NET)
    return path


@pytest.fixture
def go(spec: Path, tmp_path: Path) -> Sweeping:
    def run(settings: dict[str, Any], **options: Any) -> Sweep:
        settings = {"epochs": 1, "batch_size": 16, **settings}
        given = {"data": "stripes", "out": tmp_path / "sweep", "model": "net", "progress": False}
        return sweep(spec, settings, **{**given, **options})

    return run


def digests(folder: Path) -> dict[str, str]:
    files = sorted(folder.glob("*/weights.safetensors"))
    return {f.parent.name: sha256(f.read_bytes()).hexdigest() for f in files}


def test_runs_are_those_of_train(go: Sweeping, spec: Path, tmp_path: Path) -> None:
    found = go({"width": "2,3", "optimizer.lr": [0.01, 0.1]}, require="params <= 600")
    assert [o.point.left_out is None for o in found.outcomes] == [True, True, False, False]
    made = digests(tmp_path / "sweep")
    assert set(made) == {
        f"net,batch_size=16,epochs=1,optimizer.lr={lr},width=2,seed=0" for lr in ("0.01", "0.1")
    }
    network = archlang.load(spec, "net", {"width": "2"})
    fields = {"epochs": 1, "batch_size": 16, "optimizer": {"lr": 0.1}, "model": {"width": "2"}}
    alone = train(network, "stripes", fields, tmp_path / "alone", progress=False)
    name = found.outcomes[1].runs[0].folder
    assert made[name] == sha256(alone.weights.read_bytes()).hexdigest()
    assert found.outcomes[1].mean == alone.accuracy
    assert found.score == "test accuracy"


@pytest.mark.usefixtures("pictures")
def test_the_folder_explains_itself(go: Sweeping, tmp_path: Path) -> None:
    found = go({"width": "2,3,4"}, require=["params <= 700", "macs >= 0"])
    folder = tmp_path / "sweep"
    about = json.loads((folder / "sweep.json").read_text())
    assert about["axes"] == {"epochs": ["1"], "batch_size": ["16"], "width": ["2", "3", "4"]}
    assert [c["left_out"] is None for c in about["combinations"]] == [True, True, False]
    assert about["combinations"][2]["left_out"]["why"] == "params <= 700"
    assert about["combinations"][0]["mean"] == found.outcomes[0].mean
    rows = list(csv.DictReader((folder / "sweep.csv").open()))
    assert [row["width"] for row in rows] == ["2", "3", "4"]
    assert [int(row["params"]) for row in rows] == [
        o.point.figures["params"] for o in found.outcomes
    ]
    assert float(rows[1]["mean"]) == found.outcomes[1].mean
    assert rows[2]["note"] == "left out: params <= 700"
    page = (folder / "README.md").read_text()
    assert "# net on stripes: a sweep" in page
    assert "3 combinations, held to `params <= 700` and `macs >= 0`: 1 left out, 2 of 2" in page
    assert "![test accuracy against params](accuracy.svg)" in page
    assert {p.name for p in folder.iterdir() if p.is_file()} == {
        *("sweep.json", "sweep.csv", "README.md", "accuracy.svg", "accuracy.png"),
    }
    runs = [p for p in folder.iterdir() if p.is_dir()]
    assert sorted(unexplained(folder)) == sorted(p.name for p in runs)
    assert "| a folder for each run |" in page
    assert len(runs) == 2
    assert not any(unexplained(run) for run in runs)


@pytest.mark.usefixtures("pictures")
def test_without_matplotlib_there_is_no_picture(
    go: Sweeping, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archlang.train.sweeps.folder.find_spec", lambda name: None)
    go({"width": "2"})
    assert not list((tmp_path / "sweep").glob("accuracy*"))
    assert "![" not in (tmp_path / "sweep" / "README.md").read_text()


def test_seeds_give_means_and_deviations(go: Sweeping) -> None:
    (outcome,) = go({"width": "2"}, seeds=3).outcomes
    values = [s.value for s in outcome.scores]
    assert [run.seed for run in outcome.runs] == [0, 1, 2]
    assert outcome.mean == fmean(values)
    assert outcome.deviation == stdev(values)
    (more,) = go({"width": "2", "seed": 7}, seeds=2).outcomes
    assert [run.seed for run in more.runs] == [7, 8]


def killer(monkeypatch: pytest.MonkeyPatch, at: int, number: int = signal.SIGTERM) -> list[int]:
    """Sends this process a signal at the ``at``-th step of all; returns the steps made."""
    made: list[int] = []
    step = Trainer.advance

    def advance(self: Trainer) -> float:
        made.append(self.step)
        if len(made) == at:
            os.kill(os.getpid(), number)
        return step(self)

    monkeypatch.setattr(Trainer, "advance", advance)
    return made


@pytest.mark.parametrize("at", [2, 5, 8])
def test_stopped_and_run_again(
    go: Sweeping, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    settings = {"width": "2,3", "epochs": 2, "batch_size": 8}
    whole = go(settings, out=tmp_path / "whole")
    with monkeypatch.context() as patched:
        killer(patched, at)
        with pytest.raises(InterruptedRunError, match="stopped by SIGTERM after") as end:
            go(settings)
    assert end.value.exit_code == 143
    about = json.loads((tmp_path / "sweep" / "sweep.json").read_text())
    assert any(c["runs"][0]["state"] == "open" for c in about["combinations"])
    made = killer(monkeypatch, 0)
    again = go(settings)
    assert digests(tmp_path / "sweep") == digests(tmp_path / "whole")
    assert [o.mean for o in again.outcomes] == [o.mean for o in whole.outcomes]
    assert made
    assert made[0] > 0 or at > 5
    made.clear()
    assert [o.mean for o in go(settings).outcomes] == [o.mean for o in whole.outcomes]
    assert not made, "what is done is left alone"


def test_stopped_between_two_steps_of_nothing(
    go: Sweeping, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked while a run is being set up, it stops after one step, saved."""
    build = working.from_program

    def building(*arguments: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return build(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(working, "from_program", building)
        with pytest.raises(InterruptedRunError) as end:
            go({"width": "2,3"})
    assert end.value.exit_code == 130
    assert [p.parent.name for p in (tmp_path / "sweep").glob("*/last.pt")] == [
        "net,batch_size=16,epochs=1,width=2,seed=0"
    ]


def test_more_values_and_seeds_train_what_is_new(go: Sweeping, tmp_path: Path) -> None:
    go({"width": "2,3"})
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "sweep").glob("*/last.pt")}
    found = go({"width": "2,4"}, seeds=2, require="params <= 1M")
    assert len(found.outcomes) == 2
    assert [run.state for o in found.outcomes for run in o.runs] == ["done"] * 4
    after = {p: p.stat().st_mtime_ns for p in (tmp_path / "sweep").glob("*/last.pt")}
    assert len(after) == 5
    assert all(after[p] == time for p, time in before.items())


def test_another_spec_is_refused(go: Sweeping, spec: Path, tmp_path: Path) -> None:
    go({"width": "2"})
    spec.write_text(NET.replace("dropout(0.5)", "dropout(0.4)"))
    with pytest.raises(TrainError, match=r"sweep that differs:\n  net.arch, line 4:") as raised:
        go({"width": "2"})
    assert "--force" in raised.value.hint
    before = digests(tmp_path / "sweep")
    go({"width": "2"}, force=True)
    assert digests(tmp_path / "sweep") != before
    go({"width": "2"})


def test_another_recipe_is_refused(go: Sweeping) -> None:
    go({"width": "2"}, recipe={"label_smoothing": 0.2})
    with pytest.raises(TrainError, match="label_smoothing was 0"):
        go({"width": "2"}, recipe={"label_smoothing": 0.3})


def test_a_run_that_fails_is_told_and_the_others_go_on(go: Sweeping, tmp_path: Path) -> None:
    found = go({"optimizer": "sgd", "optimizer.lr": "1e38,0.01", "epochs": 3})
    (failed,) = found.outcomes[0].failed
    assert failed.message.startswith("the loss is nan at step ")
    assert found.outcomes[1].mean is not None
    assert "failed: " in (tmp_path / "sweep" / "sweep.csv").read_text()
    assert found.best is found.outcomes[1]
    again = go({"optimizer": "sgd", "optimizer.lr": "1e38,0.01", "epochs": 3})
    assert len(again.outcomes[0].failed) == 1


def test_a_surprise_in_one_run_is_told_too(go: Sweeping, monkeypatch: pytest.MonkeyPatch) -> None:
    def training(network: Any, *arguments: Any, **options: Any) -> Any:
        if network.settings["width"] == "2":
            raise RuntimeError("the driver is gone\nand more")
        return train(network, *arguments, **options)

    monkeypatch.setattr(working, "train", training)
    found = go({"width": "2,3"})
    assert found.outcomes[0].failed[0].message == "RuntimeError: the driver is gone"
    assert found.outcomes[1].mean is not None
    monkeypatch.setenv("ARCHLANG_DEBUG", "1")
    with pytest.raises(RuntimeError):
        go({"width": "2,3"})


def test_validation_images_choose(go: Sweeping) -> None:
    found = go({"width": "2,3", "split.valid": 0.2, "epochs": 2})
    assert found.score == "validation accuracy"
    for outcome in found.outcomes:
        folder = found.folder
        assert folder is not None
        about = json.loads((folder / outcome.runs[0].folder / "run.json").read_text())
        assert outcome.mean == about["results"]["best_accuracy"]
        assert outcome.test == about["results"]["test_accuracy"]


def test_networks_that_cannot_learn_the_data_are_left_out(go: Sweeping, tmp_path: Path) -> None:
    found = go({"classes": "3,4"})
    left_out = found.outcomes[1].point.left_out
    assert left_out is not None
    assert left_out.by == "data"
    assert left_out.why == "`net` has 4 outputs, but stripes has 3 classes"
    assert len(digests(tmp_path / "sweep")) == 1


def test_nothing_is_trained_that_does_not_fit(spec: Path, tmp_path: Path) -> None:
    """The data suggests a larger batch than was known before it was read."""
    data: Data = replace(stripes(), suggests={"batch_size": 128})
    options = {"out": tmp_path / "sweep", "data": data, "progress": False, "model": "net"}
    settings, require = {"width": "2", "epochs": 1}, "memory <= 300KB"
    known = sweep(spec, settings, require=require, dry_run=True, **options)
    assert known.outcomes[0].point.left_out is None
    found = sweep(spec, settings, require=require, **options)
    left_out = found.outcomes[0].point.left_out
    assert left_out is not None
    assert left_out.why == require
    assert found.outcomes[0].point.figures["memory"] > 300_000
    assert not (tmp_path / "sweep").exists()


def test_a_dry_run_trains_nothing(go: Sweeping, tmp_path: Path) -> None:
    found = go({"width": "2,3"}, dry_run=True)
    assert len(found.kept) == 2
    assert not found.trained
    assert not (tmp_path / "sweep").exists()


def test_several_models(go: Sweeping) -> None:
    found = go({}, model=["net", "plain"])
    assert [o.point.combination.model for o in found.trained] == ["net", "plain"]
    assert [found.words(o) for o in found.outcomes] == ["net", "plain"]
