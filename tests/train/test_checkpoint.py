from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import IO

import pytest
import torch

from archlang.train import TrainError, checkpoint
from archlang.train.folder import RunFolder


def test_a_failure_in_the_middle_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    checkpoint.save(path, {"step": 1})

    def fail(file: IO[bytes]) -> None:
        file.write(b"half")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        checkpoint.write_atomically(path, fail)
    assert checkpoint.load(path)["step"] == 1
    assert os.listdir(tmp_path) == ["last.pt"]


def test_a_full_disk_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "last.pt"
    checkpoint.save(path, {"step": 1})

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TrainError, match=r"last.pt cannot be written: No space left"):
        checkpoint.save(path, {"step": 2})
    assert checkpoint.load(path)["step"] == 1
    assert os.listdir(tmp_path) == ["last.pt"]


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="cannot be written: No such file"):
        checkpoint.save(tmp_path / "none" / "last.pt", {})


class Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("harm",)


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 and no more", b"\x80\x02}."])
def test_damaged(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "last.pt").write_bytes(content)
    with pytest.raises(TrainError, match=r"last.pt (cannot be read|was not written)"):
        checkpoint.load(tmp_path / "last.pt")


def test_loading_runs_no_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"format": checkpoint.FORMAT, "model": Harmful()}, "last.pt")
    with pytest.raises(TrainError, match="cannot be read as a checkpoint"):
        checkpoint.load(Path("last.pt"))
    assert os.listdir() == ["last.pt"]


def test_another_format(tmp_path: Path) -> None:
    torch.save({"format": 99}, tmp_path / "last.pt")
    with pytest.raises(TrainError, match="not written by this version"):
        checkpoint.load(tmp_path / "last.pt")


def test_history_survives_a_torn_line_and_a_repeated_epoch(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.record({"epoch": 1, "loss": 2.0})
    folder.record({"epoch": 1, "loss": 2.0})
    with folder.history.open("a") as file:
        file.write('{"epoch": 2, "lo')
    folder.record({"epoch": 2, "loss": 1.0})
    assert folder.history.read_text().splitlines() == [
        '{"epoch": 1, "loss": 2.0}',
        '{"epoch": 2, "lo',
        '{"epoch": 2, "loss": 1.0}',
    ]


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "runs").touch()
    with pytest.raises(TrainError, match="runs cannot be made"):
        RunFolder(tmp_path / "runs").open({}, force=False)


def test_what_a_killed_process_left_is_cleared(tmp_path: Path) -> None:
    (tmp_path / ".last.pt.abc123").write_bytes(b"half")
    (tmp_path / ".hidden").write_bytes(b"mine")
    assert RunFolder(tmp_path).open({}, force=False) is None
    assert os.listdir(tmp_path) == [".hidden"]


def test_a_file_that_grows_too_large_keeps_the_old_one(tmp_path: Path) -> None:
    """As on a full disk: the system refuses in the middle, and PyTorch loses its reason."""
    path = tmp_path / "last.pt"
    checkpoint.save(path, {"step": 1})
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
        try:
            checkpoint.save(path, {"step": 2, "weights": torch.zeros(200_000)})
        except TrainError as error:
            wanted = "last.pt cannot be written: File too large" in error.message
            os._exit(0 if wanted and "is still the one of before" in error.hint else 4)
        os._exit(5)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert checkpoint.load(path)["step"] == 1
    assert os.listdir(tmp_path) == ["last.pt"]


def test_a_folder_that_may_only_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(checkpoint.tempfile, "mkstemp", refuse)
    with pytest.raises(TrainError, match=r"cannot be written: Read-only file system\nhelp: choose"):
        checkpoint.save(tmp_path / "last.pt", {})


def test_weights_are_the_same_file_every_time(tmp_path: Path) -> None:
    weights = {"b": torch.arange(3.0), "a": torch.ones(2)}
    about = {"model": "a", "classes": ["x", "y"], "data": "z"}
    files = [tmp_path / f"{i}.safetensors" for i in range(8)]
    for file in files:
        checkpoint.save_weights(file, weights, about)
    assert len({file.read_bytes() for file in files}) == 1
    assert checkpoint.load_weights(files[0]).keys() == weights.keys()
