"""``--watch``: work is done again when a file is saved, whatever way it is saved."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from archlang.cli.watch import Files
from tests.cli.following import following, soon

BLOCKS = "block cell { conv(3x3, 8) -> relu }\n"
GOOD = 'use "blocks"\nmodel net {\n    input image: [3, 8, 8]\n    cell\n}\n'
OTHER = GOOD.replace("[3, 8, 8]", "[1, 8, 8]")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "blocks.arch").write_text(BLOCKS)
    (tmp_path / "net.arch").write_text(GOOD)
    return tmp_path


def replace(path: Path, text: str) -> None:
    """Save as editors do: write beside it, and put that in its place."""
    beside = path.with_name("~new")
    beside.write_text(text)
    beside.replace(path)


def test_check_follows_a_file_however_it_is_saved(folder):
    net = folder / "net.arch"
    with following(folder, "check", "net.arch", "--watch") as run:
        run.times(1)
        assert "net.arch: net ok: [3, 8, 8]" in run.out
        assert "no errors; watching 2 files" in run.err
        replace(net, OTHER)
        run.times(2)
        assert "net ok: [1, 8, 8]" in run.out
        net.write_text(GOOD + "model broken {")
        run.times(3)
        assert "error[A10" in run.out
        assert run.err.rstrip().endswith("errors; watching 2 files")
        net.unlink()
        run.times(4)
        assert "there is no file net.arch" in run.err
        net.write_text(GOOD)
        run.times(5)
        assert run.out.count("[3, 8, 8]") == 2
        assert run.interrupt() == 130
        assert "Traceback" not in run.err
        assert "\033[2J" not in run.out


def test_a_file_that_is_used_is_followed_also_when_it_is_not_there(folder):
    blocks = folder / "blocks.arch"
    blocks.unlink()
    with following(folder, "check", "net.arch", "--watch") as run:
        run.times(1)
        assert "error[A107]" in run.out
        blocks.write_text(BLOCKS)
        run.times(2)
        assert "224 parameters" in run.out
        replace(blocks, BLOCKS.replace("8", "4"))
        run.times(3)
        assert "112 parameters" in run.out


def test_summary_follows_too(folder):
    with following(folder, "summary", "net.arch", "--watch") as run:
        run.times(1)
        (folder / "blocks.arch").write_text(BLOCKS.replace("8", "4"))
        run.times(2)
        assert "parameters 224 " in run.out
        assert "parameters 112 " in run.out


def test_render_writes_its_file_anew(folder):
    picture = folder / "net.svg"
    with following(folder, "render", "net.arch", "net.svg", "--watch") as run:
        run.times(1)
        assert "3×8×8" in picture.read_text()
        replace(folder / "net.arch", OTHER)
        run.times(2)
        assert "1×8×8" in picture.read_text()
        before = picture.read_bytes()
        replace(folder / "net.arch", "model {")
        run.times(3)
        assert picture.read_bytes() == before


def test_what_is_asked_for_wrongly_ends_at_once(run, folder):
    net = str(folder / "net.arch")
    assert run("check", str(folder / "none.arch"), "--watch").code == 2
    assert run("summary", net, "--columns", "none", "--watch").code == 2
    ended = run("check", "-", "--watch")
    assert ended.code == 2
    assert "--watch follows files" in ended.err
    ended = run("check", net, "--watch", "--fix")
    assert ended.code == 2
    assert "say one of them" in ended.err


def test_a_save_in_steps_is_one_change(tmp_path, monkeypatch):
    """Where a file goes on changing, one change is told, when it rests."""
    path = tmp_path / "a"
    path.write_text("0")
    files = Files([path])
    steps = iter(range(1, 40))

    def sleep(seconds: float) -> None:
        if (step := next(steps, 40)) < 8:
            path.write_text("x" * step)

    clock = iter(n / 100 for n in range(10_000))
    monkeypatch.setattr("archlang.cli.watch.time.sleep", sleep)
    monkeypatch.setattr("archlang.cli.watch.time.monotonic", lambda: next(clock))
    files.wait()
    assert path.read_text() == "x" * 7
    assert not files.changed()


def test_a_file_changed_while_it_was_read_is_read_again(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("")
    new.write_text("")
    files = Files([old])
    late = new.stat().st_mtime_ns
    assert files.follow([old, new], late - 1)
    assert not files.follow([old, new], late - 1)
    os.utime(old, ns=(late + 10**9, late + 10**9))
    assert files.changed()


def test_waiting_is_for_what_comes():
    assert soon(lambda: "found") == "found"
